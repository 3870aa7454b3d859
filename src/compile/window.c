/*
 * compile/window.c
 *		GROUP BY key, ..., weir.count_window(size, slide, ttl).
 *
 * A keyed step without a function: the key is what else stands in GROUP BY, the
 * step's rows are one a window, its columns the query's aggregates.  Their
 * arguments and FILTERs become columns of (a); the select list and HAVING, in
 * which an aggregate is a column of the step and a key is a column of (a),
 * are computed by (c).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "compile/compile.h"

PG_FUNCTION_INFO_V1(weir_count_window);

#define WINDOW_HINT "Write GROUP BY key, weir.count_window(size) in a query whose FROM reads the stream."

/* Of a state's name, so that it fits the header of a chunk. */
#define NAME_LENGTH 200

Datum
weir_count_window(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("weir.count_window cannot be called outside the query of a job"),
			errhint("Pass the query to weir.create_job: INSERT INTO ... SELECT ... FROM stream GROUP BY key, weir.count_window(size)."));
	PG_RETURN_NULL();
}

/* ---- where it may stand ---- */

static void
refuse_call(WeirLevel *level, Node *call, const char *message, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s", message),
			errhint("%s", hint),
			weir_level_position(level, exprLocation(call)));
}

/* The entries of GROUP BY: at most one window. */
static void
find_in_group(WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, level->query->groupClause)
	{
		TargetEntry *entry = get_sortgroupclause_tle(lfirst(lc), level->query->targetList);

		if (!weir_compile_is_call((Node *) entry->expr, WEIR_COUNT_WINDOW))
			level->window_keys = lappend(level->window_keys, entry->expr);
		else if (level->window != NULL)
			refuse_call(level, (Node *) entry->expr, "more than one weir.count_window in GROUP BY is not supported",
						"Create a job for each window.");
		else if (!entry->resjunk)
			refuse_call(level, (Node *) entry->expr, "weir.count_window cannot be in the select list",
						"It has no value: count(*) says how many records are in a window.");
		else
			level->window = (FuncExpr *) entry->expr;
	}
}

static bool
grouping_walker(Node *node, Node **found)
{
	if (node == NULL)
		return false;
	if (IsA(node, GroupingFunc))
	{
		*found = node;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, grouping_walker, found, 0);
	return expression_tree_walker(node, grouping_walker, found);
}

static void
check_grouping(WeirLevel *level)
{
	Node	   *grouping = NULL;

	if (level->query->groupingSets != NIL)
		refuse_call(level, linitial(level->query->groupingSets),
					"GROUPING SETS, ROLLUP and CUBE cannot be used with weir.count_window",
					"Create a job for each set of keys.");
	if (grouping_walker((Node *) level->query->targetList, &grouping) ||
		grouping_walker(level->query->havingQual, &grouping))
		refuse_call(level, grouping, "GROUPING cannot be used with weir.count_window",
					"Leave it out: every row has all the keys.");
}

/* Finds the window; level->window stays NULL where there is none. */
void
weir_level_find_window(WeirLevel *level)
{
	ListCell   *lc;

	find_in_group(level);
	weir_level_refuse_in_views(level, WEIR_COUNT_WINDOW, "a window", WINDOW_HINT);
	foreach(lc, weir_level_calls(level, WEIR_COUNT_WINDOW))
		if (lfirst(lc) != level->window)
			refuse_call(level, lfirst(lc), "weir.count_window must be in GROUP BY of a query whose FROM reads a stream", WINDOW_HINT);
	if (level->window != NULL)
		check_grouping(level);
}

/* ---- its arguments ---- */

/* Where the text has this argument; the call where it is a default. */
static int
argument_location(FuncExpr *call, int number)
{
	ListCell   *lc;

	foreach(lc, call->args)
	{
		Node	   *arg = lfirst(lc);
		int			place = IsA(arg, NamedArgExpr) ? ((NamedArgExpr *) arg)->argnumber : foreach_current_index(lc);

		if (place == number && exprLocation(arg) >= 0)
			return exprLocation(arg);
	}
	return call->location;
}

static Const *
constant_argument(WeirLevel *level, FuncExpr *call, int number, const char *name)
{
	Node	   *arg = list_nth(call->args, number);

	if (!IsA(arg, Const))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("%s of weir.count_window must be a constant", name),
				errhint("Write a number or an interval: it is the same for all keys."),
				weir_level_position(level, argument_location(level->window, number)));
	return (Const *) arg;
}

static int64
count_argument(WeirLevel *level, FuncExpr *call, int number, const char *name)
{
	int64		value = DatumGetInt64(constant_argument(level, call, number, name)->constvalue);

	if (value <= 0 || value > PG_INT32_MAX)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s of weir.count_window is out of range", name),
				errdetail("It is " INT64_FORMAT ".", value),
				errhint("Set %s to a number of records from 1 to %d.", name, PG_INT32_MAX),
				weir_level_position(level, argument_location(level->window, number)));
	return value;
}

static void
read_arguments(WeirLevel *level, WeirCountWindowPlan *window)
{
	/* the call itself stays, being volatile: its arguments are completed and folded */
	FuncExpr   *call = castNode(FuncExpr, eval_const_expressions(NULL, (Node *) level->window));
	Const	   *ttl;

	if (constant_argument(level, call, 0, "size")->constisnull)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("size of weir.count_window must not be null"),
				errhint("Set size to a number of records."),
				weir_level_position(level, argument_location(level->window, 0)));
	window->size = count_argument(level, call, 0, "size");
	window->slide = window->size;
	if (!constant_argument(level, call, 1, "slide")->constisnull)
		window->slide = count_argument(level, call, 1, "slide");
	ttl = constant_argument(level, call, 2, "ttl");
	if (!ttl->constisnull)
	{
		window->ttl = DatumGetPointer(ttl->constvalue);
		window->ttl_type = ttl->consttype;
	}
}

/* ---- aggregates ---- */

/*
 * An argument is not evaluated where FILTER says no: an error in it would be
 * one too many.
 */
static Expr *
guarded(Expr *argument, Expr *filter)
{
	CaseExpr   *result;
	CaseWhen   *when;

	if (filter == NULL || IsA(argument, Var) || contain_volatile_functions((Node *) filter))
		return argument;
	when = makeNode(CaseWhen);
	when->expr = copyObject(filter);
	when->result = argument;
	when->location = -1;
	result = makeNode(CaseExpr);
	result->casetype = exprType((Node *) argument);
	result->casecollid = exprCollation((Node *) argument);
	result->args = list_make1(when);
	result->defresult = (Expr *) makeNullConst(result->casetype, exprTypmod((Node *) argument),
											   result->casecollid);
	result->location = exprLocation((Node *) argument);
	return (Expr *) result;
}

/* A column of (a) in place of an expression, unless it is constant. */
static Expr *
column_for(WeirLevel *level, Expr *expr, Expr *filter, const char *name)
{
	Node	   *folded = eval_const_expressions(NULL, (Node *) expr);
	AttrNumber	attno;

	if (IsA(folded, Const))
		return (Expr *) folded;
	attno = weir_level_row_column(level, (Node *) guarded(expr, filter), name);
	return (Expr *) makeVar(1, attno, exprType((Node *) expr), exprTypmod((Node *) expr),
							exprCollation((Node *) expr), 0);
}

static Aggref *
cut_aggregate(WeirLevel *level, Aggref *aggref)
{
	Aggref	   *cut = copyObject(aggref);
	ListCell   *lc;

	foreach(lc, cut->args)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		entry->expr = column_for(level, entry->expr, aggref->aggfilter, "argument");
	}
	foreach(lc, cut->aggdirectargs)
		lfirst(lc) = column_for(level, lfirst(lc), NULL, "argument");
	if (cut->aggfilter != NULL)
		cut->aggfilter = column_for(level, cut->aggfilter, NULL, "filter");
	return cut;
}

/* The step's column of an aggregate that stands so many queries below the level's. */
AttrNumber
weir_level_aggregate(WeirLevel *level, Aggref *aggref, int depth)
{
	Aggref	   *own = copyObject(aggref);
	ListCell   *lc;

	if (depth > 0)
		IncrementVarSublevelsUp((Node *) own, -depth, 0);
	foreach(lc, level->aggregates)
		if (equal(lfirst(lc), own))
			return foreach_current_index(lc) + 1;
	level->aggregates = lappend(level->aggregates, own);
	level->window_plan->aggregates = lappend(level->window_plan->aggregates, cut_aggregate(level, own));
	return list_length(level->aggregates);
}

/* ---- the step ---- */

static TupleDesc
aggregate_desc(List *aggregates)
{
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(aggregates));
	ListCell   *lc;

	foreach(lc, aggregates)
	{
		Aggref	   *aggref = lfirst_node(Aggref, lc);
		AttrNumber	attno = foreach_current_index(lc) + 1;

		TupleDescInitEntry(desc, attno, get_func_name(aggref->aggfnoid), aggref->aggtype, -1, 0);
		TupleDescInitEntryCollation(desc, attno, aggref->aggcollid);
	}
	TupleDescFinalize(desc);
	return desc;
}

static const char *
transition_type(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(function));
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", function);
	name = format_type_be_qualified(((Form_pg_aggregate) GETSTRUCT(tuple))->aggtranstype);
	ReleaseSysCache(tuple);
	return name;
}

static const char *
row_column_name(WeirLevel *level, Node *arg)
{
	return list_nth_node(TargetEntry, level->row_columns, ((Var *) arg)->varattno - 1)->resname;
}

/* What tells a window's state from that of other aggregates. */
static void
append_signature(WeirLevel *level, StringInfo text, Aggref *aggref)
{
	ListCell   *lc;

	appendStringInfo(text, "%s.%s %s%s%s%s:",
					 get_namespace_name(get_func_namespace(aggref->aggfnoid)),
					 get_func_name(aggref->aggfnoid), transition_type(aggref->aggfnoid),
					 aggref->aggdistinct ? " distinct" : "", aggref->aggorder ? " order" : "",
					 aggref->aggfilter ? " filter" : "");
	foreach(lc, aggref->args)
	{
		Node	   *arg = (Node *) lfirst_node(TargetEntry, lc)->expr;

		appendStringInfo(text, " %s %s", format_type_be_qualified(exprType(arg)),
						 IsA(arg, Var) ? row_column_name(level, arg) : "constant");
	}
	appendStringInfoChar(text, '\n');
}

/* A column of the stream or a table by its name, another one of (a) by its number. */
static const char *
argument_text(WeirLevel *level, Node *arg)
{
	AttrNumber	attno;

	if (!IsA(arg, Var))
		return deparse_expression(arg, NIL, false, false);
	attno = ((Var *) arg)->varattno;
	if (IsA(list_nth_node(TargetEntry, level->row_columns, attno - 1)->expr, Var))
		return quote_identifier(row_column_name(level, arg));
	return psprintf("$%d", attno);
}

static void
append_order(WeirLevel *level, StringInfo text, SortGroupClause *clause, List *args)
{
	Node	   *arg = get_sortgroupclause_expr(clause, args);
	bool		descending = clause->sortop == lookup_type_cache(exprType(arg), TYPECACHE_GT_OPR)->gt_opr;

	appendStringInfo(text, "%s%s", argument_text(level, arg), descending ? " DESC" : "");
	if (clause->nulls_first != descending)
		appendStringInfoString(text, clause->nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

/* For people: sum(f1), string_agg(f2, ','::text ORDER BY $4) FILTER (WHERE $5). */
static void
append_aggregate(WeirLevel *level, StringInfo text, Aggref *aggref)
{
	const char *separator = "";
	ListCell   *lc;

	appendStringInfo(text, "%s(%s", get_func_name(aggref->aggfnoid), aggref->aggdistinct ? "DISTINCT " : "");
	foreach(lc, AGGKIND_IS_ORDERED_SET(aggref->aggkind) ? aggref->aggdirectargs : NIL)
	{
		appendStringInfo(text, "%s%s", separator, argument_text(level, lfirst(lc)));
		separator = ", ";
	}
	foreach(lc, AGGKIND_IS_ORDERED_SET(aggref->aggkind) ? NIL : aggref->args)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (entry->resjunk)
			continue;
		appendStringInfo(text, "%s%s", separator, argument_text(level, (Node *) entry->expr));
		separator = ", ";
	}
	if (aggref->aggstar)
		appendStringInfoChar(text, '*');
	separator = AGGKIND_IS_ORDERED_SET(aggref->aggkind) ? ") WITHIN GROUP (ORDER BY " : " ORDER BY ";
	foreach(lc, aggref->aggorder)
	{
		appendStringInfoString(text, separator);
		append_order(level, text, lfirst(lc), aggref->args);
		separator = ", ";
	}
	appendStringInfoChar(text, ')');
	if (aggref->aggfilter)
		appendStringInfo(text, " FILTER (WHERE %s)", argument_text(level, (Node *) aggref->aggfilter));
}

static char *
aggregates_text(WeirLevel *level, List *aggregates)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	foreach(lc, aggregates)
	{
		if (text.len > 0)
			appendStringInfoString(&text, ", ");
		append_aggregate(level, &text, lfirst(lc));
	}
	return text.data;
}

static char *
window_text(const WeirCountWindowPlan *window)
{
	if (window->slide == window->size)
		return psprintf("count_window(" INT64_FORMAT ")", window->size);
	return psprintf("count_window(" INT64_FORMAT ", " INT64_FORMAT ")", window->size, window->slide);
}

/*
 * The name under which the state of the windows is kept: another window, or
 * other aggregates, do not find it.
 */
static char *
state_name(WeirLevel *level, const WeirCountWindowPlan *window)
{
	StringInfoData signature;
	char	   *name = psprintf("%s: %s", window->text, window->aggregates_text);
	ListCell   *lc;

	initStringInfo(&signature);
	foreach(lc, window->aggregates)
		append_signature(level, &signature, lfirst(lc));
	return psprintf("%.*s #%08x", pg_mbcliplen(name, strlen(name), NAME_LENGTH), name,
					hash_bytes((unsigned char *) signature.data, signature.len));
}

/* Before the cut: what the window is, and its key. */
void
weir_level_begin_window(WeirLevel *level)
{
	WeirCountWindowPlan *window = palloc0(sizeof(WeirCountWindowPlan));

	read_arguments(level, window);
	level->window_plan = window;
	level->keys = level->window_keys;
	/* one key for the whole stream */
	if (level->keys == NIL)
		level->keys = list_make1(makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(0), false, true));
}

/* When all of the query's aggregates have been found. */
void
weir_level_end_window(WeirLevel *level)
{
	WeirCountWindowPlan *window = level->window_plan;

	window->text = window_text(window);
	window->aggregates_text = aggregates_text(level, window->aggregates);
	window->state_name = state_name(level, window);
	level->result_desc = aggregate_desc(window->aggregates);
}
