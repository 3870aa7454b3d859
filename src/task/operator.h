/*
 * task/operator.h
 *		What a keyed task or the sink task consists of, for the files that run
 *		it: operator_task.c (barriers, control) and operator_rows.c (rows).
 */
#ifndef WEIR_TASK_OPERATOR_H
#define WEIR_TASK_OPERATOR_H

#include "postgres.h"

#include "decide/align.h"
#include "operator/keyed_step.h"
#include "record/channel.h"
#include "sink/isolating.h"
#include "sink/sink.h"
#include "task/letters.h"
#include "task/task.h"

typedef struct WeirOperator
{
	WeirTask   *task;
	int			nin;
	WeirReceiver **in;
	WeirAlign  *align;
	WeirSender *out;			/* to the sink task; NULL: this task has the sink */
	WeirStore  *store;			/* NULL: no keyed step */
	WeirKeyedStep *step;
	WeirSink   *sink;			/* NULL: it is elsewhere, or isolating */
	WeirIsolating *isolating;	/* the sink, where a row may be refused alone */
	const WeirStream *stream;
	WeirLetters letters;		/* what this task writes of them */
	const WeirRow **rows;		/* of the message being worked off */
	int			max_rows;
	bool		held;			/* voted ready, waits to hear */
	int64		held_for;
	List	   *triggers;		/* checkpoints to trigger once not held (int64 *) */
	List	   *full;			/* checkpoints to write in full (int64 *) */
	bool		marked;			/* a marker is in the open epoch */
	bool		completed;		/* a checkpoint completed in this attempt */
	bool		end_told;
	int64		first_barrier;	/* when the barrier under way came first, us */
	int64		barrier_sent;
} WeirOperator;

/* In a transaction: (re)builds what depends on the compiled dataflow. */
extern void weir_operator_build(WeirOperator *op);

/* Works off a message of rows; a letter. */
extern void weir_operator_rows(WeirOperator *op, const WeirMessage *message);
extern void weir_operator_letter(WeirOperator *op, const WeirMessage *message);

/* Rows that wait for the sink statement go into the epoch. */
extern void weir_operator_flush(WeirOperator *op);

#endif
