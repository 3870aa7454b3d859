/*
 * base/timerange.h
 *		Windows of event time as values: ranges of times, half open.
 */
#ifndef WEIR_BASE_TIMERANGE_H
#define WEIR_BASE_TIMERANGE_H

#include "postgres.h"

/* A tstzrange or tsrange of these times, in CurrentMemoryContext; of type timestamptz or timestamp: the start. */
extern Datum weir_timerange(Oid type, int64 start, int64 end);

/* The times of a range that is half open and has both; false: it is another one. */
extern bool weir_timerange_read(Oid type, Datum value, int64 *start, int64 *end);

#endif
