/*
 * sink/emitter.h
 *		Sends what the outbox holds for peers, when it is committed.
 *
 * No call waits.  While it has something to send its task takes no input, so that
 * a peer that is slow, or away, holds back the job and not its memory.
 */
#ifndef WEIR_SINK_EMITTER_H
#define WEIR_SINK_EMITTER_H

#include "postgres.h"

#include "source/peer.h"

typedef struct WeirEmitter WeirEmitter;

/* In CurrentMemoryContext, for as long as the process lives; so is job_name. */
extern WeirEmitter *weir_emitter_create(int64 job, const char *job_name);

/* Outside a transaction.  An error of class 08 where no retry is left. */
extern WeirEmitResult weir_emitter_turn(WeirEmitter *emitter);
/* After an error of a turn: id of the outbox's row that it is about; 0: none's. */
extern int64 weir_emitter_record(const WeirEmitter *emitter);
/* Why it waits for its peer; "": it does not. */
extern const char *weir_emitter_error(const WeirEmitter *emitter);
/* Is one under way, that has not been done? */
extern bool weir_emitter_is_active(const WeirEmitter *emitter);
extern void weir_emitter_begin(WeirEmitter *emitter);
extern pgsocket weir_emitter_wait(WeirEmitter *emitter, int *events, long *timeout);

#endif
