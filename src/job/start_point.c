/*
 * job/start_point.c
 *		Where an attempt begins: which checkpoint it restores, on which
 *		timeline it goes on, at which positions its sources start.
 *
 *	first start			a new timeline, empty, at the oldest byte, or where its source
 *						says a job begins (positions.c), as is any source that the job
 *						did not have before
 *	fresh				a new timeline, empty, where the last one had got to, without its event time;
 *						sources that tell changes at their beginning
 *	from a savepoint	a new timeline whose base is the savepoint
 *	after alter_job		where it changes state, a new timeline whose base is
 *						what the last one had got to (or empty, if the keyed
 *						step is another)
 *	else				the highest completed id of the timeline; if it has
 *						none, its base
 *
 * The number of the new timeline and its base are committed together, so a
 * crash before its first completion finds the base again.  Until then every
 * attempt writes all groups in full: nothing of the new timeline refers to
 * chunks of the old one.  Chunks of the timeline newer than what is restored
 * are deleted; those of other timelines are the trimmer's.
 *
 * A savepoint does not hold the journal.  Where the start position is no
 * longer in it, start_job refuses; with allow_gap the sources go on at the
 * first position behind the gap that is known to be a record's end.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "catalog/in_flight.h"
#include "catalog/job_node.h"
#include "catalog/snapshot.h"
#include "decide/recovery.h"
#include "job/coordinator.h"
#include "source/source.h"

static WeirCompleted *
find(List *rows, int64 checkpoint)
{
	WeirCompleted *row = weir_completed_find(rows, checkpoint);

	if (row == NULL)
		elog(ERROR, "completed checkpoint " INT64_FORMAT " is missing", checkpoint);
	return row;
}

/* The newest completed checkpoint of a timeline, or NULL. */
static WeirCompleted *
newest(List *rows, int64 timeline)
{
	int64_t    *ids = palloc(sizeof(int64_t) * Max(list_length(rows), 1));
	int64		target;
	int			n = 0;
	ListCell   *lc;

	foreach(lc, rows)
	{
		WeirCompleted *row = lfirst(lc);

		if (row->timeline == timeline)
			ids[n++] = row->checkpoint;
	}
	target = weir_recovery_target(ids, n, 0);
	return target > 0 ? find(rows, target) : NULL;
}

WeirCompleted *
weir_start_reached(const WeirJob *job, List *rows)
{
	WeirCompleted *row = newest(rows, job->timeline);
	WeirPosition *positions;
	int64		base;
	int			n;

	if (row || job->timeline == 0)
		return row;
	if (!weir_timeline_get(job->id, job->timeline, &base, &n, &positions))
		elog(ERROR, "timeline " INT64_FORMAT " of job " INT64_FORMAT " is missing",
			 job->timeline, job->id);
	return base > 0 ? find(rows, base) : NULL;
}

static void
set_positions(WeirCoordinator *co, int n, const WeirPosition *positions)
{
	if (co->start.positions)
		pfree(co->start.positions);
	co->start.npositions = n;
	co->start.positions = MemoryContextAllocZero(co->context, sizeof(WeirPosition) * n);
	if (positions)
		memcpy(co->start.positions, positions, sizeof(WeirPosition) * n);
}

static void
set_restore(WeirCoordinator *co, const WeirCompleted *row)
{
	co->start.restore = row ? row->checkpoint : 0;
	co->start.restore_timeline = row ? row->timeline : 0;
}

/* Event time begins anew: without state nothing is over. */
static void
forget_times(WeirCoordinator *co)
{
	for (int i = 0; i < co->start.npositions; i++)
		co->start.positions[i].nmarks = 0;
}

/* Sources that tell what changes begin with what is there. */
static void
renew_sources(WeirCoordinator *co)
{
	List	   *nodes = weir_job_nodes(co->job->id);

	for (int i = 0; i < co->start.npositions; i++)
	{
		Oid			stream = weir_stored_stream(nodes, i);
		const WeirSourceOps *source = OidIsValid(stream) ? weir_source_of(stream) : NULL;

		if (source != NULL && source->renew != NULL)
			source->renew(co->job->id, stream, &co->start.positions[i]);
	}
}

/* At the positions of "at" (NULL: the oldest byte), with the state of "base" (NULL: none). */
static void
begin_timeline(WeirCoordinator *co, const WeirCompleted *at, const WeirCompleted *base)
{
	set_positions(co, at ? at->npositions : 0, at ? at->positions : NULL);
	if (co->job->fresh)
	{
		forget_times(co);
		renew_sources(co);
	}
	set_restore(co, base);
	co->start.timeline = weir_timeline_begin(co->job->id, co->start.restore, co->start.npositions, co->start.positions,
									   co->job->drop_state, co->job->migrate);
	weir_job_set_timeline(co->job->id, co->start.timeline);
	co->job->timeline = co->start.timeline;
	co->job->fresh = false;
	co->job->start_from = 0;
	co->job->altered = false;
	co->start.write_full = true;
}

static void
resume_from(WeirCoordinator *co, const WeirCompleted *row)
{
	co->start.timeline = co->job->timeline;
	set_restore(co, row);
	set_positions(co, row->npositions, row->positions);
	co->start.write_full = false;
}

/* Nothing of the timeline has completed. */
static void
resume_base(WeirCoordinator *co, List *rows)
{
	int64		base = 0;
	int			n;
	WeirPosition *positions;

	co->start.timeline = co->job->timeline;
	if (!weir_timeline_get(co->job->id, co->start.timeline, &base, &n, &positions))
		elog(ERROR, "timeline " INT64_FORMAT " of job " INT64_FORMAT " is missing",
			 co->start.timeline, co->job->id);
	set_positions(co, n, positions);
	set_restore(co, base > 0 ? find(rows, base) : NULL);
	co->start.write_full = true;
}

/* Groups are fixed once state exists. */
static bool
groups_agree(WeirCoordinator *co, const WeirCompleted *row)
{
	WeirFailure failure = {.sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE};

	if (row == NULL || row->max_parallelism == co->job->max_parallelism)
		return true;
	failure.message = psprintf("state was written at max_parallelism %d, the job has %d",
							   row->max_parallelism, co->job->max_parallelism);
	weir_coordinator_fail(co, WEIR_OUTCOME_HOPELESS, &failure);
	return false;
}

/* Rows that only the checkpoint has are of the query that sent them, and go where its state is. */
static bool
leaves_rows(WeirCoordinator *co, const WeirCompleted *at)
{
	WeirFailure failure = {.sqlstate = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE};

	if (at == NULL || weir_in_flight_last_exchange(co->job->id, at->checkpoint) < 0)
		return false;
	failure.message = psprintf("checkpoint " INT64_FORMAT " holds rows on their way, which only the query and the state it was taken with can go on with",
							   at->checkpoint);
	failure.hint = "Start the job as it was, stop it with weir.stop_job, and change it or its state then.";
	weir_coordinator_fail(co, WEIR_OUTCOME_HOPELESS, &failure);
	return true;
}

/* Positions of a source in all completed checkpoints. */
static WeirPosition *
known_positions(List *rows, int source, int *n)
{
	WeirPosition *known = palloc(sizeof(WeirPosition) * Max(list_length(rows), 1));
	ListCell   *lc;

	*n = 0;
	foreach(lc, rows)
	{
		WeirCompleted *row = lfirst(lc);

		if (source < row->npositions)
			known[(*n)++] = row->positions[source];
	}
	return known;
}

/* Sources whose start can no longer be read go on behind the gap. */
static void
pass_gaps(WeirCoordinator *co, List *rows)
{
	List	   *nodes = weir_job_nodes(co->job->id);

	for (int i = 0; i < co->start.npositions; i++)
	{
		Oid			stream = weir_stored_stream(nodes, i);
		const WeirSourceOps *source = OidIsValid(stream) ? weir_source_of(stream) : NULL;
		int			nknown;
		WeirPosition *known;
		char	   *detail;
		int64		passed;

		if (source == NULL)
			continue;
		known = known_positions(rows, i, &nknown);
		passed = source->pass_gap(co->job->id, i, stream, &co->start.positions[i], nknown, known, &detail);
		pfree(known);
		if (passed > 0)
			ereport(LOG,
					(errmsg("job \"%s\" goes on without " INT64_FORMAT " %s of its stream",
							co->job->name, passed, source->unit),
					 errdetail("%s", detail),
					 errhidestmt(true)));
	}
}

bool
weir_start_choose(WeirCoordinator *co, List *rows)
{
	WeirCompleted *row = co->job->start_from > 0 ? find(rows, co->job->start_from) :
	newest(rows, co->job->timeline);
	bool		deletes = co->job->start_from == 0 && !co->job->fresh;
	WeirCompleted *at = weir_start_reached(co->job, rows);

	if (!co->job->fresh && !(co->job->altered && co->job->leave_state) &&
		!groups_agree(co, co->job->start_from > 0 ? row : at))
		return false;
	if (co->job->start_from == 0 && co->job->fresh && leaves_rows(co, at))
		return false;
	if (co->job->start_from > 0)
		begin_timeline(co, row, row);
	else if (co->job->timeline == 0 || co->job->fresh)
		begin_timeline(co, at, NULL);
	else if (co->job->altered && at)
		begin_timeline(co, at, co->job->leave_state ? NULL : at);
	else if (row)
		resume_from(co, row);
	else
		resume_base(co, rows);
	weir_snapshot_delete_newer(co->job->id, co->start.timeline, row && deletes ? row->checkpoint : 0,
							   co->job->max_parallelism);
	weir_in_flight_delete_newer(co->job->id, co->start.timeline, row && deletes ? row->checkpoint : 0);
	if (co->job->allow_gap)
		pass_gaps(co, rows);
	weir_checkpoint_settle(co->job->id);
	return true;
}
