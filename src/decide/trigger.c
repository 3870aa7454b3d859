/*
 * decide/trigger.c
 *		When a checkpoint starts.
 *
 * None starts while a task is not running; a request made then is refused.
 *
 * Requests are served in this order: final, savepoints, manual ones, and then
 * the periodic trigger.  At max_concurrent periodic and manual ones wait; final
 * ones and savepoints neither wait for room nor take any.  While a final one
 * is pending nothing else starts: the sources stand still behind its barrier.
 * When it has completed nothing starts any more; when it fails the job goes on.
 *
 * The periodic trigger is due each "every".  When it is due and
 *	 - there is no room, or a checkpoint is being decided or committed, whose
 *	   completion begins a pause, it waits, and is the only one to wait;
 *	 - less than min_pause has passed since the last completion, it is dropped
 *	   and due again when the pause is over.  Only a completion begins a pause,
 *	   so after an abort the next trigger may start at once;
 *	 - nothing was processed since the last completed barrier and no output is
 *	   open, it is skipped and due again an "every" later.
 * It looks at these in this order.  Requests know no pause and are never
 * skipped.
 *
 * WEIR_REQUEST_LIMIT of them may wait, a periodic trigger that does included.
 * Beyond that a periodic one that falls due is dropped, until the next period;
 * another request takes the place of the periodic one that waits; if none does,
 * a manual one is refused.  Savepoints and final ones are let in even then.
 */
#include <string.h>

#include "decide/checkpointer_private.h"
#include "decide/memory.h"

bool
weir_trigger_all_running(const WeirCheckpointer *c)
{
	return c->nrunning == c->ntasks;
}

void
weir_trigger_reset_timer(WeirCheckpointer *c, int64_t now)
{
	c->next_periodic = weir_time_after(now, c->config.every);
}

/* The next period; one that has gone by is not made up for. */
static void
advance_timer(WeirCheckpointer *c, int64_t now)
{
	c->next_periodic = weir_time_after(c->next_periodic, c->config.every);
	if (c->next_periodic <= now)
		weir_trigger_reset_timer(c, now);
}

static bool
is_final_pending(const WeirCheckpointer *c)
{
	int			i;

	for (i = 0; i < c->npending; i++)
	{
		if (c->pending[i].kind == WEIR_FINAL)
			return true;
	}
	return false;
}

static bool
has_room(const WeirCheckpointer *c)
{
	int			taken = 0;
	int			i;

	for (i = 0; i < c->npending; i++)
	{
		if (c->pending[i].kind == WEIR_PERIODIC || c->pending[i].kind == WEIR_MANUAL)
			taken++;
	}
	return taken < c->config.max_concurrent;
}

static bool
may_start(const WeirCheckpointer *c, WeirCheckpointKind kind)
{
	if (c->stopped || !weir_trigger_all_running(c) || is_final_pending(c))
		return false;
	return kind == WEIR_FINAL || kind == WEIR_SAVEPOINT || has_room(c);
}

/* The first waiting request of this kind; -1 if none. */
static int
first_request(const WeirCheckpointer *c, WeirCheckpointKind kind)
{
	int			i;

	for (i = 0; i < c->nrequests; i++)
	{
		if (c->requests[i].kind == kind)
			return i;
	}
	return -1;
}

static bool
is_full(const WeirCheckpointer *c)
{
	return c->nrequests >= WEIR_REQUEST_LIMIT;
}

/* The periodic trigger is due, and something keeps it waiting. */
static bool
periodic_waits(const WeirCheckpointer *c, int64_t now)
{
	return c->config.periodic && !c->stopped && now >= c->next_periodic;
}

/* A periodic trigger that fell due while there was no place for it was dropped. */
static void
remove_request(WeirCheckpointer *c, int i, int64_t now)
{
	if (is_full(c) && periodic_waits(c, now))
		advance_timer(c, now);
	c->nrequests--;
	memmove(&c->requests[i], &c->requests[i + 1],
			(size_t) (c->nrequests - i) * sizeof(WeirRequest));
}

/* Starts the waiting requests that may start now. */
void
weir_trigger_requests(WeirCheckpointer *c, int64_t now)
{
	static const WeirCheckpointKind order[] = {WEIR_FINAL, WEIR_SAVEPOINT, WEIR_MANUAL};
	size_t		k;
	int			i;

	for (k = 0; k < sizeof(order) / sizeof(order[0]); k++)
	{
		while (may_start(c, order[k]) && (i = first_request(c, order[k])) >= 0)
		{
			uint64_t	token = c->requests[i].token;

			remove_request(c, i, now);
			weir_pending_add(c, order[k], token, now);
		}
	}
}

/* Is one about to complete, within the same round of actions? */
static bool
is_completing(const WeirCheckpointer *c)
{
	int			i;

	for (i = 0; i < c->npending; i++)
	{
		if (c->pending[i].state >= WEIR_PENDING_DECIDING)
			return true;
	}
	return false;
}

/* Could time alone make the periodic trigger start? */
static bool
timer_runs(const WeirCheckpointer *c)
{
	return c->config.periodic && may_start(c, WEIR_PERIODIC) &&
		first_request(c, WEIR_MANUAL) < 0 && !is_completing(c);
}

void
weir_trigger_periodic(WeirCheckpointer *c, int64_t now)
{
	int64_t		pause_end = weir_time_after(c->last_completion, c->config.min_pause);

	if (!timer_runs(c) || now < c->next_periodic)
		return;
	if (c->has_completion && now < pause_end)
	{
		c->next_periodic = pause_end;
		return;
	}
	advance_timer(c, now);
	if (c->active)
		weir_pending_add(c, WEIR_PERIODIC, 0, now);
}

int64_t
weir_trigger_deadline(const WeirCheckpointer *c)
{
	return timer_runs(c) ? c->next_periodic : INT64_MAX;
}

static void
refuse(WeirCheckpointer *c, const WeirRequest *request, WeirCheckpointFailure reason)
{
	WeirAction	action = {.kind = WEIR_DO_REFUSE};

	action.ckind = request->kind;
	action.token = request->token;
	action.reason = reason;
	weir_checkpointer_emit(c, &action);
}

void
weir_trigger_refuse_waiting(WeirCheckpointer *c, WeirCheckpointFailure reason)
{
	int			i;

	for (i = 0; i < c->nrequests; i++)
		refuse(c, &c->requests[i], reason);
	c->nrequests = 0;
}

void
weir_checkpointer_request(WeirCheckpointer *c, WeirCheckpointKind kind,
						  uint64_t token, int64_t now)
{
	WeirRequest request;

	request.kind = kind;
	request.token = token;
	weir_pending_expire(c, now);
	if (c->stopped)
		refuse(c, &request, c->stop_reason);
	else if (!weir_trigger_all_running(c))
		refuse(c, &request, WEIR_FAILURE_TASKS_NOT_RUNNING);
	else if (is_full(c) && kind == WEIR_MANUAL)
		refuse(c, &request, WEIR_FAILURE_TOO_MANY_REQUESTS);
	else
	{
		if (c->nrequests == WEIR_REQUEST_LIMIT - 1 && periodic_waits(c, now))
			advance_timer(c, now);
		c->requests = weir_grow(c->requests, c->nrequests, &c->request_capacity,
								sizeof(WeirRequest));
		c->requests[c->nrequests++] = request;
	}
	weir_trigger_requests(c, now);
}
