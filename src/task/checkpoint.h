/*
 * task/checkpoint.h
 *		A task's side of a checkpoint.
 */
#ifndef WEIR_TASK_CHECKPOINT_H
#define WEIR_TASK_CHECKPOINT_H

#include "postgres.h"

#include "sink/emitter.h"
#include "task/chain.h"
#include "task/feed.h"
#include "task/input.h"
#include "task/output.h"
#include "task/task.h"

typedef struct WeirTaskCheckpoints
{
	WeirTask   *task;
	WeirFeed   *feed;			/* of a source; NULL: it has inputs and a chain */
	WeirInputs *inputs;
	WeirChain  *chain;
	WeirRouter *out;			/* NULL: the task has a sink */
	WeirEmitter *emitter;		/* of a sink task; NULL: there is nothing that it would send */
	bool		held;			/* takes no input: voted ready, or a source behind a final checkpoint,
								 * or lines are being sent */
	int64		held_for;		/* the checkpoint; 0: the lines */
	List	   *triggers;		/* checkpoints to trigger once not held (int64 *) */
	List	   *full;			/* checkpoints to write in full (int64 *) */
	bool		marked;			/* a marker is in the open epoch */
	bool		completed;		/* a checkpoint completed in this attempt */
	int64		first_barrier;	/* when the barrier under way came first, us */
	WeirBarrier barrier;		/* the newest that came, to be passed on */
	int64		overtaking;		/* checkpoint whose barrier passes what is before it; 0: none */
} WeirTaskCheckpoints;

/* What the coordinator has said. */
extern void weir_task_control(WeirTaskCheckpoints *c);

/* What an input has brought beside rows and letters: a barrier, a cancel, its end. */
extern void weir_task_mark(WeirTaskCheckpoints *c, int input, const WeirMessage *message);

/* Looks for barriers that are due to overtake. */
extern void weir_task_announcements(WeirTaskCheckpoints *c);
/* One overtakes: what is before it is put aside; false if there is nothing now. */
extern bool weir_task_overtake(WeirTaskCheckpoints *c);

/* Has all that the task reads ended? */
extern bool weir_task_all_ended(const WeirTaskCheckpoints *c);

/* What has been written becomes visible here and now. */
extern void weir_task_commit_epoch(WeirTaskCheckpoints *c);
/* It is held no more, and does what had to wait for that. */
extern void weir_task_go_on(WeirTaskCheckpoints *c);

#endif
