/*
 * server/launcher.c
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
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/session.h"
#include "base/settings.h"
#include "catalog/job.h"
#include "catalog/version.h"
#include "server/launcher.h"
#include "server/mark.h"
#include "server/prepared.h"
#include "server/registry_int.h"
#include "server/settle.h"
#include "server/worker.h"

#define RESTART_PAUSE_MS 1000	/* before a coordinator that died is started again, the first time */
#define LONGEST_PAUSE_MS 60000
#define LOOK_AGAIN_MS 10000		/* does the database take connections by now? */

typedef struct Started
{
	BackgroundWorkerHandle *handle;
	bool		running;
	int			failures;		/* in a row */
	int64		not_before;		/* when the next may be started, 0: at once */
} Started;

static bool no_worker_said = false;

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

/* Not those that wait to be copied, nor what an interrupted DROP DATABASE has left. */
static bool
may_hold_jobs(Form_pg_database form)
{
	return form->datconnlimit >= -1 && (form->datallowconn || !form->datistemplate);
}

static List *
databases_with_jobs(void)
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

		if (!may_hold_jobs(form))
			continue;
		old = MemoryContextSwitchTo(context);
		result = lappend_oid(result, form->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return result;
}

/* With a handle that outlives what the caller does. */
static bool
start_worker(const WeirWorker *worker, BackgroundWorkerHandle **handle)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	bool		ok = weir_worker_start(worker, handle);

	MemoryContextSwitchTo(old);
	return ok;
}

/* Without a worker the jobs are looked for later. */
static bool
scan_database(Oid database)
{
	WeirWorker	scan = {"weir_scan_main", "weir scan", "weir scan", ObjectIdGetDatum(database)};
	BackgroundWorkerHandle *handle;

	if (!start_worker(&scan, &handle))
		return false;
	if (WaitForBackgroundWorkerShutdown(handle) == BGWH_POSTMASTER_DIED)
		proc_exit(1);
	pfree(handle);
	return true;
}

/* One scan worker after the other: a cluster of many databases is not flooded. */
static void
scan_databases(void)
{
	List	   *databases = databases_with_jobs();
	bool		all = true;
	ListCell   *lc;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	weir_registry->overflow = 0;
	weir_registry->scan_asked = false;
	weir_registry->freed = false;
	LWLockRelease(weir_registry->lock);
	foreach(lc, databases)
		all = scan_database(lfirst_oid(lc)) && all;
	list_free(databases);
	if (!all && !no_worker_said)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("weir cannot look for jobs in every database: no background worker is free"),
				 errdetail("It is tried again until there is one."),
				 errhint("Raise max_worker_processes.")));
	no_worker_said = !all;
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	weir_registry->scanned = all && !weir_registry->scan_asked;
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
}

/* Have jobs not been found yet, or found no slot, and is there one? */
static bool
scan_again(void)
{
	bool		again;

	LWLockAcquire(weir_registry->lock, LW_SHARED);
	again = !weir_registry->scanned || (weir_registry->overflow > 0 && weir_registry->freed);
	LWLockRelease(weir_registry->lock);
	return again;
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

static void
enter_job(int64 id)
{
	WeirJob    *job = weir_registry_is_active(id) ? NULL : weir_job_by_id(id);

	if (job)					/* it may just have been dropped */
		weir_registry_enter(job);
}

/* Jobs of another version's tables wait for ALTER EXTENSION. */
static bool
is_of_other_version(void)
{
	char	   *installed;

	if (weir_version_is_current(&installed) || installed == NULL)
		return false;
	ereport(LOG,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("jobs of database \"%s\" wait: its extension weir is of version %s, the library of %s",
					get_database_name(MyDatabaseId), installed, WEIR_SQL_VERSION),
			 errhint("Run ALTER EXTENSION weir UPDATE in it.")));
	return true;
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
	bool		ours;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), BOOTSTRAP_SUPERUSERID,
											  BGWORKER_BYPASS_ALLOWCONN);
	weir_session_begin_process();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	ours = !is_of_other_version();
	if (!weir_autostart)
		weir_registry_leave_alone();
	else if (ours && OidIsValid(get_extension_oid("weir", true)))
		jobs = weir_jobs_wanted(&n);
	for (int i = 0; i < n; i++)
		enter_job(jobs[i]);
	if (ours && OidIsValid(get_extension_oid("weir", true)))
		dropped = dropped_jobs(&ndropped);
	PopActiveSnapshot();
	CommitTransactionCommand();
	for (int i = 0; i < ndropped; i++)
		weir_purge_dropped(dropped[i]);
	if (ours)
		weir_settle_orphans();
	proc_exit(0);
}

/* Does the database take connections?  False also if it is gone. */
static bool
takes_connections(Oid database, bool *exists, char *name)
{
	HeapTuple	tuple;
	bool		takes = false;

	StartTransactionCommand();
	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	*exists = HeapTupleIsValid(tuple);
	if (*exists)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		takes = form->datallowconn && form->datconnlimit >= -1;
		strlcpy(name, NameStr(form->datname), NAMEDATALEN);
		ReleaseSysCache(tuple);
	}
	CommitTransactionCommand();
	return takes;
}

static bool
wants_coordinator(WeirJobSlot *slot)
{
	return slot->used && slot->wanted && slot->coordinator == NULL &&
		!weir_slot_is_held(slot);
}

/* Wanted, and admitted; the lock is not held. */
static bool
is_to_be_started(WeirJobSlot *slot, WeirCoordinatorArg *arg)
{
	bool		start;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	start = wants_coordinator(slot) && slot->admitted;
	if (start)
		slot->ended = false;	/* unless it is withdrawn from here on */
	arg->database = slot->database;
	arg->job = slot->job;
	LWLockRelease(weir_registry->lock);
	weir_slot_say(slot);
	return start;
}

/* Not now: tried again, each time after longer. */
static void
put_off(Started *started, long longest_ms)
{
	long		pause = RESTART_PAUSE_MS << Min(started->failures, 10);

	started->failures++;
	started->not_before = weir_now() + Min(pause, longest_ms) * INT64CONST(1000);
}

static void
put_off_start(WeirJobSlot *slot, Started *started, const char *database)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	if (database)
		weir_slot_waits(slot, "database \"%s\" does not accept connections", database);
	else
		weir_slot_waits(slot, "no background worker is free, as others than jobs have taken what max_worker_processes (%d) allows: raise that, or lower max_parallel_workers",
						max_worker_processes);
	LWLockRelease(weir_registry->lock);
	weir_slot_say(slot);
	put_off(started, database ? LOOK_AGAIN_MS : RESTART_PAUSE_MS);
}

/* Starts a coordinator for the slot, if it wants one and there is room for it. */
static void
start_coordinator(int index, Started *started)
{
	WeirJobSlot *slot = &weir_registry->slots[index];
	WeirCoordinatorArg arg;
	WeirWorker	coordinator = {"weir_coordinator_main", "weir coordinator", "weir coordinator",
	Int32GetDatum(index), &arg, sizeof(arg)};
	char		database[NAMEDATALEN];
	bool		exists;

	if (!is_to_be_started(slot, &arg))
		return;
	if (!takes_connections(arg.database, &exists, database) && exists)
	{
		put_off_start(slot, started, database);
		return;
	}
	started->running = start_worker(&coordinator, &started->handle);
	if (!started->running)
	{
		put_off_start(slot, started, NULL);
		return;
	}
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot->wanted = false;
	LWLockRelease(weir_registry->lock);
}

/* The slot's coordinator is gone: free the slot, or want another one. */
static void
coordinator_gone(int index, Started *started)
{
	WeirJobSlot *slot = &weir_registry->slots[index];
	char		database[NAMEDATALEN];
	bool		exists;
	bool		died;

	(void) takes_connections(slot->database, &exists, database);
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	if (!exists)
	{
		slot->ended = true;
		slot->wanted = false;
	}
	died = !slot->ended && !slot->withdrawn;
	if (died && !slot->live)
		weir_slot_waits(slot, "its coordinator ended at its start; the server's log says why");
	else
		started->failures = 0;
	if (slot->wanted)
		slot->ended = false;	/* start_job came while it was ending */
	else if (died)
		slot->wanted = true;
	else if (!slot->claimed)
	{
		slot->used = false;
		weir_registry->freed = true;
	}
	slot->live = false;
	LWLockRelease(weir_registry->lock);
	if (died)
		put_off(started, LONGEST_PAUSE_MS);
	else
		started->not_before = 0;	/* the slot's next job has nothing to do with it */
	/* Somebody may wait for what it gives back. */
	SetLatch(MyLatch);
	weir_registry_changed();
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
	orphaned = slot->used && !slot->wanted && !slot->claimed && !slot->withdrawn &&
		slot->coordinator == NULL;
	LWLockRelease(weir_registry->lock);
	return orphaned;
}

/* How long nothing is to be done for the slot, in ms, or -1. */
static long
look_after_one(int index, Started *started)
{
	int64		now = weir_now();
	pid_t		pid;

	if (started->running && GetBackgroundWorkerPid(started->handle, &pid) == BGWH_STOPPED)
	{
		started->running = false;
		pfree(started->handle);
		coordinator_gone(index, started);
	}
	else if (!started->running && is_orphaned(index))
		coordinator_gone(index, started);
	if (started->running)
		return -1;
	if (now >= started->not_before)
		start_coordinator(index, started);
	return started->not_before > now ? (started->not_before - now) / 1000 + 1 : -1;
}

/* Among slots that wait, in the order of their turns; the lock is held. */
static int
next_turn(uint64 behind, int n)
{
	int			found = -1;

	for (int i = 0; i < n; i++)
	{
		WeirJobSlot *slot = &weir_registry->slots[i];

		if (slot->since > behind && (found < 0 || slot->since < weir_registry->slots[found].since))
			found = i;
	}
	return found;
}

/* Those that wait are admitted in their order, whichever slots they have. */
static void
admit_waiting(int n)
{
	uint64		behind = 0;
	int			index;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	while ((index = next_turn(behind, n)) >= 0)
	{
		WeirJobSlot *slot = &weir_registry->slots[index];

		behind = slot->since;
		if (wants_coordinator(slot))
			(void) weir_slot_admit(slot);
	}
	LWLockRelease(weir_registry->lock);
}

/* Looks after every slot; returns how long to wait, in ms, or -1. */
static long
look_after(Started *started, int n)
{
	long		timeout = -1;

	admit_waiting(n);
	for (int i = 0; i < n; i++)
	{
		long		left = look_after_one(i, &started[i]);

		if (left >= 0)
			timeout = timeout < 0 ? left : Min(timeout, left);
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
	for (;;)
	{
		long		timeout = -1;

		if (scan_again())
			scan_databases();
		timeout = look_after(started, n);
		if (scan_again())
			timeout = timeout < 0 ? RESTART_PAUSE_MS : Min(timeout, RESTART_PAUSE_MS);
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
