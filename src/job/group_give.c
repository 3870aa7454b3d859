/*
 * job/group_give.c
 *		What is written down of a partition that goes to another member.
 */
#include "postgres.h"

#include "catalog/checkpoint.h"
#include "catalog/group.h"
#include "catalog/job_node.h"
#include "job/group.h"
#include "source/membership.h"
#include "source/source.h"

static void
restrict_positions(const WeirJob *job, WeirGiven *given, int partition)
{
	List	   *nodes = weir_job_nodes(job->id);

	for (int i = 0; i < given->npositions; i++)
	{
		Oid			stream = weir_stored_stream(nodes, i);
		const WeirSourceOps *source = OidIsValid(stream) ? weir_source_of(stream) : NULL;

		if (source == NULL || source->membership == NULL)
			given->positions[i] = (WeirPosition) {0};
		else
			source->membership->only(&given->positions[i], partition);
	}
}

/* Where the job stands: at its newest completed checkpoint, else where its timeline began. */
static void
find_given(const WeirJob *job, WeirGiven *given)
{
	const WeirCompleted *row = weir_start_reached(job, weir_completed_all(job->id));
	int64		base;

	given->timeline = job->timeline;
	if (row != NULL && row->timeline != job->timeline)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job \"%s\" has completed no checkpoint since it was altered", job->name),
				 errhint("Let it run until it has.")));
	if (row != NULL)
	{
		given->checkpoint = row->checkpoint;
		given->npositions = row->npositions;
		given->positions = row->positions;
	}
	else if (job->timeline != 0)
		(void) weir_timeline_get(job->id, job->timeline, &base, &given->npositions, &given->positions);
}

void
weir_group_give(const WeirJob *job, WeirPartition *row, const char *member)
{
	WeirGiven	given = {0};

	find_given(job, &given);
	restrict_positions(job, &given, row->partition);
	row->state = WEIR_OWNED_GIVEN;
	row->to = pstrdup(member);
	row->reading = false;
	row->waits_for = NULL;
	weir_partition_put(job->id, row);
	weir_given_put(job->id, row->partition, &given);
}
