/*
 * task/output.h
 *		Sends rows on to the tasks of the next stages: each to the one that owns its
 *		key group, or all to the one there is.
 */
#ifndef WEIR_TASK_OUTPUT_H
#define WEIR_TASK_OUTPUT_H

#include "postgres.h"

#include "operator/operator.h"
#include "record/channel.h"
#include "task/task.h"

/* An exchange, as a task of the stage before it sees it. */
typedef struct WeirRoute
{
	WeirOutput	output;			/* takes rows; in a transaction where they go by key */
	struct WeirRouter *router;
	int			exchange;		/* in the topology */
	int			nout;
	WeirSender **out;
	struct WeirKeyHasher *hasher;	/* NULL: rows do not go by key, or carry their hash */
	int		   *task_of_group;
} WeirRoute;

typedef struct WeirRouter
{
	int			nroutes;
	WeirRoute  *routes;
	int64	   *sent;			/* counts rows */
	bool		discards;		/* rows go nowhere */
	int			max_parallelism;
	bool		by_partition;	/* key groups are partitions of the stream */
	int		   *targets;		/* of the rows of a batch */
	int		   *selection;		/* rows, those of a target side by side */
	int			capacity;
} WeirRouter;

/* With the channels of the task; NULL if it has none. */
extern WeirRouter *weir_router_create(WeirTask *task);
/*
 * By the keys of the task's dataflow, from now on; in a transaction.  line: where to
 * note the record whose key is being hashed.
 */
extern void weir_router_set_keys(WeirRouter *router, const WeirTask *task, int64 *line);
/* What takes the rows of this node, whose output leads to other tasks. */
extern WeirOutput *weir_router_output(WeirRouter *router, const WeirTask *task, const WeirNode *node);

/* A record without a key may go to any of the tasks, along one route: each leads to a sink. */
extern void weir_router_letter(WeirRouter *router, const WeirLetter *letter);
/* The watermark has come so far, along all routes, or that of one output. */
extern void weir_router_watermark(WeirRouter *router, int64 watermark, bool idle);
extern void weir_output_watermark(WeirOutput *output, int64 watermark, bool idle);
/* The same, ahead of all rows, and in any case; ended: nothing follows but the end. */
extern void weir_router_begin(WeirRouter *router, int64 watermark, bool idle, bool ended);
extern void weir_output_begin(WeirOutput *output, int64 watermark, bool idle, bool ended);
extern void weir_router_barrier(WeirRouter *router, const WeirBarrier *barrier);
extern void weir_router_cancel(WeirRouter *router, int64 checkpoint);
extern void weir_router_end(WeirRouter *router);

/* As those of a sender (record/channel.h), for all of them. */
extern void weir_router_flush(WeirRouter *router);
extern bool weir_router_push(WeirRouter *router);
/* Rows to hand over at a time, at most so many. */
extern int64 weir_router_batch(const WeirRouter *router, int64 most);
extern void weir_router_mark(WeirRouter *router);
extern void weir_router_undo(WeirRouter *router);
extern void weir_router_release(WeirRouter *router);

#endif
