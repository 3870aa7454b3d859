/*
 * recovery_test.c
 *		Names of prepared transactions, and what recovery makes of them.
 */
#include <limits.h>
#include <string.h>

#include "decide/recovery.h"
#include "tap.h"

static bool
same(const WeirGid *a, const WeirGid *b)
{
	return a->database == b->database && a->job == b->job && a->attempt == b->attempt &&
		a->checkpoint == b->checkpoint && a->task == b->task;
}

static void
test_gid_format(void)
{
	static const struct
	{
		WeirGid		gid;
		const char *name;
	}			cases[] = {
		{{16384, 3, 7, 42, 1}, "weir_16384_3_7_42_1"},
		{{0, 0, 0, 0, 0}, "weir_0_0_0_0_0"},
		{{UINT32_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT_MAX},
		"weir_4294967295_9223372036854775807_9223372036854775807_9223372036854775807_2147483647"}
	};
	int			i;

	for (i = 0; i < COUNT(cases); i++)
	{
		char		buf[WEIR_GID_SIZE];
		WeirGid		back;

		weir_gid_format(buf, &cases[i].gid);
		ok(strcmp(buf, cases[i].name) == 0 && weir_gid_parse(buf, &back) && same(&back, &cases[i].gid),
		   "gid: %s", cases[i].name);
	}
}

static void
test_gid_refusals(void)
{
	static const char *const names[] = {
		"", "weir", "weir_", "weir_1_2_3_4", "weir_1_2_3_4_", "weir_1_2_3_4_5_", "weir_1_2_3_4_5_6",
		"weir_1_2_3_4_5x", "weir_1_2_3_4_x", "weir_01_2_3_4_5", "weir_1_2_3_4_05", "weir_-1_2_3_4_5",
		"weir_+1_2_3_4_5", "weir_ 1_2_3_4_5", " weir_1_2_3_4_5", "weir_1_2_3_4_5 ", "Weir_1_2_3_4_5",
		"weird_1_2_3_4_5", "weir__2_3_4_5", "weir_4294967296_2_3_4_5", "weir_1_9223372036854775808_3_4_5",
		"weir_1_2_3_4_2147483648", "weir_1_2_3_99999999999999999999999_5", "weir_1,2,3,4,5"
	};
	WeirGid		gid;
	int			i;

	for (i = 0; i < COUNT(names); i++)
		ok(!weir_gid_parse(names[i], &gid), "gid: \"%s\" is not ours", names[i]);
}

/* Whatever parses is the name of what it parsed to; a formatted name parses. */
static void
test_gid_fuzz(void)
{
	static const char alphabet[] = "0123456789_weir-+ x";
	Random		r = {26};
	bool		round_trip = true;
	bool		exact = true;
	int			accepted = 0;
	int			i;

	for (i = 0; i < 200000; i++)
	{
		WeirGid		gid;
		WeirGid		back;
		char		name[WEIR_GID_SIZE];
		char		again[WEIR_GID_SIZE];
		size_t		at;

		gid.database = (uint32_t) (random_bits(&r) >> (32 + random_below(&r, 32)));
		gid.job = (int64_t) (random_bits(&r) >> (1 + random_below(&r, 63)));
		gid.attempt = (int64_t) (random_bits(&r) >> (1 + random_below(&r, 63)));
		gid.checkpoint = (int64_t) (random_bits(&r) >> (1 + random_below(&r, 63)));
		gid.task = (int) (random_bits(&r) >> (33 + random_below(&r, 31)));
		weir_gid_format(name, &gid);
		round_trip = round_trip && weir_gid_parse(name, &back) && same(&gid, &back);
		at = (size_t) random_below(&r, (int) strlen(name) + 1);
		if (random_below(&r, 3) == 0)
			name[at] = '\0';
		else if (name[at] != '\0')
			name[at] = alphabet[random_below(&r, COUNT(alphabet) - 1)];
		if (weir_gid_parse(name, &back))
		{
			accepted++;
			weir_gid_format(again, &back);
			exact = exact && strcmp(name, again) == 0;
		}
	}
	ok(round_trip, "gid: 200000 random names parse to what they were made of");
	ok(exact && accepted > 0, "gid: a mutated name that still parses is the name of its parts");
}

static void
test_commits(void)
{
	static const WeirCompletedRef completed[] = {{7, 41}, {8, 42}};
	static const struct
	{
		const char *name;
		WeirGid		gid;
		bool		commits;
	}			cases[] = {
		{"26: its attempt's checkpoint has completed: commit", {1, 1, 8, 42, 0}, true},
		{"26: an older one too", {1, 1, 7, 41, 3}, true},
		{"25: its checkpoint never completed: roll back", {1, 1, 8, 43, 0}, false},
		{"the same checkpoint id of another attempt: roll back", {1, 1, 7, 42, 0}, false}
	};
	int			i;

	for (i = 0; i < COUNT(cases); i++)
		ok(weir_recovery_commits(&cases[i].gid, completed, 2) == cases[i].commits,
		   "recovery %s", cases[i].name);
	ok(!weir_recovery_commits(&cases[0].gid, NULL, 0), "recovery 24: no completed row at all: roll back");
}

static void
test_target(void)
{
	static const int64_t after[] = {3, 7, 5};
	static const int64_t one[] = {4};

	ok(weir_recovery_target(after, 3, 2) == 7,
	   "recovery 26d: savepoint 5 completed after 7: recovery takes the highest id");
	ok(weir_recovery_target(one, 1, 3) == 4, "recovery: the only completed one");
	ok(weir_recovery_target(NULL, 0, 3) == 3,
	   "recovery 26d: started from savepoint 3, none completed since: the base");
	ok(weir_recovery_target(NULL, 0, 0) == 0, "recovery: nothing to restore");
}

static void
test_by_hand(void)
{
	static const WeirGid names[] = {{1, 1, 7, 41, 0}, {1, 1, 7, 41, 1}, {1, 1, 7, 42, 0}};
	static const WeirCompletedRef completed[] = {{7, 41}};
	WeirGid		which;

	ok(weir_recovery_by_hand(names, 2, names, 2, completed, 1, &which) == WEIR_BY_HAND_NONE,
	   "recovery: every listed name has its marker and every marker its row");
	ok(weir_recovery_by_hand(names, 2, names, 1, completed, 1, &which) == WEIR_BY_HAND_ROLLED_BACK &&
	   same(&which, &names[1]), "recovery 26c: a listed name without marker was rolled back by hand");
	ok(weir_recovery_by_hand(names, 2, names, 3, completed, 1, &which) == WEIR_BY_HAND_COMMITTED &&
	   same(&which, &names[2]), "recovery 26c: a marker without completed row was committed by hand");
	ok(weir_recovery_by_hand(NULL, 0, NULL, 0, NULL, 0, &which) == WEIR_BY_HAND_NONE,
	   "recovery: nothing listed, no markers");
}

void
test_recovery(void)
{
	test_gid_format();
	test_gid_refusals();
	test_gid_fuzz();
	test_commits();
	test_target();
	test_by_hand();
}
