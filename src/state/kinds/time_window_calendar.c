/*
 * state/kinds/time_window_calendar.c
 *		Windows of the calendar: what date_trunc cuts time into, days of 23 and 25 hours
 *		and months of their own lengths included.
 */
#include "postgres.h"

#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "state/kinds/time_window_int.h"

/* A unit, of DecodeUnits, as its part of an interval. */
typedef struct Unit
{
	int			unit;
	int32		months;
	int32		days;
	int64		us;
} Unit;

static const Unit units[] = {
	{DTK_MICROSEC, 0, 0, 1},
	{DTK_MILLISEC, 0, 0, 1000},
	{DTK_SECOND, 0, 0, USECS_PER_SEC},
	{DTK_MINUTE, 0, 0, USECS_PER_MINUTE},
	{DTK_HOUR, 0, 0, USECS_PER_HOUR},
	{DTK_DAY, 0, 1, 0},
	{DTK_WEEK, 0, 7, 0},
	{DTK_MONTH, 1, 0, 0},
	{DTK_QUARTER, 3, 0, 0},
	{DTK_YEAR, 12, 0, 0},
	{DTK_DECADE, 120, 0, 0},
	{DTK_CENTURY, 1200, 0, 0},
	{DTK_MILLENNIUM, 12000, 0, 0}
};

static const Unit *
find_unit(const WeirTimeWindows *windows)
{
	char	   *name = downcase_truncate_identifier(windows->decl.unit, strlen(windows->decl.unit), false);
	int			unit;

	if (DecodeUnits(0, name, &unit) == UNITS)
	{
		for (int i = 0; i < lengthof(units); i++)
		{
			if (units[i].unit == unit)
				return &units[i];
		}
	}
	elog(ERROR, "unit \"%s\" of a window is not known", windows->decl.unit);
}

static Datum
zone_text(const WeirTimeWindows *windows)
{
	return PointerGetDatum(cstring_to_text(windows->decl.zone));
}

/* As date_trunc. */
static int64
truncate_time(const WeirTimeWindows *windows, int64 time)
{
	Datum		unit = PointerGetDatum(cstring_to_text(windows->decl.unit));

	if (!windows->decl.zoned)
		return DatumGetTimestamp(DirectFunctionCall2(timestamp_trunc, unit, TimestampGetDatum(time)));
	if (windows->decl.zone == NULL)
		return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_trunc, unit, TimestampTzGetDatum(time)));
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_trunc_zone, unit, TimestampTzGetDatum(time),
												   zone_text(windows)));
}

/* What clocks on the wall show at a time, and when they show that. */
static int64
to_local(const WeirTimeWindows *windows, int64 time)
{
	if (!windows->decl.zoned)
		return time;
	if (windows->decl.zone == NULL)
		return DatumGetTimestamp(DirectFunctionCall1(timestamptz_timestamp, TimestampTzGetDatum(time)));
	return DatumGetTimestamp(DirectFunctionCall2(timestamptz_zone, zone_text(windows), TimestampTzGetDatum(time)));
}

static int64
from_local(const WeirTimeWindows *windows, int64 local)
{
	if (!windows->decl.zoned)
		return local;
	if (windows->decl.zone == NULL)
		return DatumGetTimestampTz(DirectFunctionCall1(timestamp_timestamptz, TimestampGetDatum(local)));
	return DatumGetTimestampTz(DirectFunctionCall2(timestamp_zone, zone_text(windows), TimestampGetDatum(local)));
}

/*
 * The begin of the unit n units on.  Where clocks are set forward at midnight a day begins later than
 * it should: the next one does not.
 */
static int64
units_later(const WeirTimeWindows *windows, const Unit *unit, int64 start, int n)
{
	Interval	interval = {0};
	Datum		text = PointerGetDatum(cstring_to_text(windows->decl.unit));
	Datum		local;

	interval.month = unit->months * n;
	interval.day = unit->days * n;
	local = DirectFunctionCall2(timestamp_pl_interval, TimestampGetDatum(to_local(windows, start)),
								IntervalPGetDatum(&interval));
	local = DirectFunctionCall2(timestamp_trunc, text, local);
	return from_local(windows, DatumGetTimestamp(local));
}

/* Behind the time and the begin, which may be behind the time where clocks are set back at midnight. */
static int64
find_end(const WeirTimeWindows *windows, int64 start, int64 time)
{
	const Unit *unit = find_unit(windows);
	int64		after = Max(start, time);
	int64		end = start;

	for (int n = 1; end <= after; n++)
		end = unit->us > 0 ? end + unit->us : units_later(windows, unit, start, n);
	return end;
}

/*
 * What is looked up leaves a little in the current memory context.  Where clocks are set back within
 * a unit, not all times from its begin to its end are in it.
 */
WeirSpan
weir_calendar_window(WeirTimeWindows *windows, int64 time)
{
	WeirSpan	span;

	for (int i = 0; i < lengthof(windows->calendar); i++)
	{
		if (time >= windows->calendar[i].start && time < windows->calendar[i].end)
			return windows->calendar[i];
	}
	span.start = truncate_time(windows, time);
	span.end = find_end(windows, span.start, time);
	if (truncate_time(windows, span.start) == span.start &&
		truncate_time(windows, span.end - 1) == span.start)
	{
		windows->calendar[windows->calendar_next] = span;
		windows->calendar_next = (windows->calendar_next + 1) % lengthof(windows->calendar);
	}
	return span;
}
