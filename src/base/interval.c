/*
 * base/interval.c
 *		Intervals and microseconds.
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/interval.h"

bool
weir_interval_length(const Interval *i, int64 *us)
{
	int64		days = (int64) i->month * DAYS_PER_MONTH + i->day;

	return !pg_mul_s64_overflow(days, USECS_PER_DAY, us) &&
		!pg_add_s64_overflow(*us, i->time, us);
}

int64
weir_interval_us(const Interval *i)
{
	int64		us = 0;

	(void) weir_interval_length(i, &us);
	return us;
}

char *
weir_interval_text(int64 us)
{
	Interval	interval = {0};

	interval.day = us / USECS_PER_DAY;
	interval.time = us % USECS_PER_DAY;
	return DatumGetCString(DirectFunctionCall1(interval_out, PointerGetDatum(&interval)));
}
