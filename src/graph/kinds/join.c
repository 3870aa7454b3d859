/*
 * graph/kinds/join.c
 *		A join of two streams.
 */
#include "postgres.h"

#include "graph/depend.h"
#include "graph/describe.h"
#include "graph/kinds/join.h"

static const char *
join_type(const WeirJoinPlan *plan)
{
	if (plan->exists)
		return plan->sides[0].padded ? "anti " : "semi ";
	if (plan->sides[0].padded)
		return plan->sides[1].padded ? "full " : "left ";
	return plan->sides[1].padded ? "right " : "";
}

static void
title(const WeirNode *node, StringInfo text)
{
	static const char *const kinds[] = {
		[WEIR_JOIN_INTERVAL] = "Interval",
		[WEIR_JOIN_WINDOW] = "Window",
		[WEIR_JOIN_AS_OF] = "As-of"
	};
	const WeirJoinPlan *plan = weir_join_plan(node);

	appendStringInfo(text, "%s %sjoin of %s and %s", kinds[plan->kind], join_type(plan),
					 plan->sides[0].name, plan->sides[1].name);
}

/* When its rows come. */
static const char *
emission(const WeirJoinPlan *plan)
{
	if (plan->kind == WEIR_JOIN_WINDOW)
		return "when the window is over";
	if (plan->kind == WEIR_JOIN_AS_OF)
		return "when the watermark has passed the row's time";
	if (plan->exists)
		return plan->sides[0].padded ? "when no partner can come any more" : "with its first partner";
	return plan->sides[0].padded || plan->sides[1].padded ?
		"with its second row; without a partner, when none can come any more" : "with its second row";
}

static void
describe(const WeirNode *node, WeirDescription *to)
{
	const WeirJoinPlan *plan = weir_join_plan(node);

	weir_describe_key(to, node);
	weir_describe_statement(to, "Condition", plan->condition_text);
	weir_describe_line(to, "Each row: %s", emission(plan));
	weir_describe_columns(to, "Output", node->out);
}

static void
depend(const WeirNode *node, WeirGraph *graph)
{
	weir_depend_on_columns(graph, node->out);
}

static const char *
state_name(const WeirNode *node)
{
	return weir_join_plan(node)->state_name;
}

char *
weir_join_state(const WeirJoinPlan *plan, int side)
{
	return psprintf("%s of %s", side == 0 ? "left" : "right", plan->state_name);
}

const WeirNodeOps weir_join_node = {
	.name = "join",
	.keyed = true,
	.title = title,
	.describe = describe,
	.depend = depend,
	.state_name = state_name,
};
