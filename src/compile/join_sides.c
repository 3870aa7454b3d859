/*
 * compile/join_sides.c
 *		The queries that a join of two streams becomes: one of each side, one of the join,
 *		and what is left of that which had them in its FROM.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "base/compat.h"
#include "compile/stream_join.h"

/* ---- columns ---- */

/* The side's column with this value, made if there is none yet. */
static AttrNumber
side_column(StreamSide *side, Expr *expr, const char *name)
{
	AttrNumber	attno = list_length(side->columns) + 1;
	ListCell   *lc;

	foreach(lc, side->columns)
	{
		if (equal(lfirst_node(TargetEntry, lc)->expr, expr))
			return lfirst_node(TargetEntry, lc)->resno;
	}
	side->columns = lappend(side->columns, makeTargetEntry(expr, attno, pstrdup(name), false));
	return attno;
}

static const char *
var_name(const Query *query, const Var *var)
{
	RangeTblEntry *rte = rt_fetch(var->varno, query->rtable);

	return var->varattno > 0 ? get_rte_attribute_name(rte, var->varattno) : rte->eref->aliasname;
}

/* The same of the join, a column of a side. */
static AttrNumber
join_column(StreamJoin *join, int side, AttrNumber attno)
{
	TargetEntry *from = list_nth_node(TargetEntry, join->sides[side].columns, attno - 1);
	Var		   *var = makeVarFromTargetEntry(side + 1, from);
	AttrNumber	resno = list_length(join->columns) + 1;
	ListCell   *lc;

	foreach(lc, join->columns)
	{
		if (equal(lfirst_node(TargetEntry, lc)->expr, var))
			return lfirst_node(TargetEntry, lc)->resno;
	}
	join->columns = lappend(join->columns, makeTargetEntry((Expr *) var, resno, from->resname, false));
	return resno;
}

typedef struct Move
{
	StreamJoin *join;
	WeirLevel  *level;
	int			depth;			/* of the query we are in, below the level's */
	bool		to_sides;		/* columns of the sides take their place, else of the join */
} Move;

static Node *move_mutator(Node *node, Move *move);

/* A whole row of a side that is never null as a whole is one of its columns. */
static Node *
move_row(Var *var, int side, Move *move)
{
	WeirLevel  *level = move->level;
	RowExpr    *row;

	if (weir_join_pads(move->join->type, 1 - side))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a whole row of the nullable side of a join of two streams is not supported"),
				errhint("Name the columns one by one."),
				weir_level_position(level, var->location));
	row = weir_compile_spelled_row(rt_fetch(var->varno, move->join->query->rtable), var);
	row->args = (List *) move_mutator((Node *) row->args, move);
	return (Node *) row;
}

static Node *
move_var(Var *var, int side, Move *move)
{
	Var		   *column = copyObject(var);
	Var		   *moved;
	AttrNumber	attno;

	if (var->varattno == InvalidAttrNumber)
		return move_row(var, side, move);
	column->varlevelsup = 0;
	attno = side_column(&move->join->sides[side], (Expr *) column, var_name(move->join->query, column));
	if (!move->to_sides)
		attno = join_column(move->join, side, attno);
	moved = makeVar(move->to_sides ? side + 1 : move->join->ref->rtindex, attno,
					var->vartype, var->vartypmod, var->varcollid, var->varlevelsup);
	moved->location = var->location;
	return (Node *) moved;
}

static Node *
move_mutator(Node *node, Move *move)
{
	Query	   *query;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		for (int side = 0; side < 2 && var->varlevelsup == move->depth; side++)
			if (bms_is_member(var->varno, move->join->sides[side].entries))
				return move_var(var, side, move);
		return copyObject(node);
	}
	if (!IsA(node, Query))
		return expression_tree_mutator(node, move_mutator, move);
	move->depth++;
	query = query_tree_mutator((Query *) node, move_mutator, move, 0);
	move->depth--;
	return (Node *) query;
}

/* A condition, over columns of the sides. */
static Node *
over_sides(StreamJoin *join, WeirLevel *level, Node *expr)
{
	Move		move = {join, level, 0, true};

	return move_mutator(expr, &move);
}

/* ---- the queries ---- */

typedef struct Within
{
	Bitmapset  *entries;
	Bitmapset  *joins;
	int			depth;
	int			location;
} Within;

/* Finds what is named beside a side's own entries; forgets joins that are not in it. */
static bool
beside_walker(Node *node, Within *within)
{
	bool		found;

	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == within->depth)
	{
		weir_keep_nulling_joins((Var *) node, within->joins);
		within->location = ((Var *) node)->location;
		return !bms_is_member(((Var *) node)->varno, within->entries);
	}
	if (!IsA(node, Query))
		return expression_tree_walker(node, beside_walker, within);
	within->depth++;
	found = query_tree_walker((Query *) node, beside_walker, within, 0);
	within->depth--;
	return found;
}

static void
check_beside(WeirLevel *level, Query *query, const StreamSide *side)
{
	Within		within = {side->entries, side->joins, 0, -1};

	if (query_tree_walker(query, beside_walker, &within, 0))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a side of a join of two streams cannot refer to what stands beside it in FROM"),
				errhint("Join in a subquery, or in the query round this one; LATERAL is supported with ORDER BY ts DESC LIMIT 1."),
				weir_level_position(level, within.location));
}

/* Takes out of the range table what the sides have, or all but that. */
static void
drop_entries(Query *query, const Bitmapset *entries, bool those)
{
	for (int index = list_length(query->rtable); index > 0; index--)
		if (bms_is_member(index, entries) == those)
			weir_drop_entry(query, index);
}

/* The level's query with a side as its FROM. */
static Query *
side_query(const StreamJoin *join, WeirLevel *level, const StreamSide *side)
{
	Query	   *query = copyObject(join->query);
	Node	   *quals = side->quals == NIL ? NULL : (Node *) make_ands_explicit(copyObject(side->quals));

	query->jointree = makeFromExpr(copyObject(side->items), quals);
	query->targetList = copyObject(side->columns);
	weir_ungroup(query);
	query->limitCount = query->limitOffset = NULL;
	query->rowMarks = NIL;
	query->hasTargetSRFs = false;
	drop_entries(query, bms_union(side->entries, side->joins), false);
	weir_rebuild_joins(query);
	check_beside(level, query, side);
	query->hasSubLinks = checkExprHasSubLink((Node *) query->jointree) || join->query->hasSubLinks;
	IncrementVarSublevelsUp((Node *) query, 2, 1);
	return query;
}

static RangeTblEntry *
subquery_entry(Query *subquery, const char *name)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	ListCell   *lc;

	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = subquery;
	rte->alias = makeAlias(name, NIL);
	rte->eref = makeAlias(name, NIL);
	rte->inFromCl = true;
	foreach(lc, subquery->targetList)
		rte->eref->colnames = lappend(rte->eref->colnames, makeString(lfirst_node(TargetEntry, lc)->resname));
	return rte;
}

static Query *
join_query(StreamJoin *join, WeirLevel *level)
{
	Query	   *query = makeNode(Query);

	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->targetList = join->columns;
	query->jointree = makeFromExpr(NIL, join->quals == NIL ? NULL : (Node *) make_ands_explicit(join->quals));
	for (int side = 0; side < 2; side++)
	{
		RangeTblRef *ref = makeNode(RangeTblRef);
		Query	   *below = side_query(join, level, &join->sides[side]);

		ref->rtindex = side + 1;
		query->rtable = lappend(query->rtable, subquery_entry(below, join->sides[side].name));
		query->jointree->fromlist = lappend(query->jointree->fromlist, ref);
	}
	return query;
}

/* The level's query reads the join in place of the streams. */
void
weir_stream_join_read(StreamJoin *join, WeirLevel *level)
{
	Move		move = {join, level, 0, false};
	Query	   *query = level->query;
	Bitmapset  *gone = bms_union(join->sides[0].entries, join->sides[1].entries);
	Query	   *below;

	gone = bms_union(gone, bms_union(join->sides[0].joins, join->sides[1].joins));
	if (join->expr)
		gone = bms_add_member(gone, join->expr->rtindex);
	join->query = copyObject(query);
	drop_entries(query, gone, true);
	*query = *query_tree_mutator(query, move_mutator, &move, QTW_IGNORE_JOINALIASES);
	join->quals = (List *) over_sides(join, level, (Node *) join->quals);
	join->order = over_sides(join, level, join->order);
	below = join_query(join, level);
	IncrementVarSublevelsUp((Node *) below->jointree->quals, 1, 1);
	query->rtable = lappend(query->rtable, subquery_entry(below, "joined"));
	weir_rebuild_joins(query);
}
