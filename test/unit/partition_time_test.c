/*
 * partition_time_test.c
 *		How far has event time come in several partitions together?
 */
#include <stdlib.h>

#include "decide/partition_time.h"
#include "tap.h"

#define NONE	WEIR_WATERMARK_NONE
#define STEPS	10

/*
 * 'r' a record of a partition at a time; 'a' it is read from now on; 'i' it is idle, 'I' and all
 * are, 'w' it is not any more; 'k' only it is read; and the watermark behind that.  The bound is 2.
 */
typedef struct Step
{
	char		what;
	int32_t		partition;
	int64_t		time;
	int64_t		expected;
}			Step;

static const struct
{
	const char *name;
	Step		steps[STEPS];
}			scripts[] = {
	{"one is as a stream", {{'r', 0, 10, 8}, {'r', 0, 3, 8}, {'r', 0, 12, 10}}},
	{"the lowest of several", {{'a', 0, NONE, NONE}, {'a', 1, NONE, NONE}, {'r', 0, 10, NONE}, {'r', 1, 5, 3}, {'r', 1, 20, 8}, {'r', 0, 11, 9}}},
	{"one that has said nothing holds it", {{'a', 0, NONE, NONE}, {'a', 7, NONE, NONE}, {'r', 0, 10, NONE}, {'r', 0, 20, NONE}, {'r', 7, 12, 10}}},
	{"one that comes to it does not set it back", {{'r', 0, 10, 8}, {'a', 1, NONE, 8}, {'r', 0, 20, 8}, {'r', 1, 5, 8}, {'r', 1, 15, 13}}},
	{"one that comes with what it had reached", {{'a', 0, 4, NONE}, {'a', 1, 9, NONE}, {'r', 0, 8, 6}, {'r', 0, 30, 9}}},
	{"one that is idle does not count", {{'r', 0, 10, 8}, {'a', 1, NONE, 8}, {'r', 0, 20, 8}, {'i', 1, 0, 18}, {'r', 0, 30, 28}}},
	{"it counts at once when it speaks", {{'r', 0, 30, 28}, {'a', 1, NONE, 28}, {'i', 1, 0, 28}, {'r', 1, 5, 28}, {'r', 0, 50, 28}, {'r', 1, 40, 38}}},
	{"it counts when it is not idle any more", {{'r', 0, 30, 28}, {'a', 1, NONE, 28}, {'i', 1, 0, 28}, {'w', 1, 0, 28}, {'r', 0, 50, 28}}},
	{"where all are idle it is the highest", {{'a', 0, 5, NONE}, {'a', 1, 9, NONE}, {'i', 0, 0, 9}, {'I', 1, 0, 9}, {'r', 0, 9, 9}, {'r', 0, 12, 10}}},
	{"one that is read no more", {{'r', 0, 10, 8}, {'a', 1, NONE, 8}, {'r', 0, 20, 8}, {'k', 0, 0, 18}}},
	{"a time that says nothing", {{'r', 0, NONE, NONE}, {'r', 0, 10, 8}, {'r', 1, NONE, 8}, {'r', 0, 20, 8}, {'r', 1, 30, 18}}},
	{"no partition", {{'r', 0, 10, 8}, {'r', -1, 90, 8}}},
};

static void
take(WeirPartitionTime *t, const Step *step)
{
	switch (step->what)
	{
		case 'r':
			(void) weir_partition_time_pass(t, step->partition, step->time, 2);
			break;
		case 'a':
			weir_partition_time_add(t, step->partition, step->time, false);
			break;
		case 'k':
			weir_partition_time_keep(t, &step->partition, 1);
			break;
		default:
			weir_partition_time_set_idle(t, step->partition, step->what != 'w');
			break;
	}
}

static void
test_scripts(void)
{
	for (int i = 0; i < COUNT(scripts); i++)
	{
		WeirPartitionTime *t = weir_partition_time_create();
		bool		right = weir_partition_time_get(t) == NONE && weir_partition_time_is_idle(t);

		for (const Step *step = scripts[i].steps; step < scripts[i].steps + STEPS && step->what; step++)
		{
			take(t, step);
			right = right && weir_partition_time_get(t) == step->expected && weir_partition_time_is_idle(t) == (step->what == 'I');
		}
		ok(right, "partitions: %s", scripts[i].name);
		weir_partition_time_destroy(t);
	}
}

#define PARTITIONS	6

typedef struct Model
{
	bool		there[PARTITIONS];
	bool		idle[PARTITIONS];
	int64_t		at[PARTITIONS];
	int64_t		watermark;
}			Model;

/* Said as plainly as can be. */
static void
settle(Model *m)
{
	int64_t		lowest = INT64_MAX;
	int64_t		highest = NONE;

	for (int i = 0; i < PARTITIONS; i++)
	{
		if (m->there[i] && !m->idle[i] && m->at[i] < lowest)
			lowest = m->at[i];
		if (m->there[i] && m->at[i] > highest)
			highest = m->at[i];
	}
	if (lowest == INT64_MAX)
		lowest = highest;
	if (lowest > m->watermark)
		m->watermark = lowest;
}

static bool
step_is_right(Model *m, WeirPartitionTime *t, WeirPartitionTime *other)
{
	int32_t		p = rand() % PARTITIONS;
	int64_t		time = rand() % 1000;
	int64_t		before = m->watermark;

	switch (rand() % 8)
	{
		case 0:
			weir_partition_time_set_idle(t, p, true);
			m->idle[p] = m->there[p];
			break;
		case 1:
			weir_partition_time_copy(other, t);
			weir_partition_time_copy(t, other);
			break;
		default:
			if (weir_partition_time_pass(t, p, time, 100) != before)
				return false;
			m->at[p] = !m->there[p] || time - 100 > m->at[p] ? time - 100 : m->at[p];
			m->there[p] = true;
			m->idle[p] = false;
	}
	settle(m);
	return weir_partition_time_get(t) == m->watermark && m->watermark >= before;
}

static void
test_model(void)
{
	int			wrong = 0;

	srand(11);
	for (int run = 0; run < 300; run++)
	{
		Model		m = {.watermark = NONE};
		WeirPartitionTime *t = weir_partition_time_create();
		WeirPartitionTime *other = weir_partition_time_create();

		for (int i = 0; i < 200; i++)
			wrong += !step_is_right(&m, t, other);
		weir_partition_time_destroy(t);
		weir_partition_time_destroy(other);
	}
	ok(wrong == 0, "partitions: as a plain model has it");
}

void
test_partition_time(void)
{
	test_scripts();
	test_model();
}
