/*
 * operator/event_time.h
 *		The time of a row, in a column.
 */
#ifndef WEIR_OPERATOR_EVENT_TIME_H
#define WEIR_OPERATOR_EVENT_TIME_H

#include "record/batch.h"

/*
 * Of a timestamp, with time zone or without, that itself; of a range of them, which is a
 * window, its end.  False: it is NULL, or no window.
 */
extern bool weir_row_time(const WeirBatch *batch, int row, AttrNumber attno, int64 *time);

/* The next moment; what is at the end of time stays there. */
static inline int64
weir_moment_after(int64 time)
{
	return time >= PG_INT64_MAX - 1 ? PG_INT64_MAX - 1 : time + 1;
}

/*
 * How far the times of rows have come that lie so much before the watermark, being of
 * windows below.
 */
static inline int64
weir_held_back(int64 watermark, int64 hold)
{
	if (watermark == PG_INT64_MIN || watermark == PG_INT64_MAX)
		return watermark;
	return watermark < PG_INT64_MIN + hold ? PG_INT64_MIN : watermark - hold;
}

/* By the watermark itself: when it is due what is due at this time. */
static inline int64
weir_held_until(int64 due, int64 hold)
{
	return due > PG_INT64_MAX - 1 - hold ? due : due + hold;
}

#endif
