/*
 * source/stream.h
 *		A stream is a foreign table on a weir_socket server; its options.
 */
#ifndef WEIR_SOURCE_STREAM_H
#define WEIR_SOURCE_STREAM_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "nodes/pg_list.h"

#include "decide/framing.h"

typedef enum WeirSslMode
{
	WEIR_SSL_DISABLE,
	WEIR_SSL_REQUIRE,
	WEIR_SSL_VERIFY_CA,
	WEIR_SSL_VERIFY_FULL
} WeirSslMode;

typedef enum WeirStreamFormat
{
	WEIR_FORMAT_TEXT,
	WEIR_FORMAT_CSV,
	WEIR_FORMAT_JSONL,			/* a JSON object a record */
	WEIR_FORMAT_LINE,			/* a record as it is, text */
	WEIR_FORMAT_RAW				/* a record as it is, bytea or text; of sources whose records are given to them */
} WeirStreamFormat;

/* How records are told apart. */
typedef enum WeirStreamFraming
{
	WEIR_STREAM_DELIMITED,		/* by record_delimiter, and the format's escapes or quotes */
	WEIR_STREAM_OCTET_COUNTED,
	WEIR_STREAM_JSON_SEQ
} WeirStreamFraming;

/* A column that is not in the records (metadata.h). */
typedef struct WeirMetadataColumn
{
	int			column;			/* its index in the table */
	Oid			type;
	const struct WeirMetadata *what;
} WeirMetadataColumn;

/* What becomes of a record that comes too late. */
typedef enum WeirLate
{
	WEIR_LATE_DROP,
	WEIR_LATE_DEAD_LETTER,
	WEIR_LATE_STOP
} WeirLate;

typedef struct WeirStream
{
	const struct WeirSourceOps *source;
	List	   *given;			/* names of the server's options that are not defaults */
	void	   *own;			/* what its source alone knows of it (own_size) */
	Oid			relid;
	char	   *name;			/* schema-qualified, quoted where needed */
	/* server */
	bool		listen;			/* senders connect; else Weir does */
	int			max_connections;
	List	   *allow;			/* addresses and networks (allow.h) */
	char	   *host;			/* listening: NULL is the loopback, "*" any */
	int			port;
	WeirStreamFraming framing;
	char	   *record_delimiter;	/* may be NUL; none in other framings */
	int			record_delimiter_len;
	bool		join_partial;	/* partial 'join' */
	int			max_retries;	/* -1: for ever */
	bool		max_retries_given;
	int64		retry_delay;	/* us */
	int64		connect_timeout;	/* us */
	int64		keepalive_idle; /* us, 0: the kernel's */
	int64		idle_timeout;	/* us, 0: none */
	char	   *greeting;		/* sent on connecting; may hold NULs */
	int			greeting_len;
	WeirSslMode sslmode;
	bool		sslmode_given;
	char	   *sslrootcert;
	char	   *sslcert;
	char	   *sslkey;
	bool		resume;			/* protocol 'resume' */
	bool		epoch;			/* protocol 'epoch', of a sink */
	bool		journal;
	int64		journal_flush;	/* us */
	int64		max_journal;	/* bytes */
	/* table */
	WeirStreamFormat format;
	bool		csv;			/* format is */
	bool		header;			/* the first record of a connection is no data */
	bool		skip_empty;
	List	   *copy_options;	/* DefElems for BeginCopyFrom */
	char		quote;			/* csv framing */
	char		escape;
	int			max_record;		/* bytes */
	int			encoding;		/* of its bytes */
	bool		dead_letter;	/* on_error 'dead_letter' */
	int64		max_dead_letters;
	WeirLate	late;
	/* columns */
	int			watermark;		/* the column whose times make it; -1: none */
	int64		watermark_bound;	/* us that a record may come late */
	bool		by_arrival;		/* for its reader: the arrival of records makes it instead */
	bool		column_watermark;	/* the column whose options are read has it */
	int			nmetadata;
	WeirMetadataColumn *metadata;
	const struct WeirMetadata *column_metadata;	/* of the column whose options are read */
} WeirStream;

/* Reads the options of a stream; error if relid is not one. In CurrentMemoryContext. */
extern PGDLLEXPORT WeirStream *weir_stream_get(Oid relid);

/* The tasks that read it together. */
extern int	weir_stream_parallelism(const WeirStream *stream);
/* Has this column of the stream's table the option "metadata"? */
extern bool weir_stream_is_metadata(const WeirStream *stream, int column);
/* Must the bytes of its records be at hand for dead letters? */
extern bool weir_stream_keeps_raw(const WeirStream *stream);
/* Do records have a value for this column of the stream's table? */
extern bool weir_stream_has_column(const WeirStream *stream, TupleDesc desc, int column);

/*
 * Cuts the stream's bytes into records, from a position on.  put_aside: what is
 * no record is handed out as such, else it is the end.  To be destroyed.
 */
extern WeirFramer *weir_stream_framer(const WeirStream *stream, int64 offset, int64 line,
									  bool put_aside);

/* OIDs of the servers that lead to the same host and port in the same protocol. */
extern List *weir_stream_servers(const WeirStream *stream);

/* Is a record JSON, in which COPY's text format takes backslashes for its own escapes? */
extern bool weir_stream_escapes_json(const WeirStream *stream);

#endif
