/*
 * source/source.h
 *		What a job can read: a source and what it can do.
 *
 * A source is told by its foreign data wrapper: a new one needs a file with its
 * WeirSourceOps and a line in the table of source.c.
 */
#ifndef WEIR_SOURCE_SOURCE_H
#define WEIR_SOURCE_SOURCE_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "storage/latch.h"

#include "base/compat.h"
#include "decide/poison.h"
#include "decide/position.h"
#include "record/scan_input.h"
#include "source/stream.h"

/* How an attempt reads it. */
typedef struct WeirSourceOptions
{
	int64		job;			/* names what it keeps, with ordinal */
	const char *job_name;
	Oid			owner;			/* the job's, who is somebody to its peers */
	int			ordinal;
	int			subtask;		/* of the tasks that read the stream together, from 0 */
	int			ntasks;
	const uint8 *partitions;	/* a bit each: those that are this server's to read; NULL: all */
	bool		checkpointing;	/* else nobody comes back to a position */
	bool		at_most_once;	/* what may have been handed out is not handed out again */
	bool		pass_end;		/* the job had finished: go on behind the end of the stream */
	bool		allow_gap;		/* go on without what is lost */
	const WeirSuspects *suspects;	/* of the job; may be NULL */
} WeirSourceOptions;

typedef enum WeirSourceStatus
{
	WEIR_SOURCE_CONNECTING,		/* of several tasks' the first of these is shown */
	WEIR_SOURCE_CONNECTED,
	WEIR_SOURCE_LISTENING,
	WEIR_SOURCE_CLOSED
} WeirSourceStatus;

/* What weir.sources shows; the source task points it into shared memory. One writer. */
typedef struct WeirSourceStats
{
	int			status;			/* WeirSourceStatus */
	char		peer[64];		/* address:port */
	int64		connected_at;	/* TimestampTz, 0: never */
	int64		last_record_at;
	int64		records;		/* of the stream, over all attempts */
	int64		records_before; /* of these, before the attempt */
	int64		bytes;			/* received, likewise */
	int64		journal_bytes;	/* its journal occupies */
	int64		moves;			/* of the position without a record that are worth a checkpoint */
	int64		retries;
	int64		dead_letters;	/* kept when the attempt began; its tasks count theirs */
	int64		partial_records;	/* left behind by connections, of this attempt */
	int64		record_bytes;	/* received of the record that is not whole yet */
	char		last_error[256];
	int64		watermark;		/* of its records; of several scans the lowest; PG_INT64_MIN: none */
	bool		is_idle;		/* nobody is to wait for it */
	int			held_by;		/* process whose transaction is waited for; -1: it is prepared, 0: none */
} WeirSourceStats;

typedef enum WeirReadResult
{
	WEIR_READ_BATCH,			/* batch has records */
	WEIR_READ_WAIT,				/* nothing now: wait as "wait" says */
	WEIR_READ_ENDED				/* end of stream: nothing will come */
} WeirReadResult;

typedef struct WeirSource
{
	const struct WeirSourceOps *ops;
} WeirSource;

/*
 * All are called outside a transaction but where it is said; none waits.  The
 * position is the one behind the records that poll handed out.
 */
typedef struct WeirSourceOps
{
	const char *name;
	const char *handler;		/* symbol of its wrapper's handler */

	const char *unit;			/* of what its journal holds, for messages */
	bool		typed;			/* records are rows of the table, not text in a format */

	/* Of its servers: each option, what they mean together, who may have them; of its tables. */
	const struct WeirStreamOption *options;
	void		(*complete) (WeirStream *stream);
	void		(*authorize) (const WeirStream *stream);
	const struct WeirStreamOption *table_options;
	const struct WeirStreamOption *column_options;	/* beside those of every source; NULL: none */
	/*
	 * Of its servers and tables: takes an option that is in no list, or refuses it with false;
	 * NULL: there are no such.
	 */
	bool		(*other_option) (WeirStream *stream, DefElem *def, Oid catalog);
	Size		own_size;		/* of what WeirStream.own points to, zeroed; 0: nothing */
	/* Who is sent what is inserted into its tables (source/peer.h); NULL: they take no rows. */
	const struct WeirPeerOps *peer;
	/* Tasks that read a stream together; NULL: one. */
	int			(*parallelism) (const WeirStream *stream);

	/* Servers share the partitions of its streams; NULL: they never do. */
	const struct WeirMembershipOps *membership;

	/* What columns of its streams may tell of a record (metadata.h); ends with NULL. */
	const struct WeirMetadata *const *metadata;

	/*
	 * Where a job that has no position begins, if that is not for ever the same place: it is
	 * kept before anything is read.  In a transaction, as the job's owner; NULL: there
	 * is but one.
	 */
	void		(*begin) (const WeirStream *stream, WeirPosition *position);

	/*
	 * start_job(fresh => true): the job begins with empty state at this position; one
	 * whose records only make sense from the beginning goes back there.  In a transaction; NULL:
	 * it stays.
	 */
	void		(*renew) (int64 job, Oid stream, WeirPosition *position);

	/*
	 * At a position; that the end of the stream is passed (pass_end) is durable
	 * when this returns.  stats may be NULL.  The stream must outlive the source.  Of several
	 * tasks each gets the position of all, and reads its own part.
	 */
	WeirSource *(*open) (const WeirStream *stream, const WeirSourceOptions *options,
						 const WeirPosition *start, WeirSourceStats *stats);

	/*
	 * Commits what was read and leaves what still comes to the job's next source.
	 * If the process exits without it, the same is done at exit.
	 */
	void		(*close) (WeirSource *source);

	/*
	 * Fills the batch with at most its capacity of records, in transactions of
	 * its own.  A record that cannot be decoded is an ERROR whose context names
	 * stream, line and column, and whose detail has the record's text; what was
	 * read is committed before that.
	 */
	WeirReadResult (*poll) (WeirSource *source, WeirScanInput *scan);

	/* Of one just opened: nothing comes, as the position's end stands. */
	bool		(*began_ended) (const WeirSource *source);

	/* The error that poll raised will not go away by a restart. */
	bool		(*hopeless) (const WeirSource *source);
	/* The line of the record it was about, 0 if it was none's. */
	int64		(*failed_line) (const WeirSource *source);

	/* What to wait for: a socket (PGINVALID_SOCKET: none) with these events, and no longer than *timeout ms (-1: for ever). */
	pgsocket	(*wait) (WeirSource *source, int *events, long *timeout);
	/* Milliseconds until a flush is due, -1: there is nothing to flush. */
	long		(*due) (WeirSource *source);
	/* Makes durable what was read: what is due, or (force) everything. */
	void		(*flush) (WeirSource *source, bool force);

	/*
	 * Behind the records that poll handed out, of its own part.  An end that a drain made is part
	 * of the position of a final checkpoint alone: after any other one the drain
	 * may fail, and the stream goes on.
	 */
	void		(*position) (WeirSource *source, bool final, WeirPosition *position);
	/* Adds to a position, which may have no bytes, that of another task of the source; NULL: there are none. */
	void		(*merge) (WeirPosition *position, const WeirPosition *other);
	/* The checkpoint that held this position completed: what lies before may be forgotten. */
	void		(*trim) (WeirSource *source, const WeirPosition *position);
	/* Ends the input at the end of what was read, as if the peer had closed. */
	void		(*drain) (WeirSource *source);

	/*
	 * poll has found nothing: no record to come arrives, or has arrived, before this time,
	 * which is part of the position from now on.  PG_INT64_MIN: nobody can tell now.
	 */
	int64		(*tick) (WeirSource *source);

	/*
	 * A mark behind all that was committed by now, and whether that was handed out;
	 * committed NULL: what is under way to it nobody can tell.
	 */
	int64		(*committed) (WeirSource *source);
	bool		(*has_reached) (WeirSource *source, int64 mark);

	/* For messages: the record that has this line, "partition 3, offset 17"; NULL: "line 17". */
	char	   *(*place) (int64 line);

	/* Of a position: was the end of the stream handed out? */
	bool		(*position_ended) (const WeirPosition *position);
	/* The highest arrival stamp handed out before it, us since 2000. */
	int64		(*position_clock) (const WeirPosition *position);
	/*
	 * What a start at the position would lack, since it is kept no more, in words
	 * for a detail; NULL: nothing.  In a transaction.
	 */
	char	   *(*missing) (int64 job, int ordinal, Oid stream, const WeirPosition *position);
	/*
	 * Moves a position that lacks something behind it: to the first of the known
	 * ones that lacks nothing, or else to the oldest byte.  Returns how many units
	 * are passed, and in *detail where, for a message.  In a transaction.
	 */
	int64		(*pass_gap) (int64 job, int ordinal, Oid stream, WeirPosition *position,
							 int nknown, const WeirPosition *known, char **detail);
	/*
	 * The job reads these of its streams (OIDs): makes what they need before it
	 * runs, drops what it keeps of others; NULL: they need nothing.  In a transaction.
	 */
	void		(*keep) (int64 job, List *streams);
	/* Drops what it keeps for a job.  In a transaction. */
	void		(*forget) (int64 job);
} WeirSourceOps;

extern const WeirSourceOps weir_socket_source;
extern const WeirSourceOps weir_feed_source;
extern const WeirSourceOps weir_changes_source;

/*
 * Another module's, for as long as the process lives; its _PG_init calls this.  magic is
 * WEIR_SOURCE_MAGIC as it was compiled with: an error if it is not this library's.
 */
#define WEIR_SOURCE_MAGIC	20001
extern PGDLLEXPORT void weir_source_register(const WeirSourceOps *source, int magic);

/* The source whose wrapper has a handler of this symbol; NULL: none has. */
extern const WeirSourceOps *weir_source_by_handler(const char *symbol);

/* For the validator of its wrapper: an error if an object may not have these options. */
extern PGDLLEXPORT void weir_stream_validate(const WeirSourceOps *source, List *options, Oid catalog);

/* The error of a source whose position has bytes that are none of it; extension: whose source that is. */
pg_noreturn extern PGDLLEXPORT void weir_position_refuse(const WeirPosition *position, const char *extension);

/* "line 17", or what the source says instead (place); source NULL: it is not known. */
extern char *weir_record_place(const WeirSourceOps *source, int64 line);

/* The source that reads a relation; NULL if it is no stream. */
extern const WeirSourceOps *weir_source_of(Oid relid);

/* The job reads these streams (OIDs), before it runs.  In a transaction. */
extern void weir_source_keep(int64 job, List *streams);

/* Drops what any source keeps for a job.  In a transaction. */
extern void weir_source_forget(int64 job);

#endif
