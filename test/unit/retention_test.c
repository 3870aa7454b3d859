/*
 * retention_test.c
 *		Which completed checkpoints are kept.
 */
#include "script.h"

#define MANUAL(id, from) \
	"10 manual 1 -> trigger " id " manual #1\n" \
	"10 finish " id " -> prepare " id ", decide " id ", commit " id ", complete " id " from " from " #1\n"
#define SAVEPOINT(id, from) \
	"10 savepoint 1 -> trigger " id " savepoint #1\n" \
	"10 finish " id " -> prepare " id ", decide " id ", commit " id ", complete " id " from " from " #1\n"

static const Scenario scenarios[] = {
	{.name = "retain 1: only the newest", .ntasks = 1, CONFIG, .script =
		"0 all\n" MANUAL("1", "1") MANUAL("2", "2") "10 is last 2"},
	{.name = "retain 3", .ntasks = 1, CONFIG, .config.retain = 3, .script =
		"0 all\n" MANUAL("1", "1") MANUAL("2", "1") MANUAL("3", "1") MANUAL("4", "2") MANUAL("5", "3")},
	{.name = "savepoints do not count", .ntasks = 1, CONFIG, .config.retain = 2, .script =
		"0 all\n" MANUAL("1", "1") SAVEPOINT("2", "1") SAVEPOINT("3", "1") MANUAL("4", "1") MANUAL("5", "4")},
	{.name = "26d: the newest of all stays, though a savepoint", .ntasks = 1, CONFIG, .script =
		"0 all\n" SAVEPOINT("1", "1") SAVEPOINT("2", "2") "10 is last 2"},
	{.name = "26d: a savepoint that completes late takes nothing away", .ntasks = 1, CONFIG, .script =
		"0 before 5\n0 saved 4\n0 is last 5\n0 restart 6\n0 before 5\n0 all\n" MANUAL("6", "6")},
	{.name = "those of attempts before count", .ntasks = 1, CONFIG, .config.retain = 2, .script =
		"0 restart 9\n0 before 6\n0 before 7\n0 saved 8\n0 is last 8\n0 all\n" MANUAL("9", "7")},
	{.name = "retain 0 is taken as 1", .ntasks = 1, CONFIG, .config.retain = 0, .script =
		"0 all\n" MANUAL("1", "1") MANUAL("2", "2") SAVEPOINT("3", "2")},
	{.name = "a smaller retain takes effect with the next completion", .ntasks = 1, CONFIG, .config.retain = 3, .script =
		"0 all\n" MANUAL("1", "1") MANUAL("2", "1") "10 set retain 1\n" MANUAL("3", "3")}
};

void
test_retention(void)
{
	run_scenarios("retention", scenarios, COUNT(scenarios));
}
