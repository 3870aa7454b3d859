/*
 * task/latency.c
 *		The age of records at a sink.
 */
#include "postgres.h"

#include "base/clock.h"
#include "task/latency.h"

/* Every second one goes when there is no room. */
static void
thin_out(WeirLatency *latency)
{
	latency->n /= 2;
	for (int i = 0; i < latency->n; i++)
		latency->stamps[i] = latency->stamps[2 * i];
	latency->step *= 2;
}

static void
keep(WeirLatency *latency, int64 stamp)
{
	if (latency->step == 0)
		latency->step = 1;
	if (latency->seen++ % latency->step != 0)
		return;
	if (latency->n == WEIR_LATENCY_SAMPLES)
		thin_out(latency);
	latency->stamps[latency->n++] = stamp;
}

void
weir_latency_handed_over(WeirLatency *latency, WeirTaskSlot *slot, const WeirBatch *batch)
{
	int64		now;
	int64		oldest;
	int64		newest;

	if (batch->nrows == 0)
		return;
	now = weir_arrival_time();
	oldest = batch->stamps[0];
	newest = batch->stamps[batch->nrows - 1];
	weir_histogram_add(&slot->handed_over, now - oldest);
	keep(latency, oldest);
	if (newest == oldest)
		return;
	weir_histogram_add(&slot->handed_over, now - newest);
	keep(latency, newest);
}

void
weir_latency_committed(WeirLatency *latency, WeirTaskSlot *slot)
{
	int64		now;

	if (latency->n == 0)
		return;
	now = weir_arrival_time();
	for (int i = 0; i < latency->n; i++)
		weir_histogram_add(&slot->committed, now - latency->stamps[i]);
	latency->n = 0;
	latency->step = 0;
	latency->seen = 0;
}
