/*
 * decide/restart.c
 *		When a failed attempt is followed by another, and after how long.
 *
 * none				never
 * fixed_delay		after delay, at most attempts times
 * failure_rate		after delay, unless max_failures restarts lie in the last
 *					"within" already
 * exponential_delay	after a delay that begins at initial_delay, grows by
 *					multiplier with each failure up to max_delay, and begins
 *					anew when the job ran for reset_after behind its last delay
 *
 * Jobs that waited for each other's locks must not meet again at the same
 * moment, so a failure of that kind waits up to half the delay more, and never
 * a fixed time.
 */
#include "decide/restart.h"

#include <assert.h>
#include <string.h>

/* Least span over which restarts after a lock wait are spread, microseconds. */
#define LOCK_WAIT_SPREAD 200000

#define SECOND INT64_C(1000000)

void
weir_restart_defaults(WeirRestartConfig *config, WeirRestartStrategy strategy)
{
	static const WeirRestartConfig defaults = {
		.attempts = 1,
		.delay = SECOND,
		.max_failures = 1,
		.within = 60 * SECOND,
		.initial_delay = SECOND,
		.max_delay = 60 * SECOND,
		.multiplier = 1.5,
		.reset_after = 3600 * SECOND,
		.jitter = 0.1
	};

	*config = defaults;
	config->strategy = strategy;
}

/* Without checkpoints a restart would begin with nothing. */
WeirRestartStrategy
weir_restart_default_strategy(bool checkpointing)
{
	return checkpointing ? WEIR_RESTART_EXPONENTIAL_DELAY : WEIR_RESTART_NONE;
}

void
weir_restart_init(WeirRestart *r, const WeirRestartConfig *config)
{
	memset(r, 0, sizeof(*r));
	r->config = *config;
}

static bool
same_config(const WeirRestartConfig *a, const WeirRestartConfig *b)
{
	return a->strategy == b->strategy && a->attempts == b->attempts &&
		a->delay == b->delay && a->max_failures == b->max_failures &&
		a->within == b->within && a->initial_delay == b->initial_delay &&
		a->max_delay == b->max_delay && a->multiplier == b->multiplier &&
		a->reset_after == b->reset_after && a->jitter == b->jitter;
}

void
weir_restart_configure(WeirRestart *r, const WeirRestartConfig *config)
{
	bool		waiting = r->waiting;
	int64_t		restart_at = r->restart_at;

	if (same_config(&r->config, config))
		return;
	weir_restart_init(r, config);
	r->waiting = waiting;
	r->restart_at = restart_at;
}

static const char *const strategy_names[] = {
	[WEIR_RESTART_NONE] = "none",
	[WEIR_RESTART_FIXED_DELAY] = "fixed_delay",
	[WEIR_RESTART_FAILURE_RATE] = "failure_rate",
	[WEIR_RESTART_EXPONENTIAL_DELAY] = "exponential_delay"
};

const char *
weir_restart_strategy_name(WeirRestartStrategy s)
{
	return strategy_names[s];
}

bool
weir_restart_strategy_parse(const char *word, WeirRestartStrategy *out)
{
	size_t		i;

	for (i = 0; i < sizeof(strategy_names) / sizeof(strategy_names[0]); i++)
	{
		if (strcmp(word, strategy_names[i]) == 0)
		{
			*out = (WeirRestartStrategy) i;
			return true;
		}
	}
	return false;
}

static int64_t
add_clamped(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static bool
fixed_delay(WeirRestart *r, int64_t *delay)
{
	*delay = r->config.delay;
	if (r->config.attempts >= 0 && r->failures >= r->config.attempts)
		return false;
	r->failures++;
	return true;
}

/* recent[] holds the last max_failures failures; the oldest decides. */
static bool
failure_rate(WeirRestart *r, int64_t now, int64_t *delay)
{
	int			max = r->config.max_failures;

	*delay = r->config.delay;
	if (max > WEIR_FAILURE_RATE_LIMIT)
		max = WEIR_FAILURE_RATE_LIMIT;
	if (max <= 0)
		return false;
	if (r->nrecent == max && now - r->recent[r->recent_next] <= r->config.within)
		return false;
	r->recent[r->recent_next] = now;
	r->recent_next = (r->recent_next + 1) % max;
	if (r->nrecent < max)
		r->nrecent++;
	return true;
}

static bool
exponential_delay(WeirRestart *r, int64_t now, double random, int64_t *delay)
{
	const WeirRestartConfig *c = &r->config;
	bool		first = r->current_delay == 0;
	double		next;

	if (first || now - r->last_failure >= add_clamped(c->reset_after, r->current_delay))
		r->current_delay = c->initial_delay;
	else
	{
		next = (double) r->current_delay * c->multiplier;
		r->current_delay = next < (double) c->max_delay ? (int64_t) next : c->max_delay;
	}
	next = (double) r->current_delay * (1.0 + c->jitter * (2.0 * random - 1.0));
	*delay = next < (double) c->max_delay ? (int64_t) next : c->max_delay;
	if (*delay < c->initial_delay)
		*delay = c->initial_delay;
	return true;
}

static int64_t
lock_wait_jitter(int64_t delay, double random)
{
	int64_t		span = delay / 2;

	if (span < LOCK_WAIT_SPREAD)
		span = LOCK_WAIT_SPREAD;
	return (int64_t) ((double) span * random);
}

bool
weir_restart_failure(WeirRestart *r, int64_t now, double random, bool lock_wait)
{
	int64_t		delay = 0;
	bool		restart = false;

	if (r->waiting)
		return true;
	switch (r->config.strategy)
	{
		case WEIR_RESTART_NONE:
			break;
		case WEIR_RESTART_FIXED_DELAY:
			restart = fixed_delay(r, &delay);
			break;
		case WEIR_RESTART_FAILURE_RATE:
			restart = failure_rate(r, now, &delay);
			break;
		case WEIR_RESTART_EXPONENTIAL_DELAY:
			restart = exponential_delay(r, now, random, &delay);
			break;
	}
	r->last_failure = now;
	if (!restart)
		return false;
	if (lock_wait)
		delay = add_clamped(delay, lock_wait_jitter(delay, random));
	r->restart_at = add_clamped(now, delay);
	r->waiting = true;
	assert(delay >= 0 && r->restart_at >= now);
	return true;
}

void
weir_restart_started(WeirRestart *r)
{
	r->waiting = false;
}
