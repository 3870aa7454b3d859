/*
 * compile/time_window.c
 *		GROUP BY key, ..., a window of event time.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "compile/compile.h"

/* ---- which expressions are windows ---- */

static bool is_window_of(Query *query, Node *expr);

static bool
is_window_call(Node *node)
{
	return weir_compile_is_call(node, WEIR_TUMBLE) || weir_compile_is_call(node, WEIR_HOP) ||
		weir_compile_is_call(node, WEIR_CUMULATE) || weir_compile_is_call(node, WEIR_SESSION);
}

/* A column of a subquery, through the SELECTs of a UNION ALL. */
static bool
is_window_column(Query *query, AttrNumber attno)
{
	ListCell   *lc;

	if (query->setOperations == NULL)
	{
		TargetEntry *entry = get_tle_by_resno(query->targetList, attno);

		return entry != NULL && is_window_of(query, (Node *) entry->expr);
	}
	foreach(lc, query->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY && !is_window_column(rte->subquery, attno))
			return false;
	}
	return true;
}

static bool
is_window_function(const RangeTblEntry *rte)
{
	return list_length(rte->functions) == 1 &&
		is_window_call(linitial_node(RangeTblFunction, rte->functions)->funcexpr);
}

static bool
is_window_of_entry(const RangeTblEntry *rte, AttrNumber attno)
{
	switch (rte->rtekind)
	{
		case RTE_FUNCTION:
			return attno == 1 && is_window_function(rte);
		case RTE_SUBQUERY:
			return is_window_column(rte->subquery, attno);
		case RTE_RELATION:
			return rte->relkind == RELKIND_VIEW && is_window_column(weir_view_query(rte->relid), attno);
		default:
			return false;
	}
}

/* With what columns of joins and of GROUP BY stand for in their place. */
static Node *
flattened(Query *query, Node *expr)
{
	expr = copyObject(expr);
	if (weir_has_group_entry(query))
		expr = weir_flatten_group_vars(query, expr);
	return weir_flatten_join_vars(query, expr);
}

static bool
is_window_of(Query *query, Node *expr)
{
	const Var  *var = (const Var *) flattened(query, expr);

	if (!IsA(var, Var))
		return is_window_call((Node *) var);
	return var->varlevelsup == 0 && var->varattno > 0 &&
		is_window_of_entry(rt_fetch(var->varno, query->rtable), var->varattno);
}

/* Is it a range that is a window: of this query's FROM, or through columns of what is below? */
bool
weir_expr_is_window(const WeirLevel *level, Node *expr)
{
	return is_window_of(level->query, expr);
}
