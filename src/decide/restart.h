/*
 * decide/restart.h
 *		When a failed attempt is followed by another, and after how long.
 *		All times are microseconds.
 */
#ifndef WEIR_DECIDE_RESTART_H
#define WEIR_DECIDE_RESTART_H

#include <stdbool.h>
#include <stdint.h>

typedef enum WeirRestartStrategy
{
	WEIR_RESTART_NONE,
	WEIR_RESTART_FIXED_DELAY,
	WEIR_RESTART_FAILURE_RATE,
	WEIR_RESTART_EXPONENTIAL_DELAY
} WeirRestartStrategy;

#define WEIR_FAILURE_RATE_LIMIT 1000	/* largest max_failures */

typedef struct WeirRestartConfig
{
	WeirRestartStrategy strategy;
	int64_t		attempts;		/* fixed_delay; -1 unlimited */
	int64_t		delay;			/* fixed_delay, failure_rate */
	int			max_failures;	/* failure_rate: restarts allowed .. */
	int64_t		within;			/* .. in this interval */
	int64_t		initial_delay;	/* exponential_delay */
	int64_t		max_delay;
	double		multiplier;
	int64_t		reset_after;
	double		jitter;			/* 0 .. 1, share of the delay */
} WeirRestartConfig;

typedef struct WeirRestart
{
	WeirRestartConfig config;
	int64_t		failures;		/* counted against fixed_delay */
	int64_t		current_delay;	/* exponential_delay */
	int64_t		last_failure;	/* 0: none yet */
	int64_t		recent[WEIR_FAILURE_RATE_LIMIT];	/* ring of failure times */
	int			nrecent;
	int			recent_next;
	bool		waiting;		/* a restart is scheduled */
	int64_t		restart_at;
} WeirRestart;

/* Of the given strategy, with its parameters as they are unless set. */
extern void weir_restart_defaults(WeirRestartConfig *config, WeirRestartStrategy strategy);
/* Of a job that set none. */
extern WeirRestartStrategy weir_restart_default_strategy(bool checkpointing);

extern void weir_restart_init(WeirRestart *r, const WeirRestartConfig *config);

/*
 * Another strategy: what was counted is forgotten, unless nothing has changed.
 * A restart that is scheduled stays so.
 */
extern void weir_restart_configure(WeirRestart *r, const WeirRestartConfig *config);

/* Names as in weir.set_restart_strategy(); parse returns false for an unknown word. */
extern const char *weir_restart_strategy_name(WeirRestartStrategy s);
extern bool weir_restart_strategy_parse(const char *word, WeirRestartStrategy *out);

/*
 * A failure caused by the job.  random in [0,1) feeds the jitter; lock_wait
 * failures are jittered under every strategy.  Returns true and sets
 * restart_at; false when the job gives up.  A failure while waiting is the
 * same failure: nothing changes, true.
 */
extern bool weir_restart_failure(WeirRestart *r, int64_t now, double random, bool lock_wait);

/* The next attempt started (ends the wait). */
extern void weir_restart_started(WeirRestart *r);

#endif
