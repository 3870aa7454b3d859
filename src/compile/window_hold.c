/*
 * compile/window_hold.c
 *		Windows of windows: how far behind the watermark the times of rows may be.
 *
 * A window below is handed on when the watermark has reached its end, and its begin, or
 * whatever time is computed of its rows, lies before that.  So a window over such times
 * goes by a watermark that is as long behind as windows below last.  It need not wait
 * where its own ends can only be ends of those below.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "parser/scansup.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "compile/compile.h"

/* In order: each is made of whole ones of those before, but that no other is made of weeks. */
static const struct
{
	int			unit;			/* of datetime.h */
	int64		longest;
}			units[] = {
	{DTK_MICROSEC, 1}, {DTK_MILLISEC, 1000}, {DTK_SECOND, USECS_PER_SEC}, {DTK_MINUTE, USECS_PER_MINUTE},
	{DTK_HOUR, 2 * USECS_PER_HOUR}, {DTK_DAY, 26 * USECS_PER_HOUR}, {DTK_WEEK, 8 * USECS_PER_DAY},
	{DTK_MONTH, 32 * USECS_PER_DAY}, {DTK_QUARTER, 93 * USECS_PER_DAY}, {DTK_YEAR, 367 * USECS_PER_DAY},
	{DTK_DECADE, 3654 * USECS_PER_DAY}, {DTK_CENTURY, 36526 * USECS_PER_DAY}, {DTK_MILLENNIUM, 365245 * USECS_PER_DAY}
};

#define UNIT_HOUR 4
#define UNIT_DAY 5
#define UNIT_WEEK 6

/* Its place there, whatever date_trunc lets one call it. */
static int
unit_of(const WeirTimeWindowPlan *plan)
{
	char	   *name = downcase_truncate_identifier(plan->unit, strlen(plan->unit), false);
	int			unit = 0;

	(void) DecodeUnits(0, name, &unit);
	for (int i = 0; i < lengthof(units); i++)
		if (unit == units[i].unit)
			return i;
	return lengthof(units) - 1;
}

/* How long its windows last at most; of a session nobody knows. */
static int64
longest(const WeirTimeWindowPlan *plan)
{
	return plan->window == WEIR_TIME_CALENDAR ? units[unit_of(plan)].longest : plan->size;
}

/* ---- where no end lies within a window below ---- */

/* Is every offset of the zone since 1970 made of whole ones of this length? */
static bool
divides_zone(const char *zone, int64 length)
{
	pg_tz	   *tz = zone ? pg_tzset(zone) : NULL;
	pg_time_t	at = 0;
	pg_time_t	boundary;
	long		before = 0;
	long		after = 0;
	int			dst;
	int			found = zone ? 1 : 0;

	if (zone != NULL && tz == NULL)
		return false;
	while (found == 1 && at < (pg_time_t) 4102444800)
	{
		found = pg_next_dst_boundary(&at, &before, &dst, &boundary, &after, &dst, tz);
		if (before * USECS_PER_SEC % length != 0 || (found == 1 && after * USECS_PER_SEC % length != 0))
			return false;
		at = boundary;
	}
	return true;
}

static bool
begins_with(const WeirTimeWindowPlan *outer, const WeirTimeWindowPlan *inner)
{
	return (outer->offset - inner->offset) % inner->size == 0;
}

static bool
ends_with_calendar(const WeirTimeWindowPlan *outer, const WeirTimeWindowPlan *inner)
{
	int			unit = unit_of(outer);

	if (inner->window == WEIR_TIME_CALENDAR)
	{
		bool		same = outer->zone == NULL ? inner->zone == NULL :
			inner->zone != NULL && strcmp(outer->zone, inner->zone) == 0;

		return same && unit_of(inner) <= unit && (unit_of(inner) != UNIT_WEEK || unit == UNIT_WEEK);
	}
	unit = Min(unit, UNIT_DAY);
	/* days begin with an hour, weeks and years with a day */
	return inner->offset % inner->size == 0 && divides_zone(outer->zone, inner->size) &&
		(unit <= UNIT_HOUR ? Min(units[unit].longest, USECS_PER_HOUR) : USECS_PER_DAY) % inner->size == 0;
}

/* Given the begin of an inner window: does each outer one that it is in end with an inner one, or behind it? */
static bool
ends_with(const WeirTimeWindowPlan *outer, const WeirTimeWindowPlan *inner)
{
	if (outer->window == WEIR_TIME_CALENDAR && inner->window != WEIR_TIME_HOP)
		return ends_with_calendar(outer, inner);
	if (inner->window != WEIR_TIME_TUMBLE && inner->window != WEIR_TIME_CUMULATE)
		return false;
	switch (outer->window)
	{
		case WEIR_TIME_TUMBLE:
			return outer->size % inner->size == 0 && begins_with(outer, inner);
		case WEIR_TIME_HOP:
		case WEIR_TIME_CUMULATE:
			return outer->size % inner->size == 0 && outer->slide % inner->size == 0 && begins_with(outer, inner);
		default:
			return false;
	}
}

/* ---- what is below ---- */

/* Plans of the windows below, whatever is between. */
static List *
windows_below(const WeirLevel *level, List *found)
{
	ListCell   *lc;

	foreach(lc, level->below)
	{
		const WeirLevel *below = lfirst(lc);

		if (below->time_plan && below->time_plan->window != WEIR_TIME_COLUMN)
			found = lappend(found, below->time_plan);
		found = list_concat(found, below->waits_for);
		found = windows_below(below, found);
	}
	return found;
}

static List *
plans_of(const WeirLevel *level, List *calls)
{
	List	   *plans = NIL;
	ListCell   *lc;

	foreach(lc, calls)
		plans = lappend(plans, weir_level_call_plan(level, lfirst_node(FuncExpr, lc)));
	return plans;
}

void
weir_level_wait_for(WeirLevel *level, Node *window)
{
	bool		delayed;

	level->waits_for = plans_of(level, weir_expr_window_calls(level, window, &delayed));
}

/* What the time is: the begin of a window, its end, something else. */
typedef enum Origin
{
	ORIGIN_BEGIN,
	ORIGIN_END,
	ORIGIN_OTHER
} Origin;

/* *calls: of the windows that it is of. */
static Origin
origin_of(const WeirLevel *level, Node *time, List **calls)
{
	bool		upper;
	bool		delayed;
	FuncExpr   *call;

	*calls = weir_expr_window_calls(level, time, &delayed);
	if (weir_expr_is_bound(level, time, &upper, &call) && upper)
		return delayed ? ORIGIN_OTHER : ORIGIN_END;
	return *calls == NIL || delayed ? ORIGIN_OTHER : ORIGIN_BEGIN;
}

/* Of a column that is a window, or a bound of one. */
static Origin
origin_of_column(const WeirLevel *level, Node *column)
{
	bool		delayed;

	(void) weir_expr_window_calls(level, column, &delayed);
	return !delayed && weir_expr_is_complete_window(level, column) ? ORIGIN_END : ORIGIN_OTHER;
}

static void
refuse_session(WeirLevel *level, const char *of, Node *time)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("the time of %s over sessions must be their end", of),
			errdetail("How long a session lasts is not known: others of its times may be too far behind the watermark."),
			errhint("Use upper() of the session."),
			weir_level_position(level, exprLocation(time)));
}

/* Of windows of the time, or where outer is NULL of itself. */
static int64
hold_of(WeirLevel *level, Node *time, Origin origin, List *calls, const WeirTimeWindowPlan *outer)
{
	List	   *below = list_concat(windows_below(level, NIL), plans_of(level, calls));
	int64		hold = 0;
	ListCell   *lc;

	if (origin == ORIGIN_END)
		return 0;
	foreach(lc, below)
	{
		const WeirTimeWindowPlan *inner = lfirst(lc);

		if (inner->window == WEIR_TIME_SESSION)
			refuse_session(level, outer ? "a window" : "a window function or DISTINCT ON", time);
		if (outer == NULL || origin == ORIGIN_OTHER || !ends_with(outer, inner))
			hold = Max(hold, longest(inner));
	}
	return hold;
}

/* Of a window that no call of the level says. */
static Node *
window_column(const WeirLevel *level)
{
	if (level->time_lower != NULL)
		return level->time_lower;
	return level->time_upper ? level->time_upper : level->time_window;
}

/* When the levels below have been cut. */
int64
weir_level_window_hold(WeirLevel *level)
{
	List	   *calls = NIL;
	Origin		origin = level->time ? origin_of(level, level->time, &calls) : origin_of_column(level, window_column(level));

	if (level->time_plan->window == WEIR_TIME_COLUMN && level->time_window != NULL)
		weir_level_wait_for(level, level->time_window);
	return hold_of(level, level->time, origin, calls, level->time_plan);
}

/*
 * Likewise, of rows that are handed on in the order of this time, when the watermark has
 * passed it: also how much behind it the watermark of such rows is.  Those of a window
 * that ends at the time would be late when it has come just there.
 */
int64
weir_level_time_hold(WeirLevel *level, Node *time, int64 *passes)
{
	List	   *calls;
	Origin		origin = origin_of(level, time, &calls);
	int64		hold = hold_of(level, time, origin, calls, NULL);
	bool		ends = origin != ORIGIN_BEGIN && (calls != NIL || windows_below(level, NIL) != NIL);

	*passes = hold + (ends ? 1 : 0);
	return hold;
}

/* The call in the level's own query that a window, or a bound of it, is of; NULL: it comes from below. */
static FuncExpr *
own_call(const WeirLevel *level, Node *window)
{
	if (weir_bound_of(window) != NULL)
		window = weir_bound_of(window);
	if (IsA(window, Var))
		return weir_window_entry_call(rt_fetch(((Var *) window)->varno, level->query->rtable));
	return weir_is_window_call(window) ? (FuncExpr *) window : NULL;
}

/* Likewise, of rows that are handed on when the window is complete that this is, or the end of. */
int64
weir_level_complete_hold(WeirLevel *level, Node *window)
{
	FuncExpr   *call = own_call(level, window);
	List	   *calls;
	Node	   *time;
	Origin		origin;

	if (call == NULL)
		return hold_of(level, window, origin_of_column(level, window), NIL, NULL);
	time = weir_call_time(call);
	origin = origin_of(level, time, &calls);
	return hold_of(level, time, origin, calls, weir_level_call_plan(level, call));
}
