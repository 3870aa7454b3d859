/*
 * task/operator_task.h
 *		What a keyed task or the sink task consists of, for the files that run
 *		it: operator_task.c (barriers, control) and operator_rows.c (rows).
 */
#ifndef WEIR_TASK_OPERATOR_TASK_H
#define WEIR_TASK_OPERATOR_TASK_H

#include "postgres.h"

#include "decide/align.h"
#include "operator/operator.h"
#include "record/channel.h"
#include "sink/isolating.h"
#include "sink/sink.h"
#include "task/letters.h"
#include "task/router.h"
#include "task/task.h"

/* An operator of a task, and where its rows go. */
typedef struct WeirLink
{
	WeirOutput	output;			/* to the next link, or the end */
	struct WeirOperatorTask *task;
	WeirOperator *op;
} WeirLink;

typedef struct WeirOperatorTask
{
	WeirTask   *task;
	int			nin;
	WeirReceiver **in;
	WeirAlign  *align;
	TupleDesc	in_desc;		/* of the rows that come */
	WeirRouter *out;			/* to the tasks behind; NULL: this task has the sink */
	int			nlinks;			/* 0: the rows that come are the sink's */
	WeirLink   *links;
	WeirSink   *sink;			/* NULL: it is elsewhere, or isolating */
	WeirIsolating *isolating;	/* the sink, where a row may be refused alone */
	WeirStream **streams;		/* by their nodes; NULL: no source */
	WeirLetters **letters;		/* likewise: what this task writes of them */
	bool		keeps_letters;	/* one of the streams has dead letters */
	Datum	   *values;			/* a row for the sink */
	bool	   *nulls;
	bool		held;			/* voted ready, waits to hear */
	int64		held_for;
	List	   *triggers;		/* checkpoints to trigger once not held (int64 *) */
	List	   *full;			/* checkpoints to write in full (int64 *) */
	bool		marked;			/* a marker is in the open epoch */
	bool		completed;		/* a checkpoint completed in this attempt */
	bool		end_told;
	int64		first_barrier;	/* when the barrier under way came first, us */
	int64		barrier_sent;
} WeirOperatorTask;

/* In a transaction: (re)builds what depends on the compiled dataflow. */
extern void weir_operator_build(WeirOperatorTask *op);

/* Works off a message of rows; a letter. */
extern void weir_operator_rows(WeirOperatorTask *op, WeirReceiver *from,
							   const WeirMessage *message);
extern void weir_operator_letter(WeirOperatorTask *op, const WeirMessage *message);

/* Rows that wait for the sink statement go into the epoch. */
extern void weir_operator_flush(WeirOperatorTask *op);

#endif
