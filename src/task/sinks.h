/*
 * task/sinks.h
 *		The sinks of a task: rows into them, and those that they refuse.
 */
#ifndef WEIR_TASK_SINKS_H
#define WEIR_TASK_SINKS_H

#include "postgres.h"

#include "sink/isolating.h"
#include "sink/sink.h"
#include "task/latency.h"
#include "task/task.h"

typedef struct WeirTaskSink
{
	WeirSink   *sink;			/* NULL: isolating */
	WeirIsolating *isolating;	/* the sink, where a row may be refused alone */
	int			kept;			/* rows that waited at the last mark */
} WeirTaskSink;

typedef struct WeirTaskSinks
{
	WeirTask   *task;
	int			n;
	WeirTaskSink *sinks;		/* in the order of the task's nodes */
	WeirRefusedFunction refused;	/* what to do with a row that one refuses, for that one */
	void	   *arg;
	WeirLatency latency;
} WeirTaskSinks;

/* In a transaction, in CurrentMemoryContext; room for them, none is open yet. */
extern void weir_task_sinks_init(WeirTaskSinks *sinks, WeirTask *task, WeirRefusedFunction refused,
								 void *arg);
/* Of the nodes as they are compiled; rows that wait stay.  isolates: one row alone may be refused. */
extern void weir_task_sinks_build(WeirTaskSinks *sinks, bool isolates);

/* In a step of the epoch. */
extern void weir_task_sink_rows(WeirTaskSinks *sinks, WeirTaskSink *sink, const WeirBatch *batch);
/* Writes what must not wait for other rows; everything. */
extern void weir_task_sinks_settle(WeirTaskSinks *sinks);
extern void weir_task_sinks_flush(WeirTaskSinks *sinks);
extern bool weir_task_sinks_wait(const WeirTaskSinks *sinks);

/* Rows that come from here on are taken back by an undo, where they still wait. */
extern void weir_task_sinks_mark(WeirTaskSinks *sinks);
extern void weir_task_sinks_undo(WeirTaskSinks *sinks);

#endif
