/*
 * compile/union.c
 *		UNION ALL of streams: each of its SELECTs is a way by which records come.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"

#include "compile/compile.h"

/* Where the SELECT stands in the text. */
static int
select_location(WeirLevel *level, SelectStmt *raw)
{
	if (raw == NULL || raw->targetList == NIL)
		return level->location;
	return weir_keyword_before(level->c, "select", exprLocation((Node *) raw->targetList));
}

static void
check_operation(WeirLevel *level, SetOperationStmt *operation, SelectStmt *raw)
{
	const char *clause = "UNION";
	const char *word = "union";
	const char *hint = "Write UNION ALL: what a stream has had before is not known.";
	SelectStmt *right = raw ? raw->rarg : NULL;

	if (operation->op == SETOP_UNION && operation->all)
		return;
	if (operation->op == SETOP_INTERSECT)
	{
		clause = "INTERSECT";
		word = "intersect";
		hint = "Write it as a condition: WHERE EXISTS (SELECT ...).";
	}
	else if (operation->op == SETOP_EXCEPT)
	{
		clause = "EXCEPT";
		word = "except";
		hint = "Write it as a condition: WHERE NOT EXISTS (SELECT ...).";
	}
	while (right != NULL && right->op != SETOP_NONE)
		right = right->larg;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s with a stream is not supported", clause),
			errdetail("A stream has no end at which it could be computed."),
			errhint("%s", hint),
			weir_level_word(level, word, right ? (Node *) right->targetList : NULL));
}

static void
add_leaf(WeirLevel *level, int index, SelectStmt *raw)
{
	Query	   *query = rt_fetch(index, level->query->rtable)->subquery;
	int			location = select_location(level, raw);

	if (weir_count_streams((Node *) query) == 0)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a SELECT of UNION ALL that reads no stream is not supported"),
				errdetail("Other SELECTs of the UNION ALL read a stream."),
				errhint("Insert the rows of tables by a statement of its own, before the job starts."),
				weir_level_position(level, location));
	level->below = lappend(level->below, weir_level_below(level, index, raw, location));
}

/* The parse tree has the operations as the analysed one has. */
static void
find_leaves(WeirLevel *level, Node *node, SelectStmt *raw)
{
	SetOperationStmt *operation = (SetOperationStmt *) node;

	if (IsA(node, RangeTblRef))
	{
		add_leaf(level, ((RangeTblRef *) node)->rtindex, raw);
		return;
	}
	check_operation(level, operation, raw);
	find_leaves(level, operation->larg, raw ? raw->larg : NULL);
	find_leaves(level, operation->rarg, raw ? raw->rarg : NULL);
}

void
weir_level_check_union(WeirLevel *level)
{
	find_leaves(level, level->query->setOperations, level->raw);
	weir_level_check_clauses(level);
}

/* The leaf's column, as the planner would make it one of the UNION ALL's. */
static Expr *
leaf_column(SetOperationStmt *operation, int index, TargetEntry *from)
{
	int			n = from->resno - 1;
	Oid			collation = list_nth_oid(operation->colCollations, n);
	Node	   *expr = (Node *) makeVarFromTargetEntry(index, from);

	if (exprType(expr) != list_nth_oid(operation->colTypes, n))
		expr = coerce_to_common_type(NULL, expr, list_nth_oid(operation->colTypes, n), "UNION");
	if (exprCollation(expr) != collation)
		expr = applyRelabelType(expr, exprType(expr), exprTypmod(expr), collation,
								COERCE_IMPLICIT_CAST, -1, false);
	return (Expr *) expr;
}

/* Is a leaf's query all there is to say of its rows? */
static bool
stands_alone(WeirLevel *level, Query *query)
{
	SetOperationStmt *operation = castNode(SetOperationStmt, level->query->setOperations);
	ListCell   *lc;

	if (level->query->cteList != NIL ||
		list_length(level->query->rtable) != list_length(level->below))
		return false;
	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!entry->resjunk && !IsA(leaf_column(operation, 1, entry), Var))
			return false;
	}
	return true;
}

/*
 * The UNION ALL's query with nothing in FROM but this leaf, whose query this is.  It
 * may have entries beside its leaves: what a view is asked for.
 */
Query *
weir_union_leaf(WeirLevel *level, WeirLevel *leaf, Query *query)
{
	SetOperationStmt *operation = castNode(SetOperationStmt, level->query->setOperations);
	Query	   *result = copyObject(level->query);
	RangeTblEntry *entry = rt_fetch(leaf->index, result->rtable);
	RangeTblRef *ref = makeNode(RangeTblRef);
	ListCell   *lc;

	if (stands_alone(level, query))
		return query;
	foreach(lc, level->below)
	{
		if (lfirst(lc) != leaf)
			weir_drop_entry(result, ((WeirLevel *) lfirst(lc))->index);
	}
	entry->subquery = query;
	entry->inFromCl = true;
	ref->rtindex = leaf->index;
	result->setOperations = NULL;
	result->jointree = makeFromExpr(list_make1(ref), NULL);
	foreach(lc, query->targetList)
	{
		TargetEntry *from = lfirst_node(TargetEntry, lc);

		if (from->resjunk)
			continue;
		lfirst_node(TargetEntry, list_nth_cell(result->targetList, from->resno - 1))->expr =
			leaf_column(operation, leaf->index, from);
	}
	return result;
}

/* Where the last UNION of the level stands in the text. */
static int
union_location(const WeirLevel *level)
{
	const SelectStmt *right = level->raw ? level->raw->rarg : NULL;

	while (right != NULL && right->op != SETOP_NONE)
		right = right->larg;
	if (right == NULL)
		return level->location;
	return weir_keyword_before(level->c, "union", exprLocation((Node *) right->targetList));
}

static void
find_widest(const WeirLevel *level, const WeirLevel **widest)
{
	ListCell   *lc;

	if (level->query->setOperations != NULL &&
		(*widest == NULL || list_length(level->below) > list_length((*widest)->below)))
		*widest = level;
	foreach(lc, level->below)
		find_widest(lfirst(lc), widest);
}

/* The place of the UNION ALL of most SELECTs; of the last statement's target where there is none. */
int
weir_widest_union(const WeirCompileJob *job)
{
	const WeirLevel *widest = NULL;
	ListCell   *lc;

	foreach(lc, job->inserts)
		find_widest(((WeirCompile *) lfirst(lc))->top, &widest);
	return widest ? union_location(widest) :
		((WeirCompile *) llast(job->inserts))->stmt->relation->location;
}
