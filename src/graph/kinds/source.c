/*
 * graph/kinds/source.c
 *		A stream that is read.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "graph/describe.h"
#include "graph/kinds/source.h"

static void
title(const WeirNode *node, StringInfo text)
{
	appendStringInfo(text, "Source %s", weir_describe_relation(weir_source_plan(node)->stream));
}

static void
describe(const WeirNode *node, WeirDescription *to)
{
	const WeirSourcePlan *plan = weir_source_plan(node);

	if (plan->by_arrival)
		weir_describe_line(to, "Watermark: the arrival of records");
	else if (plan->watermark)
		weir_describe_line(to, "Watermark: %s, %s late at most", quote_identifier(plan->watermark),
						   weir_describe_span(plan->bound));
}

static Oid
object(const WeirNode *node)
{
	return weir_source_plan(node)->stream;
}

const WeirNodeOps weir_source_node = {
	.name = "source",
	.source = true,
	.title = title,
	.describe = describe,
	.object = object,
};
