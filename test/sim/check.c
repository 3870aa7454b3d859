/*
 * check.c
 *		The promises.
 *
 * After every step: in exactly_once what is visible is, of each source, the
 * records before some position between that of the last checkpoint told
 * complete and that of the last one decided, each once and with its right
 * count; nothing is prepared that nobody will resolve.
 *
 * When something is told, decided, triggered, restored: what that asks for.
 * At the end: everything is visible, nothing is left over.
 */
#include <string.h>

#include "sim.h"

static const Missing no_rows;

static const char *const too_long = "the schedule is too long for the model";

void
violate(World *w, const char *promise)
{
	TRACE(w, "VIOLATION: %s", promise);
	if (w->violation == NULL)
		w->violation = promise;
}

/* The schedule is too long for the model's arrays: it ends here, unjudged. */
void
give_up(World *w)
{
	if (w->violation == NULL)
		w->violation = too_long;
}

bool
gave_up(const World *w)
{
	return w->violation == too_long;
}

static void
require(World *w, bool condition, const char *promise)
{
	if (!condition)
		violate(w, promise);
}

/* ---- output and state ---- */

/* Rows that become visible now. */
void
check_visible(World *w, int sink, const Output *output)
{
	int			i;

	require(w, !output->wrong, "every row has its right count");
	if (!exactly_once(w))
		return;
	require(w, !output->repeated, "no row is written twice");
	for (i = 0; i < MAX_LANES; i++)
		require(w, (w->db.visible[sink][i] & output->rows[i]) == 0, "no row is visible twice");
}

static int
count_missing(const World *w, int source, int key, uint16_t rows)
{
	int			n = 0;
	int			i;

	for (i = 0; rows >> i != 0; i++)
		n += (rows >> i & 1) && w->key[source][i] == key;
	return n;
}

/* State of a node restored of a checkpoint at this position. */
void
check_state(World *w, int node, const uint8_t *from, const uint8_t *position,
			const Missing *missing, uint8_t groups, uint8_t count[KEYS][MAX_LANES])
{
	const Node *n = &w->graph.nodes[node];
	int			i;
	int			k;

	for (k = 0; k < KEYS; k++)
	{
		if (!(groups >> group_at(w, node, k) & 1))
			continue;
		for (i = 0; i < n->nlanes; i++)
		{
			int			s = n->lane[i];
			int			right = w->before[s][position[s]][k] - w->before[s][from[s]][k] -
				count_missing(w, s, k, missing->rows[node][i]);

			require(w, exactly_once(w) ? count[k][i] == right : count[k][i] >= right,
					"restored state is that of its position");
		}
	}
}

/* Is, at every sink and over every way to it, at least or exactly this visible? */
static bool
is_visible(const World *w, const uint8_t *position, const Missing *missing, bool exactly)
{
	int			i;
	int			k;

	for (i = 0; i < w->graph.nnodes; i++)
	{
		const Node *n = &w->graph.nodes[i];

		for (k = 0; n->sink && k < n->nlanes; k++)
		{
			uint32_t	right = prefix(position[n->lane[k]]) & ~(uint32_t) missing->rows[i][k];
			uint32_t	visible = w->db.visible[n->output][k];

			if ((right & ~visible) != 0 || (exactly && visible != right))
				return false;
		}
	}
	return true;
}

/* Is nothing else? */
static bool
is_decided(const World *w, const uint8_t *position, const Missing *missing)
{
	int			i;
	int			k;

	for (i = 0; i < w->graph.nnodes; i++)
	{
		const Node *n = &w->graph.nodes[i];

		for (k = 0; n->sink && k < n->nlanes; k++)
		{
			uint32_t	right = prefix(position[n->lane[k]]) & ~(uint32_t) missing->rows[i][k];

			if ((w->db.visible[n->output][k] & ~right) != 0)
				return false;
		}
	}
	return true;
}

static void
check_output(World *w)
{
	const Completed *row = db_newest(w);

	require(w, is_visible(w, w->oracle.told_position, &w->oracle.told_missing, false),
			"what was told complete is visible");
	if (exactly_once(w))
		require(w, row != NULL ? is_decided(w, row->position, &row->missing) :
				is_decided(w, w->db.base_position, &no_rows), "only what is decided is visible");
}

/* What a task says to one task it writes to, it says to all. */
void
check_said(World *w, const Task *t)
{
	const Attempt *a = attempt_of(w, (Task *) t);
	uint32_t	said = t->nout > 0 ? a->said[t->out[0].first] : 0;
	int			i;
	int			k;

	for (i = 0; i < t->nout; i++)
	{
		for (k = t->out[i].first; k < t->out[i].first + t->out[i].width; k++)
			require(w, a->said[k] == said, "all who read a task hear the same");
	}
}

/* ---- prepared transactions ---- */

static bool
has_owner(const World *w, const PreparedTransaction *p)
{
	switch (w->co.state)
	{
		case C_CHOOSE:
		case C_START:
		case C_DELAY:
		case C_IDLE:
			return false;
		case C_RUN:
			return p->attempt == w->attempts[w->half].id &&
				p->checkpoint == weir_checkpointer_doubtful(w->co.checkpointer);
		default:
			return true;
	}
}

static void
check_prepared(World *w)
{
	int			i;

	for (i = 0; i < w->db.nprepared; i++)
		require(w, has_owner(w, &w->db.prepared[i]), "every prepared transaction has an owner");
}

void
check_step(World *w)
{
	check_output(w);
	check_prepared(w);
}

/* ---- checkpoints ---- */

static bool
is_prepared(const World *w, int checkpoint)
{
	int			i;

	for (i = 0; i < w->db.nprepared; i++)
	{
		if (w->db.prepared[i].checkpoint == checkpoint)
			return true;
	}
	return false;
}

void
check_told(World *w, int checkpoint)
{
	const Completed *row = db_completed(w, checkpoint);
	int			s;

	require(w, row != NULL, "nothing is told complete before it is decided");
	require(w, !is_prepared(w, checkpoint), "nothing is told complete before it is visible");
	if (row == NULL)
		return;
	require(w, is_visible(w, row->position, &row->missing, false), "what is told complete is visible");
	require(w, !exactly_once(w) || is_visible(w, row->position, &row->missing, true),
			"visible is what was before the barrier, but for what is kept");
	require(w, (!row->savepoint && !w->final[checkpoint]) ||
			memcmp(&row->missing, &no_rows, sizeof(no_rows)) == 0,
			"savepoints and final checkpoints lack nothing");
	w->oracle.told_missing = row->missing;
	for (s = 0; s < w->graph.nsources; s++)
	{
		require(w, row->position[s] <= w->db.journal[s].end, "the journal reaches a told position");
		if (row->position[s] > w->oracle.told_position[s])
			w->oracle.told_position[s] = row->position[s];
	}
	require(w, checkpoint > w->oracle.told, "ids complete in order");
	w->oracle.told = checkpoint;
}

static int
taking_room(const World *w)
{
	int			n = 0;
	int			i;

	for (i = 0; i < w->co.npending; i++)
	{
		WeirCheckpointKind kind = w->co.pending[i].kind;

		if (kind == WEIR_PERIODIC || kind == WEIR_MANUAL)
			n++;
	}
	return n;
}

static void
check_unused(World *w, int checkpoint)
{
	int			i;

	require(w, db_completed(w, checkpoint) == NULL && checkpoint > w->oracle.told,
			"no id is used again");
	for (i = 0; i < w->db.nchunks; i++)
		require(w, w->db.chunks[i].checkpoint < checkpoint, "no id of a chunk is used again");
}

void
check_trigger(World *w, const WeirAction *a)
{
	bool		limited = a->ckind == WEIR_PERIODIC || a->ckind == WEIR_MANUAL;
	const Oracle *o = &w->oracle;

	require(w, w->co.started, "all tasks run at a trigger");
	require(w, !limited || taking_room(w) < w->config.max_concurrent,
			"never more than max_concurrent are pending");
	require(w, a->ckind != WEIR_PERIODIC || !o->has_completion ||
			w->now >= o->completion + w->config.min_pause, "min_pause is kept");
	check_unused(w, (int) a->checkpoint);
}

/* ---- counting failures, by the rules once more ---- */

void
check_failure(World *w, int64_t checkpoint, WeirCheckpointKind kind, WeirCheckpointFailure reason)
{
	Oracle	   *o = &w->oracle;

	if (kind == WEIR_FINAL || checkpoint <= o->last_success ||
		(reason != WEIR_FAILURE_DECLINED && reason != WEIR_FAILURE_EXPIRED &&
		 reason != WEIR_FAILURE_COMPLETING))
		return;
	if (w->config.tolerable < 0 || ++o->failures <= w->config.tolerable)
	{
		if (w->config.tolerable < 0)
			o->failures++;
		return;
	}
	o->failures = 0;
	o->job_must_fail = true;
}

/* Before an action is carried out. */
void
check_action(World *w, const WeirAction *a)
{
	Oracle	   *o = &w->oracle;

	require(w, !(a->kind == WEIR_DO_ABORT && a->reason == WEIR_FAILURE_EXPIRED &&
				 w->calm && w->now >= w->calm_from + w->config.timeout),
			"no checkpoint expires when nothing fails");
	if (a->kind == WEIR_DO_ABORT)
		check_failure(w, a->checkpoint, a->ckind, a->reason);
	if (a->kind == WEIR_DO_FAIL_JOB)
		require(w, o->job_must_fail, "the job fails only beyond tolerable_failures");
	if (a->kind == WEIR_DO_COMPLETE)
	{
		o->has_completion = true;
		o->failures = 0;
		if (a->checkpoint > o->last_success)
			o->last_success = a->checkpoint;
	}
	if (a->kind == WEIR_DO_FAIL_JOB)
		o->job_must_fail = false;
}

/* When no action waits. */
void
check_failures(World *w)
{
	require(w, !w->oracle.job_must_fail, "the job fails beyond tolerable_failures");
	require(w, weir_checkpointer_failures(w->co.checkpointer) == w->oracle.failures,
			"failures are counted by the rules");
}

/* The coordinator wakes up in time for what expires. */
void
check_deadline(World *w)
{
	int64_t		deadline = weir_checkpointer_deadline(w->co.checkpointer);
	int64_t		doubtful = weir_checkpointer_doubtful(w->co.checkpointer);
	int			i;

	for (i = 0; i < w->co.npending; i++)
	{
		int			id = w->co.pending[i].checkpoint;

		require(w, id == doubtful || deadline <= w->triggered[id] + w->config.timeout,
				"no checkpoint outlives its timeout unseen");
	}
}

/* ---- the end ---- */

bool
all_visible(const World *w)
{
	uint8_t		position[MAX_SOURCES];
	int			s;

	for (s = 0; s < w->graph.nsources; s++)
		position[s] = (uint8_t) w->nrecords[s];
	return is_visible(w, position, &no_rows, true);
}

static bool
is_quiet(World *w)
{
	Attempt    *a = current(w);
	int			i;

	for (i = 0; i < a->ntasks; i++)
	{
		if (a->tasks[i].output.open)
			return false;
	}
	return w->co.state == C_RUN && w->co.started && !w->co.acting && w->co.npending == 0;
}

static bool
all_answered(const World *w)
{
	int			i;

	for (i = 1; i <= w->ntokens; i++)
	{
		if (!w->answered[i])
			return false;
	}
	return true;
}

/* Is there nothing left to do? */
bool
job_done(World *w)
{
	if (w->ends)
		return w->co.state == C_IDLE && w->db.finished && all_visible(w);
	return all_visible(w) && is_quiet(w) && all_answered(w);
}

/* The job is over: by its end of input, or as it was asked. */
void
check_ending(World *w)
{
	const Coordinator *co = &w->co;
	const Attempt *a = current(w);
	bool		ended = true;
	int			s;

	for (s = 0; s < w->graph.nsources; s++)
	{
		const Journal *j = &w->db.journal[s];

		if (!a->ended[s] && !(w->ends && j->ended && j->end == w->nrecords[s]))
			ended = false;
	}
	if (co->outcome == O_FINISHED)
		require(w, ended || co->stop.draining, "a job finishes when its input has ended or is drained");
	if (co->outcome == O_STOPPED || co->outcome == O_CANCELLED)
		require(w, co->has_stops, "a job stops when it was asked to");
}

static void
check_savepoints(World *w)
{
	uint8_t		count[KEYS][MAX_LANES];
	uint8_t		groups = (uint8_t) prefix(w->groups);
	int			i;
	int			n;

	for (i = 0; i < w->db.ncompleted; i++)
	{
		const Completed *row = &w->db.completed[i];

		for (n = 0; row->savepoint && n < w->graph.nnodes; n++)
		{
			if (!w->graph.nodes[n].keyed)
				continue;
			db_read(w, w->graph.nodes[n].step, row->timeline, row->checkpoint, groups, count);
			check_state(w, n, row->from, row->position, &row->missing, groups, count);
		}
	}
}

void
check_end(World *w)
{
	require(w, all_visible(w), "all input is visible in the end");
	require(w, w->db.nprepared == 0, "nothing is prepared in the end");
	require(w, all_answered(w), "every request is answered");
	check_savepoints(w);
}
