/*
 * graph/kinds/over.c
 *		Window functions in the order of time.
 */
#include "postgres.h"

#include "nodes/primnodes.h"

#include "graph/depend.h"
#include "graph/describe.h"
#include "graph/kinds/over.h"

static void
title(const WeirNode *node, StringInfo text)
{
	appendStringInfoString(text, "Window functions");
}

static void
describe(const WeirNode *node, WeirDescription *to)
{
	const WeirOverPlan *plan = weir_over_plan(node);

	weir_describe_key(to, node);
	weir_describe_line(to, "Order: %s", plan->time_text);
	weir_describe_line(to, "Functions: %s", plan->text);
	if (plan->hold > 0)
		weir_describe_line(to, "Behind the watermark: %s, of the windows below", plan->hold_text);
	weir_describe_columns(to, "Output, of each row when none of its time can come any more", node->out);
}

static void
depend_on_aggregates(WeirGraph *graph, const List *aggregates)
{
	ListCell   *lc;

	foreach(lc, aggregates)
		weir_depend_on_function(graph, lfirst_node(Aggref, lc)->aggfnoid);
}

static void
depend(const WeirNode *node, WeirGraph *graph)
{
	const WeirOverPlan *plan = weir_over_plan(node);

	depend_on_aggregates(graph, plan->aggregates);
	for (int i = 0; i < plan->nframes; i++)
		depend_on_aggregates(graph, plan->frames[i].aggregates);
	weir_depend_on_columns(graph, node->in);
	weir_depend_on_columns(graph, plan->result);
}

static const char *
state_name(const WeirNode *node)
{
	return weir_over_plan(node)->state_name;
}

char *
weir_over_all_name(const WeirOverPlan *plan)
{
	return psprintf("%s all", plan->state_name);
}

const WeirNodeOps weir_over_node = {
	.name = "over",
	.keyed = true,
	.title = title,
	.describe = describe,
	.depend = depend,
	.state_name = state_name,
};
