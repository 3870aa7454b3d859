/*
 * graph/kinds/function.c
 *		A keyed function.
 */
#include "postgres.h"

#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/ruleutils.h"

#include "graph/depend.h"
#include "graph/describe.h"
#include "graph/kinds/function.h"

static void
title(const WeirNode *node, StringInfo text)
{
	const WeirFunctionPlan *plan = weir_function_plan(node);
	const char *separator = "";
	ListCell   *lc;

	appendStringInfo(text, "Function %s(", get_func_name(plan->function));
	foreach(lc, plan->call->args)
	{
		Var		   *var = lfirst(lc);

		appendStringInfoString(text, separator);
		if (IsA(var, Var))
			appendStringInfoString(text, NameStr(TupleDescAttr(node->in, var->varattno - 1)->attname));
		else
			appendStringInfoString(text, deparse_expression((Node *) var, NIL, false, false));
		separator = ", ";
	}
	appendStringInfoChar(text, ')');
}

static void
describe_timers(const WeirFunctionPlan *plan, WeirDescription *to)
{
	ListCell   *lc;

	foreach(lc, plan->timers)
	{
		const WeirTimerPlan *timer = lfirst(lc);

		weir_describe_line(to, "Timer %s, by %s: %s", timer->name,
					  timer->arrival ? "arrival" : "event time", format_procedure(timer->handler->function));
	}
}

static void
describe(const WeirNode *node, WeirDescription *to)
{
	const WeirFunctionPlan *plan = weir_function_plan(node);

	weir_describe_key(to, node);
	weir_describe_columns(to, plan->scalar ? "Returns scalar" : "Returns", plan->result);
	if (!equalTupleDescs(plan->result, node->out))
		weir_describe_columns(to, "Output", node->out);
	describe_timers(plan, to);
}

static void
depend(const WeirNode *node, WeirGraph *graph)
{
	const WeirFunctionPlan *plan = weir_function_plan(node);
	ListCell   *lc;

	weir_depend_on_function(graph, plan->function);
	weir_depend_on_type(graph, plan->call->funcresulttype);
	weir_depend_on_columns(graph, plan->result);
	foreach(lc, plan->timers)
		weir_depend_on_function(graph, ((WeirTimerPlan *) lfirst(lc))->handler->function);
}

static Oid
object(const WeirNode *node)
{
	return weir_function_plan(node)->function;
}

const WeirNodeOps weir_function_node = {
	.name = "function",
	.keyed = true,
	.title = title,
	.describe = describe,
	.depend = depend,
	.object = object,
};
