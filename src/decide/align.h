/*
 * decide/align.h
 *		Barrier alignment of one task over its inputs, without I/O.
 *
 * The loop feeds what arrives on each input and carries out the actions that
 * come back, oldest first, before it takes anything more.
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
} WeirAlignAction;

typedef struct WeirAlign WeirAlign; /* size fixed at creation; malloc'd */

extern WeirAlign *weir_align_create(int ninputs, WeirAlignMode mode);
extern void weir_align_destroy(WeirAlign *a);

/* What arrived on an input (0-based), in the channel's order. */
extern void weir_align_barrier(WeirAlign *a, int input, int64_t checkpoint);
extern void weir_align_cancel(WeirAlign *a, int input, int64_t checkpoint);
extern void weir_align_end(WeirAlign *a, int input);

/* What the coordinator said: an abort; or a trigger, legal for a task all of whose inputs have ended. */
extern void weir_align_abort(WeirAlign *a, int64_t checkpoint);
extern void weir_align_trigger(WeirAlign *a, int64_t checkpoint);

/* May this input be read now?  False while blocked by a barrier or ended. */
extern bool weir_align_may_read(const WeirAlign *a, int input);
extern bool weir_align_all_ended(const WeirAlign *a);

/* Next action to carry out; false if none. */
extern bool weir_align_next(WeirAlign *a, WeirAlignAction *action);

#endif
