/*
 * job/recovery.c
 *		What an attempt begins with, whatever ended the one before.
 *
 * Who wrote what, and what a crash at each point leaves:
 *
 *	before any PREPARE		nothing; the tables stand at the last completed
 *	some prepared, no row	prepared transactions without a completed row:
 *							rolled back, replayed
 *	row committed			prepared transactions with a completed row:
 *							committed, however often recovery itself is killed
 *	all committed			nothing to resolve
 *
 * In order: nothing of the old attempt lives (its tasks hold a lock of the
 * job); prepared transactions are found by name in pg_prepared_xacts and
 * resolved until none is left; markers are held against completed rows, as
 * somebody may have resolved a transaction by hand; then start_point.c says
 * what to restore.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/fault.h"
#include "catalog/snapshot.h"
#include "decide/recovery.h"
#include "job/coordinator.h"
#include "server/lock.h"
#include "server/mark.h"
#include "server/prepared.h"
#include "task/task.h"

/*
 * The transactions that completed rows list.  In a copy of the database they
 * bear the original's OID, where they were committed before it was copied.
 */
static WeirGid *
listed_names(List *rows, int *n)
{
	WeirGid    *gids = NULL;
	ListCell   *lc;

	*n = 0;
	foreach(lc, rows)
	{
		WeirCompleted *row = lfirst(lc);
		Size		size = sizeof(WeirGid) * (*n + row->nprepared + 1);

		gids = gids ? repalloc(gids, size) : palloc(size);
		for (int i = 0; i < row->nprepared; i++)
		{
			if (!weir_gid_parse(row->prepared[i], &gids[*n]))
				elog(ERROR, "completed checkpoint " INT64_FORMAT " lists \"%s\"",
					 row->checkpoint, row->prepared[i]);
			gids[(*n)++].database = MyDatabaseId;
		}
	}
	return gids;
}

/* Did somebody resolve a transaction by hand?  Then the output is not what was decided. */
static bool
markers_agree(WeirCoordinator *co, List *rows)
{
	int			nlisted;
	WeirGid    *listed = listed_names(rows, &nlisted);
	int			nmarkers;
	WeirGid    *markers = weir_marker_all(co->job->id, &nmarkers);
	WeirGid		which;
	WeirByHand	by_hand;
	WeirFailure failure = {.sqlstate = ERRCODE_DATA_CORRUPTED};

	by_hand = weir_recovery_by_hand(listed, nlisted, markers, nmarkers,
									weir_completed_refs(rows), list_length(rows), &which);
	if (by_hand == WEIR_BY_HAND_ROLLED_BACK)
		failure.message = psprintf("the transaction task %d prepared for completed checkpoint "
								   INT64_FORMAT " was rolled back by hand",
								   which.task, which.checkpoint);
	else if (by_hand == WEIR_BY_HAND_COMMITTED)
		failure.message = psprintf("the transaction task %d prepared for checkpoint " INT64_FORMAT
								   ", which was not completed, was committed by hand",
								   which.task, which.checkpoint);
	if (by_hand == WEIR_BY_HAND_NONE)
		return true;
	weir_coordinator_fail(co, WEIR_OUTCOME_HOPELESS, &failure);
	return false;
}

/* Asked while something cannot be resolved. */
static bool
gives_up(void *arg)
{
	WeirCoordinator *co = arg;

	weir_requests_take(co);
	return co->stop.cancelled || ShutdownRequestPending ||
		(weir_stop_ends_job(&co->stop) && !weir_stop_is_doubtful(&co->stop));
}

bool
weir_resolve(WeirCoordinator *co)
{
	MemoryContext old = MemoryContextSwitchTo(co->context);

	co->unresolved = weir_resolve_prepared(co->job->id, gives_up, co);
	MemoryContextSwitchTo(old);
	return co->unresolved == NULL;
}

bool
weir_recover(WeirCoordinator *co)
{
	List	   *rows;
	bool		ok;

	(void) weir_lock_tasks(co->job->id, true, true);
	weir_unlock_tasks(co->job->id);
	if (!weir_resolve(co))
	{
		co->outcome = WEIR_OUTCOME_CANCELLED;
		return false;
	}
	MemoryContextReset(co->run.context);	/* no attempt is under way */
	rows = weir_completed_rows(co->job->id, co->run.context);
	weir_coordinator_begin(co);
	MemoryContextSwitchTo(co->run.context);
	co->checkpoints.next_id = Max(co->checkpoints.next_id, weir_checkpoint_next_id(co->job->id));
	co->checkpoints.next_id = Max(co->checkpoints.next_id,
							  1 + weir_snapshot_newest(co->job->id, co->job->max_parallelism));
	WEIR_FAULT(before_restore);
	ok = markers_agree(co, rows) && weir_start_choose(co, rows);
	weir_coordinator_end(co, true);
	WEIR_FAULT(after_restore);
	return ok;
}
