/*
 * compile/rank.c
 *		row_number(), rank() and dense_rank() OVER (PARTITION BY key ORDER BY ...), and
 *		DISTINCT ON (distinct.c): a keyed step of the best rows of a key.
 *
 * Its rows are those that it gets, and a column a function.  When they are handed on
 * depends on the key and the sink:
 *
 *	complete	all rows of a key one part of which is a window, when that is over
 *	changes		what has changed since, when output is due: in the query of the INSERT,
 *				where the sink is an upsert on the key and the row number
 *	in order	each row, when the watermark has passed the time by which they are ordered
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "compile/compile.h"

bool
weir_is_ranked(const Query *query)
{
	return query->hasDistinctOn || query->hasWindowFuncs;
}

static void
refuse(WeirLevel *level, int location, const char *message, const char *detail, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s", message),
			detail ? errdetail("%s", detail) : 0,
			errhint("%s", hint),
			weir_level_position(level, location));
}

/* ---- window functions ---- */

static bool
function_walker(Node *node, List **functions)
{
	if (node == NULL)
		return false;
	if (IsA(node, WindowFunc))
		*functions = list_append_unique(*functions, node);
	return expression_tree_walker(node, function_walker, functions);
}

WindowClause *
weir_level_window_clause(WeirLevel *level, const WindowFunc *function)
{
	ListCell   *lc;

	foreach(lc, level->query->windowClause)
		if (lfirst_node(WindowClause, lc)->winref == function->winref)
			return lfirst(lc);
	elog(ERROR, "window clause not found");
}

/* All functions must be over one and the same partition and order. */
static WindowClause *
single_window(WeirLevel *level)
{
	WindowClause *window = weir_level_window_clause(level, linitial(level->rank_functions));
	ListCell   *lc;

	foreach(lc, level->rank_functions)
	{
		const WindowFunc *function = lfirst_node(WindowFunc, lc);
		const WindowClause *other = weir_level_window_clause(level, function);

		if (!equal(other->partitionClause, window->partitionClause) || !equal(other->orderClause, window->orderClause))
			refuse(level, function->location, "window functions over a stream must have one PARTITION BY and ORDER BY", NULL,
				   "Compute the others in a query round this one.");
	}
	return window;
}

static bool
rank_of(const WindowFunc *function, WeirRankBy *by)
{
	switch (function->winfnoid)
	{
		case F_ROW_NUMBER:
			*by = WEIR_RANK_ROW_NUMBER;
			return true;
		case F_RANK_:
			*by = WEIR_RANK_RANK;
			return true;
		case F_DENSE_RANK_:
			*by = WEIR_RANK_DENSE;
			return true;
		default:
			return false;
	}
}

/* A column a function, all bigint; the first that has a limit sets that of the rows. */
static void
take_functions(WeirLevel *level)
{
	WeirRankPlan *plan = level->rank_plan;
	int			n = list_length(level->rank_functions);

	plan->functions = palloc(sizeof(WeirRankBy) * n);
	plan->result = CreateTemplateTupleDesc(n);
	for (int i = 0; i < n; i++)
	{
		const WindowFunc *function = list_nth_node(WindowFunc, level->rank_functions, i);
		int			limit = weir_level_limit(level, function);

		(void) rank_of(function, &plan->functions[i]);
		TupleDescInitEntry(plan->result, i + 1, get_func_name(function->winfnoid), INT8OID, -1, 0);
		if (limit == PG_INT32_MAX || plan->limit < PG_INT32_MAX)
			continue;
		plan->limit = limit;
		plan->by = plan->functions[i];
	}
	TupleDescFinalize(plan->result);
}

static bool
are_ranks(List *functions)
{
	WeirRankBy	by;
	ListCell   *lc;

	foreach(lc, functions)
		if (!rank_of(lfirst_node(WindowFunc, lc), &by))
			return false;
	return true;
}

static void
begin_rank(WeirLevel *level)
{
	level->rank_plan = palloc0(sizeof(WeirRankPlan));
	level->rank_plan->limit = PG_INT32_MAX;
	take_functions(level);
}

static void
find_functions(WeirLevel *level)
{
	List	   *targets = level->query->targetList;
	WindowClause *window;

	(void) function_walker((Node *) targets, &level->rank_functions);
	window = single_window(level);
	level->rank_location = linitial_node(WindowFunc, level->rank_functions)->location;
	level->keys = get_sortgrouplist_exprs(window->partitionClause, targets);
	level->rank_order = window->orderClause;
	level->rank_exprs = get_sortgrouplist_exprs(window->orderClause, targets);
	if (level->keys == NIL)
		level->keys = weir_level_single_key();
	if (are_ranks(level->rank_functions))
		begin_rank(level);
	else
		weir_level_begin_over(level);
}

/* Finds whether it is one. */
void
weir_level_find_rank(WeirLevel *level)
{
	if (!weir_is_ranked(level->query))
		return;
	if (level->query->hasDistinctOn)
		weir_level_find_distinct(level);
	else
		find_functions(level);
	if (level->query->hasDistinctOn && level->query->hasWindowFuncs)
		refuse(level, level->rank_location, "DISTINCT ON and a window function in one query over a stream are not supported",
			   NULL, "Put the one that comes first into a subquery in FROM.");
	if (weir_level_is_grouped(level))
		refuse(level, level->rank_location, psprintf("%s in a query over a stream that has aggregates is not supported",
													  level->query->hasDistinctOn ? "DISTINCT ON" : "a window function"),
			   NULL, "Put the aggregates into a subquery in FROM.");
}

/* ---- the step ---- */

/* What tells the state of the step from that of another. */
static char *
state_name(WeirLevel *level, const char *kind)
{
	char	   *name = psprintf("%s: %s", kind, level->rank_plan->order_text);
	StringInfoData signature;

	initStringInfo(&signature);
	weir_level_append_row_columns(level, &signature, "", "\n");
	appendStringInfo(&signature, "%d %d %d", level->rank_plan->by, level->rank_plan->limit, level->rank_plan->emission);
	return weir_step_state_name(name, signature.data);
}

/* Is a row of the one time and the others apart: is the last one wanted? */
static bool
wants_last(const WeirLevel *level)
{
	Oid			type = list_length(level->rank_exprs) == 1 ? exprType(linitial(level->rank_exprs)) : InvalidOid;

	return level->rank_plan->limit == 1 && (type == TIMESTAMPTZOID || type == TIMESTAMPOID) &&
		weir_level_is_descending(linitial(level->rank_order), linitial(level->rank_exprs));
}

static const char *
what(const WeirLevel *level)
{
	return level->rank_plan->distinct ? "DISTINCT ON" : "a window function";
}

static bool
is_upsert(const WeirLevel *level)
{
	const OnConflictExpr *conflict = level->c->insert->onConflict;

	return level->parent == NULL && conflict != NULL && conflict->action == ONCONFLICT_UPDATE;
}

/* The window, or its end, in the key; -1: there is none. */
static int
window_key(const WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, level->keys)
	{
		Node	   *bound = weir_bound_of(lfirst(lc));

		if (weir_expr_is_window(level, lfirst(lc)) ||
			(bound != NULL && ((FuncExpr *) lfirst(lc))->funcid == F_UPPER_ANYRANGE && weir_expr_is_window(level, bound)))
			return foreach_current_index(lc);
	}
	return -1;
}

static void
be_complete(WeirLevel *level, int key)
{
	weir_level_check_watermark(level, "a window", level->rank_location);
	level->rank_plan->emission = WEIR_RANK_COMPLETE;
	level->rank_plan->time = list_nth_int(level->key_columns, key);
	level->rank_plan->hold = weir_level_complete_hold(level, list_nth(level->keys, key));
	weir_level_wait_for(level, list_nth(level->keys, key));
}

static void
be_changes(WeirLevel *level)
{
	WeirRankPlan *plan = level->rank_plan;

	if (plan->limit == PG_INT32_MAX)
		refuse(level, level->rank_location, "a window function over a stream needs a limit where rows are written by an upsert",
			   "All rows of a key would have to be kept, and written again with each that comes.",
			   "Add a condition to the query round this one, as in WHERE rn <= 10.");
	if (plan->by != WEIR_RANK_ROW_NUMBER || list_length(level->rank_functions) > 1)
		refuse(level, level->rank_location, "rank() and dense_rank() over a stream are not supported without a window of time",
			   "Rows with the same rank would take each other's place.", "Use row_number().");
	plan->emission = WEIR_RANK_CHANGES;
}

/* Is the order nothing but a time, the earliest first? */
bool
weir_level_is_in_order(const WeirLevel *level)
{
	const SortGroupClause *clause;
	Oid			type;

	if (list_length(level->rank_exprs) != 1)
		return false;
	clause = linitial_node(SortGroupClause, level->rank_order);
	type = exprType(linitial(level->rank_exprs));
	return (type == TIMESTAMPTZOID || type == TIMESTAMPOID) && !clause->nulls_first &&
		!weir_level_is_descending(clause, linitial(level->rank_exprs));
}

static void
be_in_order(WeirLevel *level)
{
	WeirRankPlan *plan = level->rank_plan;

	for (int i = 0; i < list_length(level->rank_functions); i++)
		if (plan->functions[i] == WEIR_RANK_DENSE)
			refuse(level, level->rank_location, "dense_rank() over a stream is not supported without a window of time", NULL,
				   "Use row_number() or rank().");
	weir_level_check_watermark(level, plan->distinct ? "DISTINCT ON" : "a window function", level->rank_location);
	/* rows of equal rank are not counted one by one */
	if (plan->by != WEIR_RANK_ROW_NUMBER)
		plan->limit = PG_INT32_MAX;
	plan->emission = WEIR_RANK_IN_ORDER;
	plan->hold = weir_level_time_hold(level, linitial(level->rank_exprs), &plan->passes_hold);
}

static void
choose_emission(WeirLevel *level)
{
	int			window = window_key(level);

	if (window >= 0)
		be_complete(level, window);
	else if (is_upsert(level) && (level->rank_plan->limit < PG_INT32_MAX || !weir_level_is_in_order(level)))
		be_changes(level);
	else if (weir_level_is_in_order(level))
		be_in_order(level);
	else
		refuse(level, level->rank_location, psprintf("%s over a stream must be written by an upsert on its key", what(level)),
			   "What it hands on takes the place of what it handed on before, which only a table can follow.",
			   "Write ON CONFLICT (...) DO UPDATE SET ... in the INSERT whose query this is, or order by a time alone, the earliest first, or rank the rows of a window of time.");
}

/* When the key is known: in what order its rows stand, and when they are handed on. */
void
weir_level_cut_rank(WeirLevel *level)
{
	WeirRankPlan *plan = level->rank_plan;

	choose_emission(level);
	weir_level_order(level, plan);
	plan->last_first = wants_last(level);
	if (plan->emission == WEIR_RANK_IN_ORDER)
		plan->time = plan->columns[0].attno;
	plan->hold_text = weir_window_length_text(plan->hold);
	level->result_desc = plan->result;
}

/* When all columns of (a) are known. */
void
weir_level_end_rank(WeirLevel *level)
{
	level->rank_plan->state_name = state_name(level, level->rank_plan->distinct ? "distinct" : "rank");
}

/* The step's column of a function. */
AttrNumber
weir_level_rank_column(WeirLevel *level, const Node *node)
{
	ListCell   *lc;

	foreach(lc, level->rank_functions)
		if (equal(lfirst(lc), node))
			return foreach_current_index(lc) + 1;
	elog(ERROR, "window function not found");
}
