/*
 * task/feed_partitions.c
 *		The partitions of a stream that a source's task reads.
 *
 * The time of the stream's records, and that of each scan which goes by a time of its own,
 * know the same partitions, and the same of them as idle.
 */
#include "postgres.h"

#include "task/feed_partitions.h"

struct WeirFeedPartitions
{
	const WeirPosition *start;
	int64		idle_timeout;
	MemoryContext context;
	bool		are;			/* the stream has partitions */
	int			n;
	int			max;
	int32	   *numbers;
	bool	   *came;			/* something of it has, with the last look */
	WeirIdleness *idleness;
	int			nassigned;		/* as the source said last; -1: nothing */
	int32	   *assigned;
};

WeirFeedPartitions *
weir_feed_partitions_create(const WeirPosition *start, int64 idle_timeout)
{
	WeirFeedPartitions *p = palloc0(sizeof(WeirFeedPartitions));

	p->start = start;
	p->idle_timeout = idle_timeout;
	p->context = CurrentMemoryContext;
	p->nassigned = -1;
	return p;
}

bool
weir_feed_partitions_are(const WeirFeedRows *rows)
{
	return rows->partitions->are;
}

static int
find(const WeirFeedPartitions *p, int32 number)
{
	for (int i = 0; i < p->n; i++)
	{
		if (p->numbers[i] == number)
			return i;
	}
	return -1;
}

static bool
was_idle(const WeirFeedPartitions *p, int32 number)
{
	return weir_position_mark(p->start, WEIR_MARK_IDLE, number) != PG_INT64_MIN;
}

static int64
reached(const WeirFeedPartitions *p, int64 whose, int32 number)
{
	return weir_position_mark(p->start, whose, number);
}

static void
make_room(WeirFeedPartitions *p, int n)
{
	MemoryContext old;

	if (n <= p->max)
		return;
	old = MemoryContextSwitchTo(p->context);
	p->max = Max(n, 2 * p->max);
	p->numbers = p->numbers ? repalloc(p->numbers, sizeof(int32) * p->max) : palloc(sizeof(int32) * p->max);
	p->came = p->came ? repalloc(p->came, sizeof(bool) * p->max) : palloc(sizeof(bool) * p->max);
	p->idleness = p->idleness ? repalloc(p->idleness, sizeof(WeirIdleness) * p->max) :
		palloc(sizeof(WeirIdleness) * p->max);
	MemoryContextSwitchTo(old);
}

/* It goes on where the position has it. */
static void
add(WeirFeedRows *rows, int32 number)
{
	WeirFeedPartitions *p = rows->partitions;

	make_room(p, p->n + 1);
	p->numbers[p->n] = number;
	p->came[p->n] = false;
	p->idleness[p->n++] = (WeirIdleness) {.timeout = p->idle_timeout};
	weir_partition_time_add(rows->input->times, number, reached(p, WEIR_MARK_SOURCE, number),
							was_idle(p, number));
	for (int i = 0; i < rows->nscans; i++)
	{
		if (rows->scans[i].times)
			weir_partition_time_add(rows->scans[i].times, number,
									reached(p, weir_feed_rows_mark(rows, i), number), was_idle(p, number));
	}
}

static bool
is_assigned(const WeirScanInput *input, int32 number)
{
	for (int i = 0; i < input->nassigned; i++)
	{
		if (input->assigned[i] == number)
			return true;
	}
	return false;
}

static void
drop_others(WeirFeedRows *rows)
{
	WeirFeedPartitions *p = rows->partitions;
	const WeirScanInput *input = rows->input;
	int			kept = 0;

	for (int i = 0; i < p->n; i++)
	{
		if (!is_assigned(input, p->numbers[i]))
			continue;
		p->numbers[kept] = p->numbers[i];
		p->idleness[kept++] = p->idleness[i];
	}
	p->n = kept;
	weir_partition_time_keep(input->times, input->assigned, input->nassigned);
	for (int i = 0; i < rows->nscans; i++)
	{
		if (rows->scans[i].times)
			weir_partition_time_keep(rows->scans[i].times, input->assigned, input->nassigned);
	}
}

static void
remember(WeirFeedPartitions *p, const WeirScanInput *input)
{
	if (p->assigned)
		pfree(p->assigned);
	p->nassigned = input->nassigned;
	p->assigned = MemoryContextAlloc(p->context, sizeof(int32) * Max(p->nassigned, 1));
	if (p->nassigned > 0)
		memcpy(p->assigned, input->assigned, sizeof(int32) * p->nassigned);
}

/* Those that the source says it reads: once they are all known, with what each had reached, they make a time. */
static void
take_assigned(WeirFeedRows *rows)
{
	WeirFeedPartitions *p = rows->partitions;
	const WeirScanInput *input = rows->input;

	p->are = true;
	if (p->nassigned == input->nassigned &&
		(p->nassigned == 0 || memcmp(p->assigned, input->assigned, sizeof(int32) * p->nassigned) == 0))
		return;
	remember(p, input);
	for (int i = 0; i < input->nassigned; i++)
	{
		if (find(p, input->assigned[i]) < 0)
			add(rows, input->assigned[i]);
	}
	drop_others(rows);
}

/* Of some of them something has come; a source need not say before what it reads. */
static void
take_rows(WeirFeedRows *rows, int nrows)
{
	WeirFeedPartitions *p = rows->partitions;
	const WeirBatch *batch = rows->input->batch;

	if (p->n > 0)
		memset(p->came, 0, sizeof(bool) * p->n);
	for (int i = 0; batch->partitions && i < nrows; i++)
	{
		int32		number = batch->partitions[i];

		if (number < 0 || (i > 0 && batch->partitions[i - 1] == number))
			continue;
		if (find(p, number) < 0)
			add(rows, number);
		p->came[find(p, number)] = true;
		p->are = true;
	}
}

static void
set_idle(WeirFeedRows *rows, int32 number, bool idle)
{
	weir_partition_time_set_idle(rows->input->times, number, idle);
	for (int i = 0; i < rows->nscans; i++)
	{
		if (rows->scans[i].times)
			weir_partition_time_set_idle(rows->scans[i].times, number, idle);
	}
}

/* The source may know more: whether anything of it waits there. */
static bool
has_nothing(const WeirFeedRows *rows, int partition, bool asked)
{
	const WeirScanInput *input = rows->input;

	if (input->waits == NULL || input->assigned == NULL)
		return asked;
	if (partition < input->nassigned && input->assigned[partition] == rows->partitions->numbers[partition])
		return input->waits[partition];
	for (int i = 0; i < input->nassigned; i++)
	{
		if (input->assigned[i] == rows->partitions->numbers[partition])
			return input->waits[i];
	}
	return asked;
}

static void
look_at(WeirFeedRows *rows, int partition, bool asked, int64 now)
{
	WeirFeedPartitions *p = rows->partitions;
	WeirIdleness *idleness = &p->idleness[partition];

	if (p->came[partition])
		set_idle(rows, p->numbers[partition], false);
	if (p->came[partition] || !has_nothing(rows, partition, asked))
		weir_idleness_end(idleness);
	else if (weir_idleness_look(idleness, now))
		set_idle(rows, p->numbers[partition], true);
}

/* What was idle is so until something comes, though the source was not asked. */
void
weir_feed_partitions_look(WeirFeedRows *rows, bool came, int64 now)
{
	WeirFeedPartitions *p = rows->partitions;
	WeirScanInput *input = rows->input;
	bool		asked = !came || input->batch->nrows < input->limit;

	if (input->assigned)
		take_assigned(rows);
	take_rows(rows, came ? input->batch->nrows : 0);
	if (!p->are)
		return;
	for (int i = 0; i < p->n; i++)
		look_at(rows, i, asked, now);
	input->idle = weir_partition_time_is_idle(input->times);
	if (rows->stream->watermark >= 0 && !rows->stream->by_arrival)
		input->watermark = Max(input->watermark, weir_partition_time_get(input->times));
	weir_feed_rows_advance_scans(rows);
}

int64
weir_feed_partitions_due(const WeirFeedRows *rows, int64 now)
{
	const WeirFeedPartitions *p = rows->partitions;
	int64		due = PG_INT64_MAX;

	for (int i = 0; i < p->n; i++)
		due = Min(due, weir_idleness_due(&p->idleness[i], now));
	return due;
}

static bool
put_times(const WeirPartitionTime *times, int64 whose, WeirPosition *position)
{
	int			n;
	const WeirTimedPartition *all = weir_partition_time_all(times, &n);
	bool		noted = true;

	for (int i = 0; i < n; i++)
		noted = weir_position_set_mark(position, whose, all[i].partition, all[i].watermark) && noted;
	return noted;
}

/* As many as there is room for: one that is not noted is idle again after its timeout. */
static void
put_idle(const WeirPartitionTime *times, WeirPosition *position)
{
	int			n;
	const WeirTimedPartition *all = weir_partition_time_all(times, &n);

	for (int i = 0; i < n; i++)
		(void) weir_position_set_mark(position, WEIR_MARK_IDLE, all[i].partition, all[i].idle ? 0 : PG_INT64_MIN);
}

bool
weir_feed_partitions_position(const WeirFeedRows *rows, WeirPosition *position)
{
	bool		noted = put_times(rows->input->times, WEIR_MARK_SOURCE, position);

	for (int i = 0; i < rows->nscans; i++)
		if (rows->scans[i].times)
			noted = put_times(rows->scans[i].times, weir_feed_rows_mark(rows, i), position) && noted;
	put_idle(rows->input->times, position);
	return noted;
}
