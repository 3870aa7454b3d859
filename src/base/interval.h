/*
 * base/interval.h
 *		Intervals and microseconds.
 */
#ifndef WEIR_BASE_INTERVAL_H
#define WEIR_BASE_INTERVAL_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* 30 days a month; false if it is out of range. */
extern bool weir_interval_length(const Interval *i, int64 *us);
/* Of one that is known to be in range. */
extern int64 weir_interval_us(const Interval *i);
/* As PostgreSQL writes it, in days and smaller units. */
extern char *weir_interval_text(int64 us);

#endif
