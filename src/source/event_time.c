/*
 * source/event_time.c
 *		The watermark of a stream's records.
 *
 * A timestamp without time zone is taken as one of UTC, whatever the session says:
 * both types count from the same moment then.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "decide/watermark.h"
#include "source/event_time.h"

static void
fill_by_column(WeirScanInput *scan, int column, int64 bound)
{
	WeirBatch  *batch = scan->batch;
	const WeirVector *times = &batch->columns[column];

	weir_batch_keep_watermarks(batch);
	for (int i = 0; i < batch->nrows; i++)
	{
		batch->watermarks[i] = scan->watermark;
		if (!weir_vector_is_null(times, i))
			scan->watermark = weir_watermark_behind(scan->watermark, DatumGetTimestampTz(times->values[i]), bound);
	}
}

/* Each partition is in the order of time by itself; of one that is not known nothing follows. */
static void
fill_by_partition(WeirScanInput *scan, int column, int64 bound)
{
	WeirBatch  *batch = scan->batch;
	const WeirVector *times = &batch->columns[column];

	weir_batch_keep_watermarks(batch);
	weir_partition_time_resume(scan->times, scan->watermark);
	for (int i = 0; i < batch->nrows; i++)
	{
		int64		time = weir_vector_is_null(times, i) ? WEIR_WATERMARK_NONE : DatumGetTimestampTz(times->values[i]);

		batch->watermarks[i] = weir_partition_time_pass(scan->times, batch->partitions[i], time, bound);
	}
	scan->watermark = weir_partition_time_get(scan->times);
}

/* None comes that has arrived before the one before: what is due then is due before it. */
static void
fill_by_arrival(WeirScanInput *scan)
{
	WeirBatch  *batch = scan->batch;

	weir_batch_keep_watermarks(batch);
	for (int i = 0; i < batch->nrows; i++)
	{
		scan->watermark = Max(scan->watermark, batch->stamps[i]);
		batch->watermarks[i] = scan->watermark;
	}
}

/* They bring no time: what comes behind them, of a journal, may have come before they were asked for. */
static void
fill_again(WeirScanInput *scan)
{
	WeirBatch  *batch = scan->batch;

	weir_batch_keep_watermarks(batch);
	for (int i = 0; i < batch->nrows; i++)
		batch->watermarks[i] = scan->watermark;
}

void
weir_event_time_fill(const WeirStream *stream, WeirScanInput *scan)
{
	bool		has_partitions = scan->batch->partitions != NULL;

	if (scan->again && (stream->by_arrival || has_partitions))
		fill_again(scan);
	else if (stream->by_arrival)
		fill_by_arrival(scan);
	else if (stream->watermark >= 0 && has_partitions)
		fill_by_partition(scan, stream->watermark, stream->watermark_bound);
	else if (stream->watermark >= 0)
		fill_by_column(scan, stream->watermark, stream->watermark_bound);
}
