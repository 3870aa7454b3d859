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
describe_writer(const WeirSinkPlan *plan, StringInfo text)
{
	static const char *const writers[] = {
		[WEIR_WRITER_MULTI_INSERT] = "many rows at once into the table",
		[WEIR_WRITER_PRINT] = "as lines of the server log",
		[WEIR_WRITER_BLACKHOLE] = "nowhere"
	};

	if (plan->writer != WEIR_WRITER_EXECUTOR && weir_executor_is_watched_everywhere())
		appendStringInfoString(text, "  written by the executor: another extension watches what it runs\n");
	else if (plan->writer != WEIR_WRITER_EXECUTOR)
		appendStringInfo(text, "  written without the executor: %s\n", writers[plan->writer]);
	else if (plan->writer_reason != plan->batching_reason)
		appendStringInfo(text, "  written by the executor: %s\n", plan->writer_reason);
}

static void
describe(const WeirNode *node, StringInfo text)
{
	const WeirSinkPlan *plan = weir_sink_plan(node);
	const char *batching = "one record a statement";

	if (plan->batching == WEIR_SINK_BATCH)
		batching = "many records a statement";
	else if (plan->batching == WEIR_SINK_BATCH_DISTINCT)
		batching = "many records a statement, no two that meet the same row";
	appendStringInfo(text, "sink: %s, in %s: %s\n", weir_describe_relation(plan->target),
					 plan->alone ? "one sink task" : "the keyed tasks", plan->place_reason);
	weir_describe_columns(text, "input", node->in);
	weir_describe_query_tree(text, plan->query);
	appendStringInfo(text, "  %s: %s\n", batching, plan->batching_reason);
	describe_writer(plan, text);
}

const WeirNodeOps weir_sink_node = {
	.name = "sink",
	.sink = true,
	.statement = statement,
	.describe = describe,
};
