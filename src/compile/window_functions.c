/*
 * compile/window_functions.c
 *		weir.tumble, hop, cumulate and session: the windows of a time, which in a job's
 *		GROUP BY the compiler reads instead (time_window.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/interval.h"
#include "base/timerange.h"
#include "compile/compile.h"
#include "decide/window.h"

PG_FUNCTION_INFO_V1(weir_tumble);
PG_FUNCTION_INFO_V1(weir_hop);
PG_FUNCTION_INFO_V1(weir_cumulate);
PG_FUNCTION_INFO_V1(weir_session_window);

static const char *const names[] = {
	[WEIR_TIME_TUMBLE] = "tumble",
	[WEIR_TIME_HOP] = "hop",
	[WEIR_TIME_CUMULATE] = "cumulate",
	[WEIR_TIME_SESSION] = "session",
};

/* ---- what is said of them, as the plan has it ---- */

static char *
interval_text(const Interval *interval)
{
	return DatumGetCString(DirectFunctionCall1(interval_out, PointerGetDatum(interval)));
}

/* A length in us: months have none. */
static int64
length_of(WeirTimeWindowKind window, const char *argument, const Interval *interval)
{
	int64		us;

	if (interval->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of weir.%s cannot have months", argument, names[window]),
				 errdetail("It is %s, and months differ in length.", interval_text(interval)),
				 errhint("Set %s in days or smaller units, or group by date_trunc('month', ...).", argument)));
	if (!weir_interval_length(interval, &us))
		ereport(ERROR,
				(errcode(ERRCODE_INTERVAL_FIELD_OVERFLOW),
				 errmsg("%s of weir.%s is out of range", argument, names[window]),
				 errdetail("It is %s.", interval_text(interval)),
				 errhint("Set a smaller %s.", argument)));
	return us;
}

static int64
positive(WeirTimeWindowKind window, const char *argument, const Interval *interval)
{
	int64		us = length_of(window, argument, interval);

	if (us <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of weir.%s must be above zero", argument, names[window]),
				 errdetail("It is %s.", interval_text(interval)),
				 errhint("Set %s to an interval such as '10 s'.", argument)));
	return us;
}

static void
set_lateness(WeirTimeWindowPlan *plan, const Interval *lateness)
{
	plan->lateness = length_of(plan->window, "lateness", lateness);
	if (plan->lateness < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lateness of weir.%s must not be negative", names[plan->window]),
				 errdetail("It is %s.", interval_text(lateness)),
				 errhint("Set lateness to an interval such as '1 min', or leave it out.")));
}

static void
check_cumulate(const WeirTimeWindowPlan *plan, const Interval *step, const Interval *size)
{
	if (plan->size % plan->slide != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("size of weir.cumulate must be a multiple of step"),
				 errdetail("Size is %s, step is %s.", interval_text(size), interval_text(step)),
				 errhint("Set size to a number of whole steps.")));
}

void
weir_window_read(WeirTimeWindowPlan *plan, const Interval *const *arguments)
{
	bool		steps = plan->window == WEIR_TIME_HOP || plan->window == WEIR_TIME_CUMULATE;

	switch (plan->window)
	{
		case WEIR_TIME_HOP:
			plan->size = positive(plan->window, "size", arguments[0]);
			plan->slide = positive(plan->window, "slide", arguments[1]);
			break;
		case WEIR_TIME_CUMULATE:
			plan->slide = positive(plan->window, "step", arguments[0]);
			plan->size = positive(plan->window, "size", arguments[1]);
			check_cumulate(plan, arguments[0], arguments[1]);
			break;
		case WEIR_TIME_SESSION:
			plan->size = plan->slide = positive(plan->window, "gap", arguments[0]);
			set_lateness(plan, arguments[1]);
			return;
		default:
			plan->size = plan->slide = positive(plan->window, "size", arguments[0]);
			break;
	}
	plan->offset = length_of(plan->window, "offset", arguments[steps ? 2 : 1]);
	set_lateness(plan, arguments[steps ? 3 : 2]);
}

/* ---- over a table ---- */

/* Arguments behind the time. */
static void
read_call(FunctionCallInfo fcinfo, WeirTimeWindowPlan *plan, WeirTimeWindowKind window)
{
	const Interval *arguments[4];

	for (int i = 1; i < PG_NARGS(); i++)
		arguments[i - 1] = PG_GETARG_INTERVAL_P(i);
	plan->window = window;
	plan->range = get_fn_expr_rettype(fcinfo->flinfo);
	if (plan->range != TSRANGEOID && plan->range != TSTZRANGEOID)
		elog(ERROR, "weir.%s called without its type", names[window]);
	weir_window_read(plan, arguments);
}

static Datum
window_ending(const WeirTimeWindowPlan *plan, const WeirWindowShape *shape, int64 end)
{
	return weir_timerange(plan->range, weir_window_start(shape, end), end);
}

Datum
weir_tumble(PG_FUNCTION_ARGS)
{
	int64		time = PG_GETARG_TIMESTAMPTZ(0);
	WeirTimeWindowPlan plan = {0};
	WeirWindowShape shape;

	read_call(fcinfo, &plan, WEIR_TIME_TUMBLE);
	if (TIMESTAMP_NOT_FINITE(time))
		PG_RETURN_NULL();
	shape = weir_time_window_shape(&plan);
	PG_RETURN_DATUM(window_ending(&plan, &shape, weir_window_first_end(&shape, time)));
}

/* The windows of one time, by their ends. */
typedef struct Windows
{
	WeirTimeWindowPlan plan;
	WeirWindowShape shape;
	int64		time;
	int64		next;			/* PG_INT64_MAX: there are no more */
} Windows;

static Windows *
begin_windows(FunctionCallInfo fcinfo, WeirTimeWindowKind window)
{
	Windows    *windows = palloc0(sizeof(Windows));

	windows->time = PG_GETARG_TIMESTAMPTZ(0);
	windows->next = PG_INT64_MAX;
	read_call(fcinfo, &windows->plan, window);
	windows->shape = weir_time_window_shape(&windows->plan);
	if (!TIMESTAMP_NOT_FINITE(windows->time) && weir_window_has(&windows->shape, windows->time))
		windows->next = weir_window_first_end(&windows->shape, windows->time);
	return windows;
}

static Datum
next_window(FunctionCallInfo fcinfo, WeirTimeWindowKind window)
{
	FuncCallContext *context;
	Windows    *windows;
	int64		end;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;

		context = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		context->user_fctx = begin_windows(fcinfo, window);
		MemoryContextSwitchTo(old);
	}
	context = SRF_PERCALL_SETUP();
	windows = context->user_fctx;
	end = windows->next;
	if (end == PG_INT64_MAX)
		SRF_RETURN_DONE(context);
	windows->next = weir_window_end_after(&windows->shape, windows->time, end);
	SRF_RETURN_NEXT(context, window_ending(&windows->plan, &windows->shape, end));
}

Datum
weir_hop(PG_FUNCTION_ARGS)
{
	return next_window(fcinfo, WEIR_TIME_HOP);
}

Datum
weir_cumulate(PG_FUNCTION_ARGS)
{
	return next_window(fcinfo, WEIR_TIME_CUMULATE);
}

Datum
weir_session_window(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("weir.session cannot be called outside GROUP BY of a job"),
			 errdetail("A session is made of many records: one alone does not say where it ends."),
			 errhint("Pass the query to weir.create_job: INSERT INTO ... SELECT ... FROM stream, LATERAL weir.session(ts, gap) w GROUP BY key, w.")));
	PG_RETURN_NULL();
}
