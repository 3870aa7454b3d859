/*
 * flow/attempt_run.c
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

#include "clock.h"
#include "decide/clock.h"
#include "fault.h"
#include "flow/coordinator.h"
#include "flow/deadlock.h"
#include "flow/lock.h"
#include "flow/task.h"
#include "session.h"
#include "settings.h"
#include "sink/output.h"
#include "text.h"

#define LOCK_WAIT_GRACE USECS_PER_SEC	/* in which the task ends its wait itself */
#define LEAVE_WITHIN_MS 1000	/* then a task is terminated */

void
weir_attempt_tell(WeirCoordinator *co, int task, WeirControlKind kind,
				  const WeirControl *content)
{
	WeirControl message = {0};

	if (co->tasks[task].gone)
		return;
	if (content)
		message = *content;
	message.kind = kind;
	weir_control_send(co->tasks[task].port, &message);
}

/* As the owner, with the job's settings: where does the sink run? */
static WeirDataflow *
compile_as_owner(WeirCoordinator *co)
{
	WeirSession before;
	WeirDataflow *dataflow;

	weir_session_enter(&before, co->job->owner, co->job->settings);
	dataflow = weir_compile(co->job->query, true);
	weir_session_leave(&before);
	return dataflow;
}

/* An error if the query no longer compiles. */
static void
place_sink(WeirCoordinator *co, bool *keyed, bool *sink_task)
{
	WeirDataflow *dataflow;

	weir_coordinator_begin(co);
	weir_coordinator_limit_waits(co);
	dataflow = compile_as_owner(co);
	*keyed = weir_dataflow_is_keyed(dataflow);
	*sink_task = dataflow->place == WEIR_SINK_TASK;
	weir_job_set_attempt(co->job->id, dataflow->stream, weir_dataflow_step(dataflow));
	weir_dataflow_free(dataflow);
	weir_coordinator_end(co, false);
	MemoryContextSwitchTo(co->attempt_context);
}

static void
fill_attempt(WeirCoordinator *co, int64 id)
{
	WeirAttempt *attempt = co->attempt;

	attempt->database = MyDatabaseId;
	attempt->job = co->job->id;
	attempt->job_slot = co->slot - weir_registry->slots;
	attempt->attempt = id;
	attempt->timeline = co->timeline;
	attempt->restore = co->restore;
	attempt->restore_timeline = co->restore_timeline;
	attempt->write_full = co->write_full;
	attempt->checkpointing = co->job->checkpointing;
	attempt->pass_end = co->job->was_finished;
	attempt->allow_gap = co->job->allow_gap;
	attempt->mode = co->job->checkpoint.mode;
	attempt->sink_flush = co->job->sink_flush;
	attempt->lock_wait = co->job->lock_wait;
	attempt->max_state_memory = co->job->max_state_memory;
	attempt->parallelism = co->job->parallelism;
	attempt->max_parallelism = co->job->max_parallelism;
	attempt->coordinator = MyProc;
	for (int i = 0; i < attempt->nsources && i < co->npositions; i++)
	{
		WeirPosition *start = &attempt->tasks[i].start;

		start->offset = co->positions[i].offset;
		start->line = co->positions[i].line;
		start->clock = co->positions[i].clock;
		start->ended = co->positions[i].ended;
		start->passing = co->positions[i].passing;
		start->origin = co->positions[i].origin;
	}
}

static void
create_attempt(WeirCoordinator *co, int64 id, bool keyed, bool sink_task)
{
	int			nkeyed = keyed ? co->job->parallelism : 0;
	int			nsinks = sink_task ? 1 : 0;
	Size		channel = (Size) weir_channel_size * 1024;

	MemoryContextSwitchTo(co->attempt_context);
	co->segment = dsm_create(weir_attempt_size(1, nkeyed, nsinks, channel), 0);
	co->attempt = dsm_segment_address(co->segment);
	weir_attempt_init(co->attempt, 1, nkeyed, nsinks, channel);
	fill_attempt(co, id);
	co->tasks = palloc0(sizeof(WeirTaskHandle) * WEIR_ATTEMPT_TASKS(co->attempt));
	co->ntasks = WEIR_ATTEMPT_TASKS(co->attempt);
	for (int i = 0; i < co->ntasks; i++)
		co->tasks[i].gone = true;	/* not started */
	for (int i = 0; i < co->ntasks; i++)
		co->tasks[i].port = weir_control_coordinator_port(co->attempt, i, co->segment);
	weir_registry_reserve(co->job->id, co->ntasks + 1,
						  !co->job->checkpointing ||
						  co->job->checkpoint.mode != WEIR_EXACTLY_ONCE ? 0 :
						  nsinks > 0 ? nsinks : nkeyed);
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	co->slot->attempt = dsm_segment_handle(co->segment);
	LWLockRelease(weir_registry->lock);
}

static bool
start_task(WeirCoordinator *co, int index)
{
	BackgroundWorker worker = {0};
	WeirTaskArg arg;
	char		name[32];

	weir_task_name(&co->attempt->tasks[index], name, sizeof(name));
	arg.database = MyDatabaseId;
	arg.owner = co->job->owner;
	arg.segment = dsm_segment_handle(co->segment);
	arg.attempt = co->attempt->attempt;
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = Int32GetDatum(index);
	strlcpy(worker.bgw_library_name, "weir", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "weir_task_main", BGW_MAXLEN);
	weir_text_copy(worker.bgw_name, psprintf("weir %s %s", co->job->name, name), BGW_MAXLEN);
	strlcpy(worker.bgw_type, "weir task", BGW_MAXLEN);
	memcpy(worker.bgw_extra, &arg, sizeof(arg));
	return RegisterDynamicBackgroundWorker(&worker, &co->tasks[index].worker);
}

/* All or none: a task that cannot be had fails the attempt. */
static void
start_gang(WeirCoordinator *co)
{
	for (int i = 0; i < co->ntasks; i++)
	{
		if (!start_task(co, i))
		{
			weir_coordinator_fail(co, WEIR_OUTCOME_FAILED, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, 0,
								  "no worker is free for the job's %d tasks; raise max_worker_processes",
								  co->ntasks);
			return;
		}
		co->tasks[i].gone = false;
	}
}

/*
 * A task that finds the next one gone leaves too, and may be seen first: of
 * several errors, the one farthest down the dataflow is the cause.
 */
static WeirTaskSlot *
first_cause(WeirCoordinator *co, int index)
{
	for (int i = co->ntasks - 1; i > index; i--)
	{
		if (co->attempt->tasks[i].error.set)
			return &co->attempt->tasks[i];
	}
	return &co->attempt->tasks[index];
}

/* A task's process is gone: what did it leave behind? */
static void
task_gone(WeirCoordinator *co, int index)
{
	WeirTaskSlot *slot;
	WeirTaskError *error;
	char		name[32];

	co->tasks[index].gone = true;
	if (co->outcome != WEIR_OUTCOME_NONE)
		return;
	slot = first_cause(co, index);
	error = &slot->error;
	weir_task_name(slot, name, sizeof(name));
	if (!error->set)
		weir_coordinator_fail(co, WEIR_OUTCOME_FAILED, ERRCODE_ADMIN_SHUTDOWN, 0,
							  "task %s (process %d) ended", name, slot->pid);
	else
		weir_coordinator_fail(co, error->hopeless ? WEIR_OUTCOME_HOPELESS : WEIR_OUTCOME_FAILED,
							  error->sqlstate, error->line, "task %s%s: %s%s%s", name,
							  error->line > 0 ? psprintf(", line " INT64_FORMAT, error->line) : "",
							  error->message,
							  error->detail[0] ? "\n" : "", error->detail);
}

static bool
watch_tasks(WeirCoordinator *co)
{
	bool		alive = false;

	for (int i = co->ntasks - 1; i >= 0; i--)
	{
		pid_t		pid;

		if (co->tasks[i].gone)
			continue;
		if (GetBackgroundWorkerPid(co->tasks[i].worker, &pid) == BGWH_STOPPED)
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
	co->tasks[index].running = true;
	weir_checkpointer_task_running(co->checkpointer, index, true);
	for (int i = 0; i < co->ntasks; i++)
	{
		if (!co->tasks[i].running)
			return;
	}
	co->started = true;
	passed_end(co);
	if (co->stopping)
		weir_stop_begin(co);
	else
		weir_coordinator_status(co, WEIR_JOB_RUNNING, NULL, NULL);
}

static bool
all_ended(WeirCoordinator *co)
{
	for (int i = 0; i < co->ntasks; i++)
	{
		if (!co->tasks[i].ended)
			return false;
	}
	return true;
}

/* All input has ended and was worked off: a final checkpoint, again until it completes. */
static void
finish_when_ended(WeirCoordinator *co)
{
	if (co->final_asked || !co->started || !all_ended(co))
		return;
	if (co->stopping && !co->draining)
		return;					/* the stop has asked for one */
	if (!co->job->checkpointing)
	{
		co->outcome = WEIR_OUTCOME_FINISHED;
		return;
	}
	weir_checkpointer_request(co->checkpointer, WEIR_FINAL, co->stop_token, weir_now());
	co->final_asked = true;
}

static void
receive_messages(WeirCoordinator *co)
{
	for (int i = 0; i < co->ntasks; i++)
	{
		WeirControl message;

		(void) weir_control_push(co->tasks[i].port);
		while (weir_control_receive(co->tasks[i].port, &message))
		{
			if (message.kind == WEIR_CONTROL_RUNNING)
				task_running(co, i);
			else if (message.kind == WEIR_CONTROL_OUTPUT)
				co->output_waits = true;
			else
			{
				if (message.kind == WEIR_CONTROL_ENDED)
					co->tasks[i].ended = true;
				weir_checkpoints_message(co, &message);
			}
		}
	}
}

/* How long nothing needs to be done, in ms; -1: until something happens. */
static long
time_to_deadline(WeirCoordinator *co)
{
	int64		deadline = weir_checkpointer_deadline(co->checkpointer);
	int64		left;

	if (weir_checkpoints_open(co))
		deadline = Min(deadline, weir_now() + WEIR_DEADLOCK_LOOK_MS * INT64CONST(1000));
	deadline = Min(deadline, weir_commit_due(co));
	if (deadline == PG_INT64_MAX)
		return -1;
	left = deadline - weir_now();
	return left <= 0 ? 0 : Min(left / 1000 + 1, INT_MAX);
}

static void
wait_for_news(WeirCoordinator *co, long timeout)
{
	/* What was deleted must be known to autovacuum. */
	if (!co->deciding)
		pgstat_report_stat(false);
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH |
					 (timeout >= 0 ? WL_TIMEOUT : 0), timeout, PG_WAIT_EXTENSION);
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
	WeirTaskHandle *handle = &co->tasks[task];
	uint64		began = weir_lock_wait_began(&co->attempt->tasks[task]);

	if (began == 0 || began != handle->wait_began)
	{
		handle->wait_began = began;
		handle->wait_seen = now;
		return false;
	}
	return now - handle->wait_seen > weir_time_after(co->attempt->lock_wait, LOCK_WAIT_GRACE);
}

static void
look_for_overdue(WeirCoordinator *co, int64 now)
{
	for (int i = 0; i < co->ntasks; i++)
	{
		char		name[32];

		if (!waits_too_long(co, i, now))
			continue;
		weir_task_name(&co->attempt->tasks[i], name, sizeof(name));
		weir_coordinator_fail(co, WEIR_OUTCOME_FAILED, ERRCODE_LOCK_NOT_AVAILABLE, 0,
							  "task %s has waited for a lock longer than lock_wait", name);
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

	if (now < co->next_look || co->outcome != WEIR_OUTCOME_NONE)
		return;
	co->next_look = now + WEIR_DEADLOCK_LOOK_MS * INT64CONST(1000);
	look_for_overdue(co, now);
	if (co->outcome != WEIR_OUTCOME_NONE || !weir_find_deadlock(co->attempt, &task, &session))
		return;
	weir_task_name(&co->attempt->tasks[task], name, sizeof(name));
	weir_coordinator_fail(co, WEIR_OUTCOME_FAILED, ERRCODE_T_R_DEADLOCK_DETECTED, 0,
						  "deadlock: task %s waits for process %d, which waits for the job",
						  name, session);
}

static void
loop(WeirCoordinator *co)
{
	while (co->outcome == WEIR_OUTCOME_NONE)
	{
		receive_messages(co);
		watch_tasks(co);
		weir_requests_take(co);
		if (co->cancelled)
			co->outcome = WEIR_OUTCOME_CANCELLED;
		if (ShutdownRequestPending)
			weir_coordinator_fail(co, WEIR_OUTCOME_FAILED, ERRCODE_ADMIN_SHUTDOWN, 0,
								  "the job's coordinator was terminated");
		if (co->outcome != WEIR_OUTCOME_NONE)
			break;
		finish_when_ended(co);
		weir_checkpoints_act(co);
		look_for_deadlock(co);
		if (co->outcome == WEIR_OUTCOME_NONE)
			wait_for_news(co, time_to_deadline(co));
	}
}

/* One that waits for a lock would not hear that it is to leave. */
static void
terminate_tasks(WeirCoordinator *co, bool waiting_only)
{
	for (int i = 0; i < co->ntasks; i++)
	{
		if (!co->tasks[i].gone &&
			(!waiting_only || weir_waits_for_lock(&co->attempt->tasks[i])))
			TerminateBackgroundWorker(co->tasks[i].worker);
	}
}

/* Asks every task to leave; terminates those that do not; waits until all are gone. */
static void
stop_tasks(WeirCoordinator *co)
{
	int64		deadline = weir_now() + LEAVE_WITHIN_MS * 1000;
	bool		terminated = false;

	co->attempt->stopping = true;
	for (int i = 0; i < co->ntasks; i++)
	{
		PGPROC	   *proc = co->attempt->tasks[i].proc;

		if (!co->tasks[i].gone && proc)
			SetLatch(&proc->procLatch);
	}
	terminate_tasks(co, true);
	while (watch_tasks(co))
	{
		long		left = (deadline - weir_now()) / 1000;

		if (left <= 0 && !terminated)
		{
			terminate_tasks(co, false);
			terminated = true;
		}
		wait_for_news(co, terminated ? -1 : Max(left, 1));
	}
}

void
weir_stop_forget(WeirCoordinator *co)
{
	weir_request_done(co, co->stop_token, false, 0, co->error);
	co->stop_token = 0;
	co->stopping = false;
	co->draining = false;
}

static void
release_attempt(WeirCoordinator *co)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	co->slot->attempt = DSM_HANDLE_INVALID;
	LWLockRelease(weir_registry->lock);
	co->attempt = NULL;
	dsm_detach(co->segment);
	co->segment = NULL;
	co->ntasks = 0;
	co->started = false;
	co->final_asked = false;
	MemoryContextSwitchTo(co->context);
	MemoryContextReset(co->attempt_context);
}

/* A stop whose attempt fails has failed, unless its checkpoint is decided. */
void
weir_attempt_end(WeirCoordinator *co)
{
	if (co->outcome == WEIR_OUTCOME_FAILED && co->started &&
		!weir_checkpoints_final_in_doubt(co))
		weir_stop_forget(co);
	weir_checkpoints_end(co);
	stop_tasks(co);
	release_attempt(co);
}

void
weir_attempt_abandon(WeirCoordinator *co)
{
	MemoryContextSwitchTo(co->attempt_context);
	weir_checkpoints_abandon(co);
	if (co->attempt)
		stop_tasks(co);
	release_attempt(co);
}

void
weir_attempt_run(WeirCoordinator *co)
{
	bool		keyed;
	bool		sink_task;
	int64		id;

	WEIR_FAULT(before_attempt);
	weir_coordinator_begin(co);
	id = weir_job_next_attempt(co->job->id, co->restarts);
	weir_coordinator_end(co, true);
	co->restarts = 0;
	WEIR_FAULT(after_attempt);
	MemoryContextSwitchTo(co->attempt_context);
	place_sink(co, &keyed, &sink_task);
	if (co->job->status != WEIR_JOB_RESTARTING)
		weir_coordinator_status(co, WEIR_JOB_STARTING, NULL, NULL);
	weir_outbox_emit(co->job->id);
	create_attempt(co, id, keyed, sink_task);
	weir_checkpoints_init(co);
	start_gang(co);
	loop(co);
}
