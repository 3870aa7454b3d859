/*
 * task/state_memory.c
 *		What keyed state takes, and max_state_memory.
 *
 * Exceeding it ends the attempt, so that nothing is lost: the next one loads the
 * last completed checkpoint.  Each task adds up what all tasks have noted.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "task/state_memory.h"

static const char *
size_text(int64 bytes)
{
	return text_to_cstring(DatumGetTextPP(DirectFunctionCall1(pg_size_pretty,
															  Int64GetDatum(bytes))));
}

static int64
job_total(const WeirAttempt *attempt)
{
	int64		total = 0;

	for (int i = 0; i < attempt->topology.ntasks; i++)
		total += attempt->tasks[i].stats.state_bytes;
	return total;
}

static void
measure_stores(WeirTask *task)
{
	int64		bytes = 0;
	int64		keys = 0;
	ListCell   *lc;

	foreach(lc, task->stores)
	{
		bytes += weir_store_memory(lfirst(lc));
		keys += weir_store_keys(lfirst(lc));
	}
	task->slot->stats.state_bytes = bytes;
	task->slot->stats.state_keys = keys;
}

void
weir_state_memory_note(WeirTask *task)
{
	const WeirAttempt *attempt = task->attempt;
	int64		total;

	measure_stores(task);
	if (attempt->max_state_memory == 0)
		return;
	total = job_total(attempt);
	if (total > attempt->max_state_memory)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("keyed state of job \"%s\" exceeds its max_state_memory", task->job->name),
				 errdetail("The state of all tasks takes %s, " INT64_FORMAT " keys of it in this one; "
						   "max_state_memory is %s.", size_text(total),
						   task->slot->stats.state_keys, size_text(attempt->max_state_memory)),
				 errhint("Set max_state_memory of the job higher, or give its state a time to live.")));
}
