/*
 * commit_test.c
 *		PREPARE and COMMIT PREPARED that fail.
 */
#include "decide/commit.h"
#include "tap.h"

static void
test_meaning(void)
{
	static const struct
	{
		const char *name;
		const char *sqlstate;
		bool		hopeless;
		bool		resolved;
	}			cases[] = {
		{"NOTIFY, a temporary table, a held cursor: never", "0A000", true, false},
		{"no free slot of max_prepared_transactions: another time", "53200", false, false},
		{"max_prepared_transactions is 0: another time", "55000", false, false},
		{"too many locks for the state file: another time", "54000", false, false},
		{"a constraint trigger that fails: another time", "23505", false, false},
		{"the disk is full: another time", "53100", false, false},
		{"not there any more: resolved by somebody", "42704", false, true},
		{"busy in another session: another time", "55006", false, false},
		{"a bug: another time", "XX000", false, false}
	};
	int			i;

	for (i = 0; i < COUNT(cases); i++)
		ok(weir_prepare_is_hopeless(cases[i].sqlstate) == cases[i].hopeless &&
		   weir_commit_was_resolved(cases[i].sqlstate) == cases[i].resolved,
		   "commit: %s", cases[i].name);
}

static void
test_retry(void)
{
	static const int64_t delays[] = {10000, 20000, 40000, 80000, 160000, 320000, 640000,
	1280000, 2560000, 5120000, 10000000, 10000000};
	WeirRetry	r = {0};
	int64_t		now = 7000;
	bool		as_expected = true;
	int			i;

	for (i = 0; i < COUNT(delays); i++)
	{
		weir_retry_failed(&r, now);
		as_expected = as_expected && r.due == now + delays[i];
		now = r.due + 3;
	}
	ok(as_expected, "commit: tried again after 10 ms, twice as long each time, 10 s at most");
	for (i = 0; i < 1000; i++)
		weir_retry_failed(&r, now);
	ok(r.due == now + 10000000, "commit: however often");
	weir_retry_failed(&r, INT64_MAX - 5);
	ok(r.due == INT64_MAX, "commit: the clock does not overflow");
}

void
test_commit(void)
{
	test_meaning();
	test_retry();
}
