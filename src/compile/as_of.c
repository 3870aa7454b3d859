/*
 * compile/as_of.c
 *		JOIN LATERAL (SELECT ... FROM versions v WHERE ... AND v.ts <= o.ts ORDER BY v.ts
 *		DESC LIMIT 1): its conditions on both streams become those of the join, what is
 *		left of it a side.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "base/compat.h"
#include "compile/stream_join.h"

#define AS_OF_HINT "Write LEFT JOIN LATERAL (SELECT ... FROM versions v WHERE v.key = o.key AND v.ts <= o.ts ORDER BY v.ts DESC LIMIT 1) v ON true."

/* The subquery that is the right side's only entry. */
typedef struct Versions
{
	int			index;
	RangeTblEntry *rte;
	Query	   *query;
} Versions;

static void
refuse(StreamJoin *join, WeirLevel *level, const char *message)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s", message),
			errhint(AS_OF_HINT),
			weir_level_position(level, join->sides[1].location));
}

static bool
find_versions(StreamJoin *join, WeirLevel *level, Versions *versions)
{
	if (bms_num_members(join->sides[1].entries) != 1)
		return false;
	versions->index = bms_singleton_member(join->sides[1].entries);
	versions->rte = rt_fetch(versions->index, level->query->rtable);
	versions->query = versions->rte->subquery;
	return versions->rte->rtekind == RTE_SUBQUERY && versions->query->limitCount != NULL;
}

static bool
is_one(Node *node)
{
	Const	   *count = (Const *) eval_const_expressions(NULL, (Node *) copyObject(node));

	return IsA(count, Const) && !count->constisnull && count->consttype == INT8OID &&
		DatumGetInt64(count->constvalue) == 1;
}

static void
check_clauses(StreamJoin *join, WeirLevel *level, const Query *query)
{
	SortGroupClause *sort = list_length(query->sortClause) == 1 ? linitial(query->sortClause) : NULL;

	if (join->type != JOIN_INNER && join->type != JOIN_LEFT)
		refuse(join, level, "the newest row of a stream can be joined by JOIN or LEFT JOIN only");
	if (!is_one(query->limitCount) || query->limitOffset != NULL || sort == NULL ||
		!weir_level_is_descending(sort, get_sortgroupclause_expr(sort, query->targetList)))
		refuse(join, level, "of a stream in LATERAL only the newest row can be had");
	if (query->limitOption == LIMIT_OPTION_WITH_TIES)
		refuse(join, level, "WITH TIES is not supported for the newest row of a stream");
	if (query->setOperations != NULL || query->hasTargetSRFs || weir_is_grouped(query) || query->distinctClause != NIL ||
		query->hasWindowFuncs || query->rowMarks != NIL || query->cteList != NIL)
		refuse(join, level, "this subquery in LATERAL cannot be joined with a stream");
}

/* The column of the subquery with this value, made if there is none yet. */
static AttrNumber
version_column(Versions *versions, Var *var)
{
	Query	   *query = versions->query;
	AttrNumber	attno = list_length(query->targetList) + 1;
	char	   *name = get_rte_attribute_name(rt_fetch(var->varno, query->rtable), var->varattno);
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		if (equal(lfirst_node(TargetEntry, lc)->expr, var))
			return lfirst_node(TargetEntry, lc)->resno;
	}
	query->targetList = lappend(query->targetList,
								makeTargetEntry((Expr *) copyObject(var), attno, pstrdup(name), false));
	versions->rte->eref->colnames = lappend(versions->rte->eref->colnames, makeString(pstrdup(name)));
	return attno;
}

/* An expression of the subquery, as one of the query round it. */
static Node *
lift(Node *node, Versions *versions)
{
	Var		   *var = (Var *) node;
	Var		   *lifted;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var))
		return expression_tree_mutator(node, lift, versions);
	if (var->varlevelsup > 0)
	{
		lifted = copyObject(var);
		lifted->varlevelsup--;
		return (Node *) lifted;
	}
	lifted = makeVar(versions->index, version_column(versions, var),
					 var->vartype, var->vartypmod, var->varcollid, 0);
	lifted->location = var->location;
	return (Node *) lifted;
}

/* Columns that are there for ORDER BY only would not be among those of a side. */
static void
drop_order(Query *query)
{
	List	   *targets = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		lfirst_node(TargetEntry, lc)->ressortgroupref = 0;
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			targets = lappend(targets, lfirst(lc));
	}
	query->targetList = targets;
	query->sortClause = NIL;
	query->limitCount = NULL;
}

/* Conditions of a subquery that name what is round it become those of the join. */
void
weir_stream_join_lift(StreamJoin *join, WeirLevel *level, int index)
{
	Versions	versions = {index, rt_fetch(index, level->query->rtable)};
	Query	   *query = versions.rte->subquery;
	List	   *rest = NIL;
	ListCell   *lc;

	versions.query = query;
	foreach(lc, weir_compile_conjuncts(query->jointree->quals))
	{
		Node	   *qual = lfirst(lc);

		if (!contain_vars_of_level(qual, 1))
			rest = lappend(rest, qual);
		else if (checkExprHasSubLink(qual))
			refuse(join, level, "a condition with a subquery is not supported there");
		else
			join->quals = lappend(join->quals, lift(qual, &versions));
	}
	query->jointree->quals = rest == NIL ? NULL : (Node *) make_ands_explicit(rest);
}

void
weir_stream_join_pull_as_of(StreamJoin *join, WeirLevel *level)
{
	Versions	versions;
	SortGroupClause *sort;
	Node	   *order;

	if (!find_versions(join, level, &versions))
		return;
	versions.query = versions.rte->subquery = copyObject(versions.query);
	weir_flatten_joins(versions.query);
	check_clauses(join, level, versions.query);
	join->as_of = true;
	sort = linitial(versions.query->sortClause);
	order = get_sortgroupclause_expr(sort, versions.query->targetList);
	drop_order(versions.query);
	join->order = lift(order, &versions);
	weir_stream_join_lift(join, level, versions.index);
	versions.rte->lateral = false;
	weir_rebuild_joins(versions.query);
}
