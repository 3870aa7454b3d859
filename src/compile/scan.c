/*
 * compile/scan.c
 *		(a): a SELECT of everything that does not mention f's output, in the
 *		order of the records, once over each input of the level.
 *
 * The order is that of the ordinal: the stream's ctid, or the column that the
 * rows of a keyed step have for it.  It is the last column of the result; it gets
 * there through the subqueries between, as a further column of each.  So that it
 * is no part of their rows, rows taken as a whole are spelled out first.
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
void
weir_drop_entry(Query *query, int index)
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
cut_scan(WeirLevel *level, const WeirBranch *input)
{
	Query	   *scan = copyObject(level->query);

	if (level->below != NIL)
		rt_fetch(level->entry, scan->rtable)->subquery = copyObject(input->query);
	scan->targetList = copyObject(level->row_columns);
	scan->hasTargetSRFs = expression_returns_set((Node *) scan->targetList);
	weir_ungroup(scan);
	if (level->join != NULL)
	{
		without_join((Node *) scan->jointree, level->join->rtindex);
		weir_drop_entry(scan, level->join->rtindex);
		weir_drop_entry(scan, level->function_index);
	}
	weir_level_drop_window(level, scan);
	weir_rebuild_joins(scan);
	scan->jointree->quals = NULL;
	if (level->scan_quals != NIL)
		scan->jointree->quals = (Node *) make_ands_explicit(copyObject(level->scan_quals));
	scan->hasSubLinks = checkExprHasSubLink((Node *) scan->targetList) ||
		checkExprHasSubLink((Node *) scan->jointree) || functions_have_sublinks(scan);
	return scan;
}

/* Do the rows of this entry come from the branch's input? */
static bool
has_input(RangeTblEntry *rte, const WeirBranch *branch)
{
	ListCell   *lc;

	if (rte->rtekind == RTE_RELATION)
		return OidIsValid(branch->stream) && rte->relid == branch->stream;
	if (rte->rtekind == RTE_NAMEDTUPLESTORE)
		return true;
	if (rte->rtekind != RTE_SUBQUERY)
		return false;
	foreach(lc, rte->subquery->rtable)
		if (has_input(lfirst_node(RangeTblEntry, lc), branch))
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

int
weir_branch_entry(Query *query, const WeirBranch *branch)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
		if (has_input(lfirst_node(RangeTblEntry, lc), branch))
			return foreach_current_index(lc) + 1;
	return 0;
}

AttrNumber
weir_branch_add_column(Query *query, int index, Expr *(*column) (Query *below, void *arg), void *arg,
					   const char *name)
{
	RangeTblEntry *rte;
	Query	   *below;
	AttrNumber	attno;
	Expr	   *expr;

	spell_rows(query, index);
	rte = rt_fetch(index, query->rtable);
	below = rte->subquery;
	expr = column(below, arg);
	attno = list_length(below->targetList) + 1;
	below->targetList = lappend(below->targetList, makeTargetEntry(expr, attno, pstrdup(name), false));
	while (list_length(rte->eref->colnames) < attno)
		rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup(name)));
	return attno;
}

static Expr *
ordinal_below(Query *below, void *branch)
{
	return weir_branch_ordinal(below, branch);
}

Expr *
weir_branch_ordinal(Query *query, const WeirBranch *branch)
{
	int			index = weir_branch_entry(query, branch);
	RangeTblEntry *rte;
	AttrNumber	attno = SelfItemPointerAttributeNumber;

	if (index == 0)
		elog(ERROR, "input not found in rewritten query");
	rte = rt_fetch(index, query->rtable);
	if (rte->rtekind == RTE_SUBQUERY)
		attno = weir_branch_add_column(query, index, ordinal_below, unconstify(WeirBranch *, branch),
									   WEIR_SCAN_ORDINAL);
	else if (rte->rtekind == RTE_NAMEDTUPLESTORE)
		attno = list_length(rte->coltypes);
	return (Expr *) makeVar(index, attno, TIDOID, -1, InvalidOid, 0);
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
	return rte->rtekind != RTE_SUBQUERY || keeps_order(rte->subquery);
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
add_ordinal(WeirBranch *scan)
{
	Query	   *query = scan->query;
	AttrNumber	attno = list_length(query->targetList) + 1;
	TargetEntry *entry = makeTargetEntry(weir_branch_ordinal(query, scan), attno, WEIR_SCAN_ORDINAL, false);

	scan->plan->sorted = !keeps_order(query);
	query->targetList = lappend(query->targetList, entry);
	if (scan->plan->sorted)
		sort_by(query, entry);
	scan->plan->ordinal = attno;
}

static WeirBranch *
scan_over(WeirLevel *level, const WeirBranch *input)
{
	WeirBranch *scan = palloc0(sizeof(WeirBranch));
	Query	   *query = cut_scan(level, input);

	weir_adopt_with(level, query);
	scan->stream = input->stream;
	scan->step = input->step;
	scan->plan = palloc0(sizeof(WeirScanPlan));
	scan->plan->stream = input->stream;
	scan->plan->query = copyObject(query);
	scan->query = linitial_node(Query, QueryRewrite(query));
	weir_scan_times(level, scan);
	add_ordinal(scan);
	return scan;
}

void
weir_level_scans(WeirLevel *level, List *branches)
{
	ListCell   *lc;

	foreach(lc, branches)
		level->scans = lappend(level->scans, scan_over(level, lfirst(lc)));
}

AttrNumber
weir_branch_column(const WeirBranch *branch, AttrNumber attno)
{
	Query	   *query = branch->query;

	for (;;)
	{
		Var		   *var = (Var *) get_tle_by_resno(query->targetList, attno)->expr;
		RangeTblEntry *rte;

		if (!IsA(var, Var) || var->varlevelsup != 0 || var->varattno <= 0)
			return 0;
		rte = rt_fetch(var->varno, query->rtable);
		attno = var->varattno;
		if (rte->rtekind == RTE_NAMEDTUPLESTORE)
			return attno;
		if (rte->rtekind != RTE_SUBQUERY)
			return 0;
		query = rte->subquery;
	}
}
