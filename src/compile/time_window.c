/*
 * compile/time_window.c
 *		GROUP BY key, ..., a window of event time.
 *
 * A keyed step without a function: its rows are one a window and key, the window their
 * first column, the query's aggregates the others (aggregates.c).  The window is
 *
 *		w of FROM stream, LATERAL weir.tumble(ts, '10 s') w
 *		weir.tumble(ts, '10 s') itself
 *		date_bin(...) or date_trunc(...) of a time that the watermark is of
 *		a column that one of these is in a query below
 *		columns that are its bounds there (window_bounds.c)
 *
 * and stands in GROUP BY as it is, or as its lower() and upper().  What else there is
 * computed of nothing but the window is no key: (c) computes it.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "compile/compile.h"

#define GROUP_HINT "Write FROM stream, LATERAL weir.tumble(ts, size) w GROUP BY key, w."

/* ---- what is the window ---- */

/* Is it the window of a row, in an expression so many queries below the level's? */
bool
weir_level_is_time_window(const WeirLevel *level, Node *node, int depth)
{
	const Var  *window = (const Var *) level->time_window;
	const Var  *var = (const Var *) node;

	if (window == NULL || node == NULL || nodeTag(node) != nodeTag(window))
		return false;
	if (!IsA(node, Var))
		return depth == 0 && equal(node, window);
	return var->varno == window->varno && var->varattno == window->varattno && var->varlevelsup == depth;
}

static Node *
entry_expr(const WeirLevel *level, const SortGroupClause *clause)
{
	return (Node *) get_sortgroupclause_tle((SortGroupClause *) clause, level->query->targetList)->expr;
}

/* The window that an expression of GROUP BY is, or is a bound of; NULL: none. */
static Node *
window_in(const WeirLevel *level, Node *expr)
{
	Node	   *within = weir_bound_of(expr);

	if (within == NULL)
		within = expr;
	return weir_expr_is_window(level, within) ? within : NULL;
}

static void
refuse_second(WeirLevel *level, Node *second)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("more than one window of event time in GROUP BY is not supported"),
			errhint("Group by one of them, and by the other in a query round it."),
			weir_level_position(level, exprLocation(second)));
}

static void
find_ranges(WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, level->query->groupClause)
	{
		Node	   *expr = entry_expr(level, lfirst(lc));
		Node	   *window = window_in(level, expr);

		if (window == NULL)
			continue;
		if (level->time_window != NULL && !equal(window, level->time_window))
			refuse_second(level, expr);
		level->time_window = window;
	}
}

static bool
is_constant(Node *node)
{
	return IsA(eval_const_expressions(NULL, copyObject(node)), Const);
}

/* Are all arguments but the time constant? */
static bool
has_constants(const FuncExpr *call)
{
	return is_constant(linitial(call->args)) &&
		(list_length(call->args) < 3 || is_constant(lthird(call->args)));
}

/* date_bin and date_trunc: two of them are keys of a running aggregate. */
static void
find_cut_time(WeirLevel *level)
{
	Node	   *found = NULL;
	FuncExpr   *call = NULL;
	int			count = 0;
	ListCell   *lc;

	foreach(lc, level->query->groupClause)
	{
		Node	   *expr = entry_expr(level, lfirst(lc));
		FuncExpr   *cut = weir_expr_cut_time(level, expr);

		if (cut == NULL || !has_constants(cut))
			continue;
		count++;
		found = expr;
		call = cut;
	}
	if (count != 1)
		return;
	level->time_window = found;
	level->time_call = call;
	level->time = IsA(found, Var) ? found : lsecond(call->args);
}

static void
describe_range(WeirLevel *level)
{
	Var		   *var = (Var *) level->time_window;

	if (!IsA(var, Var))
		level->time_call = (FuncExpr *) var;
	else if ((level->time_call = weir_window_entry_call(rt_fetch(var->varno, level->query->rtable))) != NULL)
		level->time_entry = var->varno;
	if (level->time_call != NULL)
		level->time = weir_call_time(level->time_call);
}

/* Who says so wants a running aggregate, and windows as keys. */
static bool
has_running_call(const WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, level->query->groupClause)
		if (weir_compile_is_call(entry_expr(level, lfirst(lc)), WEIR_RUNNING))
			return true;
	return false;
}

/* weir.session has a value in GROUP BY only. */
static void
check_sessions(WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, weir_level_calls(level, WEIR_SESSION))
		if (level->time_call == NULL || !equal(lfirst(lc), level->time_call))
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("weir.session must be in GROUP BY of the query that calls it"),
					errdetail("A session is made of many records: one alone does not say where it ends."),
					errhint("Write FROM stream, LATERAL weir.session(ts, gap) w GROUP BY key, w."),
					weir_level_position(level, exprLocation(lfirst(lc))));
}

/* Finds the window; a count window has been looked for before. */
void
weir_level_find_time_window(WeirLevel *level)
{
	if (level->window == NULL && !has_running_call(level))
	{
		find_ranges(level);
		if (level->time_window != NULL)
			describe_range(level);
		else
			weir_level_find_bounds(level);
		if (level->time_window == NULL)
			find_cut_time(level);
	}
	check_sessions(level);
	level->function_index = level->time_entry;
}

/* ---- what else stands in GROUP BY ---- */

static Node *
without_window(Node *node, WeirLevel *level)
{
	if (node == NULL)
		return NULL;
	if (weir_level_is_time_window(level, node, 0) || weir_level_is_window_bound(level, node))
		return (Node *) makeNullConst(exprType(node), exprTypmod(node), exprCollation(node));
	return expression_tree_mutator(node, without_window, level);
}

/* Is it computed of the window, and of nothing else but constants? */
static bool
is_of_window(WeirLevel *level, Node *expr)
{
	Node	   *rest = without_window(expr, level);

	return !equal(rest, expr) && !contain_var_clause(rest) && !contain_volatile_functions(rest) &&
		!contain_subplans(rest);
}

/* One that mixes the window of FROM with columns could not be computed by (a). */
static void
check_key(WeirLevel *level, Node *expr)
{
	int			location = -1;

	if (weir_level_mentions_function(level, expr, &location))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a key cannot be computed of the window"),
				errhint("Put the window and the columns one by one into GROUP BY."),
				weir_level_position(level, location));
}

/* Which bounds stand there: 1 lower, 2 upper, 3 both, or the window itself. */
static int
bounds_in_group(WeirLevel *level, Node **entry)
{
	int			bounds = 0;
	ListCell   *lc;

	foreach(lc, level->query->groupClause)
	{
		Node	   *expr = entry_expr(level, lfirst(lc));

		if (weir_level_is_time_window(level, expr, 0))
			return 3;
		if (weir_bound_of(expr) == NULL || window_in(level, expr) == NULL)
			continue;
		*entry = expr;
		bounds |= ((FuncExpr *) expr)->funcid == F_LOWER_ANYRANGE ? 1 : 2;
	}
	return bounds;
}

/* Windows of one size are told by one bound; of those that cumulate many begin at one time. */
static void
check_bounds(WeirLevel *level)
{
	Node	   *entry = NULL;
	int			bounds = bounds_in_group(level, &entry);

	if (bounds == 3 || bounds == 0 || level->time_lower != NULL || level->time_upper != NULL)
		return;
	if (level->time_call != NULL &&
		(bounds == 2 || !weir_compile_is_call((Node *) level->time_call, WEIR_CUMULATE)))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("one bound alone does not say which window it is"),
			errhint("Write the window itself in GROUP BY, or lower() and upper() of it."),
			weir_level_position(level, exprLocation(entry)));
}

static void
find_keys(WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, level->query->groupClause)
	{
		Node	   *expr = entry_expr(level, lfirst(lc));

		if (is_of_window(level, expr))
			continue;
		check_key(level, expr);
		level->keys = lappend(level->keys, expr);
	}
	if (level->keys == NIL)
		level->keys = weir_level_single_key();
}

/* Before the cut: what the window is, and the key. */
void
weir_level_begin_time_window(WeirLevel *level)
{
	int			location = exprLocation(level->time_call ? (Node *) level->time_call : level->time_window);

	weir_level_check_sets(level);
	weir_level_check_window_from(level);
	weir_level_check_watermark(level, "a window of event time", location);
	check_bounds(level);
	find_keys(level);
	level->time_plan = weir_level_window_plan(level);
}

/* ---- the cut ---- */

/* Behind the key: what says of a row in which windows it is. */
void
weir_level_cut_time_window(WeirLevel *level)
{
	WeirTimeWindowPlan *plan = level->time_plan;

	if (level->time_call == NULL)
		plan->window_column = weir_level_row_column(level, level->time_window, "window");
	else
		plan->time = weir_level_row_column(level, level->time, "time");
	plan->hold = weir_level_window_hold(level);
	plan->hold_text = weir_window_length_text(plan->hold);
}

typedef struct Foreign
{
	const WeirLevel *level;
	Node	   *found;
} Foreign;

/* A column that is neither the window nor a key. */
static bool
foreign_walker(Node *node, Foreign *foreign)
{
	if (node == NULL || weir_level_is_time_window(foreign->level, node, 0) ||
		list_member(foreign->level->keys, node))
		return false;
	if (IsA(node, Var))
	{
		foreign->found = node;
		return true;
	}
	return expression_tree_walker(node, foreign_walker, foreign);
}

/* A condition of WHERE on the window of FROM, which is looked at when the window is complete. */
void
weir_level_check_window_condition(WeirLevel *level, Node *condition)
{
	Foreign		foreign = {level, NULL};

	if (level->time_window == NULL || !foreign_walker(condition, &foreign))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a condition on the window cannot use other columns than those of the key"),
			errdetail("It is looked at when the window is complete."),
			errhint("Make what it says of other columns a condition of its own, joined by AND."),
			weir_level_position(level, exprLocation(foreign.found)));
}

/* When all of the query's aggregates have been found. */
void
weir_level_end_time_window(WeirLevel *level)
{
	WeirTimeWindowPlan *plan = level->time_plan;

	plan->aggregates = level->cut_aggregates;
	plan->aggregates_text = weir_level_aggregates_text(level);
	plan->state_name = weir_level_state_name(level, psprintf("window %s", plan->shape), plan->aggregates_text);
}
