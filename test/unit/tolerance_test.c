/*
 * tolerance_test.c
 *		Counting failed checkpoints.
 */
#include "script.h"

static const Scenario scenarios[] = {
	{.name = "0: the first failure is one too many", .ntasks = 1, CONFIG, .config.tolerable = 0, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 decline 0 1 -> abort 1 declined #1, fail_job 1 declined\n"
		"30 manual 2 -> refuse restart #2\n"
		"5000 tick\n"
		"5000 is deadline never"},
	{.name = "unlimited: failures are counted, the job goes on", .ntasks = 1, CONFIG, .config.tolerable = -1, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 decline 0 1 -> abort 1 declined #1\n"
		"30 manual 2 -> trigger 2 manual #2\n"
		"40 decline 0 2 -> abort 2 declined #2\n"
		"40 is failures 2"},
	{.name = "10: tolerance 2: decline 1, 2, restart during 3, decline 4: exactly one job failure", .ntasks = 1, CONFIG,
		.config.tolerable = 2, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 decline 0 1 -> abort 1 declined #1\n"
		"30 manual 2 -> trigger 2 manual #2\n"
		"40 decline 0 2 -> abort 2 declined #2\n"
		"50 manual 3 -> trigger 3 manual #3\n"
		"60 end -> abort 3 restart #3\n"
		"60 is failures 2\n"
		"70 restart 4\n"
		"70 all\n"
		"80 manual 4 -> trigger 4 manual #4\n"
		"90 decline 0 4 -> abort 4 declined #4, fail_job 4 declined\n"
		"90 is failures 0\n"
		"90 end"},
	{.name = "11: tolerance 2: expire 1, 2, success, late ack of 1, expire 3, 4: no job failure", .ntasks = 1, CONFIG,
		.config.tolerable = 2, .config.timeout = 100, .script =
		"0 all\n"
		"0 manual 1 -> trigger 1 manual #1\n"
		"100 tick -> abort 1 expired #1\n"
		"100 manual 1 -> trigger 2 manual #1\n"
		"200 tick -> abort 2 expired #1\n"
		"200 is failures 2\n"
		"200 manual 1 -> trigger 3 manual #1\n"
		"210 finish 3 -> prepare 3, decide 3, commit 3, complete 3 from 3 #1\n"
		"210 is failures 0\n"
		"220 !ack 0 1\n"
		"220 manual 1 -> trigger 4 manual #1\n"
		"320 tick -> abort 4 expired #1\n"
		"320 manual 1 -> trigger 5 manual #1\n"
		"420 tick -> abort 5 expired #1\n"
		"420 is failures 2"},
	{.name = "12: one id fails on several tasks: counted once", .ntasks = 3, CONFIG, .config.tolerable = 1, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 decline 0 1 -> abort 1 declined #1\n"
		"20 !decline 1 1\n"
		"20 !decline 2 1\n"
		"20 is failures 1"},
	{.name = "subsumed is not counted", .ntasks = 1, CONFIG, .config.tolerable = 0, .config.max_concurrent = 2, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"10 manual 2 -> trigger 2 manual #2\n"
		"20 finish 2 -> prepare 2, decide 2, commit 2, abort 1 subsumed #1, complete 2 from 2 #2\n"
		"20 is failures 0"},
	{.name = "a failure whose id is not above the last success is ignored", .ntasks = 1, CONFIG,
		.config.tolerable = 0, .script =
		"0 all\n"
		"10 savepoint 1 -> trigger 1 savepoint #1\n"
		"10 manual 2 -> trigger 2 manual #2\n"
		"20 finish 2 -> prepare 2, decide 2, commit 2, complete 2 from 2 #2\n"
		"30 decline 0 1 -> abort 1 declined #1\n"
		"30 is failures 0"},
	{.name = "a final checkpoint's failure is not the job's", .ntasks = 1, CONFIG, .config.tolerable = 0, .script =
		"0 all\n"
		"10 final 1 -> trigger 1 final #1\n"
		"20 decline 0 1 -> abort 1 declined #1\n"
		"20 is failures 0"},
	{.name = "crossing the limit clears the count", .ntasks = 1, CONFIG, .config.tolerable = 1, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 decline 0 1 -> abort 1 declined #1\n"
		"30 manual 2 -> trigger 2 manual #2\n"
		"40 decline 0 2 -> abort 2 declined #2, fail_job 2 declined\n"
		"50 restart 3\n"
		"50 all\n"
		"60 manual 3 -> trigger 3 manual #3\n"
		"70 decline 0 3 -> abort 3 declined #3\n"
		"70 is failures 1"},
	{.name = "several expire at once: one job failure, the rest ends with the attempt", .ntasks = 1, CONFIG,
		.config.tolerable = 1, .config.max_concurrent = 4, .config.timeout = 100, .script =
		"0 all\n"
		"0 manual 1 -> trigger 1 manual #1\n"
		"0 manual 2 -> trigger 2 manual #2\n"
		"0 manual 3 -> trigger 3 manual #3\n"
		"100 tick -> abort 1 expired #1, abort 2 expired #2, fail_job 2 expired\n"
		"110 end -> abort 3 restart #3"},
	{.name = "completing failed counts when recovery finds no row", .ntasks = 1, CONFIG, .config.tolerable = 1, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ack 0 1 -> prepare 1, decide 1\n"
		"30 undecided 1 -> fail_attempt 1 completing\n"
		"40 restart 2\n"
		"40 lost 1\n"
		"40 is failures 1\n"
		"40 all\n"
		"50 manual 2 -> trigger 2 manual #2\n"
		"60 ack 0 2 -> prepare 2, decide 2\n"
		"70 undecided 2 -> fail_attempt 2 completing\n"
		"80 restart 3\n"
		"80 lost 2\n"
		"80 is failures 0\n"
		"80 all\n"
		"90 manual 3 -> trigger 3 manual #3"},
	{.name = "completing failed has ended an attempt, and does not end the next", .ntasks = 1, CONFIG, .config.tolerable = 0, .script =
		"0 all\n"
		"10 manual 1 -> trigger 1 manual #1\n"
		"20 ack 0 1 -> prepare 1, decide 1\n"
		"30 undecided 1 -> fail_attempt 1 completing\n"
		"40 restart 2\n"
		"40 lost 1\n"
		"40 is failures 0\n"
		"40 all\n"
		"50 manual 2 -> trigger 2 manual #2\n"
		"60 finish 2 -> prepare 2, decide 2, commit 2, complete 2 from 2 #2"},
	{.name = "completing failed is old news behind a later success", .ntasks = 1, CONFIG, .config.tolerable = 0, .script =
		"0 before 5\n"
		"0 lost 4\n"
		"0 is failures 0"}
};

void
test_tolerance(void)
{
	run_scenarios("tolerance", scenarios, COUNT(scenarios));
}
