/*
 * catalog/snapshot_trim.c
 *		weir_internal.snapshot: which chunks exist, and how those go that no
 *		restore can reach.
 *
 * A chunk of a group is out of reach once its group has a newer full chunk that is
 * no newer than what may be restored.  Chunks of a savepoint, or of a checkpoint
 * that may become one, stay.  Checkpoint ids rise from timeline to timeline, so
 * what is older than a timeline's base is older than what it needs, whichever
 * timeline wrote it.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "utils/memutils.h"

#include "catalog/internal.h"
#include "catalog/job_node.h"
#include "catalog/row.h"
#include "catalog/snapshot.h"
#include "catalog/snapshot_scan.h"

/* The group's newest chunk of the kind. */
static int64
newest(WeirChunkScan *scan, int group, bool is_full)
{
	weir_chunk_scan_range(scan, group, is_full, 0, PG_INT64_MAX);
	return weir_chunk_scan_next(scan, true) ?
		DatumGetInt64(weir_chunk_scan_get(scan, WEIR_CHUNK_CHECKPOINT)) : 0;
}

int64
weir_snapshot_newest(int64 job, int ngroups)
{
	int			nsteps = weir_job_steps(job);
	int64		result = 0;

	for (int step = 0; step < nsteps; step++)
	{
		WeirChunkScan scan;

		weir_chunk_scan_open(&scan, AccessShareLock, job, step);
		for (int group = 0; group < ngroups; group++)
		{
			result = Max(result, newest(&scan, group, true));
			result = Max(result, newest(&scan, group, false));
		}
		weir_chunk_scan_close(&scan);
	}
	return result;
}

/* timeline 0: of any. */
static void
delete_range(WeirChunkScan *scan, int group, int64 timeline, int64 after, int64 last)
{
	if (after >= last)
		return;
	for (int is_full = 0; is_full <= 1; is_full++)
	{
		weir_chunk_scan_range(scan, group, is_full, after, last);
		while (weir_chunk_scan_next(scan, false))
		{
			if (timeline == 0 ||
				DatumGetInt64(weir_chunk_scan_get(scan, WEIR_CHUNK_TIMELINE)) == timeline)
				simple_heap_delete(scan->table, &scan->slot->tts_tid);
		}
	}
}

void
weir_snapshot_delete_newer(int64 job, int64 timeline, int64 checkpoint, int ngroups)
{
	int			nsteps = weir_job_steps(job);

	for (int step = 0; step < nsteps; step++)
	{
		WeirChunkScan scan;

		weir_chunk_scan_open(&scan, RowExclusiveLock, job, step);
		for (int group = 0; group < ngroups; group++)
			delete_range(&scan, group, timeline, checkpoint, PG_INT64_MAX);
		weir_chunk_scan_close(&scan);
	}
}

void
weir_snapshot_delete_group(int64 job, int group)
{
	int			nsteps = weir_job_steps(job);

	for (int step = 0; step < nsteps; step++)
	{
		WeirChunkScan scan;

		weir_chunk_scan_open(&scan, RowExclusiveLock, job, step);
		delete_range(&scan, group, 0, 0, PG_INT64_MAX);
		weir_chunk_scan_close(&scan);
	}
}

/* Checkpoints whose chunks stay whatever is newer, ascending. */
static int64 *
protected_ids(int64 job, int *n)
{
	WeirInternal saved;
	MemoryContext context = CurrentMemoryContext;
	WeirArguments args = {0};
	int64	   *ids;

	weir_bind_int64(&args, job);
	weir_internal_enter(&saved);
	*n = (int) weir_internal_run("SELECT checkpoint FROM weir_internal.completed "
								 "WHERE job = $1 AND savepoint IS NOT NULL "
								 "UNION SELECT id FROM weir_internal.checkpoint "
								 "WHERE job = $1 AND status = 'in_progress' ORDER BY checkpoint", &args);
	ids = MemoryContextAlloc(context, sizeof(int64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		ids[i] = weir_row_int64(i, "checkpoint");
	weir_internal_leave(&saved);
	return ids;
}

static bool
is_of_timeline(int64 job, int64 timeline, int64 checkpoint)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, checkpoint);
	weir_bind_int64(&args, timeline);
	return weir_internal_execute("SELECT FROM weir_internal.completed "
								 "WHERE job = $1 AND checkpoint = $2 AND timeline = $3", &args) > 0;
}

static void
trim_group(WeirChunkScan *scan, int group, int64 timeline, int64 oldest, const int64 *keep, int nkeep)
{
	int64		base = weir_chunk_scan_base(scan, group, timeline, oldest);
	int64		last = base > 0 ? base - 1 : oldest;
	int64		after = 0;

	for (int i = 0; i < nkeep && keep[i] <= last; i++)
	{
		delete_range(scan, group, 0, after, keep[i] - 1);
		after = keep[i];
	}
	delete_range(scan, group, 0, after, last);
}

/* A step that the job has no more writes no full chunk: all that it kept goes. */
void
weir_snapshot_trim(int64 job, int64 timeline, int64 oldest, int first, int end)
{
	int64	   *keep;
	int			nkeep;
	int			nsteps;

	/* As long as the timeline it left is retained, this one has nothing to give back. */
	if (!is_of_timeline(job, timeline, oldest))
		return;
	keep = protected_ids(job, &nkeep);
	nsteps = weir_job_steps(job);
	for (int step = 0; step < nsteps; step++)
	{
		WeirChunkScan scan;

		weir_chunk_scan_open(&scan, RowExclusiveLock, job, step);
		for (int group = first; group < end; group++)
			trim_group(&scan, group, timeline, oldest, keep, nkeep);
		weir_chunk_scan_close(&scan);
	}
	pfree(keep);
}
