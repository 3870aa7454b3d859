/*
 * compile/limit.c
 *		WHERE rn <= 10 in a query round the one that ranks: how many rows it takes at
 *		most.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compile/compile.h"

/* A column of an entry of a query's FROM. */
typedef struct Column
{
	int			index;
	AttrNumber	attno;
} Column;

static bool
is_column(Node *node, Column column)
{
	Var		   *var = (Var *) node;

	return IsA(node, Var) && var->varno == column.index && var->varattno == column.attno && var->varlevelsup == 0;
}

/* As bigint; false: it is no constant whole number. */
static bool
whole_number(Node *node, int64 *number)
{
	Const	   *value = (Const *) eval_const_expressions(NULL, (Node *) copyObject(node));

	if (!IsA(value, Const) || value->constisnull)
		return false;
	switch (value->consttype)
	{
		case INT2OID:
			*number = DatumGetInt16(value->constvalue);
			return true;
		case INT4OID:
			*number = DatumGetInt32(value->constvalue);
			return true;
		case INT8OID:
			*number = DatumGetInt64(value->constvalue);
			return true;
		default:
			return false;
	}
}

/* What the condition leaves of the column at most. */
static int64
limit_of(Node *qual, Column column)
{
	OpExpr	   *comparison = (OpExpr *) qual;
	Oid			operator;
	Node	   *left;
	Node	   *right;
	int64		number;

	if (!IsA(qual, OpExpr) || list_length(comparison->args) != 2)
		return PG_INT64_MAX;
	operator = comparison->opno;
	left = linitial(comparison->args);
	right = lsecond(comparison->args);
	if (!is_column(left, column))
	{
		left = right;
		right = linitial(comparison->args);
		operator = get_commutator(operator);
	}
	if (!is_column(left, column) || !OidIsValid(operator) || !whole_number(right, &number))
		return PG_INT64_MAX;
	switch (get_op_opfamily_strategy(operator, lookup_type_cache(INT8OID, TYPECACHE_BTREE_OPFAMILY)->btree_opf))
	{
		case BTLessStrategyNumber:
			return number - (number > PG_INT64_MIN ? 1 : 0);
		case BTLessEqualStrategyNumber:
		case BTEqualStrategyNumber:
			return number;
		default:
			return PG_INT64_MAX;
	}
}

static int64
limit_in(const Query *query, Column column)
{
	int64		limit = PG_INT64_MAX;
	ListCell   *lc;

	foreach(lc, weir_compile_conjuncts(query->jointree->quals))
		limit = Min(limit, limit_of(lfirst(lc), column));
	return limit;
}

/* Which column of a query an expression is; 0: none. */
static AttrNumber
column_with(const Query *query, const Node *expr)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
		if (equal(lfirst_node(TargetEntry, lc)->expr, expr))
			return lfirst_node(TargetEntry, lc)->resno;
	return 0;
}

/* Which column of a query is that column of what it reads. */
static AttrNumber
column_of(const Query *query, Column column)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
		if (is_column((Node *) lfirst_node(TargetEntry, lc)->expr, column))
			return lfirst_node(TargetEntry, lc)->resno;
	return 0;
}

/* As a column of the query round this one, or where that hands it on, of the next. */
int
weir_level_limit(WeirLevel *level, const WindowFunc *function)
{
	AttrNumber	attno = column_with(level->query, (const Node *) function);
	int64		limit = PG_INT64_MAX;

	while (attno > 0 && level->parent != NULL && level->parent->query->setOperations == NULL)
	{
		Column		column = {level->index, attno};

		level = level->parent;
		limit = Min(limit, limit_in(level->query, column));
		attno = weir_level_is_step(level) ? 0 : column_of(level->query, column);
	}
	return limit >= PG_INT32_MAX ? PG_INT32_MAX : (int) Max(limit, 1);
}
