/*
 * crash_test.c
 *		Ends of the server, and when a job is failed for them.
 *
 * A story is a word of letters: C a crash of the job's own process, O of
 * another one, K a kill of everything, P a kill of the postmaster together with
 * a process of the job, p of the postmaster alone, + a completed checkpoint,
 * m a minute of running, s a second.  What the last letter led to is expected.
 */
#include <string.h>

#include "decide/crash.h"
#include "tap.h"

typedef struct Case
{
	const char *name;
	const char *story;
	bool		checkpointing;
	WeirCrashVerdict verdict;
} Case;

static const Case cases[] = {
	{"the first crash of its own is a failure", "C", true, WEIR_CRASH_FAILURE},
	{"so is the second", "CC", true, WEIR_CRASH_FAILURE},
	{"the third in a row is the last", "CCC", true, WEIR_CRASH_HOPELESS},
	{"a checkpoint between begins anew", "CC+C", true, WEIR_CRASH_FAILURE},
	{"and counts from there", "CC+CCC", true, WEIR_CRASH_HOPELESS},
	{"another process's crash is nothing", "O", true, WEIR_CRASH_GO_ON},
	{"however often", "OOOOOOOOOO", true, WEIR_CRASH_GO_ON},
	{"without checkpoints, too", "OOOOOOOOOO", false, WEIR_CRASH_GO_ON},
	{"it is no progress either", "CCOC", true, WEIR_CRASH_HOPELESS},
	{"time alone clears nobody who takes checkpoints", "CCmC", true, WEIR_CRASH_HOPELESS},
	{"but one who takes none", "CCmC", false, WEIR_CRASH_FAILURE},
	{"a second is too short", "CCsC", false, WEIR_CRASH_HOPELESS},
	{"a kill of everything is nobody's", "KKKK", true, WEIR_CRASH_GO_ON},
	{"but of who never gets anywhere", "KKKKK", true, WEIR_CRASH_HOPELESS},
	{"a checkpoint clears", "KKKK+K", true, WEIR_CRASH_GO_ON},
	{"a minute does", "KKKKmK", true, WEIR_CRASH_GO_ON},
	{"without checkpoints, too", "KKKKmK", false, WEIR_CRASH_GO_ON},
	{"a second does not", "KKKKsK", true, WEIR_CRASH_HOPELESS},
	{"the postmaster's kill is nothing", "pppppppppp", true, WEIR_CRASH_GO_ON},
	{"with a process of the job it cannot be told from a kill of everything", "PKPKP", true, WEIR_CRASH_HOPELESS},
	{"both counts are apart", "CKKKKC", true, WEIR_CRASH_FAILURE},
};

static WeirCrashVerdict
tell(const Case *c, WeirCrashes *crashes)
{
	WeirCrashVerdict verdict = WEIR_CRASH_GO_ON;
	int64_t		due;
	const char *p;

	for (p = c->story; *p != '\0'; p++)
	{
		switch (*p)
		{
			case '+':
				weir_crash_progress(crashes);
				break;
			case 'm':
				(void) weir_crash_steady(crashes, c->checkpointing, 60000000, &due);
				break;
			case 's':
				(void) weir_crash_steady(crashes, c->checkpointing, 1000000, &due);
				break;
			default:
				verdict = weir_crash_count(crashes, strchr("CO", *p) ? WEIR_SERVER_CRASHED :
										   *p == 'K' ? WEIR_SERVER_KILLED : WEIR_SERVER_STOPPED,
										   strchr("CKP", *p) != NULL);
		}
	}
	return verdict;
}

void
test_crash(void)
{
	WeirCrashes none = {0, 0};
	WeirCrashes one = {0, 1};
	int64_t		due;
	int			i;

	for (i = 0; i < COUNT(cases); i++)
	{
		WeirCrashes crashes = {0, 0};

		ok(tell(&cases[i], &crashes) == cases[i].verdict, "crash: %s (%s)", cases[i].name, cases[i].story);
	}
	ok(!weir_crash_is_suspect(&none) && weir_crash_is_suspect(&one), "crash: who is suspect");
	ok(!weir_crash_steady(&none, false, 0, &due) && due == INT64_MAX, "crash: nothing is due of who is not");
	ok(!weir_crash_steady(&one, true, 59000000, &due) && due == 1000000, "crash: what is left of the minute");
}
