/*
 * compile/calls.c
 *		The functions that the query calls outside its keyed step, so that those
 *		that need a key can be told before a job runs.
 */
#include "postgres.h"

#include "access/transam.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"

#include "compile/compile.h"

/* Built-in functions are left out, and so is weir.key_by. */
static bool
call_walker(Node *node, WeirCompile *c)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid >= FirstNormalObjectId)
	{
		FuncExpr   *call = (FuncExpr *) node;
		WeirCall   *found = palloc0(sizeof(WeirCall));

		found->function = call->funcid;
		if (call->location >= 0)
			found->position = pg_mbstrlen_with_len(c->text, call->location) + 1;
		c->out->calls = lappend(c->out->calls, found);
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, call_walker, c, 0);
	return expression_tree_walker(node, call_walker, c);
}

/* Needs (a) and (c), with their views expanded: the keyed call is in neither. */
void
weir_compile_calls(WeirCompile *c)
{
	call_walker((Node *) c->scan, c);
	call_walker((Node *) c->sink, c);
}
