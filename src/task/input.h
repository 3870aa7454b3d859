/*
 * task/input.h
 *		What comes to a task from others, its barriers aligned.
 */
#ifndef WEIR_TASK_INPUT_H
#define WEIR_TASK_INPUT_H

#include "postgres.h"

#include "decide/align.h"
#include "decide/credit.h"
#include "decide/watermark_merge.h"
#include "record/channel.h"
#include "task/task.h"

typedef struct WeirInputs
{
	int			n;
	WeirReceiver **receivers;
	int		   *exchanges;		/* of each, in the topology */
	int64	   *barriers;		/* the newest that each has brought */
	List	   *passed;			/* WeirPassed (passed.h) */
	MemoryContext context;
	WeirAlign  *align;
	WeirWatermarkMerge *watermarks;
	int64	   *reached;		/* of the rows of a message that has none of its own */
	bool		begins;			/* see begin.h */
	bool		begun;			/* all that must be known of watermarks is */
	int			nrestored;		/* of passed */
	int64		reached_before;	/* see reached.h */
	int64		floor;			/* the lowest watermark of a row of these */
	WeirCredit	credit;
	int64	   *brought;		/* rows of each lately .. */
	int64		all;			/* .. and of all */
	int64		active_since;	/* us; what passes is the time its rows take */
} WeirInputs;

/* All channels that lead to the task; NULL: it is a source's. */
extern WeirInputs *weir_inputs_open(WeirTask *task);

/* So many rows that the input brought are worked off. */
extern void weir_inputs_worked(WeirInputs *inputs, int input, int64 rows);
/* Up to now there was nothing to do. */
extern void weir_inputs_idle(WeirInputs *inputs);

/* What an input has next, if it may be read now; NULL: nothing. */
extern WeirMessage *weir_inputs_next(WeirInputs *inputs, int i);

#endif
