/*
 * job/crash.c
 *		A coordinator that was started after an end of the server: did a process
 *		of the job crash it?
 */
#include "postgres.h"

#include "miscadmin.h"

#include "job/coordinator.h"
#include "server/lock.h"
#include "server/mark.h"
#include "task/task.h"

/* What the job is failed for, or restarts after. */
static void
blame(WeirCoordinator *co, WeirServerEnd end, WeirCrashVerdict verdict, const char *task)
{
	WeirOutcome outcome = verdict == WEIR_CRASH_HOPELESS ? WEIR_OUTCOME_HOPELESS : WEIR_OUTCOME_FAILED;
	WeirFailure failure = {
		.sqlstate = ERRCODE_CRASH_SHUTDOWN,
		.hint = "The server's log says how the process ended. Remove the cause, then start the job again with weir.start_job."
	};

	if (end != WEIR_SERVER_CRASHED)
		failure.message = psprintf("the server was killed %d times in a row while the job ran, without a completed checkpoint between",
								   co->job->crashes.unknown);
	else if (co->job->crashes.ours == 1)
		failure.message = psprintf("the job's process \"%s\" crashed and took the server with it", task);
	else
		failure.message = psprintf("the job's process \"%s\" crashed and took the server with it, for the %s time in a row without a completed checkpoint between",
								   task, co->job->crashes.ours == 2 ? "second" : "third");
	weir_coordinator_fail(co, outcome, &failure);
}

/* The strategy counts what came before in the row, too. */
static void
count_earlier_crashes(WeirCoordinator *co)
{
	for (int i = 1; i < co->job->crashes.ours; i++)
	{
		(void) weir_restart_failure(&co->restart, weir_now(), 0.5, false);
		weir_restart_started(&co->restart);
	}
}

/* What the marks that are left say is made durable before they go. */
static WeirCrashVerdict
count_crash(WeirCoordinator *co, WeirServerEnd *end, char *task, Size size)
{
	WeirCrashVerdict verdict;
	bool		killed;

	/* Living tasks have marks, too. */
	(void) weir_lock_tasks(co->job->id, true, true);
	weir_unlock_tasks(co->job->id);
	LWLockAcquire(weir_registry->lock, LW_SHARED);
	*end = weir_registry->ended;
	LWLockRelease(weir_registry->lock);
	killed = weir_mark_find(MyDatabaseId, co->job->id, task, size);
	verdict = weir_crash_count(&co->job->crashes, *end, killed);
	if (!killed)
		return verdict;
	weir_coordinator_begin(co);
	weir_job_set_crashes(co->job->id, &co->job->crashes);
	weir_coordinator_end(co, true);
	weir_mark_forget(MyDatabaseId, co->job->id);
	return verdict;
}

bool
weir_crash_is_outlived(WeirCoordinator *co)
{
	char		task[NAMEDATALEN];
	WeirServerEnd end;
	WeirCrashVerdict verdict = count_crash(co, &end, task, sizeof(task));

	weir_mark_set(MyDatabaseId, co->job->id, "coordinator");
	if (verdict == WEIR_CRASH_GO_ON)
		return true;
	blame(co, end, verdict, task);
	(void) weir_resolve(co);
	count_earlier_crashes(co);
	co->restarts = 0;			/* counted with the failure */
	return false;
}

void
weir_crash_clear(WeirCoordinator *co)
{
	WeirCrashes none = co->job->crashes;

	weir_crash_progress(&none);
	weir_job_set_crashes(co->job->id, &none);
}
