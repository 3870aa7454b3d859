/*
 * graph/kinds/scan.c
 *		A SELECT over the rows of one source, or of a keyed step.
 */
#include "postgres.h"

#include "utils/ruleutils.h"

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
	weir_describe_statement(text, pg_get_querydef(copyObject(plan->query), true));
	if (plan->sorted)
		appendStringInfoString(text, "  sorted in the order of the records\n");
}

const WeirNodeOps weir_scan_node = {
	.name = "scan",
	.statement = statement,
	.describe = describe,
};
