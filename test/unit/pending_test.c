/*
 * pending_test.c
 *		A checkpoint from its trigger to its end.
 */
#include <string.h>

#include "script.h"

static const Scenario scenarios[] = {
	{.name = "exactly_once: vote, prepare, decide, commit, complete", .ntasks = 3, CONFIG, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ack 0 1\n"
		"20 ready 1 1\n"
		"20 is doubt 0\n"
		"20 is acked:1 2\n"
		"30 ready 2 1 -> prepare 1\n"
		"30 is doubt 1\n"
		"30 is need:1:0 0\n"
		"30 is need:1:1 1\n"
		"30 is need:1:2 1\n"
		"40 prepared 2 1\n"
		"50 prepared 1 1 -> decide 1\n"
		"50 is last 0\n"
		"60 decided 1 -> commit 1\n"
		"60 is doubt 1\n"
		"70 committed 1 -> complete 1 from 1 #1\n"
		"70 is doubt 0\n"
		"70 is last 1\n"
		"70 is pending 0"},
	{.name = "24: nothing is prepared before every task is ready", .ntasks = 3, CONFIG, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ready 1 1\n"
		"20 ready 2 1\n"
		"20 !prepared 1 1\n"
		"20 is doubt 0\n"
		"30 end -> abort 1 restart #1"},
	{.name = "ready and empty is not to be prepared", .ntasks = 2, CONFIG, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 empty 0 1\n"
		"20 ready 1 1 -> prepare 1\n"
		"20 is need:1:0 0\n"
		"20 !prepared 0 1\n"
		"30 prepared 1 1 -> decide 1"},
	{.name = "nothing to prepare: the decision follows at once", .ntasks = 2, CONFIG, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 empty 0 1\n"
		"20 ack 1 1 -> prepare 1, decide 1\n"
		"30 decided 1 -> commit 1\n"
		"40 committed 1 -> complete 1 from 1 #1"},
	{.name = "at_least_once: no prepare and no commit, tasks are told after the decision", .ntasks = 2, CONFIG,
		.config.mode = WEIR_AT_LEAST_ONCE, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ready 0 1\n"
		"20 ack 1 1 -> decide 1\n"
		"20 is need:1:0 0\n"
		"30 decided 1 -> complete 1 from 1 #1"},
	{.name = "at_most_once: as at_least_once", .ntasks = 1, CONFIG, .config.mode = WEIR_AT_MOST_ONCE, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ack 0 1 -> decide 1\n"
		"30 decided 1 -> complete 1 from 1 #1"},
	{.name = "3: one of two tasks acked, timeout: aborted, no completion told, a late ack is dropped", .ntasks = 2,
		CONFIG, .config.timeout = 500, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ack 0 1\n"
		"20 is deadline 510\n"
		"509 tick\n"
		"510 tick -> abort 1 expired #1\n"
		"520 !ack 1 1\n"
		"520 is last 0"},
	{.name = "3: an ack at the moment of the timeout is late, whether or not the tick came first", .ntasks = 1,
		CONFIG, .config.timeout = 500, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"510 !ack 0 1 -> abort 1 expired #1"},
	{.name = "4: 1 and 2 partly acked, 2 completes: 1 aborted, only 2 told, a late ack for 1 dropped", .ntasks = 2,
		CONFIG, .config.max_concurrent = 2, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"10 manual 2 -> trigger 2 manual #2\n"
		"20 ack 0 1\n"
		"20 ack 0 2\n"
		"30 ack 1 2 -> prepare 2, decide 2\n"
		"40 decided 2 -> commit 2\n"
		"50 committed 2 -> abort 1 subsumed #1, complete 2 from 2 #2\n"
		"60 !ack 1 1\n"
		"60 is pending 0"},
	{.name = "4: a savepoint is not subsumed and completes after", .ntasks = 2, CONFIG, .script =
		"0 all\n"
		"10 savepoint 1 -> trigger 1 savepoint #1\n"
		"10 manual 2 -> trigger 2 manual #2\n"
		"20 finish 2 -> prepare 2, decide 2, commit 2, complete 2 from 2 #2\n"
		"30 finish 1 -> prepare 1, decide 1, commit 1, complete 1 from 2 #1\n"
		"30 is last 2"},
	{.name = "4: a savepoint subsumes what is older", .ntasks = 1, CONFIG, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"10 savepoint 2 -> trigger 2 savepoint #2\n"
		"20 finish 2 -> prepare 2, decide 2, commit 2, abort 1 subsumed #1, complete 2 from 2 #2"},
	{.name = "8: an ack twice, of an unknown task, attempt or id: dropped, the rest kept", .ntasks = 2, CONFIG,
		.script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ack 0 1\n"
		"20 !ack 0 1\n"
		"20 !ready 0 1\n"
		"20 !ack 2 1\n"
		"20 !ack -1 1\n"
		"20 !ack 1 2\n"
		"20 !foreign 1 1\n"
		"20 !decline 5 1\n"
		"20 is acked:1 1\n"
		"30 ack 1 1 -> prepare 1, decide 1\n"
		"30 !ack 1 1"},
	{.name = "8: decisions of unknown ids change nothing", .ntasks = 1, CONFIG, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"10 decided 1\n"
		"10 committed 1\n"
		"10 decided 9\n"
		"10 committed 9\n"
		"20 ack 0 1 -> prepare 1, decide 1\n"
		"20 committed 1\n"
		"30 decided 1 -> commit 1\n"
		"30 decided 1\n"
		"40 committed 1 -> complete 1 from 1 #1\n"
		"40 committed 1"},
	{.name = "a decline of one task aborts the whole checkpoint", .ntasks = 3, CONFIG, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ready 0 1\n"
		"30 decline 1 1 -> abort 1 declined #1\n"
		"40 !ready 2 1\n"
		"40 !decline 2 1"},
	{.name = "one in doubt at a time: the next waits until it is committed", .ntasks = 1, CONFIG,
		.config.max_concurrent = 3, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"10 manual 2 -> trigger 2 manual #2\n"
		"20 ready 0 1 -> prepare 1\n"
		"20 ready 0 2\n"
		"30 prepared 0 1 -> decide 1\n"
		"40 decided 1 -> commit 1\n"
		"50 committed 1 -> complete 1 from 1 #1, prepare 2\n"
		"60 prepared 0 2 -> decide 2"},
	{.name = "one in doubt at a time, at_least_once", .ntasks = 1, CONFIG, .config.mode = WEIR_AT_LEAST_ONCE,
		.config.max_concurrent = 3, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"10 manual 2 -> trigger 2 manual #2\n"
		"20 ack 0 1 -> decide 1\n"
		"20 ack 0 2\n"
		"30 decided 1 -> complete 1 from 1 #1, decide 2"},
	{.name = "of those that wait the lowest goes first; what it leaves behind is subsumed", .ntasks = 1, CONFIG,
		.config.max_concurrent = 4, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"10 manual 2 -> trigger 2 manual #2\n"
		"10 manual 3 -> trigger 3 manual #3\n"
		"10 manual 4 -> trigger 4 manual #4\n"
		"20 ready 0 2 -> prepare 2\n"
		"20 ready 0 4\n"
		"20 ready 0 3\n"
		"20 ready 0 1\n"
		"30 prepared 0 2 -> decide 2\n"
		"40 decided 2 -> commit 2\n"
		"50 committed 2 -> abort 1 subsumed #1, complete 2 from 2 #2, prepare 3"},
	{.name = "no timeout and no decline after prepare", .ntasks = 2, CONFIG, .config.timeout = 500, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ready 0 1\n"
		"20 ready 1 1 -> prepare 1\n"
		"30 !decline 0 1\n"
		"30 is deadline never\n"
		"900 tick\n"
		"900 prepared 0 1\n"
		"900 prepared 1 1 -> decide 1\n"
		"900 !decline 0 1\n"
		"950 tick\n"
		"950 decided 1 -> commit 1\n"
		"990 tick\n"
		"990 committed 1 -> complete 1 from 1 #1"},
	{.name = "one that is ready but waits its turn still expires, and may be declined", .ntasks = 1, CONFIG,
		.config.timeout = 500, .config.max_concurrent = 3, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 manual 2 -> trigger 2 manual #2\n"
		"30 manual 3 -> trigger 3 manual #3\n"
		"40 ready 0 1 -> prepare 1\n"
		"40 ready 0 2\n"
		"40 ready 0 3\n"
		"40 decline 0 3 -> abort 3 declined #3\n"
		"40 is deadline 520\n"
		"520 tick -> abort 2 expired #2\n"
		"530 prepared 0 1 -> decide 1"},
	{.name = "25: a prepare fails: its task leaves, the attempt ends, nothing is decided any more", .ntasks = 2, CONFIG, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ready 0 1\n"
		"20 ready 1 1 -> prepare 1\n"
		"30 prepared 1 1\n"
		"40 end\n"
		"50 !prepared 0 1\n"
		"50 is doubt 1\n"
		"50 is failures 0"},
	{.name = "25: the completed row cannot be committed: the attempt ends, recovery decides", .ntasks = 1, CONFIG,
		.config.tolerable = 0, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ack 0 1 -> prepare 1, decide 1\n"
		"30 undecided 1 -> fail_attempt 1 completing\n"
		"40 decided 1\n"
		"40 manual 2 -> refuse restart #2\n"
		"5000 tick\n"
		"5000 is deadline never\n"
		"5000 is last 0"},
	{.name = "25: the same at_least_once", .ntasks = 1, CONFIG, .config.mode = WEIR_AT_LEAST_ONCE, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ack 0 1 -> decide 1\n"
		"30 undecided 1 -> fail_attempt 1 completing"},
	{.name = "26: the attempt ends between decision and commit: it stays in doubt", .ntasks = 1, CONFIG,
		.config.max_concurrent = 2, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"10 manual 2 -> trigger 2 manual #2\n"
		"20 ready 0 1 -> prepare 1\n"
		"30 prepared 0 1 -> decide 1\n"
		"40 decided 1 -> commit 1\n"
		"50 end -> abort 2 restart #2\n"
		"50 is doubt 1\n"
		"50 is pending 1\n"
		"60 committed 1"},
	{.name = "26a: 1 aborted after a sink was ready, the next one completes", .ntasks = 2, CONFIG,
		.config.timeout = 500, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ready 0 1\n"
		"510 tick -> abort 1 expired #1\n"
		"520 manual 2 -> trigger 2 manual #2\n"
		"530 !ready 1 1\n"
		"530 ready 0 2\n"
		"530 ready 1 2 -> prepare 2\n"
		"540 prepared 0 2\n"
		"540 prepared 1 2 -> decide 2\n"
		"550 decided 2 -> commit 2\n"
		"560 committed 2 -> complete 2 from 2 #2"},
	{.name = "26d: savepoint 5 completes after 7", .ntasks = 1, CONFIG, .config.max_concurrent = 2, .script =
		"0 all\n"
		"0 restart 5\n"
		"0 all\n"
		"10 savepoint 1 -> trigger 5 savepoint #1\n"
		"10 manual 2 -> trigger 6 manual #2\n"
		"10 manual 3 -> trigger 7 manual #3\n"
		"20 finish 7 -> prepare 7, decide 7, commit 7, abort 6 subsumed #2, complete 7 from 7 #3\n"
		"30 finish 5 -> prepare 5, decide 5, commit 5, complete 5 from 7 #1\n"
		"30 is last 7"},
	{.name = "the end of an attempt: pending ones and requests are told, nothing starts", .ntasks = 2, CONFIG,
		.script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"10 savepoint 2 -> trigger 2 savepoint #2\n"
		"10 manual 3\n"
		"20 end -> abort 1 restart #1, abort 2 restart #2, refuse restart #3\n"
		"30 !ack 0 1\n"
		"30 manual 4 -> refuse restart #4\n"
		"9000 tick\n"
		"9000 is deadline never"},
	{.name = "ids are never used again", .ntasks = 1, CONFIG, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 decline 0 1 -> abort 1 declined #1\n"
		"30 manual 2 -> trigger 2 manual #2"}
};

static void
test_texts(void)
{
	bool		all = weir_checkpoint_failure_text(WEIR_FAILURE_NONE)[0] == '\0';
	int			f;

	for (f = WEIR_FAILURE_DECLINED; f <= WEIR_FAILURE_STOPPED; f++)
		all = all && strlen(weir_checkpoint_failure_text((WeirCheckpointFailure) f)) > 5;
	ok(all, "pending: every failure has a text");
}

/* When it is told that a checkpoint failed, the loop still learns how far it came. */
static void
test_acknowledged(void)
{
	WeirCheckpointer *c = weir_checkpointer_create(&scenarios[0].config, 2, 1, 1, 0);
	WeirAction	action;

	weir_checkpointer_task_running(c, 0, true);
	weir_checkpointer_task_running(c, 1, true);
	weir_checkpointer_request(c, WEIR_MANUAL, 1, 10);
	(void) weir_checkpointer_vote(c, 1, 0, 1, WEIR_VOTE_ACK, 20);
	(void) weir_checkpointer_decline(c, 1, 1, 1, 30);
	while (weir_checkpointer_next(c, &action) && action.kind != WEIR_DO_ABORT)
		;
	ok(action.kind == WEIR_DO_ABORT && action.acknowledged == 1 && weir_checkpointer_acknowledged(c, 1) == 0,
	   "pending: an abort says how many had acknowledged");
	weir_checkpointer_destroy(c);
}

/* The loop asks for what it does not keep itself. */
static void
test_find(void)
{
	WeirCheckpointer *c = weir_checkpointer_create(&scenarios[0].config, 1, 1, 1, 0);
	WeirCheckpointKind kind = WEIR_PERIODIC;
	uint64_t	token = 0;

	weir_checkpointer_task_running(c, 0, true);
	weir_checkpointer_request(c, WEIR_FINAL, 7, 10);
	ok(weir_checkpointer_find(c, 1, &kind, &token) && kind == WEIR_FINAL && token == 7,
	   "pending: kind and request of one");
	ok(!weir_checkpointer_find(c, 2, &kind, &token), "pending: there is no other");
	(void) weir_checkpointer_decline(c, 1, 0, 1, 20);
	ok(!weir_checkpointer_find(c, 1, &kind, &token), "pending: it is gone when it is aborted");
	weir_checkpointer_destroy(c);
}

void
test_pending(void)
{
	test_find();
	run_scenarios("pending", scenarios, COUNT(scenarios));
	test_texts();
	test_acknowledged();
}
