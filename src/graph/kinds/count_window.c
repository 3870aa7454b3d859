/*
 * graph/kinds/count_window.c
 *		GROUP BY ..., weir.count_window(...).
 */
#include "postgres.h"

#include "nodes/primnodes.h"

#include "graph/depend.h"
#include "graph/describe.h"
#include "graph/kinds/count_window.h"

static void
title(const WeirNode *node, StringInfo text)
{
	appendStringInfo(text, "Window weir.%s", weir_count_window_plan(node)->text);
}

static void
describe(const WeirNode *node, WeirDescription *to)
{
	const WeirCountWindowPlan *plan = weir_count_window_plan(node);

	weir_describe_key(to, node);
	if (plan->aggregates != NIL)
		weir_describe_line(to, "Aggregates: %s", plan->aggregates_text);
	weir_describe_ttl(to, plan->ttl, plan->ttl_type);
	weir_describe_columns(to, "Output", node->out);
}

static void
depend(const WeirNode *node, WeirGraph *graph)
{
	const WeirCountWindowPlan *plan = weir_count_window_plan(node);
	ListCell   *lc;

	foreach(lc, plan->aggregates)
		weir_depend_on_function(graph, lfirst_node(Aggref, lc)->aggfnoid);
	weir_depend_on_columns(graph, plan->result);
}

static const char *
state_name(const WeirNode *node)
{
	return weir_count_window_plan(node)->state_name;
}

const WeirNodeOps weir_count_window_node = {
	.name = "count_window",
	.keyed = true,
	.title = title,
	.describe = describe,
	.depend = depend,
	.state_name = state_name,
};
