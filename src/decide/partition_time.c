/*
 * decide/partition_time.c
 *		How far event time has come in the partitions that a task reads.
 */
#include <stdlib.h>
#include <string.h>

#include "decide/memory.h"
#include "decide/partition_time.h"

struct WeirPartitionTime
{
	int			n;
	int			max;
	WeirTimedPartition *partitions;
	int64_t		watermark;
	int			run;			/* the one whose records come, -1: none .. */
	int64_t		others;			/* .. and the lowest of the others that count */
};

WeirPartitionTime *
weir_partition_time_create(void)
{
	WeirPartitionTime *t = weir_alloc(1, sizeof(WeirPartitionTime));

	t->watermark = WEIR_WATERMARK_NONE;
	t->run = -1;
	return t;
}

void
weir_partition_time_destroy(WeirPartitionTime *t)
{
	free(t->partitions);
	free(t);
}

static void
make_room(WeirPartitionTime *t, int n)
{
	while (t->max < n)
		t->partitions = weir_grow(t->partitions, t->max, &t->max, sizeof(WeirTimedPartition));
}

void
weir_partition_time_copy(WeirPartitionTime *t, const WeirPartitionTime *from)
{
	make_room(t, from->n);
	if (from->n > 0)
		memcpy(t->partitions, from->partitions, sizeof(WeirTimedPartition) * (size_t) from->n);
	t->n = from->n;
	t->watermark = from->watermark;
	t->run = -1;
}

static inline int64_t
lower(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t
higher(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* -1: it is not there. */
static int
find(const WeirPartitionTime *t, int32_t partition)
{
	if (t->run >= 0 && t->partitions[t->run].partition == partition)
		return t->run;
	for (int i = 0; i < t->n; i++)
	{
		if (t->partitions[i].partition == partition)
			return i;
	}
	return -1;
}

/* Of those that count, but for one; the end, if none does. */
static int64_t
lowest_but(const WeirPartitionTime *t, int but)
{
	int64_t		lowest = WEIR_WATERMARK_END;

	for (int i = 0; i < t->n; i++)
	{
		if (i != but && !t->partitions[i].idle)
			lowest = lower(lowest, t->partitions[i].watermark);
	}
	return lowest;
}

static int64_t
highest(const WeirPartitionTime *t)
{
	int64_t		result = WEIR_WATERMARK_NONE;

	for (int i = 0; i < t->n; i++)
		result = higher(result, t->partitions[i].watermark);
	return result;
}

bool
weir_partition_time_is_idle(const WeirPartitionTime *t)
{
	for (int i = 0; i < t->n; i++)
	{
		if (!t->partitions[i].idle)
			return false;
	}
	return true;
}

/* Something beside the records of one partition has changed. */
static void
merge(WeirPartitionTime *t)
{
	t->run = -1;
	t->watermark = higher(t->watermark,
						  weir_partition_time_is_idle(t) ? highest(t) : lowest_but(t, -1));
}

static int
add(WeirPartitionTime *t, int32_t partition, int64_t watermark, bool idle)
{
	make_room(t, t->n + 1);
	t->partitions[t->n] = (WeirTimedPartition) {partition, watermark, idle};
	return t->n++;
}

void
weir_partition_time_add(WeirPartitionTime *t, int32_t partition, int64_t watermark, bool idle)
{
	if (find(t, partition) >= 0)
		return;
	(void) add(t, partition, watermark, idle);
	t->run = -1;
}

static bool
is_among(int32_t partition, const int32_t *partitions, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (partitions[i] == partition)
			return true;
	}
	return false;
}

void
weir_partition_time_keep(WeirPartitionTime *t, const int32_t *partitions, int n)
{
	int			kept = 0;

	for (int i = 0; i < t->n; i++)
	{
		if (is_among(t->partitions[i].partition, partitions, n))
			t->partitions[kept++] = t->partitions[i];
	}
	t->n = kept;
	merge(t);
}

static void
begin_run(WeirPartitionTime *t, int32_t partition)
{
	int			i = find(t, partition);

	if (i < 0)
		i = add(t, partition, WEIR_WATERMARK_NONE, false);
	if (i == t->run)
		return;
	t->partitions[i].idle = false;
	t->run = i;
	t->others = lowest_but(t, i);
}

int64_t
weir_partition_time_pass(WeirPartitionTime *t, int32_t partition, int64_t time, int64_t bound)
{
	int64_t		before = t->watermark;
	WeirTimedPartition *p;

	if (partition < 0)
		return before;
	begin_run(t, partition);
	p = &t->partitions[t->run];
	p->watermark = weir_watermark_behind(p->watermark, time, bound);
	t->watermark = higher(t->watermark, lower(p->watermark, t->others));
	return before;
}

void
weir_partition_time_set_idle(WeirPartitionTime *t, int32_t partition, bool idle)
{
	int			i = find(t, partition);

	if (i < 0 || t->partitions[i].idle == idle)
		return;
	t->partitions[i].idle = idle;
	merge(t);
}

void
weir_partition_time_resume(WeirPartitionTime *t, int64_t watermark)
{
	t->watermark = higher(t->watermark, watermark);
}

int64_t
weir_partition_time_get(const WeirPartitionTime *t)
{
	return t->watermark;
}

const WeirTimedPartition *
weir_partition_time_all(const WeirPartitionTime *t, int *n)
{
	*n = t->n;
	return t->partitions;
}
