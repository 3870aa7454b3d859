/*
 * restart_test.c
 *		When a failed attempt is followed by another.
 */
#include "decide/restart.h"
#include "tap.h"

#define NO (-1)					/* gives up */

typedef struct Failure
{
	int64_t		at;
	int64_t		delay;			/* expected; NO: gives up */
} Failure;

typedef struct Case
{
	const char *name;
	WeirRestartConfig config;
	double		random;
	Failure		failures[6];	/* ends at {0, 0} */
} Case;

static const Case cases[] = {
	{"none never restarts", {.strategy = WEIR_RESTART_NONE}, 0.5, {{1, NO}}},
	{"fixed_delay restarts attempts times",
		{.strategy = WEIR_RESTART_FIXED_DELAY,.attempts = 2,.delay = 10}, 0.5,
	{{1, 10}, {20, 10}, {1000, NO}}},
	{"fixed_delay, attempts 0",
		{.strategy = WEIR_RESTART_FIXED_DELAY,.attempts = 0,.delay = 10}, 0.5, {{1, NO}}},
	{"fixed_delay unlimited",
		{.strategy = WEIR_RESTART_FIXED_DELAY,.attempts = -1,.delay = 10}, 0.5,
	{{1, 10}, {20, 10}, {40, 10}, {60, 10}}},
	{"failure_rate gives up at one more than max_failures within",
		{.strategy = WEIR_RESTART_FAILURE_RATE,.max_failures = 2,.within = 100,.delay = 5}, 0.5,
	{{1, 5}, {50, 5}, {101, NO}}},
	{"failure_rate forgets what lies before within",
		{.strategy = WEIR_RESTART_FAILURE_RATE,.max_failures = 2,.within = 100,.delay = 5}, 0.5,
	{{1, 5}, {50, 5}, {102, 5}, {151, 5}, {202, NO}}},
	{"failure_rate, max_failures 0",
		{.strategy = WEIR_RESTART_FAILURE_RATE,.max_failures = 0,.within = 100,.delay = 5}, 0.5,
	{{1, NO}}},
	{"exponential_delay grows to max_delay",
		{.strategy = WEIR_RESTART_EXPONENTIAL_DELAY,.initial_delay = 10,.max_delay = 35,
			.multiplier = 2,.reset_after = 1000}, 0.5,
	{{1, 10}, {20, 20}, {60, 35}, {100, 35}}},
	{"exponential_delay begins anew after reset_after behind its delay",
		{.strategy = WEIR_RESTART_EXPONENTIAL_DELAY,.initial_delay = 10,.max_delay = 80,
			.multiplier = 2,.reset_after = 100}, 0.5,
	{{1, 10}, {20, 20}, {139, 40}, {279, 10}}},
	{"exponential_delay's jitter takes away at the low end",
		{.strategy = WEIR_RESTART_EXPONENTIAL_DELAY,.initial_delay = 100,.max_delay = 10000,
			.multiplier = 10,.reset_after = 100000,.jitter = 0.2}, 0.0,
	{{1, 100}, {200, 800}, {2000, 8000}}},
	{"exponential_delay's jitter adds, but not beyond max_delay",
		{.strategy = WEIR_RESTART_EXPONENTIAL_DELAY,.initial_delay = 100,.max_delay = 1000,
			.multiplier = 10,.reset_after = 100000,.jitter = 0.5}, 0.75,
	{{1, 125}, {200, 1000}}},
	{"a delay beyond the end of time is clamped",
		{.strategy = WEIR_RESTART_FIXED_DELAY,.attempts = 1,.delay = INT64_MAX}, 0.5,
	{{1, INT64_MAX - 1}}}
};

static bool
run(const Case *c)
{
	WeirRestart r;
	const Failure *f;

	weir_restart_init(&r, &c->config);
	for (f = c->failures; f->at != 0; f++)
	{
		bool		restart = weir_restart_failure(&r, f->at, c->random, false);

		if (restart != (f->delay != NO) || (restart && r.restart_at - f->at != f->delay))
		{
			diag("failure at %lld: delay %lld", (long long) f->at,
				 restart ? (long long) (r.restart_at - f->at) : -1LL);
			return false;
		}
		weir_restart_started(&r);
	}
	return true;
}

static void
test_waiting(void)
{
	WeirRestartConfig config = {.strategy = WEIR_RESTART_FIXED_DELAY,.attempts = 1,.delay = 10};
	WeirRestart r;

	weir_restart_init(&r, &config);
	ok(weir_restart_failure(&r, 1, 0.5, false) && weir_restart_failure(&r, 5, 0.5, false) &&
	   r.restart_at == 11 && r.failures == 1,
	   "restart: a failure while waiting is the same failure");
	weir_restart_started(&r);
	ok(!weir_restart_failure(&r, 20, 0.5, false), "restart: the next one counts again");
}

static void
test_lock_wait(void)
{
	WeirRestartConfig config = {.strategy = WEIR_RESTART_FIXED_DELAY,.attempts = -1,.delay = 1000000};
	WeirRestart a;
	WeirRestart b;

	weir_restart_init(&a, &config);
	weir_restart_init(&b, &config);
	ok(weir_restart_failure(&a, 0, 0.1, true) && weir_restart_failure(&b, 0, 0.9, true) &&
	   a.restart_at != b.restart_at && a.restart_at >= 1000000 && b.restart_at <= 1500000,
	   "restart: two jobs that waited for each other's locks do not come back together");
	config.delay = 0;
	weir_restart_init(&a, &config);
	ok(weir_restart_failure(&a, 0, 0.5, true) && a.restart_at > 0,
	   "restart: a lock wait is spread even without a delay");
	config.strategy = WEIR_RESTART_NONE;
	weir_restart_init(&a, &config);
	ok(!weir_restart_failure(&a, 0, 0.5, true), "restart: none stays none after a lock wait");
}

static void
test_configure(void)
{
	WeirRestartConfig config = {.strategy = WEIR_RESTART_FIXED_DELAY,.attempts = 1,.delay = 10};
	WeirRestart r;

	weir_restart_init(&r, &config);
	ok(weir_restart_failure(&r, 1, 0.5, false), "restart: one attempt");
	config.delay = 20;
	weir_restart_configure(&r, &config);
	ok(r.waiting && r.restart_at == 11, "restart: another strategy leaves the scheduled restart");
	weir_restart_started(&r);
	ok(weir_restart_failure(&r, 30, 0.5, false) && r.restart_at == 50,
	   "restart: another strategy counts from the beginning");
	weir_restart_started(&r);
	weir_restart_configure(&r, &config);
	ok(!weir_restart_failure(&r, 60, 0.5, false), "restart: the same one does not");
}

static void
test_names(void)
{
	WeirRestartStrategy s = WEIR_RESTART_NONE;

	ok(weir_restart_strategy_parse("failure_rate", &s) && s == WEIR_RESTART_FAILURE_RATE,
	   "restart: a strategy by its name");
	ok(!weir_restart_strategy_parse("Failure_rate", &s), "restart: no strategy by another");
	ok(weir_restart_default_strategy(true) == WEIR_RESTART_EXPONENTIAL_DELAY &&
	   weir_restart_default_strategy(false) == WEIR_RESTART_NONE,
	   "restart: the default goes with checkpointing");
}

void
test_restart(void)
{
	int			i;

	for (i = 0; i < COUNT(cases); i++)
		ok(run(&cases[i]), "restart: %s", cases[i].name);
	test_waiting();
	test_lock_wait();
	test_configure();
	test_names();
}
