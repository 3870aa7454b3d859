/*
 * compile/window.c
 *		GROUP BY key, ..., weir.count_window(size, slide, ttl).
 *
 * A keyed step without a function: the key is what else stands in GROUP BY, the
 * step's rows are one a window, its columns the query's aggregates (aggregates.c).
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "compile/compile.h"

PG_FUNCTION_INFO_V1(weir_count_window);

#define WINDOW_HINT "Write GROUP BY key, weir.count_window(size) in a query whose FROM reads the stream."

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
	weir_level_find_time_window(level);
	if (level->window == NULL)
		return;
	check_grouping(level);
	foreach(lc, level->window_keys)
		if (weir_compile_is_call(lfirst(lc), WEIR_RUNNING))
			refuse_call(level, lfirst(lc), "weir.running cannot stand beside weir.count_window", "Write weir.count_window(size, ttl => ...).");
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

/* ---- the step ---- */

static char *
window_text(const WeirCountWindowPlan *window)
{
	if (window->slide == window->size)
		return psprintf("count_window(" INT64_FORMAT ")", window->size);
	return psprintf("count_window(" INT64_FORMAT ", " INT64_FORMAT ")", window->size, window->slide);
}

/* Before the cut: what the window is, and its key. */
void
weir_level_begin_window(WeirLevel *level)
{
	WeirCountWindowPlan *window = palloc0(sizeof(WeirCountWindowPlan));

	read_arguments(level, window);
	level->window_plan = window;
	level->keys = level->window_keys;
	if (level->keys == NIL)
		level->keys = weir_level_single_key();
}

/* When all of the query's aggregates have been found. */
void
weir_level_end_window(WeirLevel *level)
{
	WeirCountWindowPlan *window = level->window_plan;

	window->text = window_text(window);
	window->aggregates = level->cut_aggregates;
	window->aggregates_text = weir_level_aggregates_text(level);
	window->state_name = weir_level_state_name(level, window->text, window->aggregates_text);
}
