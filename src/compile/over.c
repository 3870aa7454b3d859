/*
 * compile/over.c
 *		Window functions OVER (PARTITION BY key ORDER BY time ROWS or RANGE BETWEEN ...
 *		AND CURRENT ROW): aggregates, row_number() and lag().
 *
 * A keyed step whose rows are those that it gets, and a column a function.  What goes over
 * all rows of a key so far, as what has no frame does, is kept as running aggregates are;
 * of the others each frame that differs is computed for itself.
 */
#include "postgres.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "compile/compile.h"

/* Of rows before one. */
#define MOST_ROWS 1000000

static void
refuse(WeirLevel *level, const WindowFunc *function, const char *message, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s", message),
			errhint("%s", hint),
			weir_level_position(level, function->location));
}

/* Its order is looked at when the key is. */
void
weir_level_begin_over(WeirLevel *level)
{
	level->over_plan = palloc0(sizeof(WeirOverPlan));
}

/* ---- frames ---- */

/* NULL: it is none, or null. */
static Const *
constant(Node *node)
{
	Const	   *folded = node ? (Const *) eval_const_expressions(NULL, (Node *) copyObject(node)) : NULL;

	return folded != NULL && IsA(folded, Const) && !folded->constisnull ? folded : NULL;
}

static void
check_frame(WeirLevel *level, const WindowFunc *function, int options)
{
	if (options & FRAMEOPTION_GROUPS)
		refuse(level, function, "GROUPS in a frame over a stream is not supported", "Use ROWS or RANGE.");
	if (options & FRAMEOPTION_EXCLUSION)
		refuse(level, function, "EXCLUDE in a frame over a stream is not supported", "Leave it out.");
	if (!(options & FRAMEOPTION_END_CURRENT_ROW))
		refuse(level, function, "a frame over a stream must end with the current row", "Write AND CURRENT ROW.");
	if (options & (FRAMEOPTION_START_OFFSET_FOLLOWING | FRAMEOPTION_START_UNBOUNDED_FOLLOWING))
		refuse(level, function, "a frame over a stream must begin before the current row", "Write UNBOUNDED PRECEDING, or so much PRECEDING.");
}

static int64
rows_before(WeirLevel *level, const WindowFunc *function, Node *offset)
{
	Const	   *value = constant(offset);
	int64		rows = -1;

	if (value != NULL && value->consttype == INT8OID)
		rows = DatumGetInt64(value->constvalue);
	else if (value != NULL && value->consttype == INT4OID)
		rows = DatumGetInt32(value->constvalue);
	if (rows < 0 || rows > MOST_ROWS)
		refuse(level, function, psprintf("a number of rows before the current one must be a constant from 0 to %d", MOST_ROWS), "Write it as a number.");
	return rows;
}

static Interval *
time_before(WeirLevel *level, const WindowFunc *function, Node *offset)
{
	Const	   *value = constant(offset);
	Interval	none = {0};

	if (value == NULL || value->consttype != INTERVALOID ||
		DatumGetInt32(DirectFunctionCall2(interval_cmp, value->constvalue, IntervalPGetDatum(&none))) < 0)
		refuse(level, function, "a time before the current row must be a constant interval that is not negative", "Write it as in '10 s'.");
	return DatumGetIntervalP(copyObject(value)->constvalue);
}

/* As long as it may be: months of 31 days, days of 25 hours. */
static int64
longest(WeirLevel *level, const WindowFunc *function, const Interval *length)
{
	int64		days = (int64) length->month * 31 + length->day;

	if (days > 36525 || days < -36525 || length->time > USECS_PER_DAY * INT64CONST(36525))
		refuse(level, function, "a frame over a stream is longer than a hundred years", "Write UNBOUNDED PRECEDING.");
	return days * 25 * USECS_PER_HOUR + length->time;
}

static bool
is_frame(const WeirOverFrame *frame, bool range, int64 rows, const Interval *length)
{
	return frame->range == range && frame->rows == rows &&
		(!range || memcmp(frame->length, length, sizeof(Interval)) == 0);
}

/* The number of this frame, made if there is none yet. */
static int
frame_number(WeirLevel *level, bool range, int64 rows, Interval *length)
{
	WeirOverPlan *plan = level->over_plan;
	WeirOverFrame *frame;

	for (int i = 0; i < plan->nframes; i++)
		if (is_frame(&plan->frames[i], range, rows, length))
			return i;
	if (plan->frames == NULL)
		plan->frames = palloc(sizeof(WeirOverFrame) * list_length(level->rank_functions));
	frame = &plan->frames[plan->nframes];
	frame->range = range;
	frame->rows = rows;
	frame->length = length;
	frame->aggregates = NIL;
	return plan->nframes++;
}

/* ---- functions ---- */

static Aggref *
as_aggregate(const WindowFunc *function)
{
	Aggref	   *aggref = makeNode(Aggref);
	ListCell   *lc;

	aggref->aggfnoid = function->winfnoid;
	aggref->aggtype = function->wintype;
	aggref->aggcollid = function->wincollid;
	aggref->inputcollid = function->inputcollid;
	foreach(lc, function->args)
	{
		aggref->aggargtypes = lappend_oid(aggref->aggargtypes, exprType(lfirst(lc)));
		aggref->args = lappend(aggref->args, makeTargetEntry((Expr *) copyObject(lfirst(lc)),
															 list_length(aggref->args) + 1, NULL, false));
	}
	aggref->aggfilter = copyObject(function->aggfilter);
	aggref->aggstar = function->winstar;
	aggref->aggkind = AGGKIND_NORMAL;
	aggref->aggno = aggref->aggtransno = -1;
	aggref->location = function->location;
	return aggref;
}

static Aggref *
count_rows(void)
{
	Aggref	   *aggref = makeNode(Aggref);

	aggref->aggfnoid = F_COUNT_;
	aggref->aggtype = INT8OID;
	aggref->aggstar = true;
	aggref->aggkind = AGGKIND_NORMAL;
	aggref->aggno = aggref->aggtransno = -1;
	aggref->location = -1;
	return aggref;
}

/* The number of the aggregate in the list, to which it is added if it is not there. */
static int
aggregate_number(WeirLevel *level, List **aggregates, Aggref *aggref)
{
	Aggref	   *cut = weir_level_cut_aggregate(level, aggref);
	ListCell   *lc;

	foreach(lc, *aggregates)
		if (equal(lfirst(lc), cut))
			return foreach_current_index(lc);
	*aggregates = lappend(*aggregates, cut);
	return list_length(*aggregates) - 1;
}

static void
take_all(WeirLevel *level, WeirOverFunction *to, Aggref *aggref, bool by_time)
{
	to->kind = by_time ? WEIR_OVER_ALL_OF_TIME : WEIR_OVER_ALL;
	to->aggregate = aggregate_number(level, &level->over_plan->aggregates, aggref);
}

static void
take_frame(WeirLevel *level, WeirOverFunction *to, const WindowFunc *function, const WindowClause *window)
{
	WeirOverPlan *plan = level->over_plan;
	bool		range = (window->frameOptions & FRAMEOPTION_RANGE) != 0;
	bool		offset = (window->frameOptions & FRAMEOPTION_START_OFFSET_PRECEDING) != 0;
	int64		rows = 0;
	Interval   *length = palloc0(sizeof(Interval));

	if (offset && range)
		length = time_before(level, function, window->startOffset);
	else if (offset)
		rows = rows_before(level, function, window->startOffset);
	to->kind = WEIR_OVER_FRAME;
	to->frame = frame_number(level, range, rows, length);
	to->aggregate = aggregate_number(level, &plan->frames[to->frame].aggregates, as_aggregate(function));
	plan->kept_rows = Max(plan->kept_rows, rows);
	if (range)
		plan->kept_time = Max(plan->kept_time, longest(level, function, length));
}

static void
take_aggregate(WeirLevel *level, WeirOverFunction *to, const WindowFunc *function)
{
	const WindowClause *window = weir_level_window_clause(level, function);
	int			options = window->frameOptions;

	check_frame(level, function, options);
	if (options & FRAMEOPTION_START_UNBOUNDED_PRECEDING)
		take_all(level, to, as_aggregate(function), (options & FRAMEOPTION_RANGE) != 0);
	else
		take_frame(level, to, function, window);
}

static void
take_lag(WeirLevel *level, WeirOverFunction *to, const WindowFunc *function)
{
	to->kind = WEIR_OVER_LAG;
	to->rows = list_length(function->args) < 2 ? 1 : rows_before(level, function, lsecond(function->args));
	to->column = weir_level_row_column(level, linitial(function->args), "lag");
	level->over_plan->kept_rows = Max(level->over_plan->kept_rows, to->rows);
}

static void
take_function(WeirLevel *level, WeirOverFunction *to, const WindowFunc *function)
{
	switch (function->winfnoid)
	{
		case F_ROW_NUMBER:
			take_all(level, to, count_rows(), false);
			return;
		case F_LAG_ANYELEMENT:
		case F_LAG_ANYELEMENT_INT4:
			take_lag(level, to, function);
			return;
		default:
			if (function->winagg)
				take_aggregate(level, to, function);
			else
				refuse(level, function, psprintf("%s() over a stream is not supported beside other window functions, or without a window of time",
												 get_func_name(function->winfnoid)),
					   "Use aggregates, row_number(), or lag() without a default; rank() alone.");
	}
}

/* ---- the step ---- */

static void
append_frame(StringInfo text, const WeirOverFrame *frame)
{
	if (frame->range)
		appendStringInfo(text, " RANGE '%s' PRECEDING",
						 DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(frame->length))));
	else
		appendStringInfo(text, " ROWS " INT64_FORMAT " PRECEDING", frame->rows);
}

static void
append_function(WeirLevel *level, StringInfo text, const WeirOverFunction *function)
{
	const WeirOverPlan *plan = level->over_plan;

	if (function->kind == WEIR_OVER_LAG)
		appendStringInfo(text, "lag(%s, " INT64_FORMAT ")",
						 quote_identifier(list_nth_node(TargetEntry, level->row_columns, function->column - 1)->resname), function->rows);
	else if (function->kind == WEIR_OVER_FRAME)
	{
		weir_level_append_aggregate(level, text, list_nth(plan->frames[function->frame].aggregates, function->aggregate));
		append_frame(text, &plan->frames[function->frame]);
	}
	else
	{
		weir_level_append_aggregate(level, text, list_nth(plan->aggregates, function->aggregate));
		if (function->kind == WEIR_OVER_ALL)
			appendStringInfoString(text, " ROWS UNBOUNDED PRECEDING");
	}
}

static char *
functions_text(WeirLevel *level)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < list_length(level->rank_functions); i++)
	{
		if (i > 0)
			appendStringInfoString(&text, ", ");
		append_function(level, &text, &level->over_plan->functions[i]);
	}
	return text.data;
}

static TupleDesc
function_desc(List *functions)
{
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(functions));
	ListCell   *lc;

	foreach(lc, functions)
	{
		const WindowFunc *function = lfirst_node(WindowFunc, lc);
		AttrNumber	attno = foreach_current_index(lc) + 1;

		TupleDescInitEntry(desc, attno, get_func_name(function->winfnoid), function->wintype, -1, 0);
		TupleDescInitEntryCollation(desc, attno, function->wincollid);
	}
	TupleDescFinalize(desc);
	return desc;
}

static void
check_order(WeirLevel *level)
{
	if (!weir_level_is_in_order(level))
		refuse(level, linitial(level->rank_functions), "window functions over a stream must be ordered by a time",
			   "Write OVER (PARTITION BY key ORDER BY ts), of type timestamptz or timestamp, the earliest first; row_number(), rank() and dense_rank() may have another order.");
	weir_level_check_watermark(level, "a window function", level->rank_location);
}

void
weir_level_cut_over(WeirLevel *level)
{
	WeirOverPlan *plan = level->over_plan;
	ListCell   *lc;

	check_order(level);
	plan->time = weir_level_row_column(level, linitial(level->rank_exprs), "time");
	plan->time_text = list_nth_node(TargetEntry, level->row_columns, plan->time - 1)->resname;
	plan->kept_time = -1;
	plan->hold = weir_level_time_hold(level, linitial(level->rank_exprs), &plan->passes_hold);
	plan->hold_text = weir_window_length_text(plan->hold);
	plan->functions = palloc0(sizeof(WeirOverFunction) * list_length(level->rank_functions));
	foreach(lc, level->rank_functions)
		take_function(level, &plan->functions[foreach_current_index(lc)], lfirst_node(WindowFunc, lc));
	plan->result = function_desc(level->rank_functions);
	level->result_desc = plan->result;
}

/* When all columns of (a) are known. */
void
weir_level_end_over(WeirLevel *level)
{
	WeirOverPlan *plan = level->over_plan;
	char	   *text = functions_text(level);
	StringInfoData signature;

	initStringInfo(&signature);
	appendStringInfoString(&signature, text);
	weir_level_append_row_columns(level, &signature, "\n", "");
	plan->text = text;
	plan->state_name = weir_step_state_name(psprintf("over %s: %s", plan->time_text, text), signature.data);
}
