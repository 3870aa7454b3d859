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
#include <string.h>

#include "sim.h"

/* ---- set-up ---- */

/* Everything but the arrays, of which the counts tell what is in them. */
static void
clear(World *w)
{
	int			i;

	memset(&w->random, 0, offsetof(World, attempts) - offsetof(World, random));
	for (i = 0; i < 2; i++)
		memset(&w->attempts[i], 0, offsetof(Attempt, topology));
	for (i = 0; i < 2 * MAX_TASKS; i++)
		w->attempts[i / MAX_TASKS].tasks[i % MAX_TASKS].alive = false;
	memset(&w->co, 0, offsetof(Coordinator, restart));
	memset(&w->oracle, 0, sizeof(w->oracle));
	w->ntokens = 0;
	memset(w->answered, 0, sizeof(w->answered));
	memset(&w->db, 0, offsetof(Database, prepared));
	w->unsynced = false;
}

static void
set_up(World *w, uint64_t seed, Shape shape, bool tracing)
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
	w->shape = shape != SHAPE_BOTH ? shape : seed % 2 == 0 ? SHAPE_GRAPH : SHAPE_TODAY;
	choose_graph(w);
	w->slow_node = below(w, 2) ? below(w, w->graph.nnodes) : MAX_NODES;
	w->groups = 1 + below(w, w->shape == SHAPE_TODAY ? MAX_GROUPS : MAX_GROUPS - 2);
	w->ends = below(w, 3) != 0;
	w->idles = below(w, 4) == 0;
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
some_start(World *w)
{
	switch (below(w, 6))
	{
		case 0:
		case 1:
			user_start_from_savepoint(w);
			break;
		case 2:
			user_start_fresh(w);
			break;
		default:
			break;
	}
	user_start(w);
}

static void
some_wish(World *w)
{
	switch (below(w, 14))
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
		case 7:
			user_stop(w, WEIR_STOP_CHECKPOINTED);
			break;
		case 8:
			user_stop(w, WEIR_STOP_DRAINED);
			break;
		case 9:
			user_stop(w, WEIR_STOP_CANCEL);
			break;
		case 10:
			w->co.reconfigure = true;
			break;
		case 11:
			user_drop_savepoint(w);
			break;
		default:
			some_start(w);
			break;
	}
}

/* ---- the scheduler ---- */

/* The tasks of one node may be slow, so that rows wait before them. */
static void
slow_step(World *w, Task *t)
{
	if (t->node != w->slow_node || below(w, 4) == 0)
		(void) task_step(w, t);
}

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
		(void) sender_step(w, below(w, w->graph.nsources));
	else if (who - 4 < current(w)->ntasks)
		slow_step(w, &current(w)->tasks[who - 4]);
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

	for (i = 0; i < w->graph.nsources; i++)
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
	if (below(w, 2) == 0)
		some_start(w);
	else
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
world_play(World *w, uint64_t seed, int steps, Shape shape, bool tracing)
{
	int			i;

	set_up(w, seed, shape, tracing);
	if (w->shape == SHAPE_GRAPH)
		steps += steps * w->graph.nnodes / 4;
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
