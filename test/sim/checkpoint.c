/*
 * checkpoint.c
 *		Carries out what the checkpointer decides: as job/checkpoint_run.c,
 *		a part of an action a step.
 */
#include <string.h>

#include "sim.h"

static void abort_checkpoint(World *w, const WeirAction *a);

void
gid_of(WeirGid *gid, int attempt, int checkpoint, int task)
{
	gid->database = 1;
	gid->job = 1;
	gid->attempt = attempt;
	gid->checkpoint = checkpoint;
	gid->task = task;
}

static Pending *
find_pending(World *w, int64_t checkpoint)
{
	int			i;

	for (i = 0; i < w->co.npending; i++)
	{
		if (w->co.pending[i].checkpoint == checkpoint)
			return &w->co.pending[i];
	}
	return NULL;
}

static void
drop_pending(World *w, int64_t checkpoint)
{
	Coordinator *co = &w->co;
	Pending    *p = find_pending(w, checkpoint);

	if (p == NULL)
		return;
	co->npending--;
	memmove(p, p + 1, (size_t) (&co->pending[co->npending] - p) * sizeof(Pending));
}

static int
activity(World *w)
{
	Attempt    *a = current(w);
	int			sum = 0;
	int			i;

	for (i = 0; i < a->ntasks; i++)
		sum += a->tasks[i].records_in;
	return sum;
}

static bool
is_active(World *w)
{
	Attempt    *a = current(w);
	int			i;

	for (i = 0; i < a->ntasks && mutant != MUTANT_SKIP_OPEN; i++)
	{
		if (a->tasks[i].output.open)
			return true;
	}
	return activity(w) != w->co.activity_completed;
}

static void
tell(World *w, int task, MessageKind kind, int64_t checkpoint)
{
	Message		m = {0};
	Task	   *t = &current(w)->tasks[task];

	m.kind = (uint8_t) kind;
	m.checkpoint = (int16_t) checkpoint;
	if (t->alive)
		ring_put(&t->control, m);
}

void
checkpoints_tick(World *w)
{
	weir_checkpointer_set_active(w->co.checkpointer, is_active(w));
	weir_checkpointer_tick(w->co.checkpointer, w->now);
}

/* ---- an attempt's first and last ---- */

/* Completed rows by their ids. */
static int
sort_rows(const Database *db, int *order)
{
	int			n = 0;
	int			i;

	for (i = 0; i < db->ncompleted; i++)
	{
		int			at = n++;

		for (; at > 0 && db->completed[order[at - 1]].checkpoint > db->completed[i].checkpoint; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	return n;
}

/* What became of the one that was in doubt when the attempt before ended. */
static void
settle_doubt(World *w)
{
	Coordinator *co = &w->co;

	if (co->doubtful == 0)
		return;
	if (db_completed(w, (int) co->doubtful) == NULL)
	{
		weir_checkpointer_completing_failed(co->checkpointer, co->doubtful, co->doubtful_kind);
		check_failure(w, co->doubtful, co->doubtful_kind, WEIR_FAILURE_COMPLETING);
		w->oracle.job_must_fail = false;	/* the end of that attempt was its failure */
		if (co->doubtful_kind != WEIR_FINAL)
			answer(w, co->doubtful_token, false);
	}
	else if (co->doubtful_kind != WEIR_FINAL)
		answer(w, co->doubtful_token, true);
	co->doubtful = 0;
}

void
checkpoints_begin(World *w)
{
	Coordinator *co = &w->co;
	int			order[MAX_COMPLETED];
	int			n = sort_rows(&w->db, order);
	int			i;

	co->checkpointer = weir_checkpointer_create(&w->config, current(w)->ntasks, current(w)->id,
												co->next_checkpoint, w->now);
	w->oracle.has_completion = false;
	w->oracle.last_success = 0;
	for (i = 0; i < n; i++)
	{
		const Completed *row = &w->db.completed[order[i]];

		weir_checkpointer_completed_before(co->checkpointer, row->checkpoint, row->savepoint);
		weir_checkpointer_completion_before(co->checkpointer, row->at, w->now, w->now + w->wall);
		w->oracle.has_completion = row->moment > w->stepped_at;
		w->oracle.completion = row->moment;
		w->oracle.last_success = row->checkpoint;
	}
	weir_checkpointer_set_failures(co->checkpointer, co->failures);
	w->oracle.failures = co->failures;
	w->oracle.job_must_fail = false;
	settle_doubt(w);
	co->npending = 0;
	co->activity_completed = 0;
}

void
checkpoints_end(World *w)
{
	Coordinator *co = &w->co;
	Pending    *p;
	WeirAction	action;

	co->deciding = false;
	co->acting = false;
	co->doubtful = weir_checkpointer_doubtful(co->checkpointer);
	p = find_pending(w, co->doubtful);
	co->doubtful_kind = p != NULL ? p->kind : WEIR_PERIODIC;
	co->doubtful_token = p != NULL ? p->token : 0;
	weir_checkpointer_end(co->checkpointer, WEIR_FAILURE_RESTART, w->now);
	while (weir_checkpointer_next(co->checkpointer, &action))
	{
		check_action(w, &action);
		if (action.kind == WEIR_DO_ABORT)
			abort_checkpoint(w, &action);
		else if (action.kind == WEIR_DO_REFUSE && action.ckind != WEIR_FINAL)
			answer(w, action.token, false);
	}
	check_failures(w);
	co->failures = weir_checkpointer_failures(co->checkpointer);
	weir_checkpointer_destroy(co->checkpointer);
	co->checkpointer = NULL;
}

/* ---- messages ---- */

static void
take_vote(World *w, int task, const Message *m)
{
	Coordinator *co = &w->co;
	Pending    *p = find_pending(w, m->checkpoint);
	int			attempt = current(w)->id;
	bool		heard;

	if (p != NULL && weir_participant_has_position(&current(w)->topology, task) &&
		(mutant != MUTANT_ONE_POSITION || current(w)->tasks[task].source == 0))
	{
		p->position[current(w)->tasks[task].source] = m->index;
		p->ended[current(w)->tasks[task].source] = m->ended;
	}
	if (fault(w, 32) &&
		weir_checkpointer_vote(co->checkpointer, attempt - 1, task, m->checkpoint, m->value, w->now))
		violate(w, "a vote of another attempt is dropped");
	heard = weir_checkpointer_vote(co->checkpointer, attempt, task, m->checkpoint, m->value, w->now);
	if (heard && fault(w, 32) &&
		weir_checkpointer_vote(co->checkpointer, attempt, task, m->checkpoint, m->value, w->now))
		violate(w, "a vote said twice is dropped");
	if (!heard && mutant == MUTANT_LATE_ACK_CLEARS)
		weir_checkpointer_set_failures(co->checkpointer, 0);
}

void
checkpoints_message(World *w, int task, const Message *m)
{
	Coordinator *co = &w->co;
	int			attempt = current(w)->id;
	int			i;

	switch ((MessageKind) m->kind)
	{
		case M_VOTE:
			take_vote(w, task, m);
			break;
		case M_DECLINE:
			weir_checkpointer_decline(co->checkpointer, attempt, task, m->checkpoint, w->now);
			break;
		case M_PREPARED:
			weir_checkpointer_prepared(co->checkpointer, attempt, task, m->checkpoint, w->now);
			break;
		case M_ENDED:
			co->ended |= UINT32_C(1) << task;
			for (i = 0; i < co->npending; i++)
			{
				if (mutant != MUTANT_BARRIER_BEHIND_END &&
					weir_participant_catches_up(&current(w)->topology, task))
					tell(w, task, M_TRIGGER, co->pending[i].checkpoint);
			}
			break;
		default:
			break;
	}
}

/* ---- actions ---- */

static void
trigger(World *w, const WeirAction *a)
{
	Coordinator *co = &w->co;
	int			id = (int) a->checkpoint;
	Pending    *p;
	int			i;

	check_trigger(w, a);
	if (co->npending == MAX_PENDING || id >= MAX_IDS)
	{
		give_up(w);
		return;
	}
	p = &co->pending[co->npending++];
	memset(p, 0, sizeof(*p));
	p->checkpoint = id;
	p->kind = a->ckind;
	p->token = a->token;
	p->activity = activity(w);
	p->named = a->ckind == WEIR_SAVEPOINT || (a->token != 0 && w->named[a->token]);
	w->full[id] = p->named;
	w->final[id] = a->ckind == WEIR_FINAL;
	w->triggered[id] = w->now;
	for (int i = 0; i < MAX_NODES; i++)
		w->reached[id][i] = MARK_END;
	if (co->next_checkpoint <= id)
		co->next_checkpoint = id + 1;
	db_commit_async(w);
	if (w->db.next_checkpoint <= id)
		w->db.next_checkpoint = id + 1;
	for (i = 0; i < current(w)->ntasks; i++)
	{
		bool		ended = co->ended >> i & 1 && mutant != MUTANT_BARRIER_BEHIND_END;

		if (weir_participant_is_told(&current(w)->topology, i, ended))
			tell(w, i, M_TRIGGER, id);
	}
}

static void
stop_failed(World *w)
{
	if (weir_stop_final_failed(&w->co.stop))
		answer_stops(w, false);
}

static bool
is_of_checkpoint(World *w, const Chunk *c, int checkpoint)
{
	(void) w;
	return c->checkpoint == checkpoint;
}

static void
abort_checkpoint(World *w, const WeirAction *a)
{
	int			i;

	w->events[E_ABORTED]++;
	for (i = 0; i < current(w)->ntasks; i++)
		tell(w, i, M_ABORT, a->checkpoint);
	if (mutant == MUTANT_DELETE_ABORTED)
		db_delete_chunks(w, is_of_checkpoint, (int) a->checkpoint);
	db_commit_async(w);
	if (a->ckind != WEIR_FINAL)
		answer(w, a->token, false);
	else if (w->co.outcome == O_NONE)
		stop_failed(w);
	drop_pending(w, a->checkpoint);
}

static void
tell_prepare(World *w, const WeirAction *a)
{
	Coordinator *co = &w->co;
	int			i;

	for (i = 0; i < current(w)->ntasks; i++)
	{
		if (!weir_checkpointer_need_prepare(co->checkpointer, a->checkpoint, i))
			continue;
		co->row.listed |= UINT32_C(1) << i;
		tell(w, i, M_PREPARE, a->checkpoint);
	}
}

/* The completed row: inserted, not committed. */
static void
insert_row(World *w, const WeirAction *a)
{
	Coordinator *co = &w->co;
	const Pending *p = find_pending(w, a->checkpoint);

	memset(&co->row, 0, sizeof(co->row));
	co->row.checkpoint = (int16_t) a->checkpoint;
	co->row.attempt = (int16_t) current(w)->id;
	co->row.timeline = (int8_t) w->db.timeline;
	co->row.savepoint = p->named;
	co->row.at = w->now + w->wall;
	co->row.moment = w->now;
	memcpy(co->row.position, p->position, sizeof(p->position));
	memcpy(co->row.ended, p->ended, sizeof(p->ended));
	memcpy(co->row.from, w->db.from, sizeof(co->row.from));
	co->deciding = true;
}

static void
prepare(World *w, const WeirAction *a)
{
	if (fault(w, 24))
	{
		TRACE(w, "coordinator: the row of %d cannot be inserted", (int) a->checkpoint);
		coordinator_crash(w);
		return;
	}
	insert_row(w, a);
	tell_prepare(w, a);
}

static void
tell_complete(World *w, const WeirAction *a)
{
	Attempt    *at = current(w);
	int			i;

	w->events[E_COMPLETED]++;
	check_told(w, (int) a->checkpoint);
	for (i = 0; i < at->ntasks; i++)
	{
		Message		m = {0};

		m.kind = M_COMPLETE;
		m.checkpoint = (int16_t) a->checkpoint;
		if (at->tasks[i].is_source)
			m.index = w->co.row.position[at->tasks[i].source];
		if (at->tasks[i].alive)
			ring_put(&at->tasks[i].control, m);
	}
}

static void
commit_row(World *w)
{
	if (w->db.ncompleted == MAX_COMPLETED)
	{
		give_up(w);
		return;
	}
	if (mutant == MUTANT_ROW_UNSYNCED)
		db_commit_async(w);
	else
		db_commit_sync(w);
	find_missing(w, w->co.row.checkpoint, &w->co.row.missing);
	w->db.completed[w->db.ncompleted++] = w->co.row;
}

/* Commits the row: this is the decision.  Its error may come before or after it. */
static void
decide(World *w, const WeirAction *a)
{
	Coordinator *co = &w->co;
	int			trouble = fault(w, 12) ? 1 + below(w, 3) : 0;

	if (!co->deciding)
		insert_row(w, a);
	if (mutant == MUTANT_TELL_EARLY)
		tell_complete(w, a);
	co->deciding = false;
	if (trouble != 1 && trouble != 2)
		commit_row(w);
	TRACE(w, "coordinator: decides %d%s", (int) a->checkpoint,
		  trouble == 0 ? "" : trouble == 3 ? ", hears an error" : ", fails");
	if (trouble == 1 || trouble == 3)
		coordinator_crash(w);
	else
	{
		weir_checkpointer_decided(co->checkpointer, a->checkpoint, trouble == 0, w->now);
		if (trouble == 0 && !exactly_once(w))
			w->oracle.completion = w->now;
	}
}

/* COMMIT PREPARED of one more; true when all are done.  One that fails is tried again. */
static bool
commit_next(World *w, const WeirAction *a)
{
	Coordinator *co = &w->co;
	char		name[WEIR_GID_SIZE];
	WeirGid		gid;
	int			i;

	while (co->progress < current(w)->ntasks &&
		   !(co->row.listed >> co->progress & 1))
		co->progress++;
	if (co->progress == current(w)->ntasks)
		return true;
	if (fault(w, 16))
		return false;
	gid_of(&gid, current(w)->id, (int) a->checkpoint, co->progress);
	weir_gid_format(name, &gid);
	i = db_find_prepared(w, name);
	if (i < 0)
		violate(w, "what is decided is prepared");
	else
		db_finish_prepared(w, i, true);
	co->progress++;
	return false;
}

static void
committed(World *w, const WeirAction *a)
{
	w->oracle.completion = w->now;
	weir_checkpointer_committed(w->co.checkpointer, a->checkpoint, w->now);
}

/* ---- what no recovery needs any more ---- */

static bool
is_unreachable(World *w, const Chunk *c, int from)
{
	if (c->owner != COMMITTED || db_is_savepoint(w, c->checkpoint))
		return false;
	if (mutant == MUTANT_TRIM_UNDECIDED && c->checkpoint > from)
		return true;
	if (c->checkpoint >= from)
		return false;
	return c->checkpoint < db_base_of(&w->db, w->db.timeline, c->step, c->group, from);
}

static bool
is_old(World *w, const Kept *k, int from)
{
	(void) w;
	return k->owner == COMMITTED && k->checkpoint < from;
}

static void
trim(World *w, const WeirAction *a)
{
	db_commit_async(w);
	db_delete_chunks(w, is_unreachable, (int) a->retained_from);
	drop_kept(w, is_old, (int) a->retained_from);
	db_forget_completed(w, (int) a->retained_from);
}

/* Tasks are told, then waiting callers, then what is not needed goes; true when all is done. */
static bool
complete(World *w, const WeirAction *a)
{
	Coordinator *co = &w->co;
	Pending    *p = find_pending(w, a->checkpoint);

	switch (co->progress++)
	{
		case 0:
			if (mutant != MUTANT_TELL_EARLY && mutant != MUTANT_COMPLETE_BEFORE_COMMIT)
				tell_complete(w, a);
			co->activity_completed = mutant == MUTANT_SKIP_OPEN ? activity(w) : p->activity;
			return false;
		case 1:
			trim(w, a);
			return false;
		default:
			if (a->ckind == WEIR_FINAL)
			{
				weir_stop_final_completed(&co->stop);
				coordinator_stop_act(w);
			}
			else
				answer(w, a->token, true);
			drop_pending(w, a->checkpoint);
			return true;
	}
}

static bool
carry_out(World *w, const WeirAction *a)
{
	switch (a->kind)
	{
		case WEIR_DO_TRIGGER:
			trigger(w, a);
			return true;
		case WEIR_DO_ABORT:
			abort_checkpoint(w, a);
			return true;
		case WEIR_DO_PREPARE:
			prepare(w, a);
			return true;
		case WEIR_DO_DECIDE:
			decide(w, a);
			return true;
		case WEIR_DO_COMMIT:
			if (mutant == MUTANT_COMPLETE_BEFORE_COMMIT && w->co.progress == 0)
				tell_complete(w, a);
			if (!commit_next(w, a))
				return false;
			committed(w, a);
			return true;
		case WEIR_DO_COMPLETE:
			return complete(w, a);
		case WEIR_DO_REFUSE:
			if (a->ckind == WEIR_FINAL)
				stop_failed(w);
			else
				answer(w, a->token, false);
			return true;
		default:
			coordinator_fail(w, O_FAILED);
			return true;
	}
}

static void
trace_action(World *w, const WeirAction *a)
{
	static const char *const names[] = {"trigger", "abort", "prepare", "decide", "commit",
	"complete", "refuse", "fail attempt", "fail job"};
	static const char *const kinds[] = {"periodic", "manual", "savepoint", "final"};

	trace_add(w, "coordinator: %s %s %d %s", names[a->kind], kinds[a->ckind],
			  (int) a->checkpoint, weir_checkpoint_failure_text(a->reason));
}

/* One part of an action; false if there is none. */
bool
checkpoints_act(World *w)
{
	Coordinator *co = &w->co;

	if (!co->acting)
	{
		if (!weir_checkpointer_next(co->checkpointer, &co->action))
			return false;
		if (w->tracing)
			trace_action(w, &co->action);
		check_action(w, &co->action);
		co->acting = true;
		co->progress = 0;
	}
	if (carry_out(w, &co->action))
		co->acting = false;
	return true;
}
