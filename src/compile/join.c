/*
 * compile/join.c
 *		The columns that joins of FROM, and GROUP BY, name.
 *
 * A join has a range table entry that lists its columns, those of USING
 * merged; from PostgreSQL 18 on GROUP BY has one of what is grouped.  Before
 * anything else looks at the query, references to them are replaced by what they
 * stand for, so that nothing needs the lists; after the cut they are made anew
 * for the joins that are left.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"

#include "base/compat.h"
#include "compile/compile.h"

static void
forget_using(Node *node)
{
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			forget_using(lfirst(lc));
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		join->usingClause = NIL;
		join->join_using_alias = NULL;
		join->alias = NULL;
		join->isNatural = false;
		forget_using(join->larg);
		forget_using(join->rarg);
	}
}

static void
flatten_entry(Query *select, RangeTblEntry *rte)
{
	rte->subquery = (Query *) weir_flatten_join_vars(select, (Node *) rte->subquery);
	rte->functions = (List *) weir_flatten_join_vars(select, (Node *) rte->functions);
	rte->values_lists = (List *) weir_flatten_join_vars(select, (Node *) rte->values_lists);
	rte->tablefunc = (TableFunc *) weir_flatten_join_vars(select, (Node *) rte->tablefunc);
}

/*
 * A Var notes, for those who print it, which column of a join the text named:
 * one of a list that is made anew.
 */
static bool
forget_names_walker(Node *node, int *level)
{
	bool		result;

	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == *level)
	{
		((Var *) node)->varnosyn = ((Var *) node)->varno;
		((Var *) node)->varattnosyn = ((Var *) node)->varattno;
	}
	if (!IsA(node, Query))
		return expression_tree_walker(node, forget_names_walker, level);
	(*level)++;
	result = query_tree_walker((Query *) node, forget_names_walker, level, 0);
	(*level)--;
	return result;
}

/* Replaces references to GROUP BY's entry, the last one, by what is grouped. */
void
weir_flatten_group(Query *select)
{
	if (!weir_has_group_entry(select))
		return;
	select->targetList = (List *) weir_flatten_group_vars(select, (Node *) select->targetList);
	select->havingQual = weir_flatten_group_vars(select, select->havingQual);
	select->rtable = list_delete_last(select->rtable);
	weir_forget_group_entry(select);
}

/* Replaces the columns of joins by those of what is joined. */
void
weir_flatten_joins(Query *select)
{
	int			level = 0;
	ListCell   *lc;

	weir_flatten_group(select);
	select->targetList = (List *) weir_flatten_join_vars(select, (Node *) select->targetList);
	select->havingQual = weir_flatten_join_vars(select, select->havingQual);
	select->jointree = (FromExpr *) weir_flatten_join_vars(select, (Node *) select->jointree);
	foreach(lc, select->rtable)
		flatten_entry(select, lfirst_node(RangeTblEntry, lc));
	forget_using((Node *) select->jointree);
	(void) query_tree_walker(select, forget_names_walker, &level, 0);
}

/* Adds the columns of one side of a join to the join's; returns their numbers. */
static List *
add_columns(Query *select, Node *side, RangeTblEntry *join)
{
	int			index = IsA(side, JoinExpr) ? ((JoinExpr *) side)->rtindex : ((RangeTblRef *) side)->rtindex;
	RangeTblEntry *rte = rt_fetch(index, select->rtable);
	List	   *names;
	List	   *vars;
	List	   *numbers = NIL;
	ListCell   *lc;

	if (IsA(side, JoinExpr))
	{
		names = rte->eref->colnames;
		vars = rte->joinaliasvars;
	}
	else
		weir_expand_rte(rte, index, 0, -1, false, &names, &vars);
	foreach(lc, vars)
		numbers = lappend_int(numbers, IsA(side, JoinExpr) ? foreach_current_index(lc) + 1 :
							  ((Var *) lfirst(lc))->varattno);
	join->joinaliasvars = list_concat(join->joinaliasvars, copyObject(vars));
	join->eref->colnames = list_concat(join->eref->colnames, copyObject(names));
	return numbers;
}

static void
rebuild(Query *select, Node *node)
{
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			rebuild(select, lfirst(lc));
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		RangeTblEntry *rte = rt_fetch(join->rtindex, select->rtable);

		rebuild(select, join->larg);
		rebuild(select, join->rarg);
		rte->joinmergedcols = 0;
		rte->join_using_alias = NULL;
		rte->joinaliasvars = NIL;
		rte->alias = NULL;
		rte->eref = makeAlias("unnamed_join", NIL);
		rte->joinleftcols = add_columns(select, join->larg, rte);
		rte->joinrightcols = add_columns(select, join->rarg, rte);
	}
}

/* Makes the lists of columns for the joins as they are now. */
void
weir_rebuild_joins(Query *select)
{
	rebuild(select, (Node *) select->jointree);
}
