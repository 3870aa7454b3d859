/*
 * api/state/timer.c
 *		Timers: declared with weir.create_timer, set and cleared by the keyed function.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/timestamp.h"

#include "api/state/access.h"
#include "api/state/state.h"
#include "base/compat.h"
#include "catalog/name.h"
#include "state/current.h"
#include "state/function.h"
#include "state/kinds/timers.h"
#include "state/kinds/value.h"

PG_FUNCTION_INFO_V1(weir_create_timer);
PG_FUNCTION_INFO_V1(weir_drop_timer);
PG_FUNCTION_INFO_V1(weir_timer_set);
PG_FUNCTION_INFO_V1(weir_timer_clear);

static const char *
clock_kind(const char *clock)
{
	if (strcmp(clock, "event") == 0)
		return WEIR_DECLARED_EVENT_TIMER;
	if (strcmp(clock, "arrival") == 0)
		return WEIR_DECLARED_ARRIVAL_TIMER;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown clock \"%s\" of a timer", clock),
			 errhint("Use 'event' for the time that records bear, or 'arrival' for that of their arrival.")));
}

/* Its key is a matter of the job, which checks the rest. */
static Oid
find_handler(const char *signature, const WeirDeclaredState *row)
{
	Oid			handler = weir_function_of(signature, "handler");
	Oid		   *types;
	int			n;

	if (get_func_prokind(handler) != PROKIND_FUNCTION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("handler %s of timer \"%s\" is not an ordinary function", format_procedure(handler),
						row->name),
				 errhint("Procedures, aggregates and window functions are no handlers: name a function.")));
	(void) get_func_signature(handler, &types, &n);
	if (n < 2 || types[n - 1] != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("handler %s of timer \"%s\" does not take a key and a moment", format_procedure(handler),
						row->name),
				 errhint("Give it the columns of the key as arguments, and then a timestamptz.")));
	if (get_func_rettype(handler) != get_func_rettype(row->function))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("handler %s of timer \"%s\" does not return what function %s does",
						format_procedure(handler), row->name, format_procedure(row->function)),
				 errdetail("It returns %s, where the function returns %s.",
						   format_type_be(get_func_rettype(handler)),
						   format_type_be(get_func_rettype(row->function))),
				 errhint("What the handler returns goes on as rows of the function do: give it the same result type, or SETOF it.")));
	return handler;
}

Datum
weir_create_timer(PG_FUNCTION_ARGS)
{
	WeirDeclaredState row;
	int			guc_nest = weir_session_guard();

	weir_begin_declaration(&row, fcinfo, "weir.create_timer()");
	row.kind = clock_kind(weir_required_text(fcinfo, 3, "clock"));
	row.type = weir_type_name(TIMESTAMPTZOID, -1);
	row.calls = weir_function_name(find_handler(weir_required_text(fcinfo, 2, "handler"), &row));
	weir_fill_ttl(&row, NULL);
	if (!weir_declared_insert(&row))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("timer or state \"%s\" of function %s already exists", row.name,
						format_procedure(row.function)),
				 errhint("Drop it first with weir.drop_timer() or weir.drop_state(), or choose another name.")));
	weir_session_unguard(guc_nest);
	PG_RETURN_VOID();
}

Datum
weir_drop_timer(PG_FUNCTION_ARGS)
{
	WeirDeclaredFound found;
	char	   *signature = weir_required_text(fcinfo, 0, "function");
	char	   *name = weir_required_text(fcinfo, 1, "name");
	WeirStateKind kind;

	weir_prevent_read_only("weir.drop_timer()");
	weir_find_declared(signature, name, &found);
	if (!weir_state_kind_parse(found.kind, &kind) || !weir_is_timer(kind))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" of function %s is %s state, no timer", name, signature, found.kind),
				 errhint("Drop it with weir.drop_state().")));
	weir_declared_delete(&found, name);
	PG_RETURN_VOID();
}

static WeirState *
current_timer(FunctionCallInfo fcinfo, const char *caller)
{
	text	   *name;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of a timer must not be null"),
				 errhint("Call %s with the name of a declared timer.", caller)));
	name = PG_GETARG_TEXT_PP(0);
	return weir_current_timer(caller, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
}

static int64
moment(FunctionCallInfo fcinfo, const char *caller, const WeirState *timer)
{
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the moment of timer \"%s\" must not be null", weir_state_decl(timer)->name),
				 errhint("Call %s with a timestamptz, or not at all.", caller)));
	weir_timers_check(timer, PG_GETARG_TIMESTAMPTZ(1));
	return PG_GETARG_TIMESTAMPTZ(1);
}

Datum
weir_timer_set(PG_FUNCTION_ARGS)
{
	WeirState  *timer = current_timer(fcinfo, "weir.timer_set()");

	weir_timers_set(timer, moment(fcinfo, "weir.timer_set()", timer));
	PG_RETURN_VOID();
}

/* Without a moment all of them. */
Datum
weir_timer_clear(PG_FUNCTION_ARGS)
{
	WeirState  *timer = current_timer(fcinfo, "weir.timer_clear()");

	if (PG_NARGS() == 1)
		weir_value_remove(timer);
	else
		weir_timers_clear(timer, moment(fcinfo, "weir.timer_clear()", timer));
	PG_RETURN_VOID();
}
