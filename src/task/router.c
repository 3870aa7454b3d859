/*
 * task/router.c
 *		Sends rows on to the tasks of the next stage.
 *
 * A batch is hashed whole and its rows sorted by the task they go to, so that
 * each sender gets its rows, in order, with one call.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "decide/keygroup.h"
#include "operator/key_hash.h"
#include "task/router.h"

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
sort_by_target(WeirRouter *router, const WeirBatch *batch, int *starts)
{
	make_room(router, batch->nrows);
	weir_key_groups(batch->hashes, batch->nrows, router->max_parallelism, router->targets);
	memset(starts, 0, sizeof(int) * (router->nout + 1));
	for (int i = 0; i < batch->nrows; i++)
	{
		router->targets[i] = router->task_of_group[router->targets[i]];
		starts[router->targets[i] + 1]++;
	}
	for (int i = 0; i < router->nout; i++)
		starts[i + 1] += starts[i];
	for (int i = 0; i < batch->nrows; i++)
		router->selection[starts[router->targets[i]]++] = i;
	for (int i = router->nout; i > 0; i--)
		starts[i] = starts[i - 1];
	starts[0] = 0;
}

static void
send_by_key(WeirRouter *router, const WeirBatch *batch)
{
	int		   *starts = palloc(sizeof(int) * (router->nout + 1));

	sort_by_target(router, batch, starts);
	for (int i = 0; i < router->nout; i++)
		weir_sender_rows(router->out[i], batch, router->selection + starts[i], 0,
						 starts[i + 1] - starts[i]);
	pfree(starts);
}

static void
send_rows(WeirOutput *output, WeirBatch *batch)
{
	WeirRouter *router = (WeirRouter *) output;

	if (router->discards)
		return;
	if (router->hasher)
		weir_key_hasher_run(router->hasher, batch);
	if (router->nout == 1)
		weir_sender_rows(router->out[0], batch, NULL, 0, batch->nrows);
	else
		send_by_key(router, batch);
	*router->sent += batch->nrows;
}

WeirRouter *
weir_router_create(WeirTask *task)
{
	WeirAttempt *attempt = task->attempt;
	int		   *channels = palloc(sizeof(int) * attempt->topology.nchannels);
	int			nout = weir_task_outputs(&attempt->topology, task->index, channels);
	WeirRouter *router;

	if (nout == 0)
		return NULL;
	router = palloc0(sizeof(WeirRouter));
	router->output.rows = send_rows;
	router->nout = nout;
	router->sent = &task->slot->stats.records_out;
	router->max_parallelism = attempt->max_parallelism;
	router->out = palloc(sizeof(WeirSender *) * nout);
	for (int i = 0; i < nout; i++)
		router->out[i] = weir_sender_create(weir_attempt_channel(attempt, channels[i]),
											task->segment, attempt->attempt);
	router->task_of_group = palloc(sizeof(int) * attempt->max_parallelism);
	for (int i = 0; i < attempt->max_parallelism; i++)
		router->task_of_group[i] = weir_group_task(i, nout, attempt->max_parallelism);
	pfree(channels);
	return router;
}

void
weir_router_set_keys(WeirRouter *router, const WeirDataflow *dataflow, int64 *line)
{
	router->hasher = weir_key_hasher_create(dataflow, line);
}

void
weir_router_letter(WeirRouter *router, const WeirLetter *letter)
{
	weir_sender_letter(router->out[letter->line % router->nout], letter);
}

void
weir_router_barrier(WeirRouter *router, int64 checkpoint, int64 sent_at, bool full)
{
	for (int i = 0; i < router->nout; i++)
		weir_sender_barrier(router->out[i], checkpoint, sent_at, full);
}

void
weir_router_cancel(WeirRouter *router, int64 checkpoint)
{
	for (int i = 0; i < router->nout; i++)
		weir_sender_cancel(router->out[i], checkpoint);
}

void
weir_router_end(WeirRouter *router)
{
	for (int i = 0; i < router->nout; i++)
		weir_sender_end(router->out[i]);
}

void
weir_router_flush(WeirRouter *router)
{
	for (int i = 0; i < router->nout; i++)
		weir_sender_flush(router->out[i]);
}

bool
weir_router_push(WeirRouter *router)
{
	bool		free = true;

	for (int i = 0; i < router->nout; i++)
		free = weir_sender_push(router->out[i]) && free;
	return free;
}

void
weir_router_mark(WeirRouter *router)
{
	for (int i = 0; i < router->nout; i++)
		weir_sender_mark(router->out[i]);
}

void
weir_router_undo(WeirRouter *router)
{
	for (int i = 0; i < router->nout; i++)
		weir_sender_undo(router->out[i]);
}

void
weir_router_release(WeirRouter *router)
{
	for (int i = 0; i < router->nout; i++)
		weir_sender_release(router->out[i]);
}
