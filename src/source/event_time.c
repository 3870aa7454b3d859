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
	if (stream->by_arrival && scan->again)
		fill_again(scan);
	else if (stream->by_arrival)
		fill_by_arrival(scan);
	else if (stream->watermark >= 0)
		fill_by_column(scan, stream->watermark, stream->watermark_bound);
}
