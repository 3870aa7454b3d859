/*
 * flow/launcher.c
 *		The one static worker of a cluster.
 *
 * At its start (which is the server's start, its recovery from a crash, or a
 * standby's promotion) it sends a scan worker through one database after the
 * other; each scan worker enters the jobs that should run there into the
 * registry.  From then on the launcher waits: for start_job, which enters its
 * job and sets the latch, and for coordinators that end.  One that ended
 * without ending its job is started again.
 *
 *	registry slot:   free -> claimed -> wanted -> (worker started) coordinated -> ended -> free
 *													  ^                |
 *													  +--- died -------+
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog/job.h"
#include "flow/coordinator.h"
#include "flow/launcher.h"
#include "flow/mark.h"
#include "flow/registry_int.h"
#include "flow/settle.h"
#include "settings.h"

#define RESTART_PAUSE_MS 1000	/* before a coordinator that died is started again */

typedef struct Started
{
	BackgroundWorkerHandle *handle;
	bool		running;
	TimestampTz not_before;		/* when the next may be started, 0: at once */
} Started;

void
weir_launcher_register(void)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "weir", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "weir_launcher_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "weir launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "weir launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

static void
leave_registry(int code, Datum arg)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	weir_registry->launcher = NULL;
	LWLockRelease(weir_registry->lock);
}

static List *
connectable_databases(void)
{
	List	   *result = NIL;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;
	MemoryContext context = CurrentMemoryContext;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old;

		if (!form->datallowconn)
			continue;
		old = MemoryContextSwitchTo(context);
		result = lappend_oid(result, form->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	PopActiveSnapshot();
	CommitTransactionCommand();
	return result;
}

static bool
start_worker(const char *function, const char *name, const char *type, Datum arg,
			 const void *extra, Size extra_size, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {0};
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	bool		ok;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = arg;
	strlcpy(worker.bgw_library_name, "weir", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, function, BGW_MAXLEN);
	strlcpy(worker.bgw_name, name, BGW_MAXLEN);
	strlcpy(worker.bgw_type, type, BGW_MAXLEN);
	if (extra_size > 0)
		memcpy(worker.bgw_extra, extra, extra_size);
	ok = RegisterDynamicBackgroundWorker(&worker, handle);
	MemoryContextSwitchTo(old);
	return ok;
}

/* One scan worker after the other: a cluster of many databases is not flooded. */
static void
scan_databases(void)
{
	ListCell   *lc;

	foreach(lc, connectable_databases())
	{
		Oid			database = lfirst_oid(lc);
		BackgroundWorkerHandle *handle;

		if (!start_worker("weir_scan_main", "weir scan", "weir scan",
						  ObjectIdGetDatum(database), NULL, 0, &handle))
		{
			ereport(LOG,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("weir cannot look for jobs in database %u", database),
					 errhint("Raise max_worker_processes.")));
			continue;
		}
		if (WaitForBackgroundWorkerShutdown(handle) == BGWH_POSTMASTER_DIED)
			proc_exit(1);
	}
}

static int64 *
dropped_jobs(int *n)
{
	int64	   *found = weir_jobs_dropped(n);
	int64	   *result = MemoryContextAlloc(TopMemoryContext, sizeof(int64) * Max(*n, 1));

	if (*n > 0)
		memcpy(result, found, sizeof(int64) * *n);
	return result;
}

/*
 * The scan worker: enters what should run in this database into the registry,
 * purges what a dropped job left behind, and resolves what is prepared and
 * nobody else will resolve.
 */
void
weir_scan_main(Datum arg)
{
	int64	   *jobs = NULL;
	int64	   *dropped = NULL;
	int			n = 0;
	int			ndropped = 0;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg),
											  BOOTSTRAP_SUPERUSERID, 0);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (weir_autostart && OidIsValid(get_extension_oid("weir", true)))
		jobs = weir_jobs_wanted(&n);
	for (int i = 0; i < n; i++)
	{
		if (!weir_registry_is_active(jobs[i]))
			weir_registry_start(MyDatabaseId, jobs[i]);
	}
	if (OidIsValid(get_extension_oid("weir", true)))
		dropped = dropped_jobs(&ndropped);
	PopActiveSnapshot();
	CommitTransactionCommand();
	for (int i = 0; i < ndropped; i++)
		weir_purge_dropped(dropped[i]);
	weir_settle_orphans();
	proc_exit(0);
}

/* Starts a coordinator for the slot, if it wants one; the lock is not held. */
static bool
start_coordinator(int index, Started *started)
{
	WeirJobSlot *slot = &weir_registry->slots[index];
	WeirCoordinatorArg arg;
	bool		wanted;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	wanted = slot->used && slot->wanted && slot->coordinator == NULL &&
		!weir_slot_is_held(slot);
	arg.database = slot->database;
	arg.job = slot->job;
	LWLockRelease(weir_registry->lock);
	if (!wanted)
		return true;
	started->running = start_worker("weir_coordinator_main", "weir coordinator",
									"weir coordinator", Int32GetDatum(index),
									&arg, sizeof(arg), &started->handle);
	if (!started->running)
		return false;
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot->wanted = false;
	LWLockRelease(weir_registry->lock);
	return true;
}

static bool
database_exists(Oid database)
{
	bool		exists;

	StartTransactionCommand();
	exists = get_database_name(database) != NULL;
	CommitTransactionCommand();
	return exists;
}

/* The slot's coordinator is gone: free the slot, or want another one. */
static bool
coordinator_gone(int index)
{
	WeirJobSlot *slot = &weir_registry->slots[index];
	bool		exists = database_exists(slot->database);
	bool		died;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	if (!exists)
	{
		slot->ended = true;
		slot->wanted = false;
	}
	died = !slot->ended;
	if (slot->wanted)
		slot->ended = false;	/* start_job came while it was ending */
	else if (died)
		slot->wanted = true;
	else if (!slot->claimed)
		slot->used = false;
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
	return died;
}

/*
 * A launcher that was started again holds no handles of the coordinators that
 * run; they set its latch when they leave.
 */
static bool
is_orphaned(int index)
{
	WeirJobSlot *slot = &weir_registry->slots[index];
	bool		orphaned;

	LWLockAcquire(weir_registry->lock, LW_SHARED);
	orphaned = slot->used && !slot->wanted && !slot->claimed && slot->coordinator == NULL;
	LWLockRelease(weir_registry->lock);
	return orphaned;
}

/* A coordinator that dies at once must not be started again and again. */
static void
pause_before(Started *started)
{
	started->not_before = GetCurrentTimestamp() + RESTART_PAUSE_MS * INT64CONST(1000);
}

/* Looks after every slot; returns how long to wait, in ms, or -1. */
static long
look_after(Started *started, int n)
{
	long		timeout = -1;

	for (int i = 0; i < n; i++)
	{
		pid_t		pid;

		if (started[i].running &&
			GetBackgroundWorkerPid(started[i].handle, &pid) == BGWH_STOPPED)
		{
			started[i].running = false;
			pfree(started[i].handle);
			if (coordinator_gone(i))
				pause_before(&started[i]);
		}
		else if (!started[i].running && is_orphaned(i) && coordinator_gone(i))
			pause_before(&started[i]);
		if (GetCurrentTimestamp() < started[i].not_before)
			timeout = RESTART_PAUSE_MS;
		else if (!started[i].running && !start_coordinator(i, &started[i]))
			timeout = RESTART_PAUSE_MS;
	}
	return timeout;
}

/* A launcher that was started again must not take its own end for the server's. */
static void
enter_registry(void)
{
	WeirServerEnd end = weir_mark_server();

	before_shmem_exit(leave_registry, 0);
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	weir_registry->launcher = MyProc;
	if (!weir_registry->end_known)
		weir_registry->ended = end;
	weir_registry->end_known = true;
	LWLockRelease(weir_registry->lock);
}

void
weir_launcher_main(Datum arg)
{
	Started    *started;
	int			n;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	n = weir_registry->nslots;
	started = MemoryContextAllocZero(TopMemoryContext, n * sizeof(Started));
	enter_registry();
	scan_databases();
	for (;;)
	{
		long		timeout = look_after(started, n);

		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH |
						 (timeout >= 0 ? WL_TIMEOUT : 0),
						 timeout, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
}
