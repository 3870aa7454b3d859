/*
 * graph/kinds/time_window.h
 *		GROUP BY ..., a window of event time: rows of a key whose times lie in it.
 */
#ifndef WEIR_GRAPH_KINDS_TIME_WINDOW_H
#define WEIR_GRAPH_KINDS_TIME_WINDOW_H

#include "datatype/timestamp.h"
#include "decide/window.h"
#include "graph/graph.h"

#define WEIR_EPOCH_1970 (-((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY))

typedef enum WeirTimeWindowKind
{
	WEIR_TIME_TUMBLE,
	WEIR_TIME_HOP,
	WEIR_TIME_CUMULATE,
	WEIR_TIME_SESSION,
	WEIR_TIME_CALENDAR,			/* date_trunc */
	WEIR_TIME_COLUMN			/* a column that is a window of the rows below */
} WeirTimeWindowKind;

/* Times are us; windows begin at multiples of slide from 1970-01-01 00:00 (UTC) and offset. */
typedef struct WeirTimeWindowPlan
{
	WeirTimeWindowKind window;
	AttrNumber	time;			/* column of "in", timestamptz or timestamp; COLUMN: 0 */
	AttrNumber	window_column;	/* COLUMN: the range, of "in"; else 0 */
	int64		size;			/* session: the gap */
	int64		slide;			/* tumble: size; cumulate: the step */
	int64		offset;
	int64		lateness;
	int64		hold;			/* its rows' times may be so much behind the watermark, being of windows below */
	const char *unit;			/* calendar: of date_trunc */
	const char *zone;			/* calendar: NULL: the time is a timestamp */
	bool		early;			/* open windows too, at each checkpoint */
	bool		again;			/* rows within lateness make the window fire again */
	Oid			range;			/* tstzrange, tsrange; or timestamptz, timestamp: the start alone */
	List	   *aggregates;		/* of Aggref over "in" (Vars varno 1) */
	const char *text;			/* for people: "tumble 10 s, lateness 1 s" */
	const char *shape;			/* what tells its windows from others: "tumble 10 s" */
	const char *hold_text;
	const char *aggregates_text;
	const char *state_name;		/* what is kept of a key goes by */
	TupleDesc	result;			/* the window, of type "range"; then a column an aggregate */
	int		   *output;			/* per column of "out": > 0 attno of "in", a key's,
								 * < 0 minus attno of result */
} WeirTimeWindowPlan;

/* Of windows that have one: all but sessions, the calendar's and those of a column. */
extern WeirWindowShape weir_time_window_shape(const WeirTimeWindowPlan *plan);

#define weir_time_window_plan(node) ((WeirTimeWindowPlan *) (node)->plan)

#endif
