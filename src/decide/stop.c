/*
 * decide/stop.c
 *		How a job comes to its end.  The rules are in the header.
 */
#include "decide/stop.h"

#include <assert.h>

static void
check(const WeirStop *s)
{
	(void) s;
	assert(s->stopping || (!s->draining && !s->begun && !s->drained && s->token == 0));
	assert(!s->drained || (s->draining && s->begun));
	assert(!s->final_pending || s->running);
	assert(!s->final_pending || s->ended || (s->begun && !s->draining));
	assert(!s->final_doubtful || !s->running);
	assert(s->ending != WEIR_ENDING_CANCELLED || s->cancelled);
}

WeirStopReply
weir_stop_reply(const WeirStop *s, WeirStopKind kind, bool named)
{
	if (named && !s->running)
		return WEIR_STOP_WAITS;
	if (kind == WEIR_STOP_CANCEL)
		return WEIR_STOP_TAKEN;
	if (s->stopping)
		return kind == WEIR_STOP_CHECKPOINTED && !s->draining && !named ?
			WEIR_STOP_JOINED : WEIR_STOP_BUSY;
	return named && s->final_pending ? WEIR_STOP_ENDED : WEIR_STOP_TAKEN;
}

void
weir_stop_take(WeirStop *s, WeirStopKind kind, uint64_t token)
{
	if (kind == WEIR_STOP_CANCEL)
		s->cancelled = true;
	else
	{
		assert(!s->stopping);
		s->stopping = true;
		s->draining = kind == WEIR_STOP_DRAINED;
		s->token = token;
	}
	check(s);
}

static void
forget_stop(WeirStop *s)
{
	s->stopping = s->draining = s->begun = s->drained = false;
	s->token = 0;
}

/* Who asked hears of it, unless a cancel ends the job: that answers all. */
static bool
fail_stop(WeirStop *s)
{
	forget_stop(s);
	return !s->cancelled;
}

static void
forget_attempt(WeirStop *s)
{
	s->running = s->ended = s->final_pending = false;
}

void
weir_stop_attempt(WeirStop *s, bool checkpointing)
{
	forget_attempt(s);
	s->final_doubtful = false;
	s->checkpointing = checkpointing;
	s->ending = WEIR_ENDING_NONE;
	check(s);
}

void
weir_stop_configure(WeirStop *s, bool checkpointing)
{
	s->checkpointing = checkpointing;
}

void
weir_stop_running(WeirStop *s)
{
	s->running = true;
}

void
weir_stop_all_ended(WeirStop *s)
{
	s->ended = true;
}

/* A drain ends the job as the end of its streams would. */
static void
end_by_checkpoint(WeirStop *s)
{
	s->ending = s->stopping && !s->draining ? WEIR_ENDING_STOPPED : WEIR_ENDING_FINISHED;
}

void
weir_stop_final_completed(WeirStop *s)
{
	assert(s->final_pending);
	s->final_pending = false;
	end_by_checkpoint(s);
}

bool
weir_stop_final_failed(WeirStop *s)
{
	assert(s->final_pending);
	s->final_pending = false;
	return s->stopping && !s->draining && fail_stop(s);
}

/* The stop's own, or that of the end of the input. */
static bool
needs_final(const WeirStop *s)
{
	return !s->final_pending && ((s->stopping && !s->draining) || (s->ended && s->checkpointing));
}

WeirStopAction
weir_stop_next(WeirStop *s)
{
	check(s);
	if (s->ending == WEIR_ENDING_NONE && s->cancelled)
		s->ending = WEIR_ENDING_CANCELLED;
	if (s->ending != WEIR_ENDING_NONE)
		return WEIR_STOP_END;
	if (!s->running)
		return WEIR_STOP_NOTHING;
	if (s->stopping && !s->begun)
	{
		s->begun = true;
		return WEIR_STOP_BEGIN;
	}
	if (s->draining && !s->drained)
	{
		s->drained = true;
		return WEIR_STOP_DRAIN;
	}
	if (needs_final(s))
	{
		s->final_pending = true;
		return WEIR_STOP_FINAL;
	}
	if (s->ended && !s->checkpointing && !s->final_pending)
	{
		s->ending = WEIR_ENDING_FINISHED;
		return WEIR_STOP_END;
	}
	return WEIR_STOP_NOTHING;
}

bool
weir_stop_attempt_ended(WeirStop *s, bool failed, bool doubtful)
{
	bool		stop_failed = failed && !doubtful && s->begun;

	forget_attempt(s);
	s->final_doubtful = failed && doubtful;
	if (failed)
		s->ending = WEIR_ENDING_NONE;
	stop_failed = stop_failed && fail_stop(s);
	check(s);
	return stop_failed;
}

bool
weir_stop_recovered(WeirStop *s, bool completed)
{
	bool		stop_failed;

	if (!s->final_doubtful)
		return false;
	s->final_doubtful = false;
	stop_failed = !completed && s->begun && fail_stop(s);
	if (completed && s->stopping)
		end_by_checkpoint(s);
	check(s);
	return stop_failed;
}

bool
weir_stop_ends_job(const WeirStop *s)
{
	return s->cancelled || (s->stopping && !s->draining);
}

bool
weir_stop_is_doubtful(const WeirStop *s)
{
	return s->stopping && s->final_doubtful;
}
