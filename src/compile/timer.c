/*
 * compile/timer.c
 *		The timers that a keyed function has declared, and their handlers: functions that
 *		get the key and the moment, and return what the keyed function does.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

#include "catalog/declared_state.h"
#include "compile/compile.h"

/* Where it says f. */
static int
position(WeirLevel *level)
{
	return weir_level_position(level, level->function_plan->call->location);
}

static void
handler_context(void *arg)
{
	errhint("Create the handler of timer \"%s\" again, or drop the timer with weir.drop_timer().", (char *) arg);
}

static Oid
find_handler(const WeirDeclaredState *row)
{
	ErrorContextCallback context = {error_context_stack, handler_context, row->name};
	Oid			function;

	error_context_stack = &context;
	function = DatumGetObjectId(DirectFunctionCall1(regprocedurein, CStringGetDatum(row->calls)));
	error_context_stack = context.previous;
	return function;
}

/* "bigint, timestamp with time zone" */
static char *
wanted_arguments(WeirLevel *level)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < level->nkeys; i++)
		appendStringInfo(&text, "%s, ", format_type_be(level->key[i].type));
	appendStringInfoString(&text, format_type_be(TIMESTAMPTZOID));
	return text.data;
}

static void
check_arguments(WeirLevel *level, const char *timer, Oid handler)
{
	Oid		   *types;
	int			n;
	bool		fits;

	(void) get_func_signature(handler, &types, &n);
	fits = n == level->nkeys + 1 && types[n - 1] == TIMESTAMPTZOID;
	for (int i = 0; fits && i < level->nkeys; i++)
		fits = IsBinaryCoercible(level->key[i].type, types[i]) && !IsPolymorphicType(types[i]);
	if (!fits)
		ereport(ERROR,
				errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("handler %s of timer \"%s\" does not take the key and a moment",
					   format_procedure(handler), timer),
				errdetail("The job would call it with (%s).", wanted_arguments(level)),
				errhint("Declare the timer with a handler of these arguments, or cast the columns in weir.key_by."),
				position(level));
}

static bool
same_columns(TupleDesc a, TupleDesc b)
{
	if (a->natts != b->natts)
		return false;
	for (int i = 0; i < a->natts; i++)
	{
		if (TupleDescAttr(a, i)->atttypid != TupleDescAttr(b, i)->atttypid)
			return false;
	}
	return true;
}

/* Does it return the rows that f does?  Of anonymous records its first call tells. */
static bool
returns_same(WeirLevel *level, Oid handler)
{
	const WeirFunctionPlan *plan = level->function_plan;
	TupleDesc	desc;
	Oid			type;

	switch (get_func_result_type(handler, &type, &desc))
	{
		case TYPEFUNC_COMPOSITE:
		case TYPEFUNC_COMPOSITE_DOMAIN:
			return !plan->scalar && same_columns(desc, level->result_desc);
		case TYPEFUNC_SCALAR:
			return plan->scalar && type == TupleDescAttr(level->result_desc, 0)->atttypid;
		case TYPEFUNC_RECORD:
			return level->function->funccolnames != NIL;
		default:
			return false;
	}
}

/* "TABLE (a integer, b text)" */
static char *
result_text(Oid function)
{
	StringInfoData text;
	TupleDesc	desc;
	Oid			type;

	if (get_func_result_type(function, &type, &desc) != TYPEFUNC_COMPOSITE || type != RECORDOID)
		return format_type_be(get_func_rettype(function));
	initStringInfo(&text);
	for (int i = 0; i < desc->natts; i++)
		appendStringInfo(&text, "%s%s %s", i > 0 ? ", " : "TABLE (", NameStr(TupleDescAttr(desc, i)->attname),
						 format_type_be(TupleDescAttr(desc, i)->atttypid));
	appendStringInfoChar(&text, ')');
	return text.data;
}

static void
check_result(WeirLevel *level, const char *timer, Oid handler)
{
	const WeirFunctionPlan *plan = level->function_plan;

	if (returns_same(level, handler))
		return;
	ereport(ERROR,
			errcode(ERRCODE_DATATYPE_MISMATCH),
			errmsg("handler %s of timer \"%s\" does not return what function %s does",
				   format_procedure(handler), timer, format_procedure(plan->function)),
			errdetail("It returns %s, where the function returns %s.", result_text(handler), result_text(plan->function)),
			errhint("What the handler returns goes on as rows of the function do: give it the same result type, or SETOF it."),
			position(level));
}

/* Its arguments are columns of a row of the key and the moment. */
static FuncExpr *
handler_call(WeirLevel *level, Oid handler)
{
	List	   *args = NIL;
	FuncExpr   *call;
	Oid			collation = InvalidOid;

	for (int i = 0; i < level->nkeys; i++)
	{
		const WeirKeyColumn *key = &level->key[i];

		args = lappend(args, makeVar(1, i + 1, key->type, -1, key->collation, 0));
		if (!OidIsValid(collation))
			collation = key->collation;
	}
	args = lappend(args, makeVar(1, level->nkeys + 1, TIMESTAMPTZOID, -1, InvalidOid, 0));
	call = makeFuncExpr(handler, get_func_rettype(handler), args, level->function_plan->call->funccollid,
						collation, COERCE_EXPLICIT_CALL);
	call->funcretset = get_func_retset(handler);
	return call;
}

static WeirTimerPlan *
timer_plan(WeirLevel *level, const WeirDeclaredState *row)
{
	Oid			handler = find_handler(row);
	WeirTimerPlan *timer = palloc(sizeof(WeirTimerPlan));
	WeirFunctionPlan *plan = palloc0(sizeof(WeirFunctionPlan));

	check_arguments(level, row->name, handler);
	check_result(level, row->name, handler);
	plan->function = handler;
	plan->call = handler_call(level, handler);
	plan->result = level->result_desc;
	plan->scalar = level->function_plan->scalar;
	timer->name = row->name;
	timer->arrival = strcmp(row->kind, WEIR_DECLARED_ARRIVAL_TIMER) == 0;
	timer->handler = plan;
	return timer;
}

static bool
is_timer(const WeirDeclaredState *row)
{
	return strcmp(row->kind, WEIR_DECLARED_EVENT_TIMER) == 0 ||
		strcmp(row->kind, WEIR_DECLARED_ARRIVAL_TIMER) == 0;
}

static bool
is_key(const WeirLevel *level, AttrNumber attno)
{
	for (int i = 0; i < level->nkeys; i++)
	{
		if (level->key[i].attno == attno)
			return true;
	}
	return false;
}

/* When a timer fires there is no row of the stream beside what the handler returns. */
static void
check_columns(WeirLevel *level)
{
	for (int i = 0; i < level->sink_desc->natts; i++)
	{
		int			source = level->sink_source[i];

		if (source <= 0 || is_key(level, source))
			continue;
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("column \"%s\" cannot stand beside the result of function %s, which has timers",
					   NameStr(TupleDescAttr(level->row_desc, source - 1)->attname),
					   format_procedure(level->function_plan->function)),
				errdetail("A handler's rows come of no row of the stream: beside them there is nothing but the key."),
				errhint("Let the function and its handlers return the column."),
				position(level));
	}
}

static void
check_clocks(WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, level->function_plan->timers)
	{
		const WeirTimerPlan *timer = lfirst(lc);

		if (timer->arrival)
			weir_level_use_arrival(level, level->function_plan->call->location);
		else
			weir_level_check_watermark(level, psprintf("timer \"%s\" of event time", timer->name),
									   level->function_plan->call->location);
	}
}

/* Needs what cut.c has made. */
void
weir_level_timers(WeirLevel *level)
{
	WeirFunctionPlan *plan = level->function_plan;
	int			n;
	WeirDeclaredState *rows = weir_declared_states(plan->function, &n);

	for (int i = 0; i < n; i++)
	{
		if (is_timer(&rows[i]))
			plan->timers = lappend(plan->timers, timer_plan(level, &rows[i]));
	}
	if (plan->timers == NIL)
		return;
	check_columns(level);
	check_clocks(level);
}
