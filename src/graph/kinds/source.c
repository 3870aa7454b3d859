/*
 * graph/kinds/source.c
 *		A stream that is read.
 */
#include "postgres.h"

#include "graph/describe.h"
#include "graph/kinds/source.h"

static void
describe(const WeirNode *node, StringInfo text)
{
	appendStringInfo(text, "source: %s\n", weir_describe_relation(weir_source_plan(node)->stream));
}

static Oid
object(const WeirNode *node)
{
	return weir_source_plan(node)->stream;
}

const WeirNodeOps weir_source_node = {
	.name = "source",
	.source = true,
	.describe = describe,
	.object = object,
};
