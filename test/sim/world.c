/*
 * world.c
 *		A schedule: a random job, then steps in random order with faults, then
 *		calm, in which the job must come to its end.
 *
 * A step is one thing that one process does without being interrupted: it
 * takes a message, carries out a part of a decision, commits.  Between two
 * steps anything may happen.  Who is not chosen is delayed; who is chosen and
 * finds nothing to do was woken for nothing.  In the calm nobody is chosen
 * for nothing, and the clock moves only when nobody has anything to do, to
 * the next deadline that the decision code has named.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/keygroup.h"
#include "sim.h"

/* ---- tasks ---- */

void
ring_put(Ring *r, Message m)
{
	if (r->n == RING)
	{
		fprintf(stderr, "the model has room for more messages\n");
		abort();
	}
	r->m[(r->first + r->n++) % RING] = m;
}

bool
ring_get(Ring *r, Message *m)
{
	if (r->n == 0)
		return false;
	*m = r->m[r->first];
	r->first = --r->n == 0 ? 0 : (uint8_t) ((r->first + 1) % RING);
	return true;
}

void
task_report(World *w, Task *t, Message m)
{
	(void) w;
	ring_put(&t->report, m);
}

static void
ring_clear(Ring *r)
{
	r->first = r->n = 0;
}

void
task_create(World *w, Attempt *a, int index, TaskKind kind)
{
	Task	   *t = &a->tasks[index];
	int			i;

	memset(t, 0, offsetof(Task, control));
	ring_clear(&t->control);
	ring_clear(&t->report);
	for (i = 0; i < MAX_INPUTS; i++)
		ring_clear(&t->in[i]);
	t->alive = true;
	t->kind = (uint8_t) kind;
	t->index = (uint8_t) index;
	t->slot = (uint8_t) ((a - w->attempts) * MAX_TASKS + index);
	t->failed_record = -1;
	if (kind == T_SOURCE)
		return;
	t->has_sink = kind == T_SINK || a->nsinks == 0;
	t->ninputs = (uint8_t) (kind == T_SINK && a->nkeyed > 0 ? a->nkeyed : a->nsources);
	t->align = weir_align_create(t->ninputs, exactly_once(w) ? WEIR_ALIGN_EXACTLY_ONCE :
								 WEIR_ALIGN_AT_LEAST_ONCE);
}

void
task_kill(World *w, Task *t)
{
	if (!t->alive)
		return;
	t->alive = false;
	if (t->align != NULL)
		weir_align_destroy(t->align);
	t->align = NULL;
	db_abort(w, OPEN(t->slot));
	t->output.open = false;
}

static void
load(World *w, Task *t)
{
	Message		m = {0};

	if (t->kind == T_SOURCE)
		source_load(w, t);
	else
		operator_load(w, t);
	t->loaded = true;
	m.kind = M_RUNNING;
	task_report(w, t, m);
}

/* Somebody this task sends to has not taken much for long. */
static bool
is_blocked(World *w, const Task *t)
{
	Attempt    *a = attempt_of(w, t);
	int			i;
	int			k;

	if (t->report.n > RING_BUSY)
		return true;
	for (i = t->kind == T_SINK ? a->ntasks : a->nsources; i < a->ntasks; i++)
	{
		for (k = 0; k < MAX_INPUTS; k++)
		{
			if (a->tasks[i].in[k].n > RING_BUSY)
				return true;
		}
	}
	return false;
}

bool
task_step(World *w, Task *t)
{
	if (!t->alive)
		return false;
	if (attempt_of(w, t)->stopping && (w->calm || below(w, 3) == 0))
	{
		TRACE(w, "task %d: leaves", t->index);
		task_kill(w, t);
		return true;
	}
	if (!t->loaded)
	{
		load(w, t);
		return true;
	}
	if (t->kind != T_KEYED && is_blocked(w, t))
		return false;
	return t->kind == T_SOURCE ? source_step(w, t) : operator_step(w, t);
}

/* ---- a random job ---- */

static void
choose_config(World *w)
{
	WeirCheckpointConfig *c = &w->config;

	memset(c, 0, sizeof(*c));
	c->periodic = true;
	c->mode = below(w, 4) == 0 ? WEIR_AT_LEAST_ONCE : WEIR_EXACTLY_ONCE;
	c->every = 10 + below(w, 150);
	c->timeout = 40 + below(w, 600);
	c->min_pause = below(w, 2) ? 0 : below(w, 150);
	c->max_concurrent = 1 + below(w, 3);
	c->tolerable = below(w, 2) ? -1 : below(w, 3);
	c->retain = 1 + below(w, 3);
}

static void
choose_restart(World *w)
{
	WeirRestartConfig *r = &w->restart_config;

	memset(r, 0, sizeof(*r));
	r->strategy = (WeirRestartStrategy) below(w, 4);
	r->attempts = below(w, 4) - 1;
	r->delay = below(w, 100);
	r->max_failures = 1 + below(w, 3);
	r->within = 500;
	r->initial_delay = 1 + below(w, 20);
	r->max_delay = 200;
	r->multiplier = 2.0;
	r->reset_after = 300;
	r->jitter = 0.1;
}

static void
choose_input(World *w)
{
	int			s;
	int			i;
	int			k;

	for (k = 0; k < KEYS; k++)
	{
		w->hash[k] = random_bits(w);
		w->group[k] = (uint8_t) weir_key_group(w->hash[k], w->groups);
	}
	for (s = 0; s < w->nsources; s++)
	{
		uint8_t		count[KEYS] = {0};

		w->nrecords[s] = 1 + below(w, MAX_RECORDS);
		for (i = 0; i < w->nrecords[s]; i++)
		{
			w->key[s][i] = (uint8_t) below(w, KEYS);
			w->ordinal[s][i] = ++count[w->key[s][i]];
		}
	}
}

/* Everything but the arrays, of which the counts tell what is in them. */
static void
clear(World *w)
{
	int			i;

	memset(&w->random, 0, offsetof(World, attempts) - offsetof(World, random));
	for (i = 0; i < 2; i++)
		memset(&w->attempts[i], 0, offsetof(Attempt, tasks));
	for (i = 0; i < 2 * MAX_TASKS; i++)
		w->attempts[i / MAX_TASKS].tasks[i % MAX_TASKS].alive = false;
	memset(&w->co, 0, offsetof(Coordinator, restart));
	memset(&w->oracle, 0, sizeof(w->oracle));
	w->finished = false;
	w->ntokens = 0;
	memset(w->answered, 0, sizeof(w->answered));
	memset(&w->db, 0, offsetof(Database, prepared));
	w->unsynced = false;
}

static void
set_up(World *w, uint64_t seed, bool tracing)
{
	static const int rates[] = {0, 300, 80, 30};

	clear(w);
	w->random = seed * UINT64_C(0x2545f4914f6cdd1d);
	w->tracing = tracing;
	w->now = 1;
	w->wall = CLOCK_STEP;
	clock_start(w, true);
	w->rebooted = false;
	w->fault_rate = rates[below(w, COUNT(rates))];
	w->nsources = 1 + below(w, MAX_SOURCES);
	w->groups = 1 + below(w, 6);
	w->ends = below(w, 3) != 0;
	w->segments = below(w, 3) == 0;
	w->db.next_checkpoint = 1;
	w->db.timeline = 1;
	choose_config(w);
	choose_restart(w);
	choose_input(w);
	w->co.state = C_IDLE;
	user_start(w);
}

/* ---- faults and users ---- */

static Task *
any_task(World *w)
{
	int			i = below(w, 2 * MAX_TASKS);

	return &w->attempts[i / MAX_TASKS].tasks[i % MAX_TASKS];
}

static void
kill_all(World *w)
{
	int			i;

	for (i = 0; i < 2 * MAX_TASKS; i++)
		task_kill(w, &w->attempts[i / MAX_TASKS].tasks[i % MAX_TASKS]);
}

static void
crash_server(World *w, bool power_cut)
{
	w->events[power_cut ? E_POWER_CUT : E_SERVER_CRASH]++;
	TRACE(w, "%s", power_cut ? "power cut" : "the server crashes");
	coordinator_crash(w);
	kill_all(w);
	clock_start(w, power_cut);
	if (power_cut)
		db_power_cut(w);
	else if (below(w, 2))
		db_lose(w);
}

static void
crash_task(World *w)
{
	Task	   *t = &current(w)->tasks[below(w, current(w)->ntasks)];

	if (t->alive)
	{
		TRACE(w, "task %d: crashes", t->index);
		w->events[E_TASK_CRASH]++;
		task_kill(w, t);
	}
}

/* Somebody sets the clock, right or wrong, once in a while so that it shows the epoch. */
static void
step_clock(World *w)
{
	w->wall = below(w, 8) == 0 ? -w->now : w->wall + below(w, 2 * CLOCK_STEP) - CLOCK_STEP;
	w->stepped_at = w->now;
	w->events[E_CLOCK_STEP]++;
	TRACE(w, "the clock is set to %d", (int) (w->now + w->wall));
}

static void
some_fault(World *w)
{
	switch (below(w, 12))
	{
		case 0:
			crash_server(w, false);
			break;
		case 1:
			crash_server(w, true);
			break;
		case 2:
			coordinator_crash(w);
			break;
		case 3:
			w->now += below(w, 400);
			TRACE(w, "nothing happens for a while");
			break;
		case 4:
			w->locked_until = w->now + below(w, 500);
			TRACE(w, "somebody locks the sink");
			break;
		case 5:
		case 6:
			step_clock(w);
			break;
		default:
			crash_task(w);
			break;
	}
}

static void
drop_savepoint(World *w)
{
	int			i;

	for (i = 0; i < w->db.ncompleted; i++)
	{
		if (!w->db.completed[i].savepoint || below(w, 2))
			continue;
		TRACE(w, "user: drops savepoint %d", w->db.completed[i].checkpoint);
		w->db.completed[i].savepoint = false;
		db_commit_sync(w);
		return;
	}
}

static void
some_wish(World *w)
{
	if (w->co.state == C_IDLE && below(w, 4) == 0)
		user_start_from_savepoint(w);
	switch (below(w, 12))
	{
		case 0:
		case 1:
		case 2:
			user_request(w, WEIR_MANUAL);
			break;
		case 3:
		case 4:
		case 5:
			user_request(w, WEIR_SAVEPOINT);
			break;
		case 6:
			user_request(w, WEIR_FINAL);
			break;
		case 7:
			user_cancel(w);
			break;
		case 8:
			w->co.reconfigure = true;
			break;
		case 9:
			drop_savepoint(w);
			break;
		default:
			if (below(w, 2))
				user_start_from_savepoint(w);
			user_start(w);
			break;
	}
}

/* ---- the scheduler ---- */

static void
wild_step(World *w)
{
	int			who;

	w->now += below(w, 4);
	if (w->fault_rate > 0 && below(w, w->fault_rate) == 0)
		some_fault(w);
	else if (below(w, 24) == 0)
		some_wish(w);
	who = below(w, 4 + current(w)->ntasks + 1);
	if (who < 3)
		(void) coordinator_step(w);
	else if (who == 3)
		(void) sender_step(w, below(w, w->nsources));
	else if (who - 4 < current(w)->ntasks)
		(void) task_step(w, &current(w)->tasks[who - 4]);
	else
		(void) task_step(w, any_task(w));
}

/* Everybody who has something to do does it; false if nobody has. */
static bool
calm_round(World *w)
{
	int			first = below(w, 2 * MAX_TASKS);
	bool		progress = false;
	int			i;

	for (i = 0; i < w->nsources; i++)
		progress = sender_step(w, i) || progress;
	for (i = 0; i < 2 * MAX_TASKS && w->violation == NULL; i++)
	{
		int			t = (first + i) % (2 * MAX_TASKS);

		if (!task_step(w, &w->attempts[t / MAX_TASKS].tasks[t % MAX_TASKS]))
			continue;
		progress = true;
		check_step(w);
	}
	progress = coordinator_step(w) || progress;
	check_step(w);
	return progress;
}

static void
advance_clock(World *w)
{
	int64_t		deadline = coordinator_deadline(w);

	if (deadline <= w->now || deadline == INT64_MAX)
		violate(w, "something is to be done, or due, until the job is done");
	else if (w->co.state == C_RUN && deadline > w->now + LONGEST_WAIT)
		violate(w, "no checkpoint is due later than what was configured");
	else
		w->now = deadline;
}

static void
start_again(World *w)
{
	w->now += 50;
	if (below(w, 4) == 0)
		user_start_from_savepoint(w);
	user_start(w);
}

static void
come_to_rest(World *w)
{
	int			rounds = 0;

	TRACE(w, "from here on nothing fails");
	w->calm = true;
	w->calm_from = w->now;
	if (w->locked_until > w->now + 300)
		w->locked_until = w->now + 300;
	while (w->violation == NULL && !job_done(w))
	{
		if (rounds++ == CALM_ROUNDS)
			violate(w, "progress resumes once nothing fails");
		else if (w->co.state == C_IDLE)
			start_again(w);
		else if (!calm_round(w) && w->violation == NULL)
			advance_clock(w);
	}
}

void
world_play(World *w, uint64_t seed, int steps, bool tracing)
{
	int			i;

	set_up(w, seed, tracing);
	for (i = 0; i < steps && w->violation == NULL; i++)
	{
		wild_step(w);
		check_step(w);
	}
	if (w->violation == NULL)
		come_to_rest(w);
	if (w->violation == NULL)
		check_end(w);
	kill_all(w);
	if (w->co.checkpointer != NULL)
		weir_checkpointer_destroy(w->co.checkpointer);
	if (gave_up(w))
	{
		w->violation = NULL;
		w->events[E_GAVE_UP]++;
	}
}
