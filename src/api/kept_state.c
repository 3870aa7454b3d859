/*
 * api/kept_state.c
 *		Keyed state that a checkpoint keeps.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "api/kept_state.h"
#include "catalog/in_flight.h"
#include "catalog/name.h"

/* The caller's snapshot may be older than the checkpoint. */
void
weir_kept_read(const WeirJob *job, const WeirCompleted *kept, int step,
			   WeirSnapshotReader reader, void *arg)
{
	PushActiveSnapshot(GetTransactionSnapshot());
	weir_snapshot_read(job->id, kept->timeline, step, kept->checkpoint, 0,
					   kept->max_parallelism, reader, arg);
	PopActiveSnapshot();
}

static void
note_chunk(void *arg, int group, bool is_full, bytea *payload)
{
	*(bool *) arg = true;
}

const WeirStoredNode *
weir_kept_unknown(const WeirJob *job, const WeirCompleted *kept, const WeirGraph *graph,
				  List *stored)
{
	ListCell   *lc;

	foreach(lc, stored)
	{
		const WeirStoredNode *step = lfirst(lc);
		bool		found = false;

		if (!step->keyed || weir_graph_matches(graph, step))
			continue;
		weir_kept_read(job, kept, step->number, note_chunk, &found);
		if (found)
			return step;
	}
	return NULL;
}

void
weir_kept_check_in_flight(const WeirJob *job, const WeirCompleted *kept, const char *what,
						  const char *then)
{
	bool		holds;

	if (kept == NULL)
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	holds = weir_in_flight_last_exchange(job->id, kept->checkpoint) >= 0;
	PopActiveSnapshot();
	if (holds)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job \"%s\" cannot %s: it has rows on their way", job->name, what),
				 errdetail("Checkpoint " INT64_FORMAT " holds rows that its barrier overtook, which only the query and the state it was taken with can go on with.",
						   kept->checkpoint),
				 errhint("Start the job, stop it with weir.stop_job, %s then.", then)));
}

const char *
weir_kept_by(const WeirStoredNode *step)
{
	return OidIsValid(step->object) ? weir_function_name(step->object) : step->identity;
}
