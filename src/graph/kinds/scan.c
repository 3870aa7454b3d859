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
title(const WeirNode *node, StringInfo text)
{
	appendStringInfoString(text, "Scan");
}

static void
describe(const WeirNode *node, WeirDescription *to)
{
	const WeirScanPlan *plan = weir_scan_plan(node);

	weir_describe_columns(to, "Output", node->out);
	weir_describe_statement(to, "Statement", pg_get_querydef(copyObject(plan->query), true));
	if (plan->sorted)
		weir_describe_line(to, "Sorted: in the order of the records");
}

const WeirNodeOps weir_scan_node = {
	.name = "scan",
	.statement = statement,
	.title = title,
	.describe = describe,
};
