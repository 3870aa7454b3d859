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
	co->stopping = false;
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
	co->stop_token = 0;
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
place_tasks(World *w, Attempt *a)
{
	int			i;
	int			p = 1 + below(w, MAX_KEYED);

	if (a->nkeyed + a->nsinks == 0 || below(w, 3) == 0)
	{
		a->nkeyed = p < w->groups ? p : w->groups;
		a->nsinks = below(w, 2);
	}
	a->nsources = w->nsources;
	a->ntasks = a->nsources + a->nkeyed + a->nsinks;
	for (i = 0; i < a->ntasks; i++)
		task_create(w, a, i, i < a->nsources ? T_SOURCE :
					i < a->nsources + a->nkeyed ? T_KEYED : T_SINK);
}

static bool
start_attempt(World *w)
{
	Coordinator *co = &w->co;
	const Completed *row = db_newest(w);
	Attempt    *old = current(w);
	Attempt    *a;
	int			i;

	w->events[E_ATTEMPT]++;
	w->half = !w->half;
	a = current(w);
	for (i = 0; i < a->ntasks; i++)
		task_kill(w, &a->tasks[i]);
	a->nkeyed = old->nkeyed;
	a->nsinks = old->nsinks;
	a->id = ++w->db.attempt;
	db_commit_sync(w);
	a->stopping = false;
	a->restore = co->restore;
	a->restore_timeline = row != NULL || w->db.base == 0 ? w->db.timeline : w->db.base_timeline;
	a->write_full = row == NULL && (mutant != MUTANT_DELTA_FIRST || w->db.base == 0);
	memcpy(a->position, row != NULL ? row->position : w->db.base_position, sizeof(a->position));
	place_tasks(w, a);
	TRACE(w, "coordinator: attempt %d, %d keyed, %d sink", a->id, a->nkeyed, a->nsinks);
	weir_restart_started(&co->restart);
	co->running = co->ended = 0;
	co->started = co->final_asked = co->lock_wait = false;
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

	co->running |= (uint8_t) (1 << task);
	weir_checkpointer_task_running(co->checkpointer, task, true);
	co->started = co->running == prefix(current(w)->ntasks);
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

static void
finish_when_ended(World *w)
{
	Coordinator *co = &w->co;

	if (co->final_asked || !co->started || co->stopping ||
		co->ended != prefix(current(w)->ntasks))
		return;
	co->final_asked = true;
	weir_checkpointer_request(co->checkpointer, WEIR_FINAL, 0, w->now);
}

/* The attempt ends: what is pending failed, the tasks are to leave. */
static void
begin_end(World *w)
{
	Coordinator *co = &w->co;

	TRACE(w, "coordinator: the attempt ends, outcome %d", co->outcome);
	if (co->outcome == O_FAILED)
	{
		answer(w, co->stop_token, false);
		co->stop_token = 0;
		co->stopping = false;
	}
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
	if (checkpoints_act(w))
		return true;
	check_failures(w);
	take_configuration(w);
	if (checkpoints_act(w))
		return true;
	progress = receive(w);
	watch_tasks(w);
	if (co->outcome != O_NONE)
		return true;
	finish_when_ended(w);
	checkpoints_tick(w);
	return checkpoints_act(w) || progress;
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

	TRACE(w, "coordinator: the job stops, outcome %d", co->outcome);
	w->finished = co->outcome == O_FINISHED;
	db_commit_sync(w);
	answer(w, co->stop_token, co->outcome != O_FAILED);
	forget_requests(w);
	co->stop_token = 0;
	co->stopping = false;
	co->doubtful = 0;
	co->state = C_IDLE;
}

static bool
after_attempt(World *w)
{
	Coordinator *co = &w->co;

	if (recovery_resolve_one(w))
		return true;
	if (co->outcome != O_FAILED)
	{
		stop(w);
		return true;
	}
	if (is_poison(w))
		violate(w, "a wait for a lock is no record's failure");
	if (weir_restart_failure(&co->restart, w->now, (double) below(w, 1000) / 1000.0,
							 co->lock_wait))
		co->state = C_DELAY;
	else
		stop(w);
	return true;
}

static bool
delay(World *w)
{
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
