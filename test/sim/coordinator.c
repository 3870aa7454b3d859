/*
 * coordinator.c
 *		The coordinator's process: recovers, runs attempts, decides what follows
 *		their end.  As flow/coordinator.c, attempt_run.c and recovery.c.
 */
#include <string.h>

#include "sim.h"

/* ---- requests ---- */

uint64_t
new_token(World *w)
{
	return w->ntokens < MAX_TOKENS - 1 ? (uint64_t) ++w->ntokens : 0;
}

/* Who has been answered hears nothing more. */
void
answer(World *w, uint64_t token, bool ok)
{
	if (token == 0 || w->answered[token])
		return;
	TRACE(w, "request %d %s", (int) token, ok ? "done" : "failed");
	w->answered[token] = true;
}

static void
ask_stop(World *w, uint64_t token)
{
	Coordinator *co = &w->co;

	if (co->stopping)
	{
		answer(w, token, false);
		return;
	}
	co->stopping = true;
	co->stop_token = token;
	weir_checkpointer_request(co->checkpointer, WEIR_FINAL, token, w->now);
}

void
user_request(World *w, WeirCheckpointKind kind)
{
	Coordinator *co = &w->co;
	uint64_t	token = new_token(w);

	if (token == 0)
		return;
	TRACE(w, "user: request %d of kind %d", (int) token, kind);
	if (co->state != C_RUN || !co->started)
		answer(w, token, false);
	else if (kind == WEIR_FINAL)
		ask_stop(w, token);
	else
		weir_checkpointer_request(co->checkpointer, kind, token, w->now);
}

void
user_cancel(World *w)
{
	TRACE(w, "user: cancels the job");
	if (w->co.state == C_RUN)
		coordinator_fail(w, O_CANCELLED);
}

void
user_start(World *w)
{
	Coordinator *co = &w->co;

	if (co->state != C_IDLE || w->finished)
		return;
	TRACE(w, "user: starts the job");
	co->failures = 0;
	co->previous_record = -1;
	weir_restart_init(&co->restart, &w->restart_config);
	co->state = C_WAIT_GONE;
}

/* A savepoint whose position the journal still holds. */
static const Completed *
choose_savepoint(World *w)
{
	int			first = w->db.ncompleted > 0 ? below(w, w->db.ncompleted) : 0;
	int			i;
	int			s;

	for (i = first; i < w->db.ncompleted; i++)
	{
		const Completed *row = &w->db.completed[i];

		for (s = 0; s < w->nsources && row->position[s] >= w->db.journal[s].start; s++)
			;
		if (row->savepoint && s == w->nsources)
			return row;
	}
	return NULL;
}

/* A new timeline.  The user brings the sink back to what it was at the savepoint. */
void
user_start_from_savepoint(World *w)
{
	const Completed *row = choose_savepoint(w);
	Database   *db = &w->db;
	int			s;

	if (w->co.state != C_IDLE || row == NULL)
		return;
	TRACE(w, "user: starts from savepoint %d", row->checkpoint);
	db->timeline++;
	db->base = row->checkpoint;
	db->base_timeline = row->timeline;
	memcpy(db->base_position, row->position, sizeof(db->base_position));
	for (s = 0; s < w->nsources; s++)
		db->visible[s] = prefix(row->position[s]);
	memcpy(w->oracle.told_position, row->position, sizeof(w->oracle.told_position));
	w->oracle.told = row->checkpoint;
	w->finished = false;
	db_commit_sync(w);
	w->events[E_FROM_SAVEPOINT]++;
	user_start(w);
}

/* ---- the process ---- */

/* Requests and what was pending die with it; its tasks leave. */
static void
forget_requests(World *w)
{
	int			i;

	for (i = 1; i <= w->ntokens; i++)
		answer(w, (uint64_t) i, false);
}

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

/* ---- recovery ---- */

static bool
lives(const Attempt *a)
{
	int			i;

	for (i = 0; i < a->ntasks; i++)
	{
		if (a->tasks[i].alive)
			return true;
	}
	return false;
}

static bool
wait_gone(World *w)
{
	if (mutant != MUTANT_RESTART_EARLY && (lives(&w->attempts[0]) || lives(&w->attempts[1])))
		return false;
	w->co.state = C_RESOLVE;
	return true;
}

static int
completed_refs(const World *w, WeirCompletedRef *refs)
{
	int			i;

	for (i = 0; i < w->db.ncompleted; i++)
	{
		refs[i].attempt = w->db.completed[i].attempt;
		refs[i].checkpoint = w->db.completed[i].checkpoint;
	}
	return w->db.ncompleted;
}

/* Resolves one prepared transaction, found by its name; false when none is left. */
static bool
resolve_one(World *w)
{
	WeirCompletedRef refs[MAX_COMPLETED];
	WeirGid		gid;
	int			i;

	if (w->db.nprepared == 0)
		return false;
	i = below(w, w->db.nprepared);
	if (fault(w, 16))
		return true;			/* it errs, and is tried again */
	if (!weir_gid_parse(w->db.prepared[i].name, &gid))
		violate(w, "a prepared transaction's name is ours");
	else
		db_finish_prepared(w, i, mutant != MUTANT_DROP_IN_DOUBT &&
						   weir_recovery_commits(&gid, refs, completed_refs(w, refs)));
	return true;
}

static int
listed_gids(const World *w, WeirGid *gids, int limit)
{
	int			n = 0;
	int			i;
	int			t;

	for (i = 0; i < w->db.ncompleted; i++)
	{
		const Completed *row = &w->db.completed[i];

		for (t = 0; t < MAX_TASKS; t++)
		{
			if ((row->listed >> t & 1) && n < limit)
				gid_of(&gids[n++], row->attempt, row->checkpoint, t);
		}
	}
	return n;
}

static void
check_by_hand(World *w)
{
	WeirGid		listed[4 * MAX_COMPLETED];
	WeirGid		markers[MAX_MARKERS];
	WeirCompletedRef refs[MAX_COMPLETED];
	WeirGid		which;
	int			nlisted = listed_gids(w, listed, COUNT(listed));
	int			nmarkers = 0;
	int			i;

	for (i = 0; i < w->db.nmarkers; i++)
	{
		const Marker *m = &w->db.markers[i];

		if (m->owner == COMMITTED)
			gid_of(&markers[nmarkers++], m->attempt, m->checkpoint, m->task);
	}
	if (weir_recovery_by_hand(listed, nlisted, markers, nmarkers, refs, completed_refs(w, refs),
							  &which) != WEIR_BY_HAND_NONE)
		violate(w, "nobody resolved a transaction by hand");
}

static bool
is_newer(World *w, const Chunk *c, int checkpoint)
{
	return c->timeline == w->db.timeline && c->checkpoint > checkpoint && c->owner == COMMITTED;
}

static int
choose_target(World *w)
{
	int64_t		ids[MAX_COMPLETED];
	int			n = 0;
	int			i;

	if (mutant == MUTANT_RECOVER_TRIGGERED)
		return w->db.next_checkpoint - 1;
	for (i = 0; i < w->db.ncompleted; i++)
	{
		const Completed *row = &w->db.completed[i];

		if (row->timeline == w->db.timeline || mutant == MUTANT_OTHER_TIMELINE)
			ids[n++] = row->checkpoint;
	}
	return (int) weir_recovery_target(ids, n, w->db.base);
}

/* Markers, what to restore, which ids are free. */
static bool
choose(World *w)
{
	Coordinator *co = &w->co;

	check_by_hand(w);
	co->restore = choose_target(w);
	if (w->db.next_checkpoint > co->next_checkpoint)
		co->next_checkpoint = w->db.next_checkpoint;
	if (mutant == MUTANT_REUSE_ID)
		co->next_checkpoint = co->restore + 1;
	else
		db_delete_chunks(w, is_newer, db_newest(w) != NULL ? co->restore : 0);
	db_commit_sync(w);
	TRACE(w, "coordinator: restores %d, goes on with %d", co->restore, co->next_checkpoint);
	if (co->restore < w->oracle.told)
		violate(w, "what was told complete is not lost");
	co->state = C_START;
	return true;
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

	if (resolve_one(w))
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
			return wait_gone(w);
		case C_RESOLVE:
			if (!resolve_one(w))
				w->co.state = C_CHOOSE;
			return true;
		case C_CHOOSE:
			return choose(w);
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
