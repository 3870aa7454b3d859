/*
 * server/prepared.c
 *		Resolves what is prepared of a job, found by name in pg_prepared_xacts:
 *		committed if its checkpoint has a completed row, else rolled back.
 *
 * It is tried until nothing is left, at growing distances where it fails, by the
 * coordinator that recovers, and by the workers that settle what belongs to no
 * coordinator.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "base/fault.h"
#include "catalog/job.h"
#include "catalog/prepared.h"
#include "decide/commit.h"
#include "server/mark.h"
#include "server/prepared.h"
#include "source/source.h"

ErrorData *
weir_finish_prepared(const char *gid, bool commit)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile failure = NULL;

	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		WEIR_FAULT(before_commit_prepared);
		FinishPreparedTransaction(gid, commit);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		failure = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return failure;
}

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
	List	   *names;

	begin();
	MemoryContextSwitchTo(context);
	names = weir_prepared_of_job(job);
	end();
	MemoryContextSwitchTo(context);
	return names;
}

List *
weir_completed_rows(int64 job, MemoryContext context)
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
WeirCompletedRef *
weir_completed_refs(List *rows)
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
	List	   *rows = weir_completed_rows(job, context);
	WeirCompletedRef *refs = weir_completed_refs(rows);
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
	long		left;

	while ((left = weir_ms_until(retry->due)) > 0)
	{
		if (give_up && give_up(arg))
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 left, PG_WAIT_EXTENSION);
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
	weir_source_forget(job);
	(void) weir_job_purge(job);
	weir_mark_forget(MyDatabaseId, job);
	end();
}
