/*
 * graph/kinds/scan.c
 *		A SELECT over the rows of one source, or of a keyed step.
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
title(const WeirNode *node, StringInfo text)
{
	appendStringInfoString(text, "Scan");
}

static void
describe(const WeirNode *node, WeirDescription *to)
{
	const WeirScanPlan *plan = weir_scan_plan(node);

	weir_describe_columns(to, "Output", node->out);
	weir_describe_tree(to, plan->query);
	if (plan->time > 0)
		weir_describe_line(to, "Watermark: weir.watermark, %s late at most",
						   weir_describe_span(plan->bound));
	if (plan->sorted)
		weir_describe_line(to, "Sorted: in the order of the records");
}

TupleDesc
weir_scan_input_desc(TupleDesc in)
{
	TupleDesc	desc = CreateTemplateTupleDesc(in->natts + 1);

	for (int i = 1; i <= in->natts; i++)
		TupleDescCopyEntry(desc, i, in, i);
	TupleDescInitEntry(desc, in->natts + 1, WEIR_SCAN_ORDINAL, TIDOID, -1, 0);
	TupleDescFinalize(desc);
	return desc;
}

const WeirNodeOps weir_scan_node = {
	.name = "scan",
	.statement = statement,
	.title = title,
	.describe = describe,
};
