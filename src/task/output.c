/*
 * task/output.c
 *		Sends rows on to the tasks of the next stages.
 *
 * A batch is hashed whole and its rows sorted by the task they go to, so that
 * each sender gets its rows, in order, with one call.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "decide/credit.h"
#include "decide/keygroup.h"
#include "operator/key_hash.h"
#include "task/output.h"

static void
make_room(WeirRouter *router, int rows)
{
	MemoryContext context = GetMemoryChunkContext(router);

	if (rows <= router->capacity)
		return;
	if (router->targets)
	{
		pfree(router->targets);
		pfree(router->selection);
	}
	router->targets = MemoryContextAllocHuge(context, sizeof(int) * rows);
	router->selection = MemoryContextAllocHuge(context, sizeof(int) * rows);
	router->capacity = rows;
}

/* A stable counting sort; starts[i] is where the rows of target i begin, of nout + 1. */
static void
sort_by_target(WeirRouter *router, const WeirRoute *route, const WeirBatch *batch, int *starts)
{
	make_room(router, batch->nrows);
	weir_key_groups(batch->hashes, batch->nrows, router->max_parallelism, router->targets);
	memset(starts, 0, sizeof(int) * (route->nout + 1));
	for (int i = 0; i < batch->nrows; i++)
	{
		router->targets[i] = route->task_of_group[router->targets[i]];
		starts[router->targets[i] + 1]++;
	}
	for (int i = 0; i < route->nout; i++)
		starts[i + 1] += starts[i];
	for (int i = 0; i < batch->nrows; i++)
		router->selection[starts[router->targets[i]]++] = i;
	for (int i = route->nout; i > 0; i--)
		starts[i] = starts[i - 1];
	starts[0] = 0;
}

static void
send_by_key(WeirRouter *router, const WeirRoute *route, const WeirBatch *batch)
{
	int		   *starts = palloc(sizeof(int) * (route->nout + 1));

	sort_by_target(router, route, batch, starts);
	for (int i = 0; i < route->nout; i++)
		weir_sender_rows(route->out[i], batch, router->selection + starts[i], 0,
						 starts[i + 1] - starts[i]);
	pfree(starts);
}

/* A key's group is the partition that its record came of, so that its state goes where that goes. */
static void
group_by_partition(WeirBatch *batch, int max_parallelism)
{
	if (batch->partitions == NULL && batch->nrows > 0)
		elog(ERROR, "records of a shared stream are of no partition");
	for (int i = 0; i < batch->nrows; i++)
		batch->hashes[i] = weir_hash_in_group(batch->hashes[i], batch->partitions[i], max_parallelism);
}

static void
send_rows(WeirOutput *output, WeirBatch *batch)
{
	const WeirRoute *route = (const WeirRoute *) output;
	WeirRouter *router = route->router;

	if (router->discards)
		return;
	if (route->hasher)
		weir_key_hasher_run(route->hasher, batch);
	if (route->hasher && router->by_partition)
		group_by_partition(batch, router->max_parallelism);
	if (route->nout == 1)
		weir_sender_rows(route->out[0], batch, NULL, 0, batch->nrows);
	else
		send_by_key(router, route, batch);
	*router->sent += batch->nrows;
}

static WeirSender *
create_sender(const WeirTask *task, int channel)
{
	return weir_sender_create(weir_attempt_channel(task->attempt, channel),
							  weir_attempt_gauge(task->attempt, channel),
							  task->segment, task->attempt->attempt);
}

/* The channels of a task to an exchange's tasks stand side by side. */
static void
open_route(WeirRouter *router, const WeirTask *task, int exchange)
{
	WeirRoute  *route = &router->routes[router->nroutes++];
	WeirAttempt *attempt = task->attempt;
	const WeirExchange *x = &attempt->topology.exchanges[exchange];

	route->output.rows = send_rows;
	route->router = router;
	route->exchange = exchange;
	route->nout = attempt->topology.stages[x->to].parallelism;
	route->out = palloc(sizeof(WeirSender *) * route->nout);
	for (int i = 0; i < route->nout; i++)
		route->out[i] = create_sender(task, x->first_channel + task->subtask * route->nout + i);
	route->task_of_group = palloc(sizeof(int) * attempt->max_parallelism);
	for (int i = 0; i < attempt->max_parallelism; i++)
		route->task_of_group[i] = weir_group_task(i, route->nout, attempt->max_parallelism);
}

WeirRouter *
weir_router_create(WeirTask *task)
{
	const WeirTopology *topology = &task->attempt->topology;
	WeirRouter *router = palloc0(sizeof(WeirRouter));

	router->sent = &task->slot->stats.records_out;
	router->max_parallelism = task->attempt->max_parallelism;
	router->by_partition = task->attempt->grouped;
	router->routes = palloc0(sizeof(WeirRoute) * Max(topology->nexchanges, 1));
	for (int i = 0; i < topology->nexchanges; i++)
	{
		if (&topology->stages[topology->exchanges[i].from] == task->stage)
			open_route(router, task, i);
	}
	return router->nroutes > 0 ? router : NULL;
}

void
weir_router_set_keys(WeirRouter *router, const WeirTask *task, int64 *line)
{
	for (int i = 0; i < router->nroutes; i++)
	{
		WeirRoute  *route = &router->routes[i];
		const WeirEdge *edge = weir_task_edge(task, route->exchange);

		route->hasher = edge->nkeys == 0 ? NULL :
			weir_key_hasher_create(edge->nkeys, edge->keys, task->dataflow->context, line);
	}
}

WeirOutput *
weir_router_output(WeirRouter *router, const WeirTask *task, const WeirNode *node)
{
	for (int i = 0; i < router->nroutes; i++)
	{
		if (weir_task_edge(task, router->routes[i].exchange)->from == node->id)
			return &router->routes[i].output;
	}
	elog(ERROR, "the rows of node %d lead nowhere", node->id);
}

void
weir_router_letter(WeirRouter *router, const WeirLetter *letter)
{
	WeirRoute  *route = &router->routes[0];

	weir_sender_letter(route->out[letter->line % route->nout], letter);
}

void
weir_output_watermark(WeirOutput *output, int64 watermark, bool idle)
{
	const WeirRoute *route = (const WeirRoute *) output;

	if (route->router->discards)
		return;
	for (int i = 0; i < route->nout; i++)
		weir_sender_watermark(route->out[i], watermark, idle);
}

void
weir_router_watermark(WeirRouter *router, int64 watermark, bool idle)
{
	for (int i = 0; i < router->nroutes; i++)
		weir_output_watermark(&router->routes[i].output, watermark, idle);
}

void
weir_output_begin(WeirOutput *output, int64 watermark, bool idle, bool ended)
{
	const WeirRoute *route = (const WeirRoute *) output;

	for (int i = 0; i < route->nout; i++)
		weir_sender_begin(route->out[i], watermark, idle, ended);
}

void
weir_router_begin(WeirRouter *router, int64 watermark, bool idle, bool ended)
{
	for (int i = 0; i < router->nroutes; i++)
		weir_output_begin(&router->routes[i].output, watermark, idle, ended);
}

void
weir_router_barrier(WeirRouter *router, const WeirBarrier *barrier)
{
	for (int i = 0; i < router->nroutes; i++)
		for (int j = 0; j < router->routes[i].nout; j++)
			weir_sender_barrier(router->routes[i].out[j], barrier);
}

void
weir_router_cancel(WeirRouter *router, int64 checkpoint)
{
	for (int i = 0; i < router->nroutes; i++)
		for (int j = 0; j < router->routes[i].nout; j++)
			weir_sender_cancel(router->routes[i].out[j], checkpoint);
}

void
weir_router_end(WeirRouter *router)
{
	for (int i = 0; i < router->nroutes; i++)
		for (int j = 0; j < router->routes[i].nout; j++)
			weir_sender_end(router->routes[i].out[j]);
}

void
weir_router_flush(WeirRouter *router)
{
	for (int i = 0; i < router->nroutes; i++)
		for (int j = 0; j < router->routes[i].nout; j++)
			weir_sender_flush(router->routes[i].out[j]);
}

int64
weir_router_batch(const WeirRouter *router, int64 most)
{
	for (int i = 0; i < router->nroutes; i++)
	{
		int64		allowed = 0;

		for (int j = 0; j < router->routes[i].nout; j++)
			allowed += weir_sender_allowed(router->routes[i].out[j]);
		most = weir_credit_batch(allowed, most);
	}
	return most;
}

bool
weir_router_push(WeirRouter *router)
{
	bool		free = true;

	for (int i = 0; i < router->nroutes; i++)
		for (int j = 0; j < router->routes[i].nout; j++)
			free = weir_sender_push(router->routes[i].out[j]) && free;
	return free;
}

void
weir_router_mark(WeirRouter *router)
{
	for (int i = 0; i < router->nroutes; i++)
		for (int j = 0; j < router->routes[i].nout; j++)
			weir_sender_mark(router->routes[i].out[j]);
}

void
weir_router_undo(WeirRouter *router)
{
	for (int i = 0; i < router->nroutes; i++)
		for (int j = 0; j < router->routes[i].nout; j++)
			weir_sender_undo(router->routes[i].out[j]);
}

void
weir_router_release(WeirRouter *router)
{
	for (int i = 0; i < router->nroutes; i++)
		for (int j = 0; j < router->routes[i].nout; j++)
			weir_sender_release(router->routes[i].out[j]);
}
