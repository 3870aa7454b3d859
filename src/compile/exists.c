/*
 * compile/exists.c
 *		WHERE EXISTS (SELECT ... FROM stream WHERE ...) and its like: a join that hands on
 *		rows of the left only, once or where there is no partner.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "base/compat.h"
#include "compile/stream_join.h"

/* A subquery without anything that decides which of its rows there are, but WHERE. */
static bool
is_plain(const Query *query)
{
	return query->setOperations == NULL && !weir_is_grouped(query) && query->distinctClause == NIL &&
		!query->hasWindowFuncs && query->limitCount == NULL && query->limitOffset == NULL &&
		query->rowMarks == NIL && query->cteList == NIL && !query->hasTargetSRFs;
}

/* The subquery, and of which type the join would be; NULL: it is no such condition. */
static SubLink *
exists_of(Node *qual, JoinType *type)
{
	SubLink    *link;

	*type = JOIN_SEMI;
	if (IsA(qual, BoolExpr) && ((BoolExpr *) qual)->boolop == NOT_EXPR)
	{
		*type = JOIN_ANTI;
		qual = linitial(((BoolExpr *) qual)->args);
	}
	link = (SubLink *) qual;
	if (!IsA(qual, SubLink) || weir_count_streams(link->subselect) == 0 || !is_plain((Query *) link->subselect))
		return NULL;
	/* NOT IN is neither, if there are NULLs */
	if (link->subLinkType == EXISTS_SUBLINK || (link->subLinkType == ANY_SUBLINK && *type == JOIN_SEMI))
		return link;
	return NULL;
}

bool
weir_has_exists(const Query *query)
{
	JoinType	type;
	ListCell   *lc;

	foreach(lc, weir_compile_conjuncts(query->jointree->quals))
		if (exists_of(lfirst(lc), &type) != NULL)
			return true;
	return false;
}

/* x IN (SELECT y ...): what the subquery's columns are compared with. */
static Node *
with_columns(Node *node, void *arg)
{
	Param	   *param = (Param *) node;

	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && param->paramkind == PARAM_SUBLINK)
		return (Node *) makeVar(*(int *) arg, param->paramid, param->paramtype, param->paramtypmod,
								param->paramcollid, 0);
	return expression_tree_mutator(node, with_columns, arg);
}

static const char *
first_name(const Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
		if (lfirst_node(RangeTblEntry, lc)->inFromCl)
			return lfirst_node(RangeTblEntry, lc)->eref->aliasname;
	return "exists";
}

/* The subquery as an entry of the range table, and its conditions as the join's. */
static void
add_side(StreamJoin *join, WeirLevel *level, SubLink *link)
{
	Query	   *query = copyObject((Query *) link->subselect);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	int			index = list_length(level->query->rtable) + 1;
	ListCell   *lc;

	weir_flatten_joins(query);
	if (link->subLinkType == EXISTS_SUBLINK)
		query->targetList = NIL;
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = query;
	rte->eref = makeAlias(first_name(query), NIL);
	rte->inFromCl = true;
	foreach(lc, query->targetList)
		rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup(lfirst_node(TargetEntry, lc)->resname)));
	level->query->rtable = lappend(level->query->rtable, rte);
	ref->rtindex = index;
	join->sides[1].items = list_make1(ref);
	join->sides[1].entries = bms_make_singleton(index);
	join->sides[1].location = link->location;
	if (link->testexpr)
		join->quals = lappend(join->quals, with_columns(link->testexpr, &index));
	weir_stream_join_lift(join, level, index);
	weir_rebuild_joins(query);
}

/* Takes the first such condition out of WHERE. */
bool
weir_stream_join_pull_exists(StreamJoin *join, WeirLevel *level)
{
	List	   *quals = weir_compile_conjuncts(level->query->jointree->quals);
	ListCell   *lc;

	foreach(lc, quals)
	{
		JoinType	type;
		SubLink    *link = exists_of(lfirst(lc), &type);

		if (link == NULL)
			continue;
		join->type = type;
		quals = foreach_delete_current(quals, lc);
		level->query->jointree->quals = quals == NIL ? NULL : (Node *) make_ands_explicit(quals);
		level->query->hasSubLinks = checkExprHasSubLink((Node *) level->query);
		add_side(join, level, link);
		return true;
	}
	return false;
}
