/*
 * task/task.h
 *		What all tasks share: how a task's process begins and ends, its
 *		settings, its place in the attempt, waiting and time keeping.
 */
#ifndef WEIR_TASK_TASK_H
#define WEIR_TASK_TASK_H

#include "postgres.h"

#include "postmaster/bgworker.h"
#include "storage/latch.h"

#include "base/clock.h"
#include "catalog/job.h"
#include "compile/dataflow.h"
#include "graph/stage.h"
#include "task/attempt.h"
#include "task/control.h"

/* bgw_extra of a task's worker; bgw_main_arg is its number. */
typedef struct WeirTaskArg
{
	Oid			database;
	Oid			owner;
	dsm_handle	segment;
	int64		attempt;
} WeirTaskArg;

typedef struct WeirTask
{
	MemoryContext context;
	dsm_segment *segment;
	WeirAttempt *attempt;
	WeirTaskSlot *slot;
	int			index;			/* in the topology */
	const WeirStage *stage;
	int			subtask;		/* of the stage */
	char		name[32];
	WeirJob    *job;
	WeirControlPort *port;
	WeirDataflow *dataflow;
	WeirStages *stages;			/* of the dataflow */
	const WeirSourceOps *origin;	/* whose records come to it; NULL: those of several kinds of sources */
	WeirDataflow *stale;		/* what a refresh replaced, until it is dropped */
	List	   *stores;			/* of its keyed steps */
	bool		stop;			/* leave the loop */
	int64		line;			/* of the record being worked on, 0: none */
	bool		preparing;		/* within PREPARE */
	bool		loading;		/* of the state to restore */
	bool		hopeless;		/* its error will not go away by a restart */
	int64		loop_began;		/* time keeping, us */
	int64		second_began;
	WeirTaskStats at_second;
} WeirTask;

extern PGDLLEXPORT void weir_task_main(Datum arg);

/* loop.c: from the begin of its work until it is told to leave. */
extern void weir_task_loop(WeirTask *task);

extern int	weir_milliseconds(int64 us);

/* Raises the error, which came up at this record, again unless it is the record's. */
extern void weir_task_check_blame(WeirTask *task, ErrorData *error, int64 line);

/* Options of the job that may change while it runs. */
extern void weir_task_configure(WeirTask *task);

/* Compiles the job's query afresh; needs no transaction. */
extern void weir_task_compile(WeirTask *task);

/* The nodes that the task runs, each behind the one whose rows it takes. */
extern int	weir_task_nnodes(const WeirTask *task);
extern const WeirNode *weir_task_node(const WeirTask *task, int n);
/* The edge of the graph that an exchange is; the rows that come by it. */
extern const WeirEdge *weir_task_edge(const WeirTask *task, int exchange);
extern TupleDesc weir_task_input(const WeirTask *task, int exchange);
/* Does its output wait for a checkpoint? */
extern bool weir_task_exactly_once(const WeirTask *task);

/*
 * In a transaction: makes sure that the dataflow is valid and that what the
 * task's nodes need is locked, and compiles it again if something changed.  True
 * if it was compiled again: then the caller builds anew what rests on it and drops
 * the old one.
 */
extern bool weir_task_refresh(WeirTask *task);
extern void weir_task_drop_stale(WeirTask *task);

extern void weir_task_send(WeirTask *task, WeirControlKind kind, int64 checkpoint);
extern void weir_task_vote(WeirTask *task, int64 checkpoint, WeirVote vote,
						   const WeirPosition *position, const WeirTaskTimes *times);

/*
 * Waits for the latch, the socket, or the timeout (ms, -1 none).  What passes
 * counts as idle, or as backpressured.
 */
extern void weir_task_wait(WeirTask *task, pgsocket socket, int events, long timeout,
						   bool backpressured);
/* The same, counted as spent in the sink. */
extern void weir_task_wait_in_sink(WeirTask *task, pgsocket socket, int events, long timeout);
/* Once a loop: settings, stop, shares of the last second. */
extern void weir_task_tick(WeirTask *task);

#endif
