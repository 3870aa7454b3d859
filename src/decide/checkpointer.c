/*
 * decide/checkpointer.c
 *		The coordinator's decisions about checkpoints, as one object.
 *
 * Every event that has a clock first lets expire what is due by that clock, so
 * that the answer does not depend on whether the tick came before or after it.
 * Requests start within the event that makes room for them; the periodic
 * trigger starts in the tick only, when the loop has said whether the job is
 * active.
 *
 * After a decision that ends the attempt nothing starts and nothing is heard;
 * weir_checkpointer_end then gives up what is not in doubt.
 */
#include "decide/checkpointer.h"

#include <assert.h>
#include <stdlib.h>

#include "decide/checkpointer_private.h"
#include "decide/memory.h"

const char *
weir_checkpoint_failure_text(WeirCheckpointFailure f)
{
	switch (f)
	{
		case WEIR_FAILURE_NONE:
			break;
		case WEIR_FAILURE_DECLINED:
			return "declined by a task";
		case WEIR_FAILURE_EXPIRED:
			return "expired before all tasks acknowledged it";
		case WEIR_FAILURE_SUBSUMED:
			return "subsumed by a later checkpoint";
		case WEIR_FAILURE_TASKS_NOT_RUNNING:
			return "not all tasks are running";
		case WEIR_FAILURE_RESTART:
			return "the attempt ended";
		case WEIR_FAILURE_COMPLETING:
			return "completing it failed";
		case WEIR_FAILURE_TOO_MANY_REQUESTS:
			return "too many requests are waiting";
		case WEIR_FAILURE_STOPPED:
			return "the job stopped";
	}
	return "";
}

/* The least values that keep the clock moving, whatever the caller checked. */
static WeirCheckpointConfig
sane_config(const WeirCheckpointConfig *config)
{
	WeirCheckpointConfig sane = *config;

	if (sane.every < 1)
		sane.every = 1;
	if (sane.timeout < 1)
		sane.timeout = 1;
	if (sane.min_pause < 0)
		sane.min_pause = 0;
	if (sane.max_concurrent < 1)
		sane.max_concurrent = 1;
	if (sane.retain < 1)
		sane.retain = 1;
	return sane;
}

WeirCheckpointer *
weir_checkpointer_create(const WeirCheckpointConfig *config, int ntasks,
						 int64_t attempt, int64_t next_id, int64_t now)
{
	WeirCheckpointer *c = weir_alloc(1, sizeof(WeirCheckpointer));

	c->config = sane_config(config);
	c->ntasks = ntasks;
	c->attempt = attempt;
	c->next_id = next_id;
	c->running = weir_alloc((size_t) ntasks, sizeof(bool));
	weir_trigger_reset_timer(c, now);
	return c;
}

void
weir_checkpointer_destroy(WeirCheckpointer *c)
{
	int			i;

	for (i = 0; i < c->npending; i++)
		free(c->pending[i].tasks);
	free(c->pending);
	free(c->running);
	free(c->requests);
	free(c->retention.ids);
	free(c->actions);
	free(c);
}

void
weir_checkpointer_configure(WeirCheckpointer *c, const WeirCheckpointConfig *config, int64_t now)
{
	WeirCheckpointConfig before = c->config;

	weir_pending_expire(c, now);
	c->config = sane_config(config);
	c->config.mode = before.mode;
	if (c->config.periodic != before.periodic ||
		c->config.every != before.every ||
		c->config.min_pause != before.min_pause)
		weir_trigger_reset_timer(c, now);
	weir_trigger_requests(c, now);
}

void
weir_checkpointer_completed_before(WeirCheckpointer *c, int64_t id, bool savepoint)
{
	weir_retention_add(&c->retention, id, savepoint);
	(void) weir_retention_from(&c->retention, c->config.retain);
	if (id > c->tolerance.last_success)
		c->tolerance.last_success = id;
}

void
weir_checkpointer_completion_before(WeirCheckpointer *c, int64_t date, int64_t now, int64_t wall)
{
	if (weir_clock_moment(now, wall, date, &c->last_completion))
		c->has_completion = true;
}

int64_t
weir_checkpointer_failures(const WeirCheckpointer *c)
{
	return c->tolerance.failures;
}

void
weir_checkpointer_set_failures(WeirCheckpointer *c, int64_t n)
{
	c->tolerance.failures = n;
}

void
weir_checkpointer_completing_failed(WeirCheckpointer *c, int64_t checkpoint,
									WeirCheckpointKind kind)
{
	(void) weir_tolerance_failure(&c->tolerance, checkpoint, kind,
								  WEIR_FAILURE_COMPLETING, c->config.tolerable);
}

void
weir_checkpointer_task_running(WeirCheckpointer *c, int task, bool running)
{
	if (task < 0 || task >= c->ntasks || c->running[task] == running)
		return;
	c->running[task] = running;
	c->nrunning += running ? 1 : -1;
	if (running)
		return;
	weir_pending_abort_all(c, WEIR_FAILURE_TASKS_NOT_RUNNING);
	weir_trigger_refuse_waiting(c, WEIR_FAILURE_TASKS_NOT_RUNNING);
}

void
weir_checkpointer_set_active(WeirCheckpointer *c, bool active)
{
	c->active = active;
}

/* Ids rise; one at most is in doubt, of which all tasks have voted. */
static void
check(const WeirCheckpointer *c)
{
	int			doubtful = 0;

	(void) doubtful;
	assert(c->nrunning >= 0 && c->nrunning <= c->ntasks);
	for (int i = 0; i < c->npending; i++)
	{
		const WeirPending *p = &c->pending[i];

		assert(p->checkpoint < c->next_id);
		assert(i == 0 || p->checkpoint > c->pending[i - 1].checkpoint);
		assert(p->nvoted >= 0 && p->nvoted <= c->ntasks);
		assert(p->nunprepared >= 0 && p->nunprepared <= p->nvoted);
		assert((p->state == WEIR_PENDING_VOTING) == (p->nvoted < c->ntasks));
		assert(p->state < WEIR_PENDING_DECIDING || p->nunprepared == 0);
		doubtful += weir_pending_in_doubt(p);
		assert(doubtful <= 1);
	}
}

void
weir_checkpointer_tick(WeirCheckpointer *c, int64_t now)
{
	check(c);
	weir_pending_expire(c, now);
	weir_trigger_requests(c, now);
	weir_trigger_periodic(c, now);
}

int64_t
weir_checkpointer_deadline(const WeirCheckpointer *c)
{
	int64_t		expiry = weir_pending_deadline(c);
	int64_t		timer = weir_trigger_deadline(c);

	return expiry < timer ? expiry : timer;
}

/* Nothing starts and nothing is heard from now on. */
void
weir_checkpointer_stop(WeirCheckpointer *c, WeirCheckpointFailure reason)
{
	c->stopped = true;
	c->stop_reason = reason;
}

void
weir_checkpointer_end(WeirCheckpointer *c, WeirCheckpointFailure reason, int64_t now)
{
	(void) now;
	weir_checkpointer_stop(c, reason);
	weir_pending_abort_all(c, reason);
	weir_trigger_refuse_waiting(c, reason);
}

void
weir_checkpointer_emit(WeirCheckpointer *c, const WeirAction *action)
{
	c->actions = weir_grow(c->actions, c->nactions, &c->action_capacity,
						   sizeof(WeirAction));
	c->actions[c->nactions++] = *action;
}

bool
weir_checkpointer_next(WeirCheckpointer *c, WeirAction *action)
{
	if (c->next_action == c->nactions)
		return false;
	*action = c->actions[c->next_action++];
	if (c->next_action == c->nactions)
		c->next_action = c->nactions = 0;
	return true;
}

bool
weir_checkpointer_need_prepare(const WeirCheckpointer *c, int64_t checkpoint, int task)
{
	const WeirPending *p = weir_pending_find(c, checkpoint);

	return p != NULL && task >= 0 && task < c->ntasks &&
		(p->tasks[task] & WEIR_TASK_READY);
}

int
weir_checkpointer_acknowledged(const WeirCheckpointer *c, int64_t checkpoint)
{
	const WeirPending *p = weir_pending_find(c, checkpoint);

	return p != NULL ? p->nvoted : 0;
}

int
weir_checkpointer_pending(const WeirCheckpointer *c)
{
	return c->npending;
}

int64_t
weir_checkpointer_doubtful(const WeirCheckpointer *c)
{
	int			i;

	for (i = 0; i < c->npending; i++)
	{
		if (weir_pending_in_doubt(&c->pending[i]))
			return c->pending[i].checkpoint;
	}
	return 0;
}

bool
weir_checkpointer_find(const WeirCheckpointer *c, int64_t checkpoint,
					   WeirCheckpointKind *kind, uint64_t *token)
{
	const WeirPending *p = weir_pending_find(c, checkpoint);

	if (p == NULL)
		return false;
	*kind = p->kind;
	*token = p->token;
	return true;
}

bool
weir_checkpointer_in_doubt(const WeirCheckpointer *c)
{
	return weir_checkpointer_doubtful(c) != 0;
}

int64_t
weir_checkpointer_last_completed(const WeirCheckpointer *c)
{
	return c->retention.last;
}
