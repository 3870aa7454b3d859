/*
 * graph/kinds/sink.c
 *		The user's INSERT.
 */
#include "postgres.h"


#include "base/executor_hooks.h"
#include "graph/describe.h"
#include "graph/kinds/sink.h"

static PlannedStmt *
statement(const WeirNode *node)
{
	return weir_sink_plan(node)->statement;
}

static void
describe_writer(const WeirSinkPlan *plan, WeirDescription *to)
{
	static const char *const writers[] = {
		[WEIR_WRITER_MULTI_INSERT] = "many rows at once into the table",
		[WEIR_WRITER_PRINT] = "as lines of the server log",
		[WEIR_WRITER_BLACKHOLE] = "nowhere"
	};

	if (plan->writer != WEIR_WRITER_EXECUTOR && weir_executor_is_watched_everywhere())
		weir_describe_line(to, "Written: by the executor: another extension watches what it runs");
	else if (plan->writer != WEIR_WRITER_EXECUTOR)
		weir_describe_line(to, "Written: without the executor: %s",
						   plan->writer == WEIR_WRITER_PEER ? plan->written : writers[plan->writer]);
	else if (plan->writer_reason != plan->batching_reason)
		weir_describe_line(to, "Written: by the executor: %s", plan->writer_reason);
}

static void
title(const WeirNode *node, StringInfo text)
{
	appendStringInfo(text, "Insert on %s", weir_describe_relation(weir_sink_plan(node)->target));
}

static void
describe(const WeirNode *node, WeirDescription *to)
{
	const WeirSinkPlan *plan = weir_sink_plan(node);
	const char *batching = "one record a statement";

	if (plan->batching == WEIR_SINK_BATCH)
		batching = "many records a statement";
	else if (plan->batching == WEIR_SINK_BATCH_DISTINCT)
		batching = "many records a statement, no two that meet the same row";
	weir_describe_line(to, "Placement: in %s: %s", plan->alone ? "one sink task" : "the keyed tasks",
					   plan->place_reason);
	weir_describe_line(to, "Batching: %s: %s", batching, plan->batching_reason);
	describe_writer(plan, to);
	weir_describe_tree(to, plan->query);
}

const WeirNodeOps weir_sink_node = {
	.name = "sink",
	.sink = true,
	.statement = statement,
	.title = title,
	.describe = describe,
};
