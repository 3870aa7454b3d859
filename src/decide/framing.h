/*
 * decide/framing.h
 *		Cuts a byte stream into records, without I/O and without copying more
 *		than a partial tail.
 *
 * Where records are delimited one ends at the delimiter (default newline, then a
 * CR before it is dropped).  In text a delimiter behind an odd number of
 * backslashes, in csv one inside quotes, belongs to the record, as COPY has it.
 * Else a record is what its count says (RFC 6587, "LEN SP MSG") or a JSON text
 * between a record separator and a newline (RFC 7464).
 *
 * What is no record is put aside, with what is wrong with it, and reading begins
 * again behind it:
 *
 *		too long		at the next delimiter at or behind max_record bytes (csv:
 *						in quotes or out); counted: behind the message; json_seq:
 *						where the text ends or another begins
 *		bad count		behind the next newline
 *		no separator	behind the next newline, or at a record separator
 *		truncated		at the record separator that cut it short
 */
#ifndef WEIR_DECIDE_FRAMING_H
#define WEIR_DECIDE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum WeirFramingKind
{
	WEIR_FRAMING_TEXT,			/* delimited; a backslash takes the next byte as data */
	WEIR_FRAMING_CSV,			/* delimited, but not inside quotes */
	WEIR_FRAMING_PLAIN,			/* delimited, always */
	WEIR_FRAMING_OCTET_COUNTED,
	WEIR_FRAMING_JSON_SEQ
} WeirFramingKind;

typedef struct WeirFramingOptions
{
	WeirFramingKind kind;
	const char *delimiter;		/* record delimiter, 1 to 16 bytes */
	int			delimiter_len;
	char		quote;			/* csv */
	char		escape;			/* csv; may equal quote */
	size_t		max_record;		/* bytes, delimiter not counted */
	bool		put_aside;		/* what is no record is handed out, as such */
	size_t		max_aside;		/* bytes; more of one are put aside in parts; 0: no limit */
} WeirFramingOptions;

/* What is wrong with it. */
typedef enum WeirRecordFault
{
	WEIR_RECORD_WHOLE = 0,
	WEIR_RECORD_TOO_LONG,		/* longer than max_record */
	WEIR_RECORD_PARTIAL,		/* its connection ended within it */
	WEIR_RECORD_TRUNCATED,		/* cut short: by another one, or the end of the stream */
	WEIR_RECORD_BAD_COUNT,		/* does not begin with a count and a space */
	WEIR_RECORD_NO_SEPARATOR	/* does not begin with a record separator */
} WeirRecordFault;

typedef struct WeirFramedRecord
{
	const char *data;			/* valid until the next weir_framer_feed, with a
								 * fault until any next call */
	size_t		len;			/* with a fault, at most max_record */
	int64_t		stamp;			/* that of the piece which completed it */
	int64_t		line;			/* 1-based count of records in the stream */
	int64_t		end_offset;		/* stream offset just behind its delimiter */
	int64_t		size;			/* bytes of the stream it takes */
	bool		first;			/* of its connection */
	WeirRecordFault fault;
	bool		open;			/* with a fault: a part, it goes on behind max_aside */
	int64_t		passing;		/* how it goes on, for weir_framer_pass; else 0 */
} WeirFramedRecord;

/* The bytes of a whole record. */
typedef struct WeirRecordSpan
{
	const char *data;			/* valid until the next weir_framer_feed */
	size_t		len;
} WeirRecordSpan;

typedef enum WeirFramingResult
{
	WEIR_FRAMING_RECORD,
	WEIR_FRAMING_MORE,			/* the piece is used up; feed another */
	WEIR_FRAMING_BROKEN			/* what follows is no record: it has its fault,
								 * its line, what is known of its beginning, and
								 * as end_offset where it begins; stays so.
								 * Never with put_aside */
} WeirFramingResult;

typedef struct WeirFramer WeirFramer;	/* malloc'd */

/* offset and line: where the stream stands (line = records before it). */
extern WeirFramer *weir_framer_create(const WeirFramingOptions *options,
									  int64_t offset, int64_t line);
extern void weir_framer_destroy(WeirFramer *f);

/* The stream stands within something put aside, of which a part said this. */
extern void weir_framer_pass(WeirFramer *f, int64_t passing);

/* The next record is the first of a connection. */
extern void weir_framer_connected(WeirFramer *f);

/*
 * Give the next piece of the stream, all of one arrival stamp.  The bytes must
 * stay valid until weir_framer_next returned MORE, when what is left of them
 * has been copied as the tail.
 */
extern void weir_framer_feed(WeirFramer *f, const char *data, size_t len, int64_t stamp);
extern WeirFramingResult weir_framer_next(WeirFramer *f, WeirFramedRecord *record);

/*
 * Cuts off as many whole records as there are at once, at most max: those that
 * weir_framer_next would hand out next, none the first of its connection.  Returns
 * how many, with the line of the first, all of the piece's stamp; 0: ask
 * weir_framer_next.  The stream stands behind them.
 */
extern size_t weir_framer_run(WeirFramer *f, WeirRecordSpan *spans, size_t max,
							  int64_t *line, int64_t *stamp);

/*
 * End of stream, after MORE: a non-empty tail is a last record, or has a fault.
 * False if there is none.  Its length may exceed max_record by less than a
 * delimiter.
 */
extern bool weir_framer_finish(WeirFramer *f, WeirFramedRecord *record);

/*
 * After MORE: the connection is over and another begins.  What it left without
 * an end is no record; false if that is nothing.  With put_aside or not.
 */
extern bool weir_framer_leave(WeirFramer *f, WeirFramedRecord *record);

/* After MORE: forgets the tail, as if the stream began behind it. */
extern void weir_framer_drop(WeirFramer *f);

/* Position of the end of the last complete record, and the bytes fed behind it. */
extern int64_t weir_framer_offset(const WeirFramer *f);
extern int64_t weir_framer_line(const WeirFramer *f);
extern size_t weir_framer_tail(const WeirFramer *f);

/* The first bytes of those, for a message; NULL if they are in no one place. */
extern const char *weir_framer_text(const WeirFramer *f, size_t *len);

#endif
