/*
 * compile/window_bounds.c
 *		GROUP BY columns that are the bounds of a window below: begin and end of
 *		SELECT ..., lower(w) AS begin, upper(w) AS end, ... GROUP BY ..., w.
 *
 * The window is made of them again.  Where all windows are of one size, one is enough.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "compile/compile.h"

static Node *
call2(Oid function, Oid result, Node *a, Node *b)
{
	return (Node *) makeFuncExpr(function, result, list_make2(a, b), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

static Node *
range_of(Node *lower, Node *upper)
{
	if (exprType(lower) == TIMESTAMPOID)
		return call2(F_TSRANGE_TIMESTAMP_TIMESTAMP, TSRANGEOID, copyObject(lower), copyObject(upper));
	return call2(F_TSTZRANGE_TIMESTAMPTZ_TIMESTAMPTZ, TSTZRANGEOID, copyObject(lower), copyObject(upper));
}

/* The size of all windows that the call makes; 0: they differ. */
static int64
size_of(WeirLevel *level, FuncExpr *call)
{
	if (!weir_compile_is_call((Node *) call, WEIR_TUMBLE) && !weir_compile_is_call((Node *) call, WEIR_HOP))
		return 0;
	return weir_level_call_plan(level, call)->size;
}

/* The columns of GROUP BY; of two windows' the first ones. */
static FuncExpr *
find_columns(WeirLevel *level)
{
	FuncExpr   *call = NULL;
	ListCell   *lc;

	foreach(lc, level->query->groupClause)
	{
		Node	   *expr = (Node *) get_sortgroupclause_tle(lfirst(lc), level->query->targetList)->expr;
		FuncExpr   *of = NULL;
		bool		upper;

		if (weir_bound_of(expr) != NULL || !weir_expr_is_bound(level, expr, &upper, &of))
			continue;
		if (call != NULL && !equal(call, of))
			continue;
		call = of;
		if (upper && level->time_upper == NULL)
			level->time_upper = expr;
		else if (!upper && level->time_lower == NULL)
			level->time_lower = expr;
	}
	return call;
}

/* Finds a window that GROUP BY has the bounds of; else level->time_window stays NULL. */
void
weir_level_find_bounds(WeirLevel *level)
{
	FuncExpr   *call = find_columns(level);
	int64		size;

	if (level->time_lower != NULL && level->time_upper != NULL)
	{
		level->time_window = range_of(level->time_lower, level->time_upper);
		return;
	}
	size = call ? size_of(level, call) : 0;
	if (size > 0 && level->time_lower != NULL)
		level->time_window = range_of(level->time_lower, weir_add_interval(level->time_lower, 0, 0, size));
	else if (size > 0)
		level->time_window = range_of(weir_add_interval(level->time_upper, 0, 0, -size), level->time_upper);
	else
		level->time_lower = level->time_upper = NULL;
}

/* Is it such a column? */
bool
weir_level_is_window_bound(const WeirLevel *level, Node *node)
{
	return node != NULL && ((level->time_lower != NULL && equal(node, level->time_lower)) ||
							(level->time_upper != NULL && equal(node, level->time_upper)));
}

/* Such a column, of the window that the step hands on. */
Node *
weir_level_window_bound(const WeirLevel *level, Node *node, Node *window)
{
	bool		lower = level->time_lower != NULL && equal(node, level->time_lower);

	return (Node *) makeFuncExpr(lower ? F_LOWER_ANYRANGE : F_UPPER_ANYRANGE, exprType(node), list_make1(window),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}
