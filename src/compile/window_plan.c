/*
 * compile/window_plan.c
 *		The plan of a window of event time, from the arguments of the call that says
 *		which one it is.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "compile/compile.h"

static const char *
call_name(const FuncExpr *call)
{
	return psprintf("%s%s", weir_is_window_call((Node *) call) ? "weir." : "", get_func_name(call->funcid));
}

/* An argument of a call that is complete, folded. */
static Const *
constant(WeirLevel *level, const FuncExpr *call, int number)
{
	Node	   *arg = eval_const_expressions(NULL, list_nth(call->args, number));
	int			location = exprLocation(list_nth(call->args, number));

	if (!IsA(arg, Const))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("arguments of %s other than the time must be constant", call_name(call)),
				errhint("Write an interval such as '10 s': it is the same for all records."),
				weir_level_position(level, location >= 0 ? location : call->location));
	if (((Const *) arg)->constisnull)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("arguments of %s other than the time must not be null", call_name(call)),
				errhint("Write an interval such as '10 s'."),
				weir_level_position(level, location >= 0 ? location : call->location));
	return (Const *) arg;
}

static WeirTimeWindowKind
kind_of(FuncExpr *call)
{
	if (weir_compile_is_call((Node *) call, WEIR_TUMBLE))
		return WEIR_TIME_TUMBLE;
	if (weir_compile_is_call((Node *) call, WEIR_HOP))
		return WEIR_TIME_HOP;
	return weir_compile_is_call((Node *) call, WEIR_CUMULATE) ? WEIR_TIME_CUMULATE : WEIR_TIME_SESSION;
}

/* weir.tumble and its like. */
static void
read_range(WeirLevel *level, WeirTimeWindowPlan *plan, FuncExpr *call)
{
	const Interval *arguments[4];
	ParseCallbackState callback;

	call = weir_complete_call(call);
	for (int i = 1; i < list_length(call->args); i++)
		arguments[i - 1] = DatumGetIntervalP(constant(level, call, i)->constvalue);
	plan->window = kind_of(call);
	plan->range = call->funcresulttype;
	setup_parser_errposition_callback(&callback, level->c->job->pstate,
									  call->location >= 0 ? call->location : level->location);
	weir_window_read(plan, arguments);
	cancel_parser_errposition_callback(&callback);
}

/* date_bin: a tumbling window that begins at its origin. */
static void
read_bin(WeirLevel *level, WeirTimeWindowPlan *plan, const FuncExpr *call)
{
	const Interval *stride = DatumGetIntervalP(constant(level, call, 0)->constvalue);
	int64		origin = DatumGetTimestampTz(constant(level, call, 2)->constvalue);
	const Interval zero = {0};
	const Interval *arguments[] = {stride, &zero, &zero};
	ParseCallbackState callback;

	setup_parser_errposition_callback(&callback, level->c->job->pstate,
									  call->location >= 0 ? call->location : level->location);
	(void) OidFunctionCall3(call->funcid, PointerGetDatum(stride), TimestampTzGetDatum(0), TimestampTzGetDatum(origin));
	plan->window = WEIR_TIME_TUMBLE;
	weir_window_read(plan, arguments);
	cancel_parser_errposition_callback(&callback);
	plan->offset = origin % plan->size - WEIR_EPOCH_1970 % plan->size;
}

/* The zone that date_trunc goes by; NULL: a timestamp has none. */
static const char *
zone_of(WeirLevel *level, const FuncExpr *call)
{
	if (call->funcid == F_DATE_TRUNC_TEXT_TIMESTAMP)
		return NULL;
	if (call->funcid == F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT)
		return TextDatumGetCString(constant(level, call, 2)->constvalue);
	return pstrdup(pg_get_timezone_name(session_timezone));
}

static void
read_trunc(WeirLevel *level, WeirTimeWindowPlan *plan, const FuncExpr *call)
{
	Datum		unit = constant(level, call, 0)->constvalue;
	ParseCallbackState callback;

	plan->window = WEIR_TIME_CALENDAR;
	plan->unit = TextDatumGetCString(unit);
	plan->zone = zone_of(level, call);
	/* a unit or zone that does not exist is an error now, and not with the first record */
	setup_parser_errposition_callback(&callback, level->c->job->pstate,
									  call->location >= 0 ? call->location : level->location);
	if (plan->zone)
		(void) DirectFunctionCall3(timestamptz_trunc_zone, unit, TimestampTzGetDatum(0), CStringGetTextDatum(plan->zone));
	else
		(void) DirectFunctionCall2(timestamp_trunc, unit, TimestampGetDatum(0));
	cancel_parser_errposition_callback(&callback);
}

/* ---- in words ---- */

/* In its largest unit: whatever the settings, the same. */
char *
weir_window_length_text(int64 us)
{
	static const struct
	{
		int64		us;
		const char *name;
	}			units[] = {
		{USECS_PER_DAY, "d"}, {USECS_PER_HOUR, "h"}, {USECS_PER_MINUTE, "min"}, {USECS_PER_SEC, "s"}, {1000, "ms"}, {1, "us"}
	};
	int			i = 0;

	while (us % units[i].us != 0)
		i++;
	return psprintf(INT64_FORMAT " %s", us / units[i].us, units[i].name);
}

/* What tells its windows from others. */
static char *
shape_text(const WeirTimeWindowPlan *plan)
{
	const char *offset = plan->offset == 0 ? "" : psprintf(", offset %s", weir_window_length_text(plan->offset));

	switch (plan->window)
	{
		case WEIR_TIME_TUMBLE:
			return psprintf("tumble %s%s", weir_window_length_text(plan->size), offset);
		case WEIR_TIME_HOP:
			return psprintf("hop %s by %s%s", weir_window_length_text(plan->size), weir_window_length_text(plan->slide), offset);
		case WEIR_TIME_CUMULATE:
			return psprintf("cumulate %s by %s%s", weir_window_length_text(plan->size), weir_window_length_text(plan->slide), offset);
		case WEIR_TIME_SESSION:
			return psprintf("session %s", weir_window_length_text(plan->size));
		case WEIR_TIME_CALENDAR:
			return plan->zone ? psprintf("%s, %s", plan->unit, plan->zone) : pstrdup(plan->unit);
		case WEIR_TIME_COLUMN:
			break;
	}
	return pstrdup("of the rows");
}

static void
read_call(WeirLevel *level, WeirTimeWindowPlan *plan)
{
	FuncExpr   *call = level->time_call;

	plan->range = exprType(level->time_window);
	if (call == NULL)
		plan->window = WEIR_TIME_COLUMN;
	else if (weir_is_window_call((Node *) call))
		read_range(level, plan, call);
	else if (call->funcid == F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ ||
			 call->funcid == F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP)
		read_bin(level, plan, call);
	else
		read_trunc(level, plan, call);
}

/* Without the columns, aggregates and names of state. */
WeirTimeWindowPlan *
weir_level_window_plan(WeirLevel *level)
{
	WeirTimeWindowPlan *plan = palloc0(sizeof(WeirTimeWindowPlan));

	read_call(level, plan);
	plan->shape = shape_text(plan);
	plan->text = plan->lateness == 0 ? plan->shape :
		psprintf("%s, lateness %s", plan->shape, weir_window_length_text(plan->lateness));
	return plan;
}

/* Of another call. */
WeirTimeWindowPlan *
weir_level_call_plan(const WeirLevel *level, FuncExpr *call)
{
	WeirLevel	other = *level;

	other.time_call = call;
	other.time_window = (Node *) call;
	return weir_level_window_plan(&other);
}
