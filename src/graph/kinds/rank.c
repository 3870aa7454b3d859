/*
 * graph/kinds/rank.c
 *		DISTINCT ON, and ranks up to a limit.
 */
#include "postgres.h"

#include "graph/depend.h"
#include "graph/describe.h"
#include "graph/kinds/rank.h"

static const char *
by_name(WeirRankBy by)
{
	static const char *const names[] = {
		[WEIR_RANK_ROW_NUMBER] = "row_number()",
		[WEIR_RANK_RANK] = "rank()",
		[WEIR_RANK_DENSE] = "dense_rank()"
	};

	return names[by];
}

static void
title(const WeirNode *node, StringInfo text)
{
	const WeirRankPlan *plan = weir_rank_plan(node);

	if (plan->distinct)
		appendStringInfoString(text, "Distinct");
	else if (plan->limit < PG_INT32_MAX)
		appendStringInfo(text, "Top %d", plan->limit);
	else
		appendStringInfoString(text, "Rank");
}

static const char *
output_title(const WeirRankPlan *plan)
{
	switch (plan->emission)
	{
		case WEIR_RANK_COMPLETE:
			return "Output, of each window when it is complete";
		case WEIR_RANK_IN_ORDER:
			return "Output, of each row when none of an earlier time can come";
		default:
			return "Output, of each key that has changed";
	}
}

static void
describe(const WeirNode *node, WeirDescription *to)
{
	const WeirRankPlan *plan = weir_rank_plan(node);

	weir_describe_key(to, node);
	if (plan->emission == WEIR_RANK_COMPLETE)
		weir_describe_line(to, "Window: %s", NameStr(TupleDescAttr(node->in, plan->time - 1)->attname));
	if (plan->ncolumns > 0)
		weir_describe_line(to, "Order: %s", plan->order_text);
	if (!plan->distinct && plan->limit < PG_INT32_MAX)
		weir_describe_line(to, "Rows: %s <= %d", by_name(plan->by), plan->limit);
	if (plan->hold > 0)
		weir_describe_line(to, "Behind the watermark: %s, of the windows below", plan->hold_text);
	weir_describe_columns(to, output_title(plan), node->out);
}

static void
depend(const WeirNode *node, WeirGraph *graph)
{
	weir_depend_on_columns(graph, node->in);
}

static const char *
state_name(const WeirNode *node)
{
	return weir_rank_plan(node)->state_name;
}

char *
weir_rank_done_name(const WeirRankPlan *plan)
{
	return psprintf("%s done", plan->state_name);
}

const WeirNodeOps weir_rank_node = {
	.name = "rank",
	.keyed = true,
	.title = title,
	.describe = describe,
	.depend = depend,
	.state_name = state_name,
};

const WeirNodeOps weir_window_rank_node = {
	.name = "window_rank",
	.keyed = true,
	.title = title,
	.describe = describe,
	.depend = depend,
	.state_name = state_name,
};

const WeirNodeOps weir_ordered_rank_node = {
	.name = "ordered_rank",
	.keyed = true,
	.title = title,
	.describe = describe,
	.depend = depend,
	.state_name = state_name,
};
