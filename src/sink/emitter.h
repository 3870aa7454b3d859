/*
 * sink/emitter.h
 *		Sends what the outbox holds for sockets, when it is committed.
 *
 * No call waits.  While it has something to send its task takes no input, so that
 * a peer that is slow, or away, holds back the job and not its memory.
 */
#ifndef WEIR_SINK_EMITTER_H
#define WEIR_SINK_EMITTER_H

#include "postgres.h"

typedef struct WeirEmitter WeirEmitter;

typedef enum WeirEmitResult
{
	WEIR_EMIT_PROGRESS,			/* go on */
	WEIR_EMIT_WAIT,				/* as weir_emitter_wait says */
	WEIR_EMIT_DONE				/* all that was committed is sent */
} WeirEmitResult;

/* In CurrentMemoryContext, for as long as the process lives. */
extern WeirEmitter *weir_emitter_create(int64 job);

/* Outside a transaction.  An error of class 08 where no retry is left. */
extern WeirEmitResult weir_emitter_turn(WeirEmitter *emitter);
/* Is one under way, that has not been done? */
extern bool weir_emitter_is_active(const WeirEmitter *emitter);
extern void weir_emitter_begin(WeirEmitter *emitter);
extern pgsocket weir_emitter_wait(WeirEmitter *emitter, int *events, long *timeout);

#endif
