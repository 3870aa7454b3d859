/*
 * source/reader.h
 *		Reads a stream: first what the journal holds behind the start
 *		position, then the socket; journals what it reads; frames it; decodes
 *		it into batches.
 */
#ifndef WEIR_SOURCE_READER_H
#define WEIR_SOURCE_READER_H

#include "postgres.h"

#include "decide/socket_position.h"
#include "source/source.h"

typedef struct WeirReader WeirReader;

/*
 * Opens at a position.  Where no journal is kept, what an earlier run left in it
 * behind the start is read nevertheless.  That the end of the stream is passed
 * (pass_end) is durable with a journal when this returns, so that the next
 * attempt needs it no more (given again it does no harm).  stats may be NULL.
 * The stream must outlive the reader.  Call it outside a transaction.
 */
extern WeirReader *weir_reader_open(const WeirStream *stream, const WeirSourceOptions *options,
									const WeirSocketPosition *start, WeirSourceStats *stats);

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

/* Of one just opened: it stands at the end of the stream, and the journal does not go on from there. */
extern bool weir_reader_began_ended(const WeirReader *reader);

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
extern void weir_reader_position(WeirReader *reader, bool final, WeirSocketPosition *position);

/* The checkpoint that held this offset completed, it may be forgotten: truncate whole segments before it. */
extern void weir_reader_trim(WeirReader *reader, int64 offset);

/* As in WeirSourceOps. */
extern int64 weir_reader_tick(WeirReader *reader);

/* A drain: ends the input at the end of what was read, as if the peer had closed; not journaled. */
extern void weir_reader_drain(WeirReader *reader);

/* Defines the settings of this subsystem; called by _PG_init. */
extern void weir_source_init(void);

#endif
