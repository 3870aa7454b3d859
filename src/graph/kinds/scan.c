/*
 * graph/kinds/scan.c
 *		A SELECT over the rows of one source or keyed step.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/compat.h"
#include "graph/describe.h"
#include "graph/kinds/scan.h"

static PlannedStmt *
statement(const WeirNode *node)
{
	return weir_scan_plan(node)->statement;
}

static void
describe(const WeirNode *node, StringInfo text)
{
	const WeirScanPlan *plan = weir_scan_plan(node);

	weir_describe_columns(text, "rows", node->out);
	weir_describe_query_tree(text, plan->query);
	if (plan->sorted)
		appendStringInfoString(text, "  sorted in the order of the records\n");
}

TupleDesc
weir_scan_input_desc(const WeirNode *node)
{
	int			natts = node->in->natts;
	TupleDesc	desc = CreateTemplateTupleDesc(natts + 1);

	for (int i = 1; i <= natts; i++)
		TupleDescCopyEntry(desc, i, node->in, i);
	TupleDescInitEntry(desc, natts + 1, WEIR_SCAN_ORDINAL, TIDOID, -1, 0);
	TupleDescFinalize(desc);
	return desc;
}

const WeirNodeOps weir_scan_node = {
	.name = "scan",
	.statement = statement,
	.describe = describe,
};
