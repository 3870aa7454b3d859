/*
 * trigger_test.c
 *		When a checkpoint starts.
 */
#include "script.h"

#define FINISHED(n) "prepare " n ", decide " n ", commit " n ", complete " n " from " n

static const Scenario scenarios[] = {
	{.name = "the first is due every behind the creation, then each every", .ntasks = 2, CONFIG,
		.script =
		"0 all\n"
		"0 is deadline 1000\n"
		"999 tick\n"
		"1000 tick -> trigger 1 periodic\n"
		"1000 is deadline 11000\n"	/* max_concurrent: only expiry matters */
		"1500 finish 1 -> " FINISHED("1") "\n"
		"1500 is deadline 2000\n"
		"1999 tick\n"
		"2000 tick -> trigger 2 periodic"},
	{.name = "1: two due, pause 1 s, the first completes: none at 0.5 s, the second when the pause is over",
		.ntasks = 1, CONFIG, .config.min_pause = 1000, .script =
		"0 all\n"
		"1000 tick -> trigger 1 periodic\n"
		"2100 tick\n"
		"2200 finish 1 -> " FINISHED("1") "\n"
		"2200 tick\n"
		"2700 tick\n"
		"2700 is pending 0\n"
		"2700 is deadline 3200\n"
		"3199 tick\n"
		"3200 tick -> trigger 2 periodic"},
	{.name = "1: a trigger inside the pause is dropped and the timer set for last completion + pause",
		.ntasks = 1, CONFIG, .config.min_pause = 3000, .script =
		"0 all\n"
		"1000 tick -> trigger 1 periodic\n"
		"1100 finish 1 -> " FINISHED("1") "\n"
		"1100 is deadline 2000\n"
		"2000 tick\n"
		"2000 is deadline 4100\n"
		"4100 tick -> trigger 2 periodic"},
	{.name = "1: the pause counts from the last completion, one of a savepoint too", .ntasks = 1, CONFIG,
		.config.min_pause = 1000, .script =
		"0 all\n"
		"100 savepoint 5 -> trigger 1 savepoint #5\n"
		"900 finish 1 -> prepare 1, decide 1, commit 1, complete 1 from 1 #5\n"
		"1000 tick\n"
		"1000 is deadline 1900\n"
		"1900 tick -> trigger 2 periodic"},
	{.name = "1: with several at a time the pause still rules", .ntasks = 1, CONFIG,
		.config.min_pause = 1000, .config.max_concurrent = 2, .script =
		"0 all\n"
		"1000 tick -> trigger 1 periodic\n"
		"1900 finish 1 -> " FINISHED("1") "\n"
		"2000 tick\n"
		"2000 is deadline 2900\n"
		"2900 tick -> trigger 2 periodic"},
	{.name = "1: one that is being decided begins a pause first", .ntasks = 1, CONFIG,
		.config.mode = WEIR_AT_LEAST_ONCE, .config.min_pause = 1000, .config.max_concurrent = 2, .script =
		"0 all\n"
		"1000 tick -> trigger 1 periodic\n"
		"2000 ack 0 1 -> decide 1\n"
		"2000 tick\n"
		"2000 is deadline never\n"
		"2001 decided 1 -> complete 1 from 1\n"
		"2001 tick\n"
		"2001 is deadline 3001\n"
		"3001 tick -> trigger 2 periodic"},
	{.name = "1: a completion of the attempt before begins a pause", .ntasks = 1, CONFIG,
		.config.min_pause = 5000, .script =
		"0 all\n"
		"0 paused -1000\n"
		"1000 tick\n"
		"1000 is deadline 4000\n"
		"4000 tick -> trigger 1 periodic"},
	{.name = "2: a task is not running: a request fails with the reason, nothing pending", .ntasks = 2, CONFIG,
		.script =
		"0 run 0\n"
		"10 manual 4 -> refuse not_running #4\n"
		"10 savepoint 5 -> refuse not_running #5\n"
		"10 final 6 -> refuse not_running #6\n"
		"10 is pending 0\n"
		"10 is deadline never\n"
		"2000 tick\n"
		"2000 is deadline never\n"
		"2500 run 1\n"
		"2500 tick -> trigger 1 periodic"},
	{.name = "2: a task stops running: what is pending is aborted, not counted", .ntasks = 2, CONFIG,
		.config.tolerable = 0, .script =
		"0 all\n"
		"10 manual 4 -> trigger 1 manual #4\n"
		"11 manual 5\n"
		"20 halt 1 -> abort 1 not_running #4, refuse not_running #5\n"
		"20 is pending 0\n"
		"20 is failures 0\n"
		"30 run 1\n"
		"30 manual 6 -> trigger 2 manual #6"},
	{.name = "3: after a timeout the next trigger may start at once", .ntasks = 2, CONFIG,
		.config.every = 1000, .config.timeout = 1500, .config.min_pause = 60000, .script =
		"0 all\n"
		"1000 tick -> trigger 1 periodic\n"
		"1100 ack 0 1\n"
		"2000 tick\n"
		"2500 is deadline 2500\n"
		"2500 tick -> abort 1 expired, trigger 2 periodic\n"
		"2600 !ack 1 1\n"
		"2600 is last 0"},
	{.name = "3: after a decline the next trigger may start at once", .ntasks = 1, CONFIG,
		.config.min_pause = 60000, .script =
		"0 all\n"
		"1000 tick -> trigger 1 periodic\n"
		"2100 decline 0 1 -> abort 1 declined\n"
		"2100 tick -> trigger 2 periodic"},
	{.name = "5: max_concurrent 2, both pending, 2 completes: two more may start", .ntasks = 1, CONFIG,
		.config.max_concurrent = 2, .config.timeout = 60000, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"10 manual 2 -> trigger 2 manual #2\n"
		"10 manual 3\n"
		"10 manual 4\n"
		"10 manual 5\n"
		"20 finish 2 -> prepare 2, decide 2, commit 2, abort 1 subsumed #1, complete 2 from 2 #2, "
		"trigger 3 manual #3, trigger 4 manual #4\n"
		"20 is pending 2"},
	{.name = "6: max_concurrent 1, five savepoints asked: all run", .ntasks = 1, CONFIG, .script =
		"0 all\n"
		"1000 tick -> trigger 1 periodic\n"
		"1001 savepoint 1 -> trigger 2 savepoint #1\n"
		"1001 savepoint 2 -> trigger 3 savepoint #2\n"
		"1001 savepoint 3 -> trigger 4 savepoint #3\n"
		"1001 savepoint 4 -> trigger 5 savepoint #4\n"
		"1001 savepoint 5 -> trigger 6 savepoint #5\n"
		"1001 is pending 6"},
	{.name = "6: savepoints take no room from others", .ntasks = 1, CONFIG, .script =
		"0 all\n"
		"10 savepoint 1 -> trigger 1 savepoint #1\n"
		"10 manual 2 -> trigger 2 manual #2"},
	{.name = "7: huge min_pause, two savepoints: both accepted", .ntasks = 1, CONFIG,
		.config.min_pause = 1000000000, .script =
		"0 all\n"
		"10 savepoint 1 -> trigger 1 savepoint #1\n"
		"20 finish 1 -> prepare 1, decide 1, commit 1, complete 1 from 1 #1\n"
		"20 savepoint 2 -> trigger 2 savepoint #2"},
	{.name = "9: inside the pause: a periodic one is dropped, a manual one starts at once", .ntasks = 1, CONFIG,
		.config.min_pause = 60000, .script =
		"0 all\n"
		"1000 tick -> trigger 1 periodic\n"
		"1100 finish 1 -> " FINISHED("1") "\n"
		"2000 tick\n"
		"2100 manual 9 -> trigger 2 manual #9\n"
		"2200 finish 2 -> prepare 2, decide 2, commit 2, complete 2 from 2 #9\n"
		"61100 tick\n"
		"61100 is deadline 62200"},
	{.name = "requests wait at max_concurrent: final, savepoints, manual, then periodic", .ntasks = 1, CONFIG,
		.script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 manual 2\n"
		"30 manual 3\n"
		"1000 tick\n"
		"1100 finish 1 -> prepare 1, decide 1, commit 1, complete 1 from 1 #1, trigger 2 manual #2\n"
		"1100 tick\n"
		"1200 finish 2 -> prepare 2, decide 2, commit 2, complete 2 from 2 #2, trigger 3 manual #3\n"
		"1300 finish 3 -> prepare 3, decide 3, commit 3, complete 3 from 3 #3\n"
		"1300 is deadline 1000\n"	/* the periodic one has waited */
		"1300 tick -> trigger 4 periodic"},
	{.name = "at most one periodic trigger waits", .ntasks = 1, CONFIG, .config.timeout = 60000, .script =
		"0 all\n"
		"1000 tick -> trigger 1 periodic\n"
		"2000 tick\n"
		"3000 tick\n"
		"4000 tick\n"
		"4500 finish 1 -> " FINISHED("1") "\n"
		"4500 tick -> trigger 2 periodic\n"
		"4600 finish 2 -> " FINISHED("2") "\n"
		"4600 tick\n"
		"4600 is deadline 5500"},
	{.name = "final: ignores pause and room, nothing starts beside it or after it", .ntasks = 1, CONFIG,
		.config.min_pause = 60000, .script =
		"0 all\n"
		"1000 tick -> trigger 1 periodic\n"
		"1100 final 7 -> trigger 2 final #7\n"
		"1100 manual 8\n"
		"1100 savepoint 9\n"
		"1200 finish 2 -> prepare 2, decide 2, commit 2, abort 1 subsumed, complete 2 from 2 #7\n"
		"5000 tick\n"
		"5000 is deadline never\n"
		"5000 end -> refuse restart #8, refuse restart #9"},
	{.name = "final: when it fails the job goes on", .ntasks = 1, CONFIG, .script =
		"0 all\n"
		"10 final 7 -> trigger 1 final #7\n"
		"20 manual 8\n"
		"20 savepoint 9\n"
		"30 decline 0 1 -> abort 1 declined #7, trigger 2 savepoint #9, trigger 3 manual #8\n"
		"40 decline 0 3 -> abort 3 declined #8\n"
		"1000 tick -> trigger 4 periodic"},
	{.name = "idle: the periodic trigger is skipped, requests are not", .ntasks = 1, CONFIG, .script =
		"0 all\n"
		"0 idle\n"
		"1000 tick\n"
		"1000 is deadline 2000\n"
		"1500 manual 1 -> trigger 1 manual #1\n"
		"1600 finish 1 -> prepare 1, decide 1, commit 1, complete 1 from 1 #1\n"
		"2000 tick\n"
		"2000 is deadline 3000\n"
		"2100 active\n"
		"2100 tick\n"
		"3000 tick -> trigger 2 periodic"},
	{.name = "periods gone by are not made up for", .ntasks = 1, CONFIG, .config.max_concurrent = 5, .script =
		"0 all\n"
		"7300 tick -> trigger 1 periodic\n"
		"7300 tick\n"
		"7300 is deadline 8300"},
	{.name = "not periodic: only requests", .ntasks = 1, CONFIG, .config.periodic = false, .script =
		"0 all\n"
		"0 is deadline never\n"
		"5000 tick\n"
		"5000 manual 1 -> trigger 1 manual #1\n"
		"5000 is deadline 15000"},
	{.name = "configure: a new every counts from now", .ntasks = 1, CONFIG, .script =
		"0 all\n"
		"500 set every 200\n"
		"500 is deadline 700\n"
		"700 tick -> trigger 1 periodic"},
	{.name = "configure: what is not named stays, the timer too", .ntasks = 1, CONFIG, .script =
		"0 all\n"
		"500 set retain 3\n"
		"500 set timeout 20000\n"
		"500 is deadline 1000"},
	{.name = "configure: a shorter pause lets the timer run again", .ntasks = 1, CONFIG,
		.config.min_pause = 1000000, .script =
		"0 all\n"
		"1000 tick -> trigger 1 periodic\n"
		"1100 finish 1 -> " FINISHED("1") "\n"
		"2000 tick\n"
		"2000 is deadline 1001100\n"
		"2500 set min_pause 0\n"
		"2500 is deadline 3500"},
	{.name = "configure: more room lets waiting requests start", .ntasks = 1, CONFIG, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 manual 2\n"
		"30 set max_concurrent 2 -> trigger 2 manual #2"},
	{.name = "configure: switched off", .ntasks = 1, CONFIG, .script =
		"0 all\n"
		"500 set periodic 0\n"
		"500 is deadline never\n"
		"5000 tick"}
};

/* One manual checkpoint runs, and so many requests of a kind wait since 10. */
static WeirCheckpointer *
crowded(WeirCheckpointKind first, int waiting)
{
	WeirCheckpointer *c = weir_checkpointer_create(&scenarios[0].config, 1, 1, 1, 0);
	int			i;

	weir_checkpointer_task_running(c, 0, true);
	weir_checkpointer_set_active(c, true);
	weir_checkpointer_request(c, first, 1, 10);
	for (i = 0; i < waiting; i++)
		weir_checkpointer_request(c, WEIR_MANUAL, (uint64_t) i + 2, 10);
	return c;
}

/* How many actions of this kind have come, of which request the last. */
static int
count_actions(WeirCheckpointer *c, WeirActionKind kind, WeirAction *last)
{
	WeirAction	action;
	int			n = 0;

	while (weir_checkpointer_next(c, &action))
	{
		if (action.kind != kind)
			continue;
		n++;
		*last = action;
	}
	return n;
}

static void
test_refused(void)
{
	WeirCheckpointer *c = crowded(WEIR_MANUAL, WEIR_REQUEST_LIMIT + 1);
	WeirAction	last = {0};

	ok(count_actions(c, WEIR_DO_REFUSE, &last) == 1 &&
	   last.reason == WEIR_FAILURE_TOO_MANY_REQUESTS && last.token == WEIR_REQUEST_LIMIT + 2,
	   "trigger: one manual request more than may wait is refused, and says why");
	weir_checkpointer_destroy(c);
}

/* All that waits may start at once: does a periodic trigger, too, and when is the next one due? */
static void
check_periodic(WeirCheckpointer *c, bool starts, const char *name)
{
	WeirCheckpointConfig config = scenarios[0].config;
	WeirAction	last = {0};

	config.max_concurrent = WEIR_REQUEST_LIMIT * 2;
	weir_checkpointer_configure(c, &config, 1600);
	weir_checkpointer_tick(c, 1600);
	(void) count_actions(c, WEIR_DO_TRIGGER, &last);
	ok((last.ckind == WEIR_PERIODIC) == starts && weir_checkpointer_deadline(c) == 2000,
	   "trigger: %s", name);
	weir_checkpointer_destroy(c);
}

static void
test_periodic_dropped(void)
{
	WeirCheckpointer *c = crowded(WEIR_MANUAL, WEIR_REQUEST_LIMIT - 1);

	weir_checkpointer_tick(c, 1000);
	check_periodic(c, true, "a periodic one waits as the last of as many as may");

	c = crowded(WEIR_MANUAL, WEIR_REQUEST_LIMIT - 1);
	weir_checkpointer_tick(c, 1000);
	weir_checkpointer_request(c, WEIR_MANUAL, 5000, 1500);
	check_periodic(c, false, "one more request drops the periodic one that waits");

	c = crowded(WEIR_MANUAL, WEIR_REQUEST_LIMIT);
	weir_checkpointer_tick(c, 1000);
	check_periodic(c, false, "a periodic one for which there is no place is dropped");

	c = crowded(WEIR_MANUAL, WEIR_REQUEST_LIMIT);
	check_periodic(c, false, "whether or not the loop ticked when it was due");
}

static void
test_savepoint_let_in(void)
{
	WeirCheckpointer *c = crowded(WEIR_FINAL, WEIR_REQUEST_LIMIT);
	WeirAction	last = {0};
	int			refused;

	weir_checkpointer_request(c, WEIR_SAVEPOINT, 5000, 20);
	refused = count_actions(c, WEIR_DO_REFUSE, &last);
	(void) weir_checkpointer_decline(c, 1, 0, 1, 30);
	while (weir_checkpointer_next(c, &last) && last.kind != WEIR_DO_TRIGGER)
		;
	ok(refused == 0 && last.ckind == WEIR_SAVEPOINT && last.token == 5000,
	   "trigger: a savepoint is never refused for those that wait, and goes first");
	weir_checkpointer_destroy(c);
}

void
test_trigger(void)
{
	run_scenarios("trigger", scenarios, COUNT(scenarios));
	test_refused();
	test_periodic_dropped();
	test_savepoint_let_in();
}
