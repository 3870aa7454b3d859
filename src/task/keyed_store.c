/*
 * task/keyed_store.c
 *		The keyed state of a task: created, and loaded from the checkpoint that
 *		the attempt restores.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/fault.h"
#include "catalog/checkpoint.h"
#include "catalog/snapshot.h"
#include "decide/keygroup.h"
#include "operator/node_store.h"
#include "operator/expression_query.h"
#include "state/chunk/convert.h"
#include "task/keyed_store.h"
#include "task/state_memory.h"

typedef struct Loading
{
	WeirTask   *task;
	WeirStore  *store;
} Loading;

static void
load_chunk(void *arg, int group, bool is_full, bytea *payload)
{
	Loading    *loading = arg;

	CHECK_FOR_INTERRUPTS();
	weir_store_load(loading->store, group, is_full, payload);
	weir_state_memory_note(loading->task);
}

/* The base of a timeline may hold state that alter_job has changed. */
static void
convert_base(WeirStore *store, const WeirAttempt *attempt)
{
	bool		drop_state;
	char	   *migrate;

	if (attempt->restore_timeline == attempt->timeline)
		return;
	weir_timeline_conversion(attempt->job, attempt->timeline, &drop_state, &migrate);
	weir_store_convert(store, drop_state, migrate);
}

/* Where a source began, whose stage has one task. */
static const WeirPosition *
start_of(void *arg, const WeirNode *source)
{
	const WeirTask *task = arg;
	const WeirStage *stage = &task->attempt->topology.stages[task->stages->stage_of[source->id]];

	return &task->attempt->tasks[stage->first_task].start;
}

/* What other servers have is not loaded. */
static void
load_owned(Loading *loading, const WeirNode *node, int first, int end)
{
	const WeirAttempt *attempt = loading->task->attempt;

	for (int group = first; group < end; group++)
	{
		if (weir_partition_is_set(attempt->owned, group))
			weir_snapshot_read(attempt->job, attempt->restore_timeline, node->number, attempt->restore,
							   group, group + 1, load_chunk, loading);
	}
}

WeirStore *
weir_keyed_store_open(WeirTask *task, const WeirNode *node)
{
	WeirAttempt *attempt = task->attempt;
	Loading		loading;
	int			first;
	int			end;

	weir_task_groups(task->subtask, task->stage->parallelism, attempt->max_parallelism,
					 &first, &end);
	loading.task = task;
	loading.store = weir_node_store_create(node, attempt->max_parallelism, first, end);
	if (attempt->grouped)
		weir_store_group_by_partition(loading.store);
	task->stores = lappend(task->stores, loading.store);
	weir_store_set_clock(loading.store, weir_node_clock(task->dataflow->graph, node, start_of, task));
	task->loading = true;
	WEIR_FAULT(before_load);
	if (attempt->restore > 0)
	{
		convert_base(loading.store, attempt);
		if (attempt->grouped)
			load_owned(&loading, node, first, end);
		else
			weir_snapshot_read(attempt->job, attempt->restore_timeline, node->number, attempt->restore,
							   first, end, load_chunk, &loading);
	}
	WEIR_FAULT(after_load);
	weir_expression_queries_keep();
	task->loading = false;
	return loading.store;
}
