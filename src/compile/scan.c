/*
 * compile/scan.c
 *		(a): a SELECT of everything that does not mention f's output, in the
 *		order of the stream's records.
 *
 * The order is that of the ordinal, the stream's ctid.  It is the last column
 * of the result; it gets there through the subqueries that views became, as a
 * further column of each.  So that it is no part of their rows, rows taken as
 * a whole are spelled out first.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_clause.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "tcop/tcopprot.h"

#include "compile/compile.h"

#define ORDINAL_NAME "weir_ordinal"

/* FROM without the keyed join: its left side stays. */
static Node *
without_join(Node *node, int join)
{
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			lfirst(lc) = without_join(lfirst(lc), join);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *expr = (JoinExpr *) node;

		if (expr->rtindex == join)
			return expr->larg;
		expr->larg = without_join(expr->larg, join);
		expr->rarg = without_join(expr->rarg, join);
	}
	return node;
}

/* Takes an entry out of the range table without renumbering the others. */
static void
drop_entry(Query *query, int index)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_RESULT;
	rte->eref = makeAlias("*RESULT*", NIL);
	list_nth_cell(query->rtable, index - 1)->ptr_value = rte;
}

static bool
functions_have_sublinks(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (checkExprHasSubLink((Node *) rte->functions) ||
			checkExprHasSubLink((Node *) rte->values_lists) ||
			checkExprHasSubLink((Node *) rte->tablefunc))
			return true;
	}
	return false;
}

static Query *
cut_scan(WeirCompile *c)
{
	Query	   *scan = copyObject(c->select);

	scan->targetList = copyObject(c->row_columns);
	scan->hasTargetSRFs = expression_returns_set((Node *) scan->targetList);
	weir_ungroup(scan);
	if (c->join != NULL)
	{
		without_join((Node *) scan->jointree, c->join->rtindex);
		drop_entry(scan, c->join->rtindex);
		drop_entry(scan, c->function_index);
	}
	weir_rebuild_joins(scan);
	scan->jointree->quals = NULL;
	if (c->scan_quals != NIL)
		scan->jointree->quals = (Node *) make_ands_explicit(copyObject(c->scan_quals));
	scan->hasSubLinks = checkExprHasSubLink((Node *) scan->targetList) ||
		checkExprHasSubLink((Node *) scan->jointree) || functions_have_sublinks(scan);
	return scan;
}

static bool
has_stream(RangeTblEntry *rte, Oid stream)
{
	ListCell   *lc;

	if (rte->rtekind == RTE_RELATION)
		return rte->relid == stream;
	if (rte->rtekind != RTE_SUBQUERY)
		return false;
	foreach(lc, rte->subquery->rtable)
		if (has_stream(lfirst_node(RangeTblEntry, lc), stream))
			return true;
	return false;
}

static Node *
spell_row(Var *var, replace_rte_variables_context *context)
{
	if (var->varattno != InvalidAttrNumber)
		return (Node *) copyObject(var);
	return (Node *) weir_compile_spelled_row(context->callback_arg, var);
}

/* Whole rows of this entry, which brings the stream and so is never null as a whole. */
static void
spell_rows(Query *query, int index)
{
	RangeTblEntry *rte = rt_fetch(index, query->rtable);

	*query = *(Query *) replace_rte_variables((Node *) query, index, 0, spell_row, rte, NULL);
}

static Expr *ordinal_of(Query *query, Oid stream);

/* The ordinal as a column of the subquery at this index. */
static AttrNumber
add_ordinal_column(Query *query, int index, Oid stream)
{
	RangeTblEntry *rte;
	Query	   *below;
	AttrNumber	attno;

	spell_rows(query, index);
	rte = rt_fetch(index, query->rtable);
	below = rte->subquery;
	attno = list_length(below->targetList) + 1;
	below->targetList = lappend(below->targetList,
								makeTargetEntry(ordinal_of(below, stream), attno, ORDINAL_NAME, false));
	while (list_length(rte->eref->colnames) < attno)
		rte->eref->colnames = lappend(rte->eref->colnames, makeString(ORDINAL_NAME));
	return attno;
}

/* An expression for the ordinal at this level of the rewritten query. */
static Expr *
ordinal_of(Query *query, Oid stream)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		int			index = foreach_current_index(lc) + 1;
		AttrNumber	attno = SelfItemPointerAttributeNumber;

		if (!has_stream(rte, stream))
			continue;
		if (rte->rtekind == RTE_SUBQUERY)
			attno = add_ordinal_column(query, index, stream);
		return (Expr *) makeVar(index, attno, TIDOID, -1, InvalidOid, 0);
	}
	elog(ERROR, "stream not found in rewritten query");
}

/* Can the plan only be a scan with filters, which keeps the order? */
static bool
keeps_order(Query *query)
{
	Node	   *item;
	RangeTblEntry *rte;

	if (query->hasSubLinks || list_length(query->jointree->fromlist) != 1)
		return false;
	item = linitial(query->jointree->fromlist);
	if (!IsA(item, RangeTblRef))
		return false;
	rte = rt_fetch(((RangeTblRef *) item)->rtindex, query->rtable);
	if (rte->securityQuals != NIL)
		return false;
	return rte->rtekind == RTE_RELATION || keeps_order(rte->subquery);
}

static void
sort_by(Query *query, TargetEntry *entry)
{
	SortGroupClause *sort = makeNode(SortGroupClause);

	sort->tleSortGroupRef = assignSortGroupRef(entry, query->targetList);
	get_sort_group_operators(TIDOID, true, true, false,
							 &sort->sortop, &sort->eqop, NULL, &sort->hashable);
	query->sortClause = list_make1(sort);
}

static void
add_ordinal(WeirCompile *c, Query *query)
{
	AttrNumber	attno = list_length(query->targetList) + 1;
	TargetEntry *entry = makeTargetEntry(ordinal_of(query, c->stream), attno, ORDINAL_NAME, false);

	c->scan_plan->sorted = !keeps_order(query);
	query->targetList = lappend(query->targetList, entry);
	if (c->scan_plan->sorted)
		sort_by(query, entry);
	c->scan_plan->ordinal = attno;
}

void
weir_compile_scan(WeirCompile *c)
{
	Query	   *scan = cut_scan(c);

	c->scan_plan->query = copyObject(scan);
	c->scan = linitial_node(Query, QueryRewrite(scan));
	add_ordinal(c, c->scan);
}
