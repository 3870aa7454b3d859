/*
 * job/coordinator.c
 *		The coordinator of a job: recovers, runs an attempt, and decides what
 *		follows its end.
 *
 *	 start ---> recover ---> attempt ---> finished / stopped / cancelled
 *				   ^			|
 *				   |			v
 *				   +-- wait -- failed --> (strategy gives up) --> failed
 *
 * An error in a step of the coordinator's own ends the attempt like a task's.
 * One outside of an attempt ends its process: the launcher starts another
 * coordinator, and that recovers from the tables, as after a crash.  Whatever
 * happened, recovery is the same path.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "commands/extension.h"
#include "common/pg_prng.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/session.h"
#include "job/coordinator.h"
#include "job/group.h"
#include "server/launcher.h"
#include "server/lock.h"
#include "server/prepared.h"
#include "source/handover.h"
#include "task/task.h"

static WeirCoordinator *coordinator;
static volatile sig_atomic_t attempt_runs = false;

/*
 * While an attempt runs, it is ended as any other, so that a fast shutdown
 * leaves nothing prepared.  Who asks twice does not want to wait for that.
 */
static void
handle_terminate(SIGNAL_ARGS)
{
	if (!attempt_runs || ShutdownRequestPending)
		die(WEIR_SIGNAL);
	else
		SignalHandlerForShutdownRequest(WEIR_SIGNAL);
}

void
weir_coordinator_begin(WeirCoordinator *co)
{
	if (!co->checkpoints.deciding)
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
	}
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
weir_coordinator_limit_waits(WeirCoordinator *co)
{
	(void) set_config_option("lock_timeout",
							 psprintf("%d", weir_milliseconds(co->job->lock_wait)),
							 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/* Not durable: bookkeeping that recovery can make again need not wait for the disk. */
void
weir_coordinator_end(WeirCoordinator *co, bool durable)
{
	PopActiveSnapshot();
	if (co->checkpoints.deciding)
	{
		CommandCounterIncrement();
		MemoryContextSwitchTo(co->context);
		return;
	}
	if (!durable)
		(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
	CommitTransactionCommand();
	SetLatch(MyLatch);			/* waits for locks and standbys take wake-ups */
	MemoryContextSwitchTo(co->context);
}

void
weir_coordinator_fail(WeirCoordinator *co, WeirOutcome outcome, const WeirFailure *failure)
{
	MemoryContext old;

	if (co->outcome != WEIR_OUTCOME_NONE)
		return;
	old = MemoryContextSwitchTo(co->context);
	co->outcome = outcome;
	co->failure = weir_failure_copy(failure);
	MemoryContextSwitchTo(old);
}

void
weir_coordinator_note(WeirCoordinator *co, WeirJobStatus status, const char *reason,
					  const char *error)
{
	weir_coordinator_begin(co);
	weir_job_set_status(co->job->id, status, reason, error);
	weir_coordinator_end(co, true);
	co->job->status = status;
	weir_registry_changed();
}

void
weir_coordinator_status(WeirCoordinator *co, WeirJobStatus status, const char *reason,
						const char *error)
{
	bool		restarted = co->job->status == WEIR_JOB_RESTARTING && status == WEIR_JOB_RUNNING;

	weir_coordinator_note(co, status, reason, error);
	if (restarted)				/* the log has a line for the restart */
		ereport(DEBUG1,
				(errmsg_internal("job \"%s\" is running", co->job->name)));
	else
		ereport(LOG,
				(errmsg("job \"%s\" is %s%s%s", co->job->name, weir_job_status_name(status),
						reason ? ": " : "", reason ? reason : ""),
				 errhidestmt(true)));
}

/* The tasks must not outlive their coordinator. */
static void
leave(int code, Datum arg)
{
	WeirCoordinator *co = coordinator;
	bool		ended;

	if (co->run.attempt)
	{
		co->run.attempt->stopping = true;
		for (int i = 0; i < co->run.ntasks; i++)
		{
			PGPROC	   *proc = co->run.attempt->tasks[i].proc;

			if (proc)
				SetLatch(&proc->procLatch);
			if (co->run.tasks[i].worker && !co->run.tasks[i].gone)
				TerminateBackgroundWorker(co->run.tasks[i].worker);
		}
	}
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	co->slot->coordinator = NULL;
	co->slot->attempt = DSM_HANDLE_INVALID;
	ended = co->slot->ended;
	weir_registry_wake_launcher();
	LWLockRelease(weir_registry->lock);
	/* What is asked behind the end is for the coordinator of the next start. */
	if (!ended)
		weir_requests_refuse(co, "the job's coordinator ended");
	weir_registry_changed();
}

static void
claim_slot(WeirCoordinator *co, int index, const WeirCoordinatorArg *arg)
{
	WeirJobSlot *slot = &weir_registry->slots[index];
	bool		ours;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	ours = slot->used && slot->database == arg->database && slot->job == arg->job &&
		slot->coordinator == NULL && !slot->ended && !slot->withdrawn && !weir_slot_is_held(slot);
	if (ours)
	{
		slot->coordinator = MyProc;
		slot->live = false;
		slot->ended = false;
		slot->cancel = false;
	}
	LWLockRelease(weir_registry->lock);
	if (!ours)
		proc_exit(0);
	co->slot = slot;
	before_shmem_exit(leave, 0);
}

/* Reads the job afresh; false if it was dropped. */
static bool
load_job(WeirCoordinator *co)
{
	WeirJob    *job;
	MemoryContext old;

	weir_coordinator_begin(co);
	old = MemoryContextSwitchTo(co->context);
	job = weir_job_by_id(co->slot->job);
	MemoryContextSwitchTo(old);
	weir_coordinator_end(co, false);
	if (job)
		co->job = job;
	return job != NULL;
}

/*
 * The same record failed in the same way twice running: no restart will help.
 * What the next attempt is held against outlives this process.
 */
static bool
is_poison(WeirCoordinator *co)
{
	WeirRecordFailure *last = &co->job->record_failure;
	WeirRecordFailure failure = {co->failure.line};
	bool		same;

	strlcpy(failure.sqlstate, unpack_sql_state(co->failure.sqlstate), sizeof(failure.sqlstate));
	same = weir_poison_failed(last, &failure);
	if (weir_blame(failure.sqlstate) == WEIR_BLAME_IF_REPEATED)
		weir_suspect(&co->job->suspects, failure.line);
	weir_coordinator_begin(co);
	weir_job_set_record_failure(co->job);
	weir_coordinator_end(co, true);
	return same;
}

/* Waits until the next attempt is due; false if the job was stopped meanwhile. */
static bool
wait_for_restart(WeirCoordinator *co, int64 restart_at)
{
	long		left;

	while (!weir_stop_ends_job(&co->stop) && (left = weir_ms_until(restart_at)) > 0)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 weir_group_idle(co, left), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		weir_requests_take(co);
	}
	return !weir_stop_ends_job(&co->stop);
}

/* What a step of the coordinator's own failed with ends the attempt, as a task's error does. */
static void
fail_with_error(WeirCoordinator *co)
{
	ErrorData  *edata = CopyErrorData();
	WeirFailure failure = {.sqlstate = edata->sqlerrcode, .message = edata->message,
	.detail = edata->detail, .hint = edata->hint};

	FlushErrorState();
	if (edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
	{
		StringInfoData holders;

		initStringInfo(&holders);
		weir_lock_describe_holders(&holders);
		failure.detail = weir_failure_join(holders.len > 0 ? holders.data : NULL, edata->detail);
	}
	LWLockReleaseAll();
	AbortCurrentTransaction();
	co->checkpoints.deciding = false;
	if (co->outcome == WEIR_OUTCOME_FAILED || co->outcome == WEIR_OUTCOME_HOPELESS)
		ereport(LOG,
				(errmsg("job \"%s\" could not end its attempt in order: %s",
						co->job->name, edata->message),
				 errhidestmt(true)));
	else
	{
		co->outcome = WEIR_OUTCOME_NONE;
		weir_coordinator_fail(co, WEIR_OUTCOME_FAILED, &failure);
	}
}

static void
guarded(WeirCoordinator *co, void (*step) (WeirCoordinator *))
{
	PG_TRY();
	{
		step(co);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(co->context);
		fail_with_error(co);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(co->context);
}

static void
note_restarting(WeirCoordinator *co)
{
	weir_coordinator_note(co, WEIR_JOB_RESTARTING, weir_failure_reason(&co->failure),
						  weir_failure_text(&co->failure));
}

/* The one entry of the log that an attempt which fails leaves. */
static void
announce_restart(WeirCoordinator *co)
{
	char	   *detail = weir_failure_detail(&co->failure);

	ereport(LOG,
			(errmsg("job \"%s\" restarts in %.3f s: %s", co->job->name,
					Max(co->restart.restart_at - weir_now(), 0) / 1e6,
					weir_failure_reason(&co->failure)),
			 detail ? errdetail_internal("%s", detail) : 0,
			 co->failure.hint ? errhint("%s", co->failure.hint) : 0,
			 errhidestmt(true)));
	guarded(co, note_restarting);
}

/* What weir.jobs says of a job that its restart strategy gave up. */
static const char *
gave_up(WeirCoordinator *co)
{
	char	   *reason = weir_failure_reason(&co->failure);

	if (co->restart.config.strategy == WEIR_RESTART_NONE)
		return reason;
	return psprintf("restart strategy %s gave up: %s",
					weir_restart_strategy_name(co->restart.config.strategy), reason);
}

static void
say_poisoned(WeirFailure *failure)
{
	failure->detail = weir_failure_join(failure->detail, "The record failed in the same way in two attempts running, so another would not help.");
	failure->hint = weir_failure_join(failure->hint, "Remove the cause, or set the stream's option on_error to 'dead_letter' to go on without such records; then start the job again.");
}

/* After a failed attempt: true if another follows. */
static bool
consider_restart(WeirCoordinator *co)
{
	bool		lock_wait = co->failure.sqlstate == ERRCODE_LOCK_NOT_AVAILABLE ||
		co->failure.sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED;
	const char *reason = weir_failure_reason(&co->failure);

	if (co->outcome == WEIR_OUTCOME_HOPELESS)
		;
	else if (is_poison(co))
		say_poisoned(&co->failure);
	else if (weir_restart_failure(&co->restart, weir_now(),
								  pg_prng_double(&pg_global_prng_state), lock_wait))
	{
		co->restarts++;
		announce_restart(co);
		return true;
	}
	else
		reason = gave_up(co);
	weir_coordinator_status(co, WEIR_JOB_FAILED, reason, weir_failure_text(&co->failure));
	return false;
}

static void
recover_and_run(WeirCoordinator *co)
{
	if (!weir_recover(co))
		return;
	attempt_runs = true;
	weir_attempt_run(co);
}

static void
resolve(WeirCoordinator *co)
{
	if (weir_resolve(co) && co->outcome == WEIR_OUTCOME_FAILED && weir_stop_is_doubtful(&co->stop))
		weir_stop_settle(co);
}

/* From its recovery to the end of its last task, with nothing left prepared. */
static void
run_attempt(WeirCoordinator *co)
{
	co->outcome = WEIR_OUTCOME_NONE;
	co->unresolved = NULL;
	co->finish_reason = NULL;
	weir_restart_started(&co->restart);
	guarded(co, recover_and_run);
	if (co->run.attempt && co->checkpoints.checkpointer)
		guarded(co, weir_attempt_end);
	if (co->run.segment)
		weir_attempt_abandon(co);
	if (attempt_runs)
		guarded(co, resolve);
	attempt_runs = false;
}

/* True if there is to be another attempt. */
static bool
goes_on_after_failure(WeirCoordinator *co)
{
	if (!consider_restart(co))
		return false;
	if (wait_for_restart(co, co->restart.restart_at))
		return true;
	weir_coordinator_status(co, WEIR_JOB_STOPPED, co->unresolved, NULL);
	return false;
}

/* It is nobody's failure, and no restart: the attempt has not begun. */
static bool
goes_on_with_workers(WeirCoordinator *co)
{
	int64		now = weir_now();

	weir_slot_say(co->slot);
	weir_retry_failed(&co->shortage, now);
	/* lest two that take half each meet again */
	co->shortage.due += (co->shortage.due - now) / 2 * pg_prng_double(&pg_global_prng_state);
	if (wait_for_restart(co, co->shortage.due))
		return true;
	weir_coordinator_status(co, WEIR_JOB_STOPPED, co->unresolved, NULL);
	return false;
}

/* One attempt and what its end means; true if there is to be another. */
static bool
live_once(WeirCoordinator *co)
{
	run_attempt(co);
	if (ShutdownRequestPending)
		ereport(FATAL,
				(errcode(ERRCODE_ADMIN_SHUTDOWN),
				 errmsg("terminating weir coordinator due to administrator command")));
	switch (co->outcome)
	{
		case WEIR_OUTCOME_FINISHED:
			weir_coordinator_status(co, WEIR_JOB_FINISHED, co->finish_reason, NULL);
			return false;
		case WEIR_OUTCOME_STOPPED:
		case WEIR_OUTCOME_CANCELLED:
			weir_coordinator_status(co, WEIR_JOB_STOPPED, co->unresolved, NULL);
			return false;
		case WEIR_OUTCOME_SHORT:
			return goes_on_with_workers(co);
		case WEIR_OUTCOME_REGROUP:
			if (weir_stop_ends_job(&co->stop))
				break;
			weir_coordinator_note(co, WEIR_JOB_RESTARTING, "other partitions are assigned to this server, or can be had", NULL);
			return true;
		default:
			break;
	}
	return goes_on_after_failure(co);
}

/* The server may have ended while the job ran: false if the job is not to go on. */
static bool
outlives_server(WeirCoordinator *co)
{
	return weir_crash_is_outlived(co) || (goes_on_after_failure(co) && load_job(co));
}

static void
live(WeirCoordinator *co)
{
	if (!outlives_server(co))
		return;
	while (live_once(co) && load_job(co))
		;
}

static bool
extension_dropped(WeirCoordinator *co)
{
	bool		dropped;

	weir_coordinator_begin(co);
	dropped = !OidIsValid(get_extension_oid("weir", true));
	weir_coordinator_end(co, false);
	return dropped;
}

/* No source follows: when the last one is gone, its connection is closed. */
static void
discard_connection(WeirCoordinator *co)
{
	(void) weir_lock_tasks(co->slot->job, true, true);
	weir_unlock_tasks(co->slot->job);
	weir_handover_discard(co->slot - weir_registry->slots);
}

static void
end_job(WeirCoordinator *co)
{
	discard_connection(co);
	weir_requests_end(co, co->job && co->job->status != WEIR_JOB_FAILED,
					  co->failure.message ? weir_failure_text(&co->failure) : "the job ended");
}

void
weir_coordinator_main(Datum arg)
{
	WeirCoordinatorArg *extra = (WeirCoordinatorArg *) MyBgworkerEntry->bgw_extra;
	WeirCoordinator *co;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, handle_terminate);
	pqsignal(SIGINT, weir_lock_handle_cancel);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(extra->database, BOOTSTRAP_SUPERUSERID, 0);
	weir_session_begin_process();
	co = MemoryContextAllocZero(TopMemoryContext, sizeof(WeirCoordinator));
	co->context = AllocSetContextCreate(TopMemoryContext, "weir coordinator",
										ALLOCSET_DEFAULT_SIZES);
	co->run.context = AllocSetContextCreate(co->context, "weir attempt",
												ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(co->context);
	coordinator = co;
	claim_slot(co, DatumGetInt32(arg), extra);
	(void) weir_lock_coordinator(extra->job, true);
	if (extension_dropped(co))
	{
		end_job(co);
		proc_exit(0);
	}
	if (load_job(co) && co->job->wanted)
	{
		pgstat_report_appname(psprintf("%s coordinator", co->job->name));
		weir_restart_init(&co->restart, &co->job->restart);
		if (co->job->status == WEIR_JOB_RUNNING || co->job->status == WEIR_JOB_STOPPING)
			weir_coordinator_status(co, WEIR_JOB_RESTARTING,
									"the server or the job's coordinator ended", NULL);
		if (co->job->status == WEIR_JOB_RESTARTING)
			co->restarts = 1;
		weir_slot_show_row(co->slot, co->job->name);
		live(co);
	}
	if (!load_job(co))
	{
		(void) weir_lock_tasks(extra->job, true, true);
		weir_unlock_tasks(extra->job);
		weir_purge_dropped(extra->job);
	}
	end_job(co);
	proc_exit(0);
}
