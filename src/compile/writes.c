/*
 * compile/writes.c
 *		Refuses what surely writes where a job only reads: in (a), in the keyed
 *		call and in a window's aggregates.  A user's function is not looked into.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "compile/compile.h"

static bool
writes(Oid function)
{
	switch (function)
	{
		case F_NEXTVAL:
		case F_SETVAL_REGCLASS_INT8:
		case F_SETVAL_REGCLASS_INT8_BOOL:
		case F_LO_CREAT:
		case F_LO_CREATE:
		case F_LO_FROM_BYTEA:
		case F_LO_IMPORT_TEXT:
		case F_LO_IMPORT_TEXT_OID:
		case F_LO_PUT:
		case F_LO_TRUNCATE:
		case F_LO_TRUNCATE64:
		case F_LO_UNLINK:
		case F_LOWRITE:
			return true;
		default:
			return false;
	}
}

static bool
write_walker(Node *node, WeirLevel *level)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && writes(((FuncExpr *) node)->funcid))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("%s() cannot be called where a job only reads",
					   get_func_name(((FuncExpr *) node)->funcid)),
				errdetail("Joins, WHERE, keys, subqueries and arguments of keyed functions and windows are computed in read-only transactions, and again after a restart."),
				errhint("Call it in the select list of the job's query, or in a default of a column of the target."),
				weir_level_position(level, ((FuncExpr *) node)->location));
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, write_walker, level, 0);
	return expression_tree_walker(node, write_walker, level);
}

/* Needs (a) with its views expanded. */
void
weir_compile_refuse_writes(WeirCompile *c)
{
	ListCell   *lc;

	foreach(lc, c->levels)
	{
		WeirLevel  *level = lfirst(lc);
		ListCell   *scan;

		foreach(scan, level->scans)
			write_walker((Node *) ((WeirBranch *) lfirst(scan))->query, level);
		write_walker((Node *) level->aggregates, level);
		if (level->function != NULL)
			write_walker(level->function->funcexpr, level);
	}
}
