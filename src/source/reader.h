/*
 * source/reader.h
 *		Reads a stream: first what the journal holds behind the start
 *		position, then the socket; journals what it reads; frames it; decodes
 *		it into batches.
 */
#ifndef WEIR_SOURCE_READER_H
#define WEIR_SOURCE_READER_H

#include "postgres.h"

#include "storage/latch.h"

#include "decide/poison.h"
#include "decide/resume.h"
#include "record/scan_input.h"
#include "source/stream.h"

/* A source's position: the end of the last complete record handed out. */
typedef struct WeirPosition
{
	int64		offset;			/* bytes of the stream before it */
	int64		line;			/* records before it */
	int64		clock;			/* highest arrival stamp handed out, us since 2000 */
	bool		ended;			/* the end of the stream has been handed out */
	int64		passing;		/* it lies within what is put aside: how to go on; else 0 */
	WeirOrigin	origin;			/* of the bytes that follow */
} WeirPosition;

/* How an attempt reads it. */
typedef struct WeirReaderOptions
{
	int64		job;			/* names the journal, with ordinal */
	int			ordinal;
	bool		checkpointing;	/* else nothing is journaled */
	bool		at_most_once;	/* what the journal holds is not handed out again */
	bool		pass_end;		/* the job had finished: go on behind the end of the stream */
	bool		allow_gap;		/* go on without bytes that the sender has lost */
	const WeirSuspects *suspects;	/* of the job; may be NULL */
} WeirReaderOptions;

/* What weir.sources shows; the source task points it into shared memory. One writer. */
typedef struct WeirSourceStats
{
	int			status;			/* WeirSourceStatus */
	char		peer[64];		/* address:port */
	int64		connected_at;	/* TimestampTz, 0: never */
	int64		last_record_at;
	int64		records;		/* of the stream, over all attempts */
	int64		bytes;			/* received, likewise */
	int64		journal_bytes;	/* its journal occupies */
	int64		retries;
	int64		dead_letters;	/* kept when the attempt began; its tasks count theirs */
	int64		partial_records;	/* left behind by connections, of this attempt */
	int64		record_bytes;	/* received of the record that is not whole yet */
	char		last_error[256];
} WeirSourceStats;

typedef enum WeirSourceStatus
{
	WEIR_SOURCE_CONNECTING,
	WEIR_SOURCE_CONNECTED,
	WEIR_SOURCE_LISTENING,
	WEIR_SOURCE_CLOSED
} WeirSourceStatus;

typedef enum WeirReadResult
{
	WEIR_READ_BATCH,			/* batch has records */
	WEIR_READ_WAIT,				/* nothing now: wait as weir_reader_wait says */
	WEIR_READ_ENDED				/* end of stream: nothing will come */
} WeirReadResult;

typedef struct WeirReader WeirReader;

/*
 * Opens at a position.  Where no journal is kept, what an earlier run left in it
 * behind the start is read nevertheless.  That the end of the stream is passed
 * (pass_end) is durable with a journal when this returns, so that the next
 * attempt needs it no more (given again it does no harm).  stats may be NULL.
 * The stream must outlive the reader.  Call it outside a transaction.
 */
extern WeirReader *weir_reader_open(const WeirStream *stream, const WeirReaderOptions *options,
									const WeirPosition *start, WeirSourceStats *stats);

/*
 * Commits what was read, also what still waits in the socket, and hands the
 * connection over to the job's next source, or disconnects.  Outside a
 * transaction.  If the process exits without it, by an error or by SIGTERM,
 * the same is done at exit.
 */
extern void weir_reader_close(WeirReader *reader);

/*
 * Fills the batch of the scan with at most its capacity of records, without waiting.
 * Outside a transaction (it runs its own).  A record that cannot be decoded
 * is an ERROR whose context names stream, line and column, and whose detail has
 * the record's text (200 characters).  What was read is committed before that.
 */
extern WeirReadResult weir_reader_next(WeirReader *reader, WeirScanInput *scan);

/* The error it raised will not go away by a restart. */
extern bool weir_reader_hopeless(const WeirReader *reader);

/* The line of the record that made weir_reader_next raise an error, 0 if it was none's. */
extern int64 weir_reader_failed_line(const WeirReader *reader);

/* What to wait for: the socket (PGINVALID_SOCKET: none) with these events, and no longer than *timeout ms (-1: for ever). */
extern pgsocket weir_reader_wait(WeirReader *reader, int *events, long *timeout);

/* Milliseconds until a flush is due, -1: there is nothing to flush. */
extern long weir_reader_due(WeirReader *reader);

/* Commits to the journal what is due by journal_flush (force: everything). Outside a transaction. */
extern void weir_reader_flush(WeirReader *reader, bool force);

/* The position behind the records handed out. */
extern void weir_reader_position(WeirReader *reader, WeirPosition *position);

/* The checkpoint that held this offset completed, it may be forgotten: truncate whole segments before it. */
extern void weir_reader_trim(WeirReader *reader, int64 offset);

/* A drain: ends the input at the end of what was read, as if the peer had closed; not journaled. */
extern void weir_reader_drain(WeirReader *reader);

/* Defines the settings of this subsystem; called by _PG_init. */
extern void weir_source_init(void);

#endif
