/*
 * graph/kinds/time_window.c
 *		GROUP BY ..., a window of event time.
 */
#include "postgres.h"

#include "nodes/primnodes.h"

#include "graph/depend.h"
#include "graph/describe.h"
#include "graph/kinds/time_window.h"

WeirWindowShape
weir_time_window_shape(const WeirTimeWindowPlan *plan)
{
	WeirWindowShape shape;

	shape.cumulates = plan->window == WEIR_TIME_CUMULATE;
	shape.size = plan->size;
	shape.slide = plan->slide;
	shape.origin = WEIR_EPOCH_1970 + plan->offset % (shape.cumulates ? shape.size : shape.slide);
	return shape;
}

static void
title(const WeirNode *node, StringInfo text)
{
	appendStringInfo(text, "Time window %s", weir_time_window_plan(node)->text);
}

/* When its rows come: once, or more than once. */
static const char *
emission(const WeirTimeWindowPlan *plan)
{
	if (plan->early)
		return plan->again ? "at each checkpoint, at its end, and again with late rows" : "at each checkpoint, and at its end";
	return plan->again ? "at its end, and again with late rows" : "at its end";
}

static void
describe(const WeirNode *node, WeirDescription *to)
{
	const WeirTimeWindowPlan *plan = weir_time_window_plan(node);
	AttrNumber	time = plan->time > 0 ? plan->time : plan->window_column;

	weir_describe_key(to, node);
	weir_describe_line(to, "%s: %s", plan->time > 0 ? "Time" : "Window",
					   NameStr(TupleDescAttr(node->in, time - 1)->attname));
	if (plan->hold > 0)
		weir_describe_line(to, "Behind the watermark: %s, of the windows below", plan->hold_text);
	if (plan->aggregates != NIL)
		weir_describe_line(to, "Aggregates: %s", plan->aggregates_text);
	weir_describe_line(to, "Each window: %s", emission(plan));
	weir_describe_columns(to, "Output", node->out);
}

static void
depend(const WeirNode *node, WeirGraph *graph)
{
	const WeirTimeWindowPlan *plan = weir_time_window_plan(node);
	ListCell   *lc;

	foreach(lc, plan->aggregates)
		weir_depend_on_function(graph, lfirst_node(Aggref, lc)->aggfnoid);
	weir_depend_on_columns(graph, plan->result);
}

static const char *
state_name(const WeirNode *node)
{
	return weir_time_window_plan(node)->state_name;
}

const WeirNodeOps weir_time_window_node = {
	.name = "time_window",
	.keyed = true,
	.title = title,
	.describe = describe,
	.depend = depend,
	.state_name = state_name,
};
