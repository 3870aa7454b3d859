/*
 * script.h
 *		Scenarios of the checkpointer, told as lines of text.
 *
 * A line is "<ms> <event> [arguments] [-> actions]"; the clock stands at ms.
 * Without "->" no action may come of the event.  Events:
 *
 *	 run T, halt T			task T runs, does not run		all		all tasks run
 *	 idle, active			the level of set_active
 *	 tick					the clock moved
 *	 manual K, savepoint K, final K		a request with token K
 *	 ack T N, ready T N, empty T N		votes			everybody N		all acknowledge
 *	 decline T N, prepared T N
 *	 foreign T N			a vote of another attempt
 *	 decided N, undecided N, committed N
 *	 finish N				all acknowledge, decided, committed
 *	 set NAME VALUE			changes the configuration
 *	 lost N					recovery found no row of N
 *	 before N, saved N		completed in the past, the latter a savepoint
 *	 paused MS				last completion of the past
 *	 restart N				a new attempt, ids from N, failures carried over
 *	 end					the attempt ends
 *	 is NAME VALUE			deadline, pending, acked:N, doubt, last, failures, need:N:T
 *
 * A message with "!" before it must be dropped, any other be accepted.
 */
#ifndef WEIR_TEST_SCRIPT_H
#define WEIR_TEST_SCRIPT_H

#include "decide/checkpointer.h"
#include "tap.h"

typedef struct Scenario
{
	const char *name;
	int			ntasks;
	WeirCheckpointConfig config;	/* times in milliseconds */
	const char *script;
} Scenario;

/* every 1 s, timeout 10 s, one at a time, failures tolerated without limit */
#define CONFIG .config.periodic = true, .config.every = 1000, .config.timeout = 10000, \
	.config.max_concurrent = 1, .config.tolerable = -1, .config.retain = 1

extern void run_scenarios(const char *module, const Scenario *scenarios, int n);

/* One action as text, as scripts have it. */
extern void describe_action(const WeirAction *action, char *buf, int size);

#endif
