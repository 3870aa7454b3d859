/*
 * compile/order.c
 *		The order of ranked rows: columns of (a), and their text.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compile/compile.h"

bool
weir_level_is_descending(const SortGroupClause *clause, Node *expr)
{
	return clause->sortop == lookup_type_cache(exprType(expr), TYPECACHE_GT_OPR)->gt_opr;
}

/* A column by its name, another expression by its column of (a). */
static const char *
column_text(WeirLevel *level, Node *expr, AttrNumber attno)
{
	if (IsA(expr, Var))
		return quote_identifier(list_nth_node(TargetEntry, level->row_columns, attno - 1)->resname);
	return psprintf("$%d", attno);
}

static void
append_column(WeirLevel *level, StringInfo text, const SortGroupClause *clause, Node *expr, AttrNumber attno)
{
	bool		descending = weir_level_is_descending(clause, expr);

	appendStringInfo(text, "%s%s%s", text->len > 0 ? ", " : "", column_text(level, expr, attno),
					 descending ? " DESC" : "");
	if (clause->nulls_first != descending)
		appendStringInfoString(text, clause->nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

void
weir_level_order(WeirLevel *level, WeirRankPlan *plan)
{
	StringInfoData text;
	ListCell   *lc;
	ListCell   *clause;

	initStringInfo(&text);
	plan->columns = palloc0(sizeof(WeirSortColumn) * Max(list_length(level->rank_exprs), 1));
	forboth(lc, level->rank_exprs, clause, level->rank_order)
	{
		WeirSortColumn *column = &plan->columns[plan->ncolumns++];
		Node	   *expr = lfirst(lc);

		column->attno = weir_level_row_column(level, expr, "order");
		column->operator = lfirst_node(SortGroupClause, clause)->sortop;
		column->collation = exprCollation(expr);
		column->nulls_first = lfirst_node(SortGroupClause, clause)->nulls_first;
		append_column(level, &text, lfirst(clause), expr, column->attno);
	}
	plan->order_text = text.data;
}
