/*
 * flow/recovery.c
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
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog/internal.h"
#include "catalog/snapshot.h"
#include "decide/recovery.h"
#include "fault.h"
#include "flow/coordinator.h"
#include "flow/lock.h"
#include "flow/mark.h"
#include "flow/task.h"
#include "source/journal.h"

static void
begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
end(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* Names of the job's prepared transactions in this database, in context. */
static List *
find_prepared(int64 job, MemoryContext context)
{
	WeirInternal saved;
	List	   *names = NIL;
	Oid			type = INT8OID;
	Datum		value = Int64GetDatum(job);
	uint64		n;

	begin();
	weir_internal_enter(&saved);
	n = weir_internal_run("SELECT gid FROM pg_catalog.pg_prepared_xacts p "
						  "WHERE database = pg_catalog.current_database() AND gid LIKE 'weir\\_%' "
						  "AND NOT EXISTS (SELECT FROM weir_internal.job j WHERE j.id = $1 "
						  "AND pg_catalog.pg_get_userbyid(j.owner) <> p.owner)",
						  1, &type, &value, NULL);
	for (uint64 i = 0; i < n; i++)
	{
		char	   *name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		WeirGid		gid;
		MemoryContext old;

		if (!weir_gid_parse(name, &gid) || gid.database != MyDatabaseId || gid.job != job)
			continue;
		old = MemoryContextSwitchTo(context);
		names = lappend(names, pstrdup(name));
		MemoryContextSwitchTo(old);
	}
	weir_internal_leave(&saved);
	end();
	return names;
}

static List *
completed_rows(int64 job, MemoryContext context)
{
	List	   *rows;
	MemoryContext old;

	begin();
	old = MemoryContextSwitchTo(context);
	rows = weir_completed_all(job);
	MemoryContextSwitchTo(old);
	end();
	MemoryContextSwitchTo(context);
	return rows;
}

/* The completed rows as the decision code wants them. */
static WeirCompletedRef *
references(List *rows)
{
	WeirCompletedRef *refs = palloc(sizeof(WeirCompletedRef) * Max(list_length(rows), 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, rows)
	{
		WeirCompleted *row = lfirst(lc);

		refs[n].attempt = row->attempt;
		refs[n++].checkpoint = row->checkpoint;
	}
	return refs;
}

/* One round; NULL, or what one of them failed with. */
static char *
resolve_once(int64 job, List *names, MemoryContext context)
{
	List	   *rows = completed_rows(job, context);
	WeirCompletedRef *refs = references(rows);
	char	   *problem = NULL;
	ListCell   *lc;

	foreach(lc, names)
	{
		char	   *name = lfirst(lc);
		ErrorData  *failure;
		WeirGid		gid;
		bool		commit;

		CHECK_FOR_INTERRUPTS();
		(void) weir_gid_parse(name, &gid);
		commit = weir_recovery_commits(&gid, refs, list_length(rows));
		failure = weir_finish_prepared(name, commit);
		if (failure == NULL)
			WEIR_FAULT(after_commit_prepared);
		/* One that is gone the markers tell of. */
		if (failure && !weir_commit_was_resolved(unpack_sql_state(failure->sqlerrcode)))
			problem = psprintf("could not %s prepared transaction \"%s\": %s",
							   commit ? "commit" : "roll back", name, failure->message);
	}
	return problem;
}

/* Until the moment that the decision code named; give_up may say sooner that it is over. */
static bool
wait_to_retry(const WeirRetry *retry, bool (*give_up) (void *), void *arg)
{
	int64		left;

	while ((left = retry->due - weir_now()) > 0)
	{
		if (give_up && give_up(arg))
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 left / 1000 + 1, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return true;
}

char *
weir_resolve_prepared(int64 job, bool (*give_up) (void *), void *arg)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "weir recovery",
												  ALLOCSET_DEFAULT_SIZES);
	WeirRetry	retry = {0};
	char	   *problem = NULL;
	List	   *names;

	WEIR_FAULT(before_resolve);
	while ((names = find_prepared(job, context)) != NIL)
	{
		problem = resolve_once(job, names, context);
		if (problem == NULL)
			continue;
		weir_retry_failed(&retry, weir_now());
		ereport(LOG,
				(errmsg("%s", problem),
				 errdetail("It is tried again in %.3f s.",
						   Max(retry.due - weir_now(), 0) / 1e6),
				 errhidestmt(true)));
		if (!wait_to_retry(&retry, give_up, arg))
			break;
		problem = NULL;
	}
	WEIR_FAULT(after_resolve);
	MemoryContextSwitchTo(old);
	if (problem)
		problem = pstrdup(problem);
	MemoryContextDelete(context);
	return problem;
}

void
weir_purge_dropped(int64 job)
{
	(void) weir_resolve_prepared(job, NULL, NULL);
	begin();
	weir_journal_drop(job);
	(void) weir_job_purge(job);
	weir_mark_forget(MyDatabaseId, job);
	end();
}

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

	by_hand = weir_recovery_by_hand(listed, nlisted, markers, nmarkers,
									references(rows), list_length(rows), &which);
	if (by_hand == WEIR_BY_HAND_ROLLED_BACK)
		weir_coordinator_fail(co, WEIR_OUTCOME_HOPELESS, ERRCODE_DATA_CORRUPTED, 0,
							  "the transaction task %d prepared for completed checkpoint "
							  INT64_FORMAT " was rolled back by hand",
							  which.task, which.checkpoint);
	else if (by_hand == WEIR_BY_HAND_COMMITTED)
		weir_coordinator_fail(co, WEIR_OUTCOME_HOPELESS, ERRCODE_DATA_CORRUPTED, 0,
							  "the transaction task %d prepared for checkpoint " INT64_FORMAT
							  ", which was not completed, was committed by hand",
							  which.task, which.checkpoint);
	return by_hand == WEIR_BY_HAND_NONE;
}

bool
weir_stop_is_decided(const WeirCoordinator *co)
{
	return co->stopping && co->doubtful != 0 && co->doubtful_kind == WEIR_FINAL;
}

/* Asked while something cannot be resolved. */
static bool
gives_up(void *arg)
{
	WeirCoordinator *co = arg;

	weir_requests_take(co);
	return co->cancelled || ShutdownRequestPending ||
		(co->stopping && !weir_stop_is_decided(co));
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
	rows = completed_rows(co->job->id, co->context);
	weir_coordinator_begin(co);
	MemoryContextSwitchTo(co->context);
	co->next_checkpoint = Max(co->next_checkpoint, weir_checkpoint_next_id(co->job->id));
	co->next_checkpoint = Max(co->next_checkpoint,
							  1 + weir_snapshot_newest(co->job->id, co->job->max_parallelism));
	WEIR_FAULT(before_restore);
	ok = markers_agree(co, rows) && weir_start_choose(co, rows);
	weir_coordinator_end(co, true);
	WEIR_FAULT(after_restore);
	return ok;
}
