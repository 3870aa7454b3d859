/*
 * decide/pending.c
 *		A checkpoint from its trigger to its end.
 *
 *	 VOTING		every task is to acknowledge, or to say that it is ready
 *	 VOTED		all have, while another checkpoint is in doubt
 *	 PREPARING	the completed row is inserted, not committed; the tasks that
 *				are ready prepare their transactions
 *	 DECIDING	all are prepared; the completed row is being committed
 *	 COMMITTING	the row is committed, the prepared transactions follow
 *
 * exactly_once takes all of these steps.  Otherwise tasks commit their own
 * output at the barrier, and VOTED leads to DECIDING and that to the end.
 *
 * Until PREPARING a checkpoint may be given up: by a decline, by expiry, by
 * one with a greater id that completes (savepoints excepted), by the end of
 * the attempt.  From PREPARING on it is in doubt, and either completes or the
 * attempt ends: there is no timeout, decline or subsumption any more, and what
 * became of it is read from the completed row by recovery.  At most one
 * checkpoint is in doubt; of those that wait, the lowest id goes first.
 *
 * A message that is late, of another attempt, of an unknown task or checkpoint
 * or said before is dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "decide/checkpointer_private.h"
#include "decide/memory.h"

WeirPending *
weir_pending_find(const WeirCheckpointer *c, int64_t checkpoint)
{
	int			i;

	for (i = 0; i < c->npending; i++)
	{
		if (c->pending[i].checkpoint == checkpoint)
			return &c->pending[i];
	}
	return NULL;
}

bool
weir_pending_in_doubt(const WeirPending *p)
{
	return p->state >= WEIR_PENDING_PREPARING;
}

static void
emit(WeirCheckpointer *c, WeirActionKind kind, const WeirPending *p,
	 WeirCheckpointFailure reason)
{
	WeirAction	action = {.kind = kind};

	action.checkpoint = p->checkpoint;
	action.ckind = p->kind;
	action.token = p->token;
	action.reason = reason;
	action.acknowledged = p->nvoted;
	if (kind == WEIR_DO_COMPLETE)
		action.retained_from = weir_retention_from(&c->retention, c->config.retain);
	weir_checkpointer_emit(c, &action);
}

void
weir_pending_add(WeirCheckpointer *c, WeirCheckpointKind kind, uint64_t token, int64_t now)
{
	WeirPending *p;
	unsigned char *tasks;

	c->pending = weir_grow(c->pending, c->npending, &c->pending_capacity,
						   sizeof(WeirPending));
	tasks = weir_alloc((size_t) c->ntasks, 1);
	p = &c->pending[c->npending++];
	memset(p, 0, sizeof(*p));
	p->checkpoint = c->next_id++;
	p->kind = kind;
	p->token = token;
	p->state = WEIR_PENDING_VOTING;
	p->deadline = weir_time_after(now, c->config.timeout);
	p->tasks = tasks;
	emit(c, WEIR_DO_TRIGGER, p, WEIR_FAILURE_NONE);
}

static void
remove_pending(WeirCheckpointer *c, WeirPending *p)
{
	free(p->tasks);
	c->npending--;
	memmove(p, p + 1, (size_t) (&c->pending[c->npending] - p) * sizeof(WeirPending));
}

/* Gives it up; the count of failures may end the job. */
static void
abort_pending(WeirCheckpointer *c, WeirPending *p, WeirCheckpointFailure reason)
{
	WeirPending gone = *p;

	emit(c, WEIR_DO_ABORT, &gone, reason);
	remove_pending(c, p);
	if (weir_tolerance_failure(&c->tolerance, gone.checkpoint, gone.kind, reason,
							   c->config.tolerable))
	{
		emit(c, WEIR_DO_FAIL_JOB, &gone, reason);
		weir_checkpointer_stop(c, WEIR_FAILURE_RESTART);
	}
}

void
weir_pending_expire(WeirCheckpointer *c, int64_t now)
{
	int			i = 0;

	while (i < c->npending && !c->stopped)
	{
		WeirPending *p = &c->pending[i];

		if (!weir_pending_in_doubt(p) && p->deadline <= now)
			abort_pending(c, p, WEIR_FAILURE_EXPIRED);
		else
			i++;
	}
}

int64_t
weir_pending_deadline(const WeirCheckpointer *c)
{
	int64_t		deadline = INT64_MAX;
	int			i;

	for (i = 0; i < c->npending && !c->stopped; i++)
	{
		const WeirPending *p = &c->pending[i];

		if (!weir_pending_in_doubt(p) && p->deadline < deadline)
			deadline = p->deadline;
	}
	return deadline;
}

/* Gives up what is not in doubt, for a reason that is nobody's failure. */
void
weir_pending_abort_all(WeirCheckpointer *c, WeirCheckpointFailure reason)
{
	int			i = 0;

	while (i < c->npending)
	{
		if (weir_pending_in_doubt(&c->pending[i]))
			i++;
		else
			abort_pending(c, &c->pending[i], reason);
	}
}

static void
subsume_below(WeirCheckpointer *c, int64_t checkpoint)
{
	int			i = 0;

	while (i < c->npending && c->pending[i].checkpoint < checkpoint)
	{
		if (c->pending[i].kind == WEIR_SAVEPOINT || weir_pending_in_doubt(&c->pending[i]))
			i++;
		else
			abort_pending(c, &c->pending[i], WEIR_FAILURE_SUBSUMED);
	}
}

static void
decide_if_prepared(WeirCheckpointer *c, WeirPending *p)
{
	if (p->nunprepared > 0)
		return;
	p->state = WEIR_PENDING_DECIDING;
	emit(c, WEIR_DO_DECIDE, p, WEIR_FAILURE_NONE);
}

/* All votes are in and none is in doubt: no way back from here. */
static void
prepare(WeirCheckpointer *c, WeirPending *p)
{
	if (c->config.mode == WEIR_EXACTLY_ONCE)
	{
		p->state = WEIR_PENDING_PREPARING;
		emit(c, WEIR_DO_PREPARE, p, WEIR_FAILURE_NONE);
	}
	decide_if_prepared(c, p);
}

static void
prepare_next(WeirCheckpointer *c)
{
	int			i;

	if (c->stopped || weir_checkpointer_in_doubt(c))
		return;
	for (i = 0; i < c->npending; i++)
	{
		if (c->pending[i].state == WEIR_PENDING_VOTED)
		{
			prepare(c, &c->pending[i]);
			return;
		}
	}
}

static void
complete(WeirCheckpointer *c, WeirPending *p, int64_t now)
{
	WeirPending done = *p;

	remove_pending(c, p);
	c->has_completion = true;
	c->last_completion = now;
	weir_tolerance_success(&c->tolerance, done.checkpoint);
	weir_retention_add(&c->retention, done.checkpoint, done.kind == WEIR_SAVEPOINT);
	subsume_below(c, done.checkpoint);
	emit(c, WEIR_DO_COMPLETE, &done, WEIR_FAILURE_NONE);
	if (done.kind == WEIR_FINAL)
		weir_checkpointer_stop(c, WEIR_FAILURE_STOPPED);
	prepare_next(c);
	weir_trigger_requests(c, now);
}

static void
fail_attempt(WeirCheckpointer *c, const WeirPending *p, WeirCheckpointFailure reason)
{
	emit(c, WEIR_DO_FAIL_ATTEMPT, p, reason);
	weir_checkpointer_stop(c, WEIR_FAILURE_RESTART);
}

/* The checkpoint a task's message is about; NULL if the message is to be dropped. */
static WeirPending *
addressee(WeirCheckpointer *c, int64_t attempt, int task, int64_t checkpoint, int64_t now)
{
	weir_pending_expire(c, now);
	if (c->stopped || attempt != c->attempt || task < 0 || task >= c->ntasks)
		return NULL;
	return weir_pending_find(c, checkpoint);
}

bool
weir_checkpointer_vote(WeirCheckpointer *c, int64_t attempt, int task,
					   int64_t checkpoint, WeirVote vote, int64_t now)
{
	WeirPending *p = addressee(c, attempt, task, checkpoint, now);

	if (p == NULL || p->state != WEIR_PENDING_VOTING || (p->tasks[task] & WEIR_TASK_VOTED))
		return false;
	p->tasks[task] |= WEIR_TASK_VOTED;
	p->nvoted++;
	if (vote == WEIR_VOTE_READY && c->config.mode == WEIR_EXACTLY_ONCE)
	{
		p->tasks[task] |= WEIR_TASK_READY;
		p->nunprepared++;
	}
	if (p->nvoted == c->ntasks)
	{
		p->state = WEIR_PENDING_VOTED;
		prepare_next(c);
	}
	return true;
}

bool
weir_checkpointer_decline(WeirCheckpointer *c, int64_t attempt, int task,
						  int64_t checkpoint, int64_t now)
{
	WeirPending *p = addressee(c, attempt, task, checkpoint, now);

	if (p == NULL || weir_pending_in_doubt(p))
		return false;
	abort_pending(c, p, WEIR_FAILURE_DECLINED);
	weir_trigger_requests(c, now);
	return true;
}

/* Is this task's prepare awaited? */
static bool
is_preparing(const WeirPending *p, int task)
{
	return p != NULL && p->state == WEIR_PENDING_PREPARING &&
		(p->tasks[task] & WEIR_TASK_READY) && !(p->tasks[task] & WEIR_TASK_PREPARED);
}

bool
weir_checkpointer_prepared(WeirCheckpointer *c, int64_t attempt, int task,
						   int64_t checkpoint, int64_t now)
{
	WeirPending *p = addressee(c, attempt, task, checkpoint, now);

	if (!is_preparing(p, task))
		return false;
	p->tasks[task] |= WEIR_TASK_PREPARED;
	p->nunprepared--;
	decide_if_prepared(c, p);
	return true;
}

void
weir_checkpointer_decided(WeirCheckpointer *c, int64_t checkpoint, bool ok, int64_t now)
{
	WeirPending *p = weir_pending_find(c, checkpoint);

	if (p == NULL || c->stopped || p->state != WEIR_PENDING_DECIDING)
		return;
	if (!ok)
		fail_attempt(c, p, WEIR_FAILURE_COMPLETING);
	else if (c->config.mode == WEIR_EXACTLY_ONCE)
	{
		p->state = WEIR_PENDING_COMMITTING;
		emit(c, WEIR_DO_COMMIT, p, WEIR_FAILURE_NONE);
	}
	else
		complete(c, p, now);
}

void
weir_checkpointer_committed(WeirCheckpointer *c, int64_t checkpoint, int64_t now)
{
	WeirPending *p = weir_pending_find(c, checkpoint);

	if (p != NULL && !c->stopped && p->state == WEIR_PENDING_COMMITTING)
		complete(c, p, now);
}
