/*
 * user.c
 *		What users ask of a job, and what they are answered.
 */
#include <string.h>

#include "sim.h"

static uint64_t
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

/* Who still waits hears that it failed. */
void
forget_requests(World *w)
{
	int			i;

	for (i = 1; i <= w->ntokens; i++)
		answer(w, (uint64_t) i, false);
	memset(w->co.stops, 0, sizeof(w->co.stops));
	w->co.has_stops = false;
}

/* All who want the job to end. */
void
answer_stops(World *w, bool ok)
{
	const Completed *row = db_newest(w);
	int			i;

	if (!ok && w->co.has_stops && row != NULL && row->attempt == current(w)->id &&
		w->final[row->checkpoint])
		violate(w, "no stop is said to have failed that is decided");
	for (i = 1; i <= w->ntokens; i++)
	{
		if (w->co.stops[i])
			answer(w, (uint64_t) i, ok);
		w->co.stops[i] = false;
	}
	w->co.has_stops = false;
}

void
user_request(World *w, WeirCheckpointKind kind)
{
	Coordinator *co = &w->co;
	uint64_t	token = new_token(w);

	if (token == 0)
		return;
	TRACE(w, "user: request %d of kind %d", (int) token, kind);
	w->named[token] = kind == WEIR_SAVEPOINT;
	if (co->state != C_RUN || !co->started)
		answer(w, token, false);
	else
		weir_checkpointer_request(co->checkpointer, kind, token, w->now);
}

/* Where no coordinator is, or the tasks do not run for what needs them, the user goes away. */
void
user_stop(World *w, WeirStopKind kind)
{
	Coordinator *co = &w->co;
	uint64_t	token = new_token(w);
	WeirStopReply reply;

	if (token == 0)
		return;
	w->named[token] = kind != WEIR_STOP_CANCEL && below(w, 3) == 0;
	reply = co->state == C_IDLE || co->state == C_NONE ? WEIR_STOP_BUSY :
		weir_stop_reply(&co->stop, kind, w->named[token]);
	TRACE(w, "user: request %d, stop of kind %d%s, reply %d", (int) token, kind,
		  w->named[token] ? " with a savepoint" : "", reply);
	if (reply == WEIR_STOP_TAKEN)
		weir_stop_take(&co->stop, kind, token);
	if (reply == WEIR_STOP_TAKEN || reply == WEIR_STOP_JOINED)
		co->has_stops = co->stops[token] = true;
	else
		answer(w, token, false);
}

void
user_start(World *w)
{
	Coordinator *co = &w->co;

	if (co->state != C_IDLE)
		return;
	TRACE(w, "user: starts the job");
	w->db.was_finished = w->db.was_finished || w->db.finished;
	w->db.finished = false;
	db_commit_sync(w);
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

		for (s = 0; s < w->graph.nsources && row->position[s] >= w->db.journal[s].start; s++)
			;
		if (row->savepoint && s == w->graph.nsources)
			return row;
	}
	return NULL;
}

/* The user brings the sinks back to what they were then. */
static void
reset_output(World *w, const uint8_t *position)
{
	int			i;
	int			k;

	for (i = 0; i < w->graph.nnodes; i++)
	{
		const Node *n = &w->graph.nodes[i];

		for (k = 0; n->sink && k < n->nlanes; k++)
			w->db.visible[n->output][k] = (uint16_t) prefix(position[n->lane[k]]);
	}
}

static void
begin_timeline(World *w, int base, int base_timeline, const uint8_t *position, const bool *ended)
{
	Database   *db = &w->db;

	db->timeline++;
	db->base = base;
	db->base_timeline = base_timeline;
	memmove(db->base_position, position, sizeof(db->base_position));
	memmove(db->base_ended, ended, sizeof(db->base_ended));
}

void
user_start_from_savepoint(World *w)
{
	const Completed *row = choose_savepoint(w);

	if (w->co.state != C_IDLE || row == NULL)
		return;
	TRACE(w, "user: starts from savepoint %d", row->checkpoint);
	begin_timeline(w, row->checkpoint, row->timeline, row->position, row->ended);
	memcpy(w->db.from, row->from, sizeof(w->db.from));
	reset_output(w, row->position);
	memcpy(w->oracle.told_position, row->position, sizeof(w->oracle.told_position));
	memset(&w->oracle.told_missing, 0, sizeof(w->oracle.told_missing));
	w->oracle.told = row->checkpoint;
	w->events[E_FROM_SAVEPOINT]++;
	user_start(w);
}

/* Empty state at the position that the job had reached. */
void
user_start_fresh(World *w)
{
	const Completed *row = db_newest(w);
	Database   *db = &w->db;

	static const Missing none;

	if (w->co.state != C_IDLE || !exactly_once(w) ||
		(row != NULL && memcmp(&row->missing, &none, sizeof(none)) != 0))
		return;
	TRACE(w, "user: starts the job afresh");
	if (row != NULL)
		begin_timeline(w, 0, 0, row->position, row->ended);
	else
		begin_timeline(w, 0, 0, db->base_position, db->base_ended);
	if (mutant == MUTANT_FRESH_KEEPS_STATE && row != NULL)
	{
		db->base = row->checkpoint;
		db->base_timeline = row->timeline;
	}
	memcpy(db->from, db->base_position, sizeof(db->from));
	w->oracle.told = 0;
	w->events[E_FRESH]++;
	user_start(w);
}

void
user_drop_savepoint(World *w)
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
