/*
 * graph/kinds/function.c
 *		A keyed function.
 */
#include "postgres.h"

#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "graph/depend.h"
#include "graph/describe.h"
#include "graph/kinds/function.h"

static void
describe(const WeirNode *node, StringInfo text)
{
	const WeirFunctionPlan *plan = weir_function_plan(node);
	const char *separator = "";
	ListCell   *lc;

	appendStringInfo(text, "keyed: %s(", get_func_name(plan->function));
	foreach(lc, plan->call->args)
	{
		Var		   *var = lfirst(lc);

		appendStringInfoString(text, separator);
		if (IsA(var, Var))
			appendStringInfo(text, "$%d", var->varattno);
		else
			appendStringInfoString(text, deparse_expression((Node *) var, NIL, false, false));
		separator = ", ";
	}
	appendStringInfoChar(text, ')');
	weir_describe_key(text, node);
	weir_describe_columns(text, plan->scalar ? "returns scalar" : "returns", plan->result);
}

static void
depend(const WeirNode *node, WeirGraph *graph)
{
	const WeirFunctionPlan *plan = weir_function_plan(node);

	weir_depend_on_function(graph, plan->function);
	weir_depend_on_type(graph, plan->call->funcresulttype);
	weir_depend_on_columns(graph, plan->result);
}

static Oid
object(const WeirNode *node)
{
	return weir_function_plan(node)->function;
}

const WeirNodeOps weir_function_node = {
	.name = "function",
	.keyed = true,
	.describe = describe,
	.depend = depend,
	.object = object,
};
