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
#include "operator/keyed_state.h"
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
	weir_state_memory_note(loading->task, loading->store);
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

WeirStore *
weir_keyed_store_open(WeirTask *task)
{
	WeirAttempt *attempt = task->attempt;
	Loading		loading;
	int			first;
	int			end;

	weir_task_groups(task->subtask, task->stage->parallelism, attempt->max_parallelism,
					 &first, &end);
	loading.task = task;
	loading.store = weir_keyed_store_create(task->dataflow, attempt->max_parallelism, first, end);
	weir_store_set_clock(loading.store,
						 weir_source_of(task->dataflow->stream)->position_clock(&attempt->tasks[0].start));
	task->loading = true;
	WEIR_FAULT(before_load);
	if (attempt->restore > 0)
	{
		convert_base(loading.store, attempt);
		weir_snapshot_read(attempt->job, attempt->restore_timeline, 0, attempt->restore,
						   first, end, load_chunk, &loading);
	}
	WEIR_FAULT(after_load);
	task->loading = false;
	return loading.store;
}
