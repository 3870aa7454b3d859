/*
 * compile/describe.c
 *		The picture of a dataflow: its steps as SQL, its key, where the sink
 *		statement runs and why, and, for tests, the plans.
 */
#include "postgres.h"

#include "commands/explain.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parsetree.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/queryenvironment.h"
#include "utils/regproc.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "compile/compile.h"
#include "graph/describe.h"

PG_FUNCTION_INFO_V1(weir_describe_query);

/* Cuts off the line ends at the end. */
static char *
strip_end(char *text)
{
	size_t		length = strlen(text);

	while (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	return text;
}

/* What a statement that is given rows reads them from; NULL: it is given none. */
static QueryEnvironment *
environment_of(const WeirNode *node)
{
	QueryEnvironment *environment = create_queryEnv();
	EphemeralNamedRelation input = palloc0(sizeof(EphemeralNamedRelationData));
	bool		sink = node->kind == WEIR_NODE_SINK;

	if (!sink && OidIsValid(weir_scan_plan(node)->stream))
		return NULL;
	input->md.name = sink ? WEIR_SINK_INPUT : WEIR_SCAN_INPUT;
	input->md.tupdesc = sink ? node->in : weir_scan_input_desc(node->in);
	input->md.enrtype = ENR_NAMED_TUPLESTORE;
	input->reldata = tuplestore_begin_heap(false, false, work_mem);
	register_ENR(environment, input);
	return environment;
}

/* The plan as EXPLAIN shows it: the executor has at least accepted it. */
static void
append_plan(StringInfo text, const WeirNode *node)
{
	WeirDescription to = {text, 0};
	PlannedStmt *plan = weir_node_statement(node);
	ExplainState *explain = NewExplainState();
	QueryDesc  *query;

	if (plan == NULL)
		return;
	query = CreateQueryDesc(plan, "", GetActiveSnapshot(), InvalidSnapshot, None_Receiver, NULL,
							environment_of(node), 0);
	explain->costs = false;
	ExecutorStart(query, EXEC_FLAG_EXPLAIN_ONLY);
	ExplainPrintPlan(explain, query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
	weir_describe_line(&to, "%s plan:", weir_node_ops(node->kind)->name);
	weir_describe_block(&to, strip_end(explain->str->data));
}

/* weir_internal.describe_query(query text, plans boolean) RETURNS text */
Datum
weir_describe_query(PG_FUNCTION_ARGS)
{
	WeirDataflow *dataflow = weir_compile(text_to_cstring(PG_GETARG_TEXT_PP(0)), false, true);
	StringInfoData text;

	initStringInfo(&text);
	weir_graph_describe(dataflow->graph, 0, &text);
	if (PG_GETARG_BOOL(1))
	{
		for (int i = 0; i < dataflow->graph->nnodes; i++)
			append_plan(&text, dataflow->graph->nodes[i]);
	}
	weir_dataflow_free(dataflow);
	PG_RETURN_TEXT_P(cstring_to_text(text.data));
}
