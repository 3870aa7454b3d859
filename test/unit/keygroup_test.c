/*
 * keygroup_test.c
 *		Which key group a key belongs to, and which task owns a group.
 */
#include <stdlib.h>

#include "decide/keygroup.h"
#include "tap.h"

/* Each group has one owner, the owners' ranges are contiguous and even. */
static bool
ranges_partition(int parallelism, int max_parallelism)
{
	int			expected = 0;
	int			task;

	for (task = 0; task < parallelism; task++)
	{
		int			first;
		int			end;
		int			g;

		weir_task_groups(task, parallelism, max_parallelism, &first, &end);
		if (first != expected || end < first)
			return false;
		if (end - first > (max_parallelism + parallelism - 1) / parallelism ||
			end - first < max_parallelism / parallelism)
			return false;
		for (g = first; g < end; g++)
		{
			if (weir_group_task(g, parallelism, max_parallelism) != task)
				return false;
		}
		expected = end;
	}
	return expected == max_parallelism;
}

static void
test_ranges(void)
{
	static const int maxima[] = {1, 2, 13, 100, 128, 32768};
	int			i;
	int			p;

	for (i = 0; i < COUNT(maxima); i++)
	{
		bool		pass = true;

		for (p = 1; p <= maxima[i] + 3 && p <= 300; p++)
			pass = pass && ranges_partition(p, maxima[i]);
		ok(pass && ranges_partition(maxima[i], maxima[i]),
		   "28: %d groups: every group has one task, ranges are contiguous and even", maxima[i]);
	}
}

/* Scenario 28: what 42 keys counted by group is found again at any parallelism. */
static void
test_restart_at_other_parallelism(void)
{
	long		by_group[13] = {0};
	long		total = 0;
	int			key;
	int			p;

	for (key = 0; key < 42; key++)
	{
		by_group[weir_key_group((uint64_t) key * 7919, 13)] += key;
		total += key;
	}
	for (p = 1; p <= 13; p++)
	{
		long		sum = 0;
		bool		at_home = true;
		int			task;

		for (task = 0; task < p; task++)
		{
			int			first;
			int			end;

			weir_task_groups(task, p, 13, &first, &end);
			for (key = 0; key < 42; key++)
			{
				int			g = weir_key_group((uint64_t) key * 7919, 13);

				if ((weir_group_task(g, p, 13) == task) != (g >= first && g < end))
					at_home = false;
			}
			for (; first < end; first++)
				sum += by_group[first];
		}
		ok(at_home && sum == total,
		   "28: 42 keys in 13 groups at parallelism %d: each key at its group's task, total kept", p);
	}
}

static bool
is_even(int groups, uint64_t step, int keys)
{
	int		   *count = calloc((size_t) groups, sizeof(int));
	int			mean = keys / groups;
	bool		even = true;
	int			i;

	for (i = 0; i < keys; i++)
	{
		int			g = weir_key_group((uint64_t) i * step, groups);

		if (g < 0 || g >= groups)
			abort();
		count[g]++;
	}
	for (i = 0; i < groups; i++)
		even = even && abs(count[i] - mean) < mean / 5;
	free(count);
	return even;
}

static void
test_distribution(void)
{
	static const struct
	{
		const char *name;
		uint64_t	step;
	}			cases[] = {
		{"small integers", 1},
		{"multiples of 128", 128},
		{"high half only", UINT64_C(1) << 32},
		{"multiples of 13", 13}
	};
	int			i;

	for (i = 0; i < COUNT(cases); i++)
	{
		ok(is_even(128, cases[i].step, 256000), "28: hashes that are %s spread over 128 groups", cases[i].name);
		ok(is_even(13, cases[i].step, 26000), "28: hashes that are %s spread over 13 groups", cases[i].name);
	}
}

/* Snapshots are written by group: these answers may never change. */
static void
test_stability(void)
{
	static const struct
	{
		uint64_t	hash;
		int			max_parallelism;
		int			group;
	}			cases[] = {
		{0, 128, 0},
		{1, 128, 90},
		{42, 13, 6},
		{UINT64_C(0x0123456789abcdef), 128, 67},
		{UINT64_MAX, 128, 50},
		{UINT64_MAX, 32768, 12890},
		{12345, 1, 0}
	};
	int			i;

	for (i = 0; i < COUNT(cases); i++)
	{
		int			group = weir_key_group(cases[i].hash, cases[i].max_parallelism);

		if (!ok(group == cases[i].group, "28: hash %llx of %d groups keeps its group",
				(unsigned long long) cases[i].hash, cases[i].max_parallelism))
			diag("got %d, expected %d", group, cases[i].group);
	}
}

/* Of each group: its first key and its last, and all between, stay in it. */
static void
test_given_groups(void)
{
	static const int maxima[] = {1, 2, 3, 12, 13, 128, 1000, 32768};
	Random		random = {28};
	int			i;

	for (i = 0; i < COUNT(maxima); i++)
	{
		bool		at_home = true;
		int			n;

		for (n = 0; n < 20000; n++)
		{
			uint64_t	hash = n == 0 ? 0 : n == 1 ? UINT64_MAX : random_bits(&random);
			int			group = n < 4 ? maxima[i] - 1 : random_below(&random, maxima[i]);

			at_home = at_home &&
				weir_key_group(weir_hash_in_group(hash, group, maxima[i]), maxima[i]) == group;
		}
		ok(at_home, "a key is put into whichever of %d groups its partition says", maxima[i]);
	}
}

static int
compare_hashes(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *) a;
	uint64_t	y = *(const uint64_t *) b;

	return x < y ? -1 : x > y;
}

static void
test_given_groups_spread(void)
{
	enum
	{
		KEYS = 100000
	};
	uint64_t   *hashes = malloc(sizeof(uint64_t) * KEYS);
	int			same = 0;
	int			i;

	for (i = 0; i < KEYS; i++)
		hashes[i] = weir_hash_in_group((uint64_t) i, 7, 12);
	ok(weir_hash_in_group(42, 7, 12) == hashes[42], "the same key has the same hash in its group");
	qsort(hashes, KEYS, sizeof(uint64_t), compare_hashes);
	for (i = 1; i < KEYS; i++)
		same += hashes[i] == hashes[i - 1];
	ok(same == 0, "keys of one group keep hashes that differ");
	free(hashes);
}

/* They are not written, but must be the same wherever a chunk is read. */
static void
test_given_groups_stability(void)
{
	ok(weir_hash_in_group(42, 7, 12) == UINT64_C(0x3b3cd7b1b69f814c) &&
	   weir_hash_in_group(UINT64_MAX, 0, 32768) == UINT64_C(0xe17501baa36b6111), "a hash in a group is the same on every machine");
}

void
test_keygroup(void)
{
	test_given_groups();
	test_given_groups_spread();
	test_given_groups_stability();
	test_ranges();
	test_restart_at_other_parallelism();
	test_distribution();
	test_stability();
}
