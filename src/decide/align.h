/*
 * decide/align.h
 *		Barrier alignment of one task over its inputs, without I/O.
 *
 * The loop feeds what arrives on each input and carries out the actions that
 * come back, oldest first, before it takes anything more.
 *
 * A barrier stands in its channel behind the rows that were sent before it.  So
 * that it need not wait for them, a sender announces it beside the channel too:
 * its id, its place in the order of the channel, and when it is due (so long
 * after its trigger, the same for all tasks).  When the lowest id that is not
 * given up is due, and every input has brought it, announced it, or ended, it
 * overtakes:
 *
 *	- the task works nothing off any more, takes out of each input what is before
 *	  the barrier (a sender never waits: what it holds follows as the channel
 *	  empties), takes its snapshot, and passes the barrier on (announcing it) as if
 *	  it had been aligned;
 *	- the rows that the barrier passed are kept with the snapshot, in its
 *	  transaction, in their order.  So is what is left of rows that were passed or
 *	  restored before: they stand before all of them;
 *	- they are worked off behind the snapshot, as rows of the next epoch; the
 *	  barriers among them are ignored.
 *
 * A restore of the checkpoint feeds them first, before anything of a channel,
 * each to the task that now owns the group of its key, in the order they were kept
 * in.  So they are part of a checkpoint like state: what is visible when it
 * completes lacks exactly them.
 *
 * Savepoints, final checkpoints and whatever is to serve another graph are never
 * due.  What is passed is bounded by what the channels hold (decide/credit.h).
 */
#ifndef WEIR_DECIDE_ALIGN_H
#define WEIR_DECIDE_ALIGN_H

#include <stdbool.h>
#include <stdint.h>

typedef enum WeirAlignMode
{
	WEIR_ALIGN_EXACTLY_ONCE,	/* a barrier blocks its input until all have it */
	WEIR_ALIGN_AT_LEAST_ONCE	/* inputs go on; each pending id is counted */
} WeirAlignMode;

typedef enum WeirAlignActionKind
{
	WEIR_ALIGN_SNAPSHOT,		/* barrier complete: snapshot, pass it on */
	WEIR_ALIGN_CANCELLED		/* given up: pass a cancel on; a decline is due
								 * if "subsumed" (a newer barrier overtook it) */
} WeirAlignActionKind;

typedef struct WeirAlignAction
{
	WeirAlignActionKind kind;
	int64_t		checkpoint;
	bool		subsumed;
	bool		overtakes;		/* SNAPSHOT: keep the rows that the barrier passed */
} WeirAlignAction;

typedef struct WeirAlign WeirAlign; /* size fixed at creation; malloc'd */

extern WeirAlign *weir_align_create(int ninputs, WeirAlignMode mode);
extern void weir_align_destroy(WeirAlign *a);

/* What arrived on an input (0-based), in the channel's order. */
extern void weir_align_barrier(WeirAlign *a, int input, int64_t checkpoint);
extern void weir_align_cancel(WeirAlign *a, int input, int64_t checkpoint);
extern void weir_align_end(WeirAlign *a, int input);

/*
 * Beside the channel: a barrier in it, behind rows that may not have been read.
 * All are announced, in their order; again does no harm.  due: when it may
 * overtake, on the clock of weir_align_clock; INT64_MAX: never.
 */
extern void weir_align_announce(WeirAlign *a, int input, int64_t checkpoint, int64_t due);

/*
 * The clock moved: what is due overtakes.  Not while an action is left, nor while
 * the task is held at a checkpoint: it takes no snapshot then.
 */
extern void weir_align_clock(WeirAlign *a, int64_t now);
/* When weir_align_clock has something to do; INT64_MAX: not before something is fed. */
extern int64_t weir_align_deadline(const WeirAlign *a);

/* What the coordinator said: an abort; or a trigger, legal for a task all of whose inputs have ended. */
extern void weir_align_abort(WeirAlign *a, int64_t checkpoint);
extern void weir_align_trigger(WeirAlign *a, int64_t checkpoint);

/* May this input be read now?  False while blocked by a barrier or ended. */
extern bool weir_align_may_read(const WeirAlign *a, int input);
extern bool weir_align_has_ended(const WeirAlign *a, int input);
extern bool weir_align_all_ended(const WeirAlign *a);

/* Next action to carry out; false if none. */
extern bool weir_align_next(WeirAlign *a, WeirAlignAction *action);

#endif
