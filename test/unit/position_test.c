/*
 * position_test.c
 *		Which watermarks does a position hold, as which bytes, and what becomes of those of
 *		several tasks?
 */
#include <stdlib.h>
#include <string.h>

#include "decide/position.h"
#include "tap.h"

#define NONE	INT64_MIN
#define WHOLE	WEIR_MARK_WHOLE
#define SOURCE	WEIR_MARK_SOURCE
#define IDLE	WEIR_MARK_IDLE

static bool
set(WeirPosition *position, int64_t whose, int32_t partition, int64_t watermark)
{
	return weir_position_set_mark(position, whose, partition, watermark);
}

static int64_t
get(const WeirPosition *position, int64_t whose, int32_t partition)
{
	return weir_position_mark(position, whose, partition);
}

/* What the version before reads, and has written. */
static void
test_whole(void)
{
	static const uint8_t version_1[] = "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\5\377\377\377\377\377\377\377\376";
	uint8_t		bytes[WEIR_MARKS_MAX];
	WeirPosition position = {0};
	WeirPosition read = {0};
	size_t		len;

	ok(get(&position, SOURCE, WHOLE) == NONE && weir_marks_encode(&position, bytes) == 0,
	   "marks: none at first, which is no bytes");
	set(&position, 3, WHOLE, NONE);
	set(&position, SOURCE, WHOLE, 6);
	set(&position, 5, WHOLE, -2);
	set(&position, SOURCE, WHOLE, 7);
	len = weir_marks_encode(&position, bytes);
	ok(len == sizeof(version_1) - 1 && memcmp(bytes, version_1, len) == 0, "marks: of the whole, their bytes are those of version 1");
	ok(weir_marks_decode(&read, bytes, len) && get(&read, SOURCE, WHOLE) == 7 &&
	   get(&read, 5, WHOLE) == -2 && get(&read, 3, WHOLE) == NONE, "marks: read back");
	ok(!weir_marks_decode(&read, bytes, len - 1), "marks: cut short");
	bytes[0] = 3;
	ok(!weir_marks_decode(&read, bytes, len), "marks: a version to come");
	ok(weir_marks_decode(&read, bytes, 0) && read.nmarks == 0, "marks: no bytes are none");
}

static void
test_partitions(void)
{
	static const uint8_t version_2[] = "\2\0\0\0\0\0\0\0\0\3\1\24\2\0\4\2"
		"\377\377\377\377\377\377\377\377\1\4\0";
	uint8_t		bytes[WEIR_MARKS_MAX];
	WeirPosition position = {0};
	WeirPosition read = {0};
	size_t		len;
	bool		shorter = false;

	set(&position, SOURCE, WHOLE, 10);
	set(&position, SOURCE, 0, 10);
	set(&position, IDLE, 2, 0);
	set(&position, SOURCE, 2, 11);
	len = weir_marks_encode(&position, bytes);
	ok(len == sizeof(version_2) - 1 && memcmp(bytes, version_2, len) == 0, "marks of partitions: their bytes");
	ok(weir_marks_decode(&read, bytes, len) && read.nmarks == 4 && get(&read, SOURCE, WHOLE) == 10 && get(&read, SOURCE, 0) == 10 &&
	   get(&read, SOURCE, 2) == 11 && get(&read, IDLE, 2) == 0 && get(&read, SOURCE, 1) == NONE, "marks of partitions: read back");
	for (size_t i = 1; i < len; i++)
		shorter = shorter || (weir_marks_decode(&read, bytes, i) && read.nmarks == 4);
	ok(!shorter, "marks of partitions: not of fewer bytes");
	bytes[9] = 4;
	ok(!weir_marks_decode(&read, bytes, len), "marks of partitions: fewer than they say");
}

static bool
same(const WeirPosition *a, const WeirPosition *b)
{
	for (uint32_t i = 0; i < a->nmarks; i++)
	{
		if (get(b, a->marks[i].whose, a->marks[i].partition) != a->marks[i].watermark)
			return false;
	}
	return a->nmarks == b->nmarks;
}

static int64_t
random_number(void)
{
	uint64_t	bits = ((uint64_t) rand() << 42) ^ ((uint64_t) rand() << 21) ^ (uint64_t) rand();

	return (int64_t) (bits >> (rand() % 64)) * (rand() % 2 ? 1 : -1);
}

/* Any marks are read back, within the room that there is; any bytes are read without harm. */
static void
test_random(void)
{
	static WeirPosition position;
	static WeirPosition read;
	uint8_t		bytes[WEIR_MARKS_MAX];
	int			wrong = 0;
	int			accepted = 0;

	srand(7);
	for (int run = 0; run < 300; run++)
	{
		size_t		len;

		position.nmarks = 0;
		while (rand() % 200 != 0 && set(&position, rand() % 2 ? rand() % 5 : random_number(),
										  rand() % 3 ? (int32_t) (rand() % 300) - 1 : (int32_t) random_number(), random_number()))
			;
		len = weir_marks_encode(&position, bytes);
		wrong += len > sizeof(bytes) || !weir_marks_decode(&read, bytes, len) || !same(&position, &read);
		for (int damage = 0; len > 0 && damage < 100; damage++)
		{
			bytes[(size_t) rand() % len] = (uint8_t) rand();
			accepted += weir_marks_decode(&read, bytes, (size_t) rand() % (len + 1));
			wrong += read.nmarks > WEIR_POSITION_MARKS;
		}
	}
	diag("%d of 30000 damaged ones are marks", accepted);
	ok(wrong == 0, "marks: any are read back, damaged ones do no harm");
}

static void
test_full(void)
{
	static WeirPosition position;
	bool		all = true;

	for (int i = 0; i < WEIR_POSITION_MARKS; i++)
		all = all && set(&position, i % 3, i, i);
	ok(all && !set(&position, 0, 1000, 1) && !set(&position, 99, 3, 1) && set(&position, 0, 3, 8),
	   "marks: there is room for so many");
}

/* Each of up to three tasks: the source's mark, whether it is idle, and a scan's. */
static const struct
{
	const char *name;
	int			n;
	struct
	{
		int64_t		source;
		bool		idle;
		int64_t		scan;
	}			tasks[3];
	int64_t		source;
	bool		idle;
	int64_t		scan;
}			merges[] = {
	{"one alone", 1, {{5, false, 7}}, 5, false, 7},
	{"one alone that is idle", 1, {{5, true, 7}}, 5, true, 7},
	{"the one that is behind", 3, {{5, false, 7}, {3, false, 8}, {4, false, 6}}, 3, false, 6},
	{"one that has none yet", 2, {{5, false, 7}, {NONE, false, 8}}, NONE, false, 7},
	{"the first has none yet", 2, {{NONE, false, 7}, {5, false, NONE}}, NONE, false, NONE},
	{"who is idle does not count", 3, {{1, true, 1}, {5, false, 7}, {NONE, true, NONE}}, 5, false, 7},
	{"nor behind the others", 3, {{5, false, 7}, {1, true, 1}, {6, false, 9}}, 5, false, 7},
	{"where all are idle the highest", 3, {{1, true, 9}, {5, true, 2}, {NONE, true, 3}}, 5, true, 9},
};

static void
test_merge(void)
{
	for (int i = 0; i < COUNT(merges); i++)
	{
		WeirPosition sum = {0};

		for (int task = 0; task < merges[i].n; task++)
		{
			WeirPosition position = {0};

			set(&position, SOURCE, WHOLE, merges[i].tasks[task].source);
			set(&position, IDLE, WHOLE, merges[i].tasks[task].idle ? 0 : NONE);
			set(&position, 4, WHOLE, merges[i].tasks[task].scan);
			set(&position, SOURCE, task, 40 + task);
			set(&position, IDLE, task, task == 1 ? 0 : NONE);
			weir_position_merge_marks(&sum, &position, task == 0);
		}
		ok(get(&sum, SOURCE, WHOLE) == merges[i].source && (get(&sum, IDLE, WHOLE) != NONE) == merges[i].idle &&
		   get(&sum, 4, WHOLE) == merges[i].scan, "marks of several tasks: %s", merges[i].name);
		ok(get(&sum, SOURCE, merges[i].n - 1) == 39 + merges[i].n && (get(&sum, IDLE, 1) == 0) == (merges[i].n > 1) &&
		   get(&sum, IDLE, 0) == NONE, "marks of several tasks: those of all partitions");
	}
}

static void
test_merge_full(void)
{
	static WeirPosition sum;
	static WeirPosition other;

	for (int i = 0; i < WEIR_POSITION_MARKS; i++)
		set(&sum, SOURCE, i, i);
	set(&other, SOURCE, 5, 9);
	ok(weir_position_merge_marks(&sum, &other, false) && get(&sum, SOURCE, 5) == 9, "marks of several tasks: as many as there is room for");
	set(&other, SOURCE, WEIR_POSITION_MARKS, 9);
	ok(!weir_position_merge_marks(&sum, &other, false), "marks of several tasks: one more");
}

void
test_position(void)
{
	test_whole();
	test_partitions();
	test_random();
	test_full();
	test_merge();
	test_merge_full();
}
