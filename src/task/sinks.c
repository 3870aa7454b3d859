/*
 * task/sinks.c
 *		The sinks of a task, which write in one epoch transaction.
 *
 * A row that one of them refuses is dropped for that one alone.
 */
#include "postgres.h"

#include "sink/epoch.h"
#include "task/sinks.h"

void
weir_task_sinks_init(WeirTaskSinks *sinks, WeirTask *task, WeirRefusedFunction refused, void *arg)
{
	sinks->task = task;
	sinks->n = 0;
	for (int i = 0; i < weir_task_nnodes(task); i++)
		sinks->n += weir_node_ops(weir_task_node(task, i)->kind)->sink;
	sinks->sinks = palloc0(sizeof(WeirTaskSink) * Max(sinks->n, 1));
	sinks->refused = refused;
	sinks->arg = arg;
	memset(&sinks->latency, 0, sizeof(sinks->latency));
}

static void
build_sink(WeirTaskSink *sink, WeirTask *task, const WeirNode *node, bool isolates)
{
	const char *text = task->dataflow->text;

	if (sink->sink)
		weir_sink_close(sink->sink);
	sink->sink = NULL;
	if (!isolates || (sink->isolating == NULL && !weir_sink_may_refuse(node)))
		sink->sink = weir_sink_open(node, text, &task->line);
	else if (sink->isolating)
		weir_isolating_rebuild(sink->isolating, node, text);
	else
		sink->isolating = weir_isolating_create(node, text, &task->line);
}

void
weir_task_sinks_build(WeirTaskSinks *sinks, bool isolates)
{
	WeirTaskSink *next = sinks->sinks;

	for (int i = 0; i < weir_task_nnodes(sinks->task); i++)
	{
		const WeirNode *node = weir_task_node(sinks->task, i);

		if (weir_node_ops(node->kind)->sink)
			build_sink(next++, sinks->task, node, isolates);
	}
}

void
weir_task_sink_rows(WeirTaskSinks *sinks, WeirTaskSink *sink, const WeirBatch *batch)
{
	if (sink->sink)
	{
		/* whoever the user's code has become */
		weir_epoch_be_owner();
		weir_sink_rows(sink->sink, batch, 0, batch->nrows);
	}
	else
		weir_isolating_rows(sink->isolating, batch);
	sinks->task->slot->stats.records_out += batch->nrows;
	weir_latency_handed_over(&sinks->latency, sinks->task->slot, batch);
}

static void
flush(WeirTaskSinks *sinks, WeirTaskSink *sink)
{
	WeirTaskStats *stats = &sinks->task->slot->stats;
	int64		began = weir_now();

	weir_epoch_be_owner();
	stats->writes = true;
	if (sink->sink)
		weir_sink_flush(sink->sink);
	else
		weir_isolating_flush(sink->isolating, sinks->refused, sinks->arg);
	stats->writes = false;
	stats->in_sink_us += weir_now() - began;
}

void
weir_task_sinks_settle(WeirTaskSinks *sinks)
{
	for (int i = 0; i < sinks->n; i++)
	{
		WeirTaskSink *sink = &sinks->sinks[i];

		if (sink->sink || weir_isolating_full(sink->isolating))
			flush(sinks, sink);
	}
}

void
weir_task_sinks_flush(WeirTaskSinks *sinks)
{
	for (int i = 0; i < sinks->n; i++)
		flush(sinks, &sinks->sinks[i]);
}

bool
weir_task_sinks_wait(const WeirTaskSinks *sinks)
{
	for (int i = 0; i < sinks->n; i++)
	{
		const WeirTaskSink *sink = &sinks->sinks[i];

		if (sink->isolating && weir_isolating_count(sink->isolating) > 0)
			return true;
	}
	return false;
}

void
weir_task_sinks_mark(WeirTaskSinks *sinks)
{
	for (int i = 0; i < sinks->n; i++)
	{
		WeirTaskSink *sink = &sinks->sinks[i];

		sink->kept = sink->isolating ? weir_isolating_count(sink->isolating) : 0;
	}
}

void
weir_task_sinks_undo(WeirTaskSinks *sinks)
{
	for (int i = 0; i < sinks->n; i++)
	{
		WeirTaskSink *sink = &sinks->sinks[i];

		if (sink->isolating)
			weir_isolating_truncate(sink->isolating, sink->kept);
	}
}
