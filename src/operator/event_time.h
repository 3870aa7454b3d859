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

#endif
