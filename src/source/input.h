/*
 * source/input.h
 *		The live side of a stream: what its peer sends, noted in the journal.
 */
#ifndef WEIR_SOURCE_INPUT_H
#define WEIR_SOURCE_INPUT_H

#include "postgres.h"

#include "base/compat.h"
#include "decide/resume.h"
#include "source/journal.h"
#include "source/reader.h"

typedef enum WeirInputResult
{
	WEIR_INPUT_DATA,
	WEIR_INPUT_NOTHING,
	WEIR_INPUT_ENDED,			/* the peer has closed for good */
	WEIR_INPUT_FAILED,			/* weir_input_raise says why */
	WEIR_INPUT_CONNECTION,		/* another connection begins, of a peer that just sends */
	WEIR_INPUT_LEFT,			/* what was read last is no record: its sender has gone */
	WEIR_INPUT_ANOTHER,			/* another stream begins: what is left of the old one is a record */
	WEIR_INPUT_GAP				/* bytes are missing: what is left is no record */
} WeirInputResult;

typedef struct WeirStreamInput WeirStreamInput;

/* journaled: what is read is appended.  stamp: none that it gives may be lower. */
extern WeirStreamInput *weir_input_create(const WeirStream *stream, WeirJournal *journal,
									bool journaled, bool allow_gap, int64 stamp,
									WeirSourceStats *stats);
/*
 * All of the journal was replayed: takes over or connects.  The stream goes on
 * at the journal's end; origin and peer: what holds there.  True: the attempt before had
 * read more, which the journal has only now.
 */
extern bool weir_input_begin(WeirStreamInput *in, const WeirOrigin *origin, const char *peer);

/* Reads without waiting; the data stay until the next call.  at: the reader's position. */
extern WeirInputResult weir_input_read(WeirStreamInput *in, int64 at, const char **data, Size *len,
									   int64 *stamp);
/* Nothing that is read from now on has an earlier stamp. */
extern int64 weir_input_tick(WeirStreamInput *in);
/* Behind the last byte read. */
extern int64 weir_input_received(const WeirStreamInput *in);
extern const WeirOrigin *weir_input_origin(const WeirStreamInput *in);
/* Whom the data read last come from, "" if that is not known. */
extern const char *weir_input_peer(const WeirStreamInput *in);
/* Bytes of records that are not whole yet, which have not been read. */
extern int64 weir_input_unfinished(const WeirStreamInput *in);
extern pgsocket weir_input_wait(WeirStreamInput *in, int64 at, int *events, long *timeout);

/* Commits what was read: if it is due, or by force. */
extern void weir_input_flush(WeirStreamInput *in, bool force);
/* What lies before this is covered by a checkpoint, or by nothing ever. */
extern void weir_input_trim(WeirStreamInput *in, int64 offset);

/* The stream has ended; it is not read any more, only acknowledged. */
extern void weir_input_finish(WeirStreamInput *in);
/* Commits what was read and, if "live", what still waits. */
extern void weir_input_save(WeirStreamInput *in, int64 at, bool live);
/* Hands over the connection, if "live", and what could not be committed.  Raises no error. */
extern void weir_input_give(WeirStreamInput *in, bool live);
/* From here on nothing waits for a standby, so nothing is acknowledged. */
extern void weir_input_leave(WeirStreamInput *in);
extern void weir_input_close(WeirStreamInput *in);

extern bool weir_input_lost(const WeirStreamInput *in);
pg_noreturn extern void weir_input_raise(const WeirStreamInput *in);

#endif
