/*
 * graph/kinds/aggregate.c
 *		GROUP BY without a window.
 */
#include "postgres.h"

#include "nodes/primnodes.h"

#include "graph/depend.h"
#include "graph/describe.h"
#include "graph/kinds/aggregate.h"

static void
title(const WeirNode *node, StringInfo text)
{
	appendStringInfoString(text, "Running aggregate");
}

static void
describe(const WeirNode *node, WeirDescription *to)
{
	const WeirAggregatePlan *plan = weir_aggregate_plan(node);

	weir_describe_key(to, node);
	if (plan->aggregates != NIL)
		weir_describe_line(to, "Aggregates: %s", plan->aggregates_text);
	if (plan->sign != 0)
		weir_describe_line(to, "Rows that were handed on before are taken back");
	weir_describe_ttl(to, plan->ttl, plan->ttl_type);
	weir_describe_columns(to, "Output, of each key that has changed", node->out);
}

static void
depend(const WeirNode *node, WeirGraph *graph)
{
	const WeirAggregatePlan *plan = weir_aggregate_plan(node);
	ListCell   *lc;

	foreach(lc, plan->aggregates)
		weir_depend_on_function(graph, lfirst_node(Aggref, lc)->aggfnoid);
	weir_depend_on_columns(graph, plan->result);
}

static const char *
state_name(const WeirNode *node)
{
	return weir_aggregate_plan(node)->state_name;
}

const WeirNodeOps weir_aggregate_node = {
	.name = "aggregate",
	.keyed = true,
	.title = title,
	.describe = describe,
	.depend = depend,
	.state_name = state_name,
};
