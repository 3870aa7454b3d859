/*
 * compile/distinct.c
 *		SELECT DISTINCT ON (key) ... ORDER BY key, ...: the first row of a key in that
 *		order.
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

#include "compile/compile.h"

static bool
is_key(const Query *query, Index reference)
{
	ListCell   *lc;

	foreach(lc, query->distinctClause)
		if (lfirst_node(SortGroupClause, lc)->tleSortGroupRef == reference)
			return true;
	return false;
}

/* ORDER BY, which begins with the key, goes on with the order. */
static void
find_order(WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, level->query->sortClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);

		if (is_key(level->query, clause->tleSortGroupRef))
			continue;
		level->rank_order = lappend(level->rank_order, clause);
		level->rank_exprs = lappend(level->rank_exprs, get_sortgroupclause_expr(clause, level->query->targetList));
	}
	if (level->rank_order == NIL)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("DISTINCT ON over a stream must say which row it wants"),
				errhint("Add ORDER BY with the columns of DISTINCT ON, and what the row is the first by, as in ORDER BY key, ts."),
				weir_level_position(level, level->rank_location));
}

static int
distinct_location(WeirLevel *level)
{
	int			location = -1;

	if (level->raw != NULL)
		location = weir_keyword_before(level->c, "distinct", exprLocation((Node *) level->raw->targetList));
	return location;
}

void
weir_level_find_distinct(WeirLevel *level)
{
	WeirRankPlan *plan = palloc0(sizeof(WeirRankPlan));

	level->rank_location = distinct_location(level);
	find_order(level);
	level->keys = get_sortgrouplist_exprs(level->query->distinctClause, level->query->targetList);
	plan->distinct = true;
	plan->limit = 1;
	plan->result = CreateTemplateTupleDesc(0);
	TupleDescFinalize(plan->result);
	level->rank_plan = plan;
}
