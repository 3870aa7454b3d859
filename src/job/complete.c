/*
 * job/complete.c
 *		What follows when all output of a checkpoint is visible: tasks are told,
 *		weir.checkpoints says so, and what no recovery can need any more goes.
 */
#include "postgres.h"

#include "base/fault.h"
#include "catalog/group.h"
#include "catalog/in_flight.h"
#include "catalog/snapshot.h"
#include "decide/participant.h"
#include "job/coordinator.h"
#include "job/group.h"
#include "task/source_stats.h"

#define TRIM_GROUPS 256

void
weir_complete_record(WeirCoordinator *co, const WeirPendingCheckpoint *p)
{
	int64		state_bytes = 0;
	int64		written = 0;
	int64		dirty = 0;

	WEIR_FAULT(before_visible);
	weir_coordinator_begin(co);
	for (int i = 0; i < co->run.ntasks; i++)
	{
		WeirTaskTimes *t = &p->times[i];
		WeirTaskReport report;
		char		name[32];

		weir_task_name(co->run.attempt, i, name, sizeof(name));
		report.name = name;
		report.start_delay = t->start_delay;
		report.alignment = t->alignment;
		report.sync = t->sync;
		report.write = t->write;
		report.bytes = t->bytes;
		weir_checkpoint_task(co->job->id, p->id, i, &report);
		state_bytes += t->state_bytes;
		written += t->bytes;
		dirty += t->dirty_keys;
	}
	weir_checkpoint_visible(co->job->id, p->id, state_bytes, written, dirty, co->run.ntasks);
	weir_coordinator_end(co, false);
	weir_crash_progress(&co->job->crashes);
	co->slot->checkpoints_completed++;
	WEIR_FAULT(after_visible);
}

/* What another server took, perhaps since the attempt began, is kept for it. */
static void
trim_chunks(WeirCoordinator *co, int64 retained_from, int first, int end)
{
	ListCell   *lc;

	if (co->group == NULL)
	{
		weir_snapshot_trim(co->job->id, co->start.timeline, retained_from, first, end);
		return;
	}
	foreach(lc, weir_partitions(co->job->id))
	{
		const WeirPartition *row = lfirst(lc);

		if (row->partition >= first && row->partition < end && row->state == WEIR_OWNED_OWNED &&
			weir_partition_is_set(co->run.attempt->owned, row->partition))
			weir_snapshot_trim(co->job->id, co->start.timeline, retained_from, row->partition, row->partition + 1);
	}
}

/* Chunks of a job of many groups: each time of some of them. */
void
weir_complete_trim(WeirCoordinator *co, int64 retained_from)
{
	int			first = co->checkpoints.trim_group < co->job->max_parallelism ? co->checkpoints.trim_group : 0;
	int			end = Min(first + TRIM_GROUPS, co->job->max_parallelism);

	WEIR_FAULT(before_trim);
	co->checkpoints.trim_group = end;
	weir_coordinator_begin(co);
	trim_chunks(co, retained_from, first, end);
	weir_in_flight_trim(co->job->id, retained_from);
	weir_completed_forget(co->job->id, retained_from);
	weir_checkpoint_forget(co->job->id, co->job->history);
	weir_coordinator_end(co, false);
	WEIR_FAULT(after_trim);
}

void
weir_complete_tell(WeirCoordinator *co, const WeirPendingCheckpoint *p)
{
	WeirPosition *positions;

	(void) weir_positions_merge(co, p, &positions);
	WEIR_FAULT(before_tell);
	for (int i = 0; i < co->run.ntasks; i++)
	{
		WeirControl message = {0};

		message.checkpoint = p->id;
		if (weir_participant_has_position(&co->run.attempt->topology, i))
			message.position = positions[co->run.attempt->tasks[i].source_number];
		weir_attempt_tell(co, i, WEIR_CONTROL_COMPLETE, &message);
	}
	pfree(positions);
	WEIR_FAULT(after_tell);
}

/* Why the job is finished: what its sources say of their ends, if this attempt met them. */
char *
weir_complete_reason(WeirCoordinator *co)
{
	StringInfoData reason;
	MemoryContext old;

	if (co->stop.draining)
		return "drained by stop_job";
	old = MemoryContextSwitchTo(co->context);
	initStringInfo(&reason);
	for (int i = 0; i < co->run.attempt->topology.nstages; i++)
	{
		WeirSourceStats stats;

		if (!weir_source_stats(co->run.attempt, i, &stats))
			continue;
		appendStringInfo(&reason, "%sstream %s has ended", reason.len > 0 ? "; " : "",
						 weir_attempt_stream(co->run.attempt, i));
		if (stats.last_error[0] != '\0')
			appendStringInfo(&reason, ": %s, and max_retries is used up", stats.last_error);
	}
	MemoryContextSwitchTo(old);
	return reason.data;
}
