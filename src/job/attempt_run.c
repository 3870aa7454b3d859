/*
 * job/attempt_run.c
 *		One attempt: starts the tasks as a gang, runs the loop that carries
 *		their messages to the decision code and its decisions back, and ends
 *		when the last task is gone.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/session.h"
#include "base/settings.h"
#include "base/text.h"
#include "decide/clock.h"
#include "job/coordinator.h"
#include "job/deadlock.h"
#include "job/group.h"
#include "server/lock.h"
#include "sink/output.h"
#include "task/task.h"

#define LOCK_WAIT_GRACE USECS_PER_SEC	/* in which the task ends its wait itself */
#define LEAVE_WITHIN_MS 1000	/* then a task is terminated */
#define COMPLAIN_AFTER_MS 5000	/* then whoever waits for its end is told */

void
weir_attempt_tell(WeirCoordinator *co, int task, WeirControlKind kind,
				  const WeirControl *content)
{
	WeirControl message = {0};

	if (co->run.tasks[task].gone)
		return;
	if (content)
		message = *content;
	message.kind = kind;
	weir_control_send(co->run.tasks[task].port, &message);
}

/*
 * A task that finds the next one gone leaves too, and may be seen first: of
 * several errors, the one farthest down the dataflow is the cause.
 */
static int
first_cause(WeirCoordinator *co, int index)
{
	for (int i = co->run.ntasks - 1; i > index; i--)
	{
		if (co->run.attempt->tasks[i].error.set &&
			weir_task_leads_to(&co->run.attempt->topology, index, i))
			return i;
	}
	return index;
}

/* What the task that ended says of it, or what is to be said if it could not. */
static void
fail_with_task(WeirCoordinator *co, int task)
{
	const WeirTaskSlot *slot = &co->run.attempt->tasks[task];
	const WeirTaskError *error = &slot->error;
	WeirFailure failure = {.sqlstate = ERRCODE_ADMIN_SHUTDOWN};
	char		name[32];

	weir_task_name(co->run.attempt, task, name, sizeof(name));
	if (error->set)
	{
		failure.sqlstate = error->sqlstate;
		failure.line = error->line;
		failure.message = psprintf("task %s%s: %s", name,
								   error->line > 0 ? psprintf(", %s", error->place) : "",
								   error->message);
		failure.detail = error->detail[0] ? error->detail : NULL;
		failure.hint = error->hint[0] ? error->hint : NULL;
	}
	else if (slot->pid == 0)
	{
		failure.message = psprintf("task %s ended at its start", name);
		failure.hint = "The server's log says why. The job's owner must be allowed to log in, and to connect to the database.";
	}
	else
		failure.message = psprintf("task %s (process %d) ended", name, slot->pid);
	weir_coordinator_fail(co, error->hopeless ? WEIR_OUTCOME_HOPELESS : WEIR_OUTCOME_FAILED,
						  &failure);
}

/* A task's process is gone: what did it leave behind? */
static void
task_gone(WeirCoordinator *co, int index)
{
	co->run.tasks[index].gone = true;
	if (co->outcome == WEIR_OUTCOME_NONE)
		fail_with_task(co, first_cause(co, index));
}

static bool
watch_tasks(WeirCoordinator *co)
{
	bool		alive = false;

	for (int i = co->run.ntasks - 1; i >= 0; i--)
	{
		pid_t		pid;

		if (co->run.tasks[i].gone)
			continue;
		if (GetBackgroundWorkerPid(co->run.tasks[i].worker, &pid) == BGWH_STOPPED)
			task_gone(co, i);
		else
			alive = true;
	}
	return alive;
}

/* The sources have made it durable that they go on behind the end. */
static void
passed_end(WeirCoordinator *co)
{
	if (!co->job->was_finished)
		return;
	weir_coordinator_begin(co);
	weir_job_clear_finished(co->job->id);
	weir_coordinator_end(co, true);
	co->job->was_finished = false;
}

static void
task_running(WeirCoordinator *co, int index)
{
	co->run.tasks[index].running = true;
	weir_checkpointer_task_running(co->checkpoints.checkpointer, index, true);
	for (int i = 0; i < co->run.ntasks; i++)
	{
		if (!co->run.tasks[i].running)
			return;
	}
	co->run.started = true;
	co->run.started_at = weir_now();
	if (co->start.restore != 0)
		weir_histogram_add(&co->slot->restores, co->run.started_at - co->run.began_at);
	co->shortage.failures = 0;
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	weir_slot_goes_on(co->slot);
	co->slot->asked = true;		/* for what waits until the tasks run */
	LWLockRelease(weir_registry->lock);
	passed_end(co);
	weir_stop_running(&co->stop);
	if (!co->stop.stopping)
		weir_coordinator_status(co, WEIR_JOB_RUNNING, NULL, NULL);
}

static bool
all_ended(WeirCoordinator *co)
{
	for (int i = 0; i < co->run.ntasks; i++)
	{
		if (!co->run.tasks[i].ended)
			return false;
	}
	return true;
}

static void
task_ended(WeirCoordinator *co, int index)
{
	co->run.tasks[index].ended = true;
	if (all_ended(co))
		weir_stop_all_ended(&co->stop);
}

static void
receive_messages(WeirCoordinator *co)
{
	for (int i = 0; i < co->run.ntasks; i++)
	{
		WeirControl message;

		(void) weir_control_push(co->run.tasks[i].port);
		while (weir_control_receive(co->run.tasks[i].port, &message))
		{
			if (message.kind == WEIR_CONTROL_RUNNING)
				task_running(co, i);
			else if (message.kind == WEIR_CONTROL_OUTPUT)
				co->checkpoints.output_waits = true;
			else if (message.kind == WEIR_CONTROL_EMITTED)
				continue;		/* a stop may have waited for it */
			else if (message.kind == WEIR_CONTROL_REACHED)
				weir_reach_message(co, (uint64) message.checkpoint);
			else
			{
				if (message.kind == WEIR_CONTROL_ENDED)
					task_ended(co, i);
				weir_checkpoints_message(co, &message);
			}
		}
	}
}

/* How long nothing needs to be done, in ms; -1: until something happens. */
static long
time_to_deadline(WeirCoordinator *co)
{
	int64		deadline = weir_checkpointer_deadline(co->checkpoints.checkpointer);

	if (weir_checkpoints_open(co))
		deadline = Min(deadline, weir_now() + WEIR_DEADLOCK_LOOK_MS * INT64CONST(1000));
	deadline = Min(deadline, weir_commit_due(co));
	deadline = Min(deadline, co->run.steady_at);
	deadline = Min(deadline, weir_reach_due(co));
	deadline = Min(deadline, weir_group_due(co));
	return deadline == PG_INT64_MAX ? -1 : weir_ms_until(deadline);
}

static void
wait_for_news(WeirCoordinator *co, long timeout)
{
	int			events;
	pgsocket	socket;

	/* What was deleted must be known to autovacuum. */
	if (!co->checkpoints.deciding)
		pgstat_report_stat(false);
	socket = weir_group_wait(co, &events);
	if (socket == PGINVALID_SOCKET)	/* which the server waits for with less ado */
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (timeout >= 0 ? WL_TIMEOUT : 0),
						 timeout, PG_WAIT_EXTENSION);
	else
		(void) WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | events |
								 (timeout >= 0 ? WL_TIMEOUT : 0), socket, timeout, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	weir_session_reload();
}

/*
 * PostgreSQL ends a wait for a lock by the clock, which may have been set back
 * while the task waits.
 */
static bool
waits_too_long(WeirCoordinator *co, int task, int64 now)
{
	WeirTaskHandle *handle = &co->run.tasks[task];
	uint64		began = weir_lock_wait_began(&co->run.attempt->tasks[task]);

	if (began == 0 || began != handle->wait_began)
	{
		handle->wait_began = began;
		handle->wait_seen = now;
		return false;
	}
	return now - handle->wait_seen > weir_time_after(co->run.attempt->lock_wait, LOCK_WAIT_GRACE);
}

static void
look_for_overdue(WeirCoordinator *co, int64 now)
{
	for (int i = 0; i < co->run.ntasks; i++)
	{
		WeirFailure failure = {.sqlstate = ERRCODE_LOCK_NOT_AVAILABLE};
		char		name[32];

		if (!waits_too_long(co, i, now))
			continue;
		weir_task_name(co->run.attempt, i, name, sizeof(name));
		failure.message = psprintf("task %s has waited for a lock longer than lock_wait", name);
		weir_coordinator_fail(co, WEIR_OUTCOME_FAILED, &failure);
		return;
	}
}

/* A session that waits for the job while the job waits for it goes first. */
static void
look_for_deadlock(WeirCoordinator *co)
{
	int64		now = weir_now();
	int			task;
	int			session;
	char		name[32];
	WeirFailure failure = {.sqlstate = ERRCODE_T_R_DEADLOCK_DETECTED};

	if (now < co->run.next_look || co->outcome != WEIR_OUTCOME_NONE)
		return;
	co->run.next_look = now + WEIR_DEADLOCK_LOOK_MS * INT64CONST(1000);
	look_for_overdue(co, now);
	if (co->outcome != WEIR_OUTCOME_NONE || !weir_find_deadlock(co->run.attempt, &task, &session))
		return;
	weir_task_name(co->run.attempt, task, name, sizeof(name));
	failure.message = psprintf("deadlock: task %s waits for process %d, which waits for the job",
							   name, session);
	weir_coordinator_fail(co, WEIR_OUTCOME_FAILED, &failure);
}

/* A job that runs on, long after an end of the server it was there for. */
static void
look_for_steadiness(WeirCoordinator *co)
{
	int64		now = weir_now();
	int64		due;
	bool		cleared;

	co->run.steady_at = PG_INT64_MAX;
	if (!co->run.started || co->checkpoints.deciding || !weir_crash_is_suspect(&co->job->crashes))
		return;
	cleared = weir_crash_steady(&co->job->crashes, co->job->checkpointing, now - co->run.started_at, &due);
	if (due != PG_INT64_MAX)
		co->run.steady_at = now + due;
	if (!cleared)
		return;
	weir_coordinator_begin(co);
	weir_job_set_crashes(co->job->id, &co->job->crashes);
	weir_coordinator_end(co, true);
}

static void
loop(WeirCoordinator *co)
{
	static const WeirFailure terminated = {.sqlstate = ERRCODE_ADMIN_SHUTDOWN,
	.message = "the job's coordinator was terminated"};

	while (co->outcome == WEIR_OUTCOME_NONE)
	{
		receive_messages(co);
		watch_tasks(co);
		weir_requests_take(co);
		if (co->outcome == WEIR_OUTCOME_NONE || co->stop.cancelled)
			weir_stop_act(co);
		weir_group_tick(co);
		if (ShutdownRequestPending)
			weir_coordinator_fail(co, WEIR_OUTCOME_FAILED, &terminated);
		if (co->outcome != WEIR_OUTCOME_NONE)
			break;
		weir_checkpoints_act(co);
		look_for_deadlock(co);
		look_for_steadiness(co);
		if (co->outcome == WEIR_OUTCOME_NONE)
			wait_for_news(co, time_to_deadline(co));
	}
}

/* One that waits for a lock would not hear that it is to leave. */
static void
terminate_tasks(WeirCoordinator *co, bool waiting_only)
{
	for (int i = 0; i < co->run.ntasks; i++)
	{
		if (!co->run.tasks[i].gone &&
			(!waiting_only || weir_waits_for_lock(&co->run.attempt->tasks[i])))
			TerminateBackgroundWorker(co->run.tasks[i].worker);
	}
}

/* One of those that are there still; they were told twice. */
static void
complain_of_leavers(WeirCoordinator *co)
{
	char		name[32];
	char		reason[WEIR_REASON_SIZE];
	int			i = 0;

	while (co->run.tasks[i].gone)
		i++;
	weir_task_name(co->run.attempt, i, name, sizeof(name));
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	weir_slot_waits(co->slot, "task %s (process %d) does not leave, though it was told to",
					name, co->run.attempt->tasks[i].pid);
	co->slot->leaving = weir_stop_ends_job(&co->stop);
	if (!co->slot->leaving)
		co->slot->live = false; /* shown as restarting */
	strlcpy(reason, co->slot->reason, sizeof(reason));
	LWLockRelease(weir_registry->lock);
	weir_slot_say(co->slot);
	if (co->slot->leaving)
		weir_stops_refuse(co, reason);
}

static void
tell_to_leave(WeirCoordinator *co)
{
	co->run.attempt->stopping = true;
	for (int i = 0; i < co->run.ntasks; i++)
	{
		PGPROC	   *proc = co->run.attempt->tasks[i].proc;

		if (!co->run.tasks[i].gone && proc)
			SetLatch(&proc->procLatch);
	}
	terminate_tasks(co, true);
}

/* Asks every task to leave; terminates those that do not; waits until all are gone. */
static void
stop_tasks(WeirCoordinator *co)
{
	int64		begun = weir_now();
	bool		terminated = false;

	co->run.started = false;
	tell_to_leave(co);
	while (watch_tasks(co))
	{
		long		waited = (weir_now() - begun) / 1000;

		if (waited >= LEAVE_WITHIN_MS && !terminated)
		{
			terminate_tasks(co, false);
			terminated = true;
		}
		if (waited >= COMPLAIN_AFTER_MS)
		{
			weir_requests_take_stops(co);
			complain_of_leavers(co);
		}
		wait_for_news(co, waited >= COMPLAIN_AFTER_MS ? -1 :
					  (terminated ? COMPLAIN_AFTER_MS : LEAVE_WITHIN_MS) - waited + 1);
	}
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	if (co->outcome != WEIR_OUTCOME_SHORT)
		weir_slot_goes_on(co->slot);
	co->slot->live = true;
	LWLockRelease(weir_registry->lock);
}

static void
release_attempt(WeirCoordinator *co)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	co->slot->attempt = DSM_HANDLE_INVALID;
	LWLockRelease(weir_registry->lock);
	co->run.attempt = NULL;
	dsm_detach(co->run.segment);
	co->run.segment = NULL;
	co->run.ntasks = 0;
	co->run.started = false;
	MemoryContextSwitchTo(co->context);
	MemoryContextReset(co->run.context);
}

void
weir_attempt_end(WeirCoordinator *co)
{
	weir_checkpoints_note_doubt(co);
	weir_stop_leave(co);
	weir_checkpoints_end(co);
	stop_tasks(co);
	release_attempt(co);
}

void
weir_attempt_abandon(WeirCoordinator *co)
{
	MemoryContextSwitchTo(co->run.context);
	weir_checkpoints_abandon(co);
	if (co->run.attempt)
		stop_tasks(co);
	release_attempt(co);
}

void
weir_attempt_run(WeirCoordinator *co)
{
	WeirShape	shape;
	int64		id;

	WEIR_FAULT(before_attempt);
	weir_stop_attempt(&co->stop, co->job->checkpointing);
	weir_coordinator_begin(co);
	id = weir_job_next_attempt(co->job->id, co->restarts);
	weir_coordinator_end(co, true);
	co->restarts = 0;
	WEIR_FAULT(after_attempt);
	MemoryContextSwitchTo(co->run.context);
	MemoryContextReset(co->run.context);
	if (!weir_attempt_place(co, &shape))
	{
		co->outcome = WEIR_OUTCOME_SHORT;
		return;
	}
	if (co->job->status != WEIR_JOB_RESTARTING && co->shortage.failures == 0)
		weir_coordinator_status(co, WEIR_JOB_STARTING, NULL, NULL);
	if (!weir_group_settle(co))
		return;
	MemoryContextSwitchTo(co->run.context);
	weir_outbox_emit(co->job->id);
	weir_attempt_create(co, id, &shape);
	weir_checkpoints_init(co);
	weir_attempt_start_gang(co);
	loop(co);
}
