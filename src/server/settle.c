/*
 * server/settle.c
 *		What stays prepared, whatever became of its job: found by name.
 *
 *	the job is there			committed if its completed row is, else rolled back
 *	the job was dropped			the same: its completed rows outlive it as long
 *								as something of it is prepared; then what it
 *								left is purged
 *	the extension was dropped	rolled back: nobody has decided anything
 *
 * COMMIT PREPARED needs a transaction of its own, in the same database: a
 * worker does it for a command that holds the jobs, and the scan worker at the
 * server's start.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/session.h"
#include "catalog/prepared.h"
#include "decide/recovery.h"
#include "server/lock.h"
#include "server/prepared.h"
#include "server/registry_int.h"
#include "server/settle.h"
#include "server/worker.h"

#define GIVE_UP_AFTER_MS 60000
#define LOOK_FOR_WORKER_MS 100	/* while none is free */

/* Names of transactions of the job (0: any) prepared in the database, in CurrentMemoryContext. */
static List *
prepared_names(Oid database, int64 job)
{
	List	   *names;

	PushActiveSnapshot(GetTransactionSnapshot());
	names = weir_prepared_in(database, job);
	PopActiveSnapshot();
	return names;
}

bool
weir_is_unsettled(Oid database, int64 job)
{
	return prepared_names(database, job) != NIL;
}

typedef enum Belongs
{
	TO_JOB,
	TO_DROPPED_JOB,
	TO_NOTHING					/* the extension is gone */
} Belongs;

/* In a transaction of its own; names in the caller's context. */
static Belongs
look(int64 job, List **names)
{
	MemoryContext context = CurrentMemoryContext;
	Belongs		belongs = TO_NOTHING;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	PushActiveSnapshot(GetTransactionSnapshot());
	*names = prepared_names(MyDatabaseId, job);
	if (OidIsValid(get_extension_oid("weir", true)))
		belongs = weir_job_by_id(job) ? TO_JOB : TO_DROPPED_JOB;
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return belongs;
}

static void
roll_back(List *names)
{
	MemoryContext context = CurrentMemoryContext;
	ListCell   *lc;

	foreach(lc, names)
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		FinishPreparedTransaction(lfirst(lc), false);
		CommitTransactionCommand();
		MemoryContextSwitchTo(context);
	}
}

static void
announce(List *names, Belongs belongs)
{
	ListCell   *lc;

	foreach(lc, names)
		ereport(LOG,
				(errmsg(belongs == TO_NOTHING ?
						"rolling back prepared transaction \"%s\": extension weir was dropped" :
						"resolving prepared transaction \"%s\": its job was dropped",
						(char *) lfirst(lc)),
				 errhidestmt(true)));
}

/* Nothing of the job runs: its locks are held. */
static void
settle_job(int64 job)
{
	List	   *names;
	Belongs		belongs = look(job, &names);

	if (belongs != TO_JOB)
		announce(names, belongs);
	if (belongs == TO_JOB)
		(void) weir_resolve_prepared(job, NULL, NULL);
	else if (belongs == TO_DROPPED_JOB)
		weir_purge_dropped(job);
	else
		roll_back(names);
}

static List *
add_job(List *jobs, int64 job)
{
	ListCell   *lc;

	foreach(lc, jobs)
	{
		if (*(int64 *) lfirst(lc) == job)
			return jobs;
	}
	return lappend(jobs, memcpy(palloc(sizeof(int64)), &job, sizeof(int64)));
}

/* The jobs of this database that have something prepared. */
static List *
prepared_jobs(int64 job)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *jobs = NIL;
	ListCell   *lc;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	foreach(lc, prepared_names(MyDatabaseId, job))
	{
		WeirGid		gid;

		(void) weir_gid_parse(lfirst(lc), &gid);
		jobs = add_job(jobs, gid.job);
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return jobs;
}

/* Those and what the registry knows: their tasks may not be gone yet. */
static List *
held_jobs(int64 job)
{
	List	   *jobs = prepared_jobs(job);
	int64	   *known = palloc(sizeof(int64) * weir_registry->nslots);
	int			n = 0;

	LWLockAcquire(weir_registry->lock, LW_SHARED);
	for (int i = 0; i < weir_registry->nslots; i++)
	{
		WeirJobSlot *slot = &weir_registry->slots[i];

		if (slot->used && slot->database == MyDatabaseId && (job == 0 || slot->job == job))
			known[n++] = slot->job;
	}
	LWLockRelease(weir_registry->lock);
	for (int i = 0; i < n; i++)
		jobs = add_job(jobs, known[i]);
	return jobs;
}

void
weir_settle_main(Datum arg)
{
	WeirHold	hold;
	int			index = DatumGetInt32(arg);
	ListCell   *lc;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	memcpy(&hold, MyBgworkerEntry->bgw_extra, sizeof(hold));
	BackgroundWorkerInitializeConnectionByOid(hold.database, BOOTSTRAP_SUPERUSERID,
											  BGWORKER_BYPASS_ALLOWCONN);
	weir_session_begin_process();
	foreach(lc, held_jobs(hold.job))
	{
		int64		job = *(int64 *) lfirst(lc);

		(void) weir_lock_coordinator(job, true);
		(void) weir_lock_tasks(job, true, true);
		settle_job(job);
	}
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	weir_registry->holds[index].settled = true;
	LWLockRelease(weir_registry->lock);
	proc_exit(0);
}

void
weir_settle_orphans(void)
{
	ListCell   *lc;

	foreach(lc, prepared_jobs(0))
	{
		int64		job = *(int64 *) lfirst(lc);

		/* who holds the lock, or is about to be started, resolves it; what waits may wait long */
		if (weir_registry_is_admitted(job) || !weir_lock_coordinator(job, false))
			continue;
		(void) weir_lock_tasks(job, true, true);
		settle_job(job);
	}
}

/* The latch is also set by the postmaster when the worker starts or ends. */
static void
wait_on_latch(int64 give_up, long at_most)
{
	long		left = weir_ms_until(give_up);

	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 Min(left, at_most), PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static void
no_worker_free(const char *command)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("no worker is free to resolve prepared transactions for %s", command),
			 errhint("Raise max_worker_processes, or try again.")));
}

static BackgroundWorkerHandle *
have_worker(int index, int64 give_up, const char *command)
{
	WeirWorker	worker = {"weir_settle_main", "weir settle", "weir settle", Int32GetDatum(index),
	&weir_registry->holds[index], sizeof(WeirHold)};
	BackgroundWorkerHandle *handle;

	while (!weir_worker_start(&worker, &handle))
	{
		if (weir_now() >= give_up)
			no_worker_free(command);
		wait_on_latch(give_up, LOOK_FOR_WORKER_MS);
	}
	return handle;
}

static void
wait_for_worker(BackgroundWorkerHandle *handle, int64 give_up, const char *command)
{
	pid_t		pid;

	while (GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED)
	{
		if (weir_now() >= give_up)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("the jobs could not be stopped for %s", command),
					 errdetail("A task still runs, or a transaction could not be resolved, after %d s.",
							   GIVE_UP_AFTER_MS / 1000),
					 errhint("See weir.tasks and pg_prepared_xacts for what is left.")));
		wait_on_latch(give_up, GIVE_UP_AFTER_MS);
	}
}

void
weir_settle(int index, const char *command)
{
	int64		give_up = weir_now() + GIVE_UP_AFTER_MS * INT64CONST(1000);
	BackgroundWorkerHandle *handle = have_worker(index, give_up, command);
	bool		settled;

	PG_TRY();
	{
		wait_for_worker(handle, give_up, command);
	}
	PG_CATCH();
	{
		TerminateBackgroundWorker(handle);
		PG_RE_THROW();
	}
	PG_END_TRY();
	LWLockAcquire(weir_registry->lock, LW_SHARED);
	settled = weir_registry->holds[index].settled;
	LWLockRelease(weir_registry->lock);
	if (!settled)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("prepared transactions of jobs could not be resolved for %s", command),
				 errdetail("The worker \"weir settle\" failed."),
				 errhint("The server's log says why.")));
}
