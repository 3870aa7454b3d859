/*
 * coordinator.c
 *		The coordinator's process: runs attempts, decides what follows their end.
 *		As job/coordinator.c and attempt_run.c.
 */
#include <string.h>

#include "sim.h"

/* ---- the process ---- */

/* Requests and what was pending die with it; its tasks leave. */
void
coordinator_crash(World *w)
{
	Coordinator *co = &w->co;

	if (co->state == C_IDLE)
		return;
	TRACE(w, "coordinator: is gone");
	w->events[E_COORDINATOR_CRASH]++;
	if (co->checkpointer != NULL)
		weir_checkpointer_destroy(co->checkpointer);
	co->checkpointer = NULL;
	co->acting = false;
	co->deciding = false;
	memset(&co->stop, 0, sizeof(co->stop));
	current(w)->stopping = true;
	forget_requests(w);
	co->state = C_NONE;
}

static bool
launch(World *w)
{
	Coordinator *co = &w->co;

	TRACE(w, "launcher: starts a coordinator");
	co->outcome = O_NONE;
	memset(&co->stop, 0, sizeof(co->stop));
	co->failures = 0;
	co->doubtful = 0;
	co->next_checkpoint = 0;
	co->previous_record = -1;
	weir_restart_init(&co->restart, &w->restart_config);
	co->state = C_WAIT_GONE;
	return true;
}

void
coordinator_fail(World *w, Outcome outcome)
{
	if (w->co.outcome == O_NONE)
		w->co.outcome = outcome;
}

/* ---- an attempt ---- */

static void
trace_attempt(World *w, const Attempt *a)
{
	const WeirTopology *t = &a->topology;
	int			i;

	TRACE(w, "coordinator: attempt %d, %d tasks", a->id, a->ntasks);
	for (i = 0; i < t->nstages; i++)
		TRACE(w, "  stage %d: %s%s, tasks %d to %d", i, weir_stage_kind(&t->stages[i]),
			  t->stages[i].sink ? ", writes" : "", t->stages[i].first_task,
			  t->stages[i].first_task + t->stages[i].parallelism - 1);
	for (i = 0; i < t->nexchanges; i++)
		TRACE(w, "  exchange %d: stage %d to %d", i, t->exchanges[i].from, t->exchanges[i].to);
}

static bool
start_attempt(World *w)
{
	Coordinator *co = &w->co;
	const Completed *row = db_newest(w);
	Attempt    *a;
	int			i;

	w->events[E_ATTEMPT]++;
	w->half = !w->half;
	a = current(w);
	for (i = 0; i < a->ntasks; i++)
		task_kill(w, &a->tasks[i]);
	a->id = ++w->db.attempt;
	db_commit_sync(w);
	a->stopping = false;
	a->restore = co->restore;
	a->restore_timeline = row != NULL || w->db.base == 0 ? w->db.timeline : w->db.base_timeline;
	a->write_full = row == NULL && (mutant != MUTANT_DELTA_FIRST || w->db.base == 0);
	memcpy(a->position, row != NULL ? row->position : w->db.base_position, sizeof(a->position));
	memcpy(a->ended, row != NULL ? row->ended : w->db.base_ended, sizeof(a->ended));
	memcpy(a->from, w->db.from, sizeof(a->from));
	memset(&a->missing, 0, sizeof(a->missing));
	if (row != NULL)
		a->missing = row->missing;
	a->pass_end = w->db.was_finished;
	a->some_ended = false;
	place_tasks(w, a);
	trace_attempt(w, a);
	weir_restart_started(&co->restart);
	weir_stop_attempt(&co->stop, true);
	co->running = co->ended = 0;
	co->started = co->lock_wait = false;
	co->failed_record = -1;
	co->outcome = O_NONE;
	checkpoints_begin(w);
	co->state = C_RUN;
	return true;
}

static void
task_runs(World *w, int task)
{
	Coordinator *co = &w->co;

	co->running |= UINT32_C(1) << task;
	weir_checkpointer_task_running(co->checkpointer, task, true);
	co->started = co->running == prefix(current(w)->ntasks);
	if (!co->started)
		return;
	weir_stop_running(&co->stop);
	if (w->db.was_finished)
	{
		w->db.was_finished = false;
		db_commit_sync(w);
	}
}

/* One message, of any task: between tasks there is no order. */
static bool
receive(World *w)
{
	Attempt    *a = current(w);
	int			first = below(w, a->ntasks);
	int			i;
	Message		m;

	for (i = 0; i < a->ntasks; i++)
	{
		int			task = (first + i) % a->ntasks;

		if (!ring_get(&a->tasks[task].report, &m))
			continue;
		if (m.kind == M_RUNNING)
			task_runs(w, task);
		else
			checkpoints_message(w, task, &m);
		return true;
	}
	return false;
}

static void
watch_tasks(World *w)
{
	Attempt    *a = current(w);
	int			i;

	for (i = a->ntasks - 1; i >= 0; i--)
	{
		Task	   *t = &a->tasks[i];

		if (t->alive || w->co.outcome != O_NONE)
			continue;
		w->co.lock_wait = t->lock_wait;
		w->co.failed_record = t->failed_record;
		coordinator_fail(w, O_FAILED);
	}
}

static bool
all_ended(World *w)
{
	const Attempt *a = current(w);
	bool		source = false;
	bool		sink = false;
	int			i;

	for (i = 0; i < a->ntasks && mutant == MUTANT_FINAL_EARLY; i++)
	{
		source |= a->tasks[i].is_source && (w->co.ended >> i & 1);
		sink |= a->tasks[i].has_sink && (w->co.ended >> i & 1);
	}
	return (source && sink) || w->co.ended == prefix(a->ntasks);
}

static void
drain_sources(World *w)
{
	Attempt    *a = current(w);
	Message		m = {0};
	int			i;

	m.kind = M_DRAIN;
	for (i = 0; i < a->ntasks; i++)
	{
		if (a->tasks[i].is_source && a->tasks[i].alive)
			ring_put(&a->tasks[i].control, m);
	}
}

static void
end_attempt(World *w)
{
	static const Outcome outcomes[] = {O_NONE, O_CANCELLED, O_STOPPED, O_FINISHED};
	Coordinator *co = &w->co;

	if (co->stop.ending != WEIR_ENDING_NONE)
		co->outcome = outcomes[co->stop.ending];
}

/* As job/stop.c.  Each action there is, taken once, comes to rest. */
void
coordinator_stop_act(World *w)
{
	Coordinator *co = &w->co;
	int			i;

	if (all_ended(w))
		weir_stop_all_ended(&co->stop);
	for (i = 0; i <= WEIR_STOP_END; i++)
	{
		WeirStopAction action = weir_stop_next(&co->stop);

		if (action == WEIR_STOP_NOTHING)
			return;
		TRACE(w, "coordinator: stop, action %d", action);
		if (action == WEIR_STOP_DRAIN)
			drain_sources(w);
		else if (action == WEIR_STOP_FINAL)
			weir_checkpointer_request(co->checkpointer, WEIR_FINAL, co->stop.token, w->now);
		else if (action == WEIR_STOP_END)
		{
			end_attempt(w);
			return;
		}
	}
	violate(w, "what is done for the end of a job comes to rest");
}

static bool
final_in_doubt(World *w)
{
	int64_t		id = weir_checkpointer_doubtful(w->co.checkpointer);

	return id != 0 && w->final[id];
}

/* The attempt ends: what is pending failed, the tasks are to leave. */
static void
begin_end(World *w)
{
	Coordinator *co = &w->co;

	TRACE(w, "coordinator: the attempt ends, outcome %d", co->outcome);
	if (weir_stop_attempt_ended(&co->stop, co->outcome == O_FAILED, final_in_doubt(w)))
		answer_stops(w, false);
	checkpoints_end(w);
	current(w)->stopping = true;
	co->state = C_END;
}

static void
take_configuration(World *w)
{
	if (!w->co.reconfigure)
		return;
	w->co.reconfigure = false;
	w->config.every = 10 + below(w, 150);
	w->config.min_pause = below(w, 100);
	w->config.max_concurrent = 1 + below(w, 3);
	w->config.retain = 1 + below(w, 3);
	TRACE(w, "user: changes the configuration");
	weir_checkpointer_configure(w->co.checkpointer, &w->config, w->now);
}

/* A task has not heard much for long. */
static bool
is_busy(World *w)
{
	Attempt    *a = current(w);
	int			i;

	for (i = 0; i < a->ntasks; i++)
	{
		if (a->tasks[i].control.n > RING_BUSY)
			return true;
	}
	return false;
}

static bool
run(World *w)
{
	Coordinator *co = &w->co;
	bool		progress;

	if (co->outcome != O_NONE)
	{
		begin_end(w);
		return true;
	}
	if (is_busy(w))
		return false;
	if (co->acting && co->action.kind == WEIR_DO_COMMIT && below(w, 4) == 0)
	{
		watch_tasks(w);			/* what is decided is committed beside everything else */
		if (co->outcome != O_NONE)
			return true;
	}
	if (checkpoints_act(w))
		return true;
	check_failures(w);
	take_configuration(w);
	if (checkpoints_act(w))
		return true;
	progress = receive(w);
	watch_tasks(w);
	if (co->outcome == O_NONE || co->stop.cancelled)
		coordinator_stop_act(w);
	if (co->outcome != O_NONE)
		return true;
	checkpoints_tick(w);
	if (checkpoints_act(w))
		return true;
	check_deadline(w);
	return progress;
}

/* ---- what follows ---- */

static bool
leave(World *w)
{
	if (lives(current(w)))
		return false;
	w->co.state = C_RESOLVE_END;
	return true;
}

static bool
is_poison(World *w)
{
	Coordinator *co = &w->co;
	bool		same = co->failed_record >= 0 && co->failed_record == co->previous_record &&
		(!co->lock_wait || mutant == MUTANT_LOCK_IS_POISON);

	co->previous_record = co->failed_record;
	return same;
}

static void
stop(World *w)
{
	Coordinator *co = &w->co;

	TRACE(w, "coordinator: the job ends, outcome %d", co->outcome);
	check_ending(w);
	w->events[E_STOPPED] += co->outcome == O_STOPPED;
	w->events[E_DRAINED] += co->outcome == O_FINISHED && co->stop.draining;
	w->db.finished = co->outcome == O_FINISHED;
	db_commit_sync(w);
	answer_stops(w, co->outcome != O_FAILED);
	forget_requests(w);
	memset(&co->stop, 0, sizeof(co->stop));
	co->doubtful = 0;
	co->state = C_IDLE;
}

/* Its final checkpoint was in doubt when the attempt failed: did the stop succeed? */
static void
settle_stop(World *w)
{
	if (weir_stop_recovered(&w->co.stop, db_completed(w, (int) w->co.doubtful) != NULL))
		answer_stops(w, false);
	end_attempt(w);
}

static void
stop_between(World *w)
{
	w->co.outcome = O_CANCELLED;
	stop(w);
}

static bool
after_attempt(World *w)
{
	Coordinator *co = &w->co;

	if (recovery_resolve_one(w))
		return true;
	if (co->outcome == O_FAILED && weir_stop_is_doubtful(&co->stop))
		settle_stop(w);
	if (co->outcome != O_FAILED)
	{
		stop(w);
		return true;
	}
	if (is_poison(w))
		violate(w, "a wait for a lock is no record's failure");
	if (!weir_restart_failure(&co->restart, w->now, (double) below(w, 1000) / 1000.0,
							  co->lock_wait))
		stop(w);
	else
		co->state = C_DELAY;
	return true;
}

static bool
delay(World *w)
{
	if (weir_stop_ends_job(&w->co.stop))
	{
		stop_between(w);
		return true;
	}
	if (w->now < w->co.restart.restart_at)
		return false;
	w->co.state = C_WAIT_GONE;
	return true;
}

bool
coordinator_step(World *w)
{
	switch (w->co.state)
	{
		case C_NONE:
			return launch(w);
		case C_WAIT_GONE:
			return recovery_wait_gone(w);
		case C_RESOLVE:
			if (!recovery_resolve_one(w))
				w->co.state = C_CHOOSE;
			return true;
		case C_CHOOSE:
			return recovery_choose(w);
		case C_START:
			return start_attempt(w);
		case C_RUN:
			return run(w);
		case C_END:
			return leave(w);
		case C_RESOLVE_END:
			return after_attempt(w);
		case C_DELAY:
			return delay(w);
		case C_IDLE:
			break;
	}
	return false;
}

/* When time alone gives the coordinator something to do. */
int64_t
coordinator_deadline(World *w)
{
	if (w->co.state == C_RUN)
		return weir_checkpointer_deadline(w->co.checkpointer);
	if (w->co.state == C_DELAY)
		return w->co.restart.restart_at;
	return INT64_MAX;
}
