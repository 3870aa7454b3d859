/*
 * graph/kinds/count_window.c
 *		GROUP BY ..., weir.count_window(...).
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/primnodes.h"
#include "utils/lsyscache.h"

#include "graph/depend.h"
#include "graph/describe.h"
#include "graph/kinds/count_window.h"

static void
describe(const WeirNode *node, StringInfo text)
{
	const WeirCountWindowPlan *plan = weir_count_window_plan(node);
	Oid			output;
	bool		varlena;

	appendStringInfo(text, "keyed: weir.%s", plan->text);
	weir_describe_key(text, node);
	if (plan->aggregates != NIL)
		appendStringInfo(text, "  aggregates: %s\n", plan->aggregates_text);
	if (plan->ttl != NULL)
	{
		getTypeOutputInfo(plan->ttl_type, &output, &varlena);
		appendStringInfo(text, "  time to live: %s\n",
						 OidOutputFunctionCall(output, PointerGetDatum(plan->ttl)));
	}
	weir_describe_columns(text, "returns", plan->result);
}

static void
depend(const WeirNode *node, WeirGraph *graph)
{
	const WeirCountWindowPlan *plan = weir_count_window_plan(node);
	ListCell   *lc;

	foreach(lc, plan->aggregates)
		weir_depend_on_function(graph, lfirst_node(Aggref, lc)->aggfnoid);
	weir_depend_on_columns(graph, plan->result);
}

static const char *
state_name(const WeirNode *node)
{
	return weir_count_window_plan(node)->state_name;
}

const WeirNodeOps weir_count_window_node = {
	.name = "count_window",
	.keyed = true,
	.describe = describe,
	.depend = depend,
	.state_name = state_name,
};
