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
