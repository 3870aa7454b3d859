/*
 * task/latency.h
 *		How old records are when their rows are handed to a sink, and when what
 *		the sink made of them is committed: measured on the rows themselves, which
 *		know when their record arrived.
 *
 * Of each batch the oldest and the newest row are looked at; those of an epoch are
 * kept until it is committed, thinned out where there are many.
 */
#ifndef WEIR_TASK_LATENCY_H
#define WEIR_TASK_LATENCY_H

#include "postgres.h"

#include "record/batch.h"
#include "task/attempt.h"

#define WEIR_LATENCY_SAMPLES 512

typedef struct WeirLatency
{
	int			n;
	int64		stamps[WEIR_LATENCY_SAMPLES];	/* arrivals, of the open epoch */
	int			step;			/* every so many are kept, a power of two; 0: none yet */
	int64		seen;			/* in the epoch */
} WeirLatency;

extern void weir_latency_handed_over(WeirLatency *latency, WeirTaskSlot *slot, const WeirBatch *batch);
extern void weir_latency_committed(WeirLatency *latency, WeirTaskSlot *slot);

#endif
