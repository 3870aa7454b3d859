/*
 * base/clock.h
 *		What time it is, for intervals and for arrival stamps.  Rules: decide/clock.h.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include "postgres.h"

#include "datatype/timestamp.h"

/*
 * The monotonic clock, in microseconds: of every interval and deadline, alike in
 * all processes of the machine.  Not a date, and nothing to be kept.
 */
extern PGDLLEXPORT int64 weir_now(void);

/* Until then, in ms and rounded up, for a latch; 0 if it has come. */
extern PGDLLEXPORT long weir_ms_until(int64 deadline);

/* The date, as the machine's clock has it at this moment: to be shown, not to be waited for. */
extern PGDLLEXPORT TimestampTz weir_date(void);

/* The date by which records arrive: one clock for all streams of the server. */
extern PGDLLEXPORT TimestampTz weir_arrival_time(void);

/* At module start: where the clock of arrivals lies, and what it goes on from. */
extern void weir_clock_init(void);

#endif
