/*
 * job/positions.c
 *		Where the sources of a job stand, from what their tasks say.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/session.h"
#include "graph/kinds/source.h"
#include "job/coordinator.h"

/* Of a source that several tasks read, each has said where it stands in its own part. */
static void
add_position(const WeirSourceOps *source, int ntasks, WeirPosition *sum, const WeirPosition *task, bool first)
{
	if (ntasks == 1)
	{
		*sum = *task;
		return;
	}
	source->merge(sum, task);
	sum->retried = Max(sum->retried, task->retried);
	if (!weir_position_merge_marks(sum, task, first))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the tasks of a stream have more watermarks than its position can hold"),
				 errdetail("At most %d can be kept.", WEIR_POSITION_MARKS),
				 errhint("Let several jobs read some of its partitions each, or call weir.watermark in fewer reads of it.")));
}

int
weir_positions_merge(const WeirCoordinator *co, const WeirPendingCheckpoint *p, WeirPosition **positions)
{
	const WeirAttempt *attempt = co->run.attempt;
	int			n = 0;

	for (int i = 0; i < co->run.ntasks; i++)
		n = Max(n, attempt->tasks[i].source_number + 1);
	*positions = palloc0(sizeof(WeirPosition) * Max(n, 1));
	for (int i = 0; i < co->run.ntasks; i++)
	{
		int			number = attempt->tasks[i].source_number;

		if (number >= 0 && p->positions[i] != NULL)
			add_position(co->run.tasks[i].source, weir_attempt_stage(attempt, i)->parallelism,
						 &(*positions)[number], p->positions[i],
						 weir_task_subtask(&attempt->topology, i) == 0);
	}
	return n;
}

/* ---- where a job begins ---- */

/* Must its begin be kept, and is not known? */
static bool
must_begin(const WeirCoordinator *co, const WeirNode *source)
{
	bool		has_position = source->number < co->start.npositions &&
		co->start.positions[source->number].len > 0;

	return !has_position && weir_source_of(weir_source_plan(source)->stream)->begin != NULL;
}

/* Positions by the sources' numbers, with room for all of the graph's. */
static WeirPosition *
with_room(MemoryContext context, const WeirGraph *graph, int *n, const WeirPosition *positions)
{
	int			wanted = *n;
	WeirPosition *larger;
	WeirNode   *source;

	for (int i = 0; (source = weir_graph_source(graph, i)) != NULL; i++)
		wanted = Max(wanted, source->number + 1);
	larger = MemoryContextAllocZero(context, sizeof(WeirPosition) * wanted);
	if (*n > 0)
		memcpy(larger, positions, sizeof(WeirPosition) * *n);
	*n = wanted;
	return larger;
}

static void
begin_as_owner(const WeirCoordinator *co, Oid relid, WeirPosition *position)
{
	WeirSession before;
	WeirStream *stream;

	weir_session_enter(&before, co->job->owner, co->job->settings);
	stream = weir_stream_get(relid);
	stream->source->begin(stream, position);
	weir_session_leave(&before);
}

/* The timeline has it, if an attempt of it has begun with the source. */
bool
weir_positions_begin(WeirCoordinator *co, const WeirGraph *graph)
{
	bool		begun = false;
	int			nkept = 0;
	WeirPosition *kept = NULL;
	WeirPosition *positions = co->start.positions;
	int64		base;
	WeirNode   *source;

	for (int i = 0; (source = weir_graph_source(graph, i)) != NULL; i++)
	{
		if (!must_begin(co, source))
			continue;
		if (kept == NULL)
		{
			(void) weir_timeline_get(co->job->id, co->start.timeline, &base, &nkept, &kept);
			kept = with_room(CurrentMemoryContext, graph, &nkept, kept);
			positions = with_room(co->context, graph, &co->start.npositions, positions);
			co->start.positions = positions;
		}
		if (kept[source->number].len == 0)
		{
			begin_as_owner(co, weir_source_plan(source)->stream, &kept[source->number]);
			begun = true;
		}
		positions[source->number] = kept[source->number];
	}
	if (begun)
		weir_timeline_set_positions(co->job->id, co->start.timeline, nkept, kept);
	return begun;
}
