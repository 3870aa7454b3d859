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

PG_FUNCTION_INFO_V1(weir_describe_query);

/* A name as one would write it in a query here. */
static const char *
relation_name(Oid relid)
{
	return DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(relid)));
}

/* SQL can only name a table where the input stands: so does a WITH query. */
static char *
sink_text(const WeirDataflow *dataflow)
{
	Query	   *sink = copyObject(dataflow->sink_query);
	ListCell   *lc;

	foreach(lc, sink->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY)
		{
			RangeTblEntry *input = rt_fetch(WEIR_SINK_INPUT_INDEX, rte->subquery->rtable);

			input->rtekind = RTE_CTE;
			input->ctename = pstrdup(WEIR_SINK_INPUT);
		}
	}
	return pg_get_querydef(sink, true);
}

/* Cuts off the line ends at the end. */
static char *
strip_end(char *text)
{
	size_t		length = strlen(text);

	while (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	return text;
}

static void
append_statement(StringInfo text, const char *statement)
{
	appendStringInfoString(text, "    ");
	for (const char *at = statement; *at != '\0'; at++)
	{
		appendStringInfoChar(text, *at);
		if (*at == '\n')
			appendStringInfoString(text, "    ");
	}
	appendStringInfoChar(text, '\n');
}

static void
append_columns(StringInfo text, const char *title, TupleDesc desc)
{
	appendStringInfo(text, "  %s: (", title);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		appendStringInfo(text, "%s%s %s", i > 0 ? ", " : "", NameStr(att->attname),
						 format_type_with_typemod(att->atttypid, att->atttypmod));
	}
	appendStringInfoString(text, ")\n");
}

static void
append_key(StringInfo text, const WeirDataflow *dataflow)
{
	appendStringInfoString(text, " by (");
	for (int i = 0; i < dataflow->nkeys; i++)
		appendStringInfo(text, "%s$%d %s", i > 0 ? ", " : "", dataflow->keys[i].attno,
						 format_type_be(dataflow->keys[i].type));
	appendStringInfoString(text, ")\n");
}

static void
append_window(StringInfo text, const WeirDataflow *dataflow)
{
	const WeirCountWindow *window = dataflow->window;
	Oid			output;
	bool		varlena;

	appendStringInfo(text, "keyed: weir.%s", window->text);
	append_key(text, dataflow);
	if (window->aggregates != NIL)
		appendStringInfo(text, "  aggregates: %s\n", window->aggregates_text);
	if (window->ttl != NULL)
	{
		getTypeOutputInfo(window->ttl_type, &output, &varlena);
		appendStringInfo(text, "  time to live: %s\n",
						 OidOutputFunctionCall(output, PointerGetDatum(window->ttl)));
	}
	append_columns(text, "returns", dataflow->function_desc);
}

static void
append_call(StringInfo text, const WeirDataflow *dataflow)
{
	ListCell   *lc;
	const char *separator = "";

	appendStringInfo(text, "keyed: %s(", get_func_name(dataflow->function));
	foreach(lc, dataflow->call->args)
	{
		Var		   *var = lfirst(lc);

		appendStringInfoString(text, separator);
		if (IsA(var, Var))
			appendStringInfo(text, "$%d", var->varattno);
		else
			appendStringInfoString(text, deparse_expression((Node *) var, NIL, false, false));
		separator = ", ";
	}
	appendStringInfoChar(text, ')');
	append_key(text, dataflow);
	append_columns(text, dataflow->function_scalar ? "returns scalar" : "returns", dataflow->function_desc);
}

static void
append_sink(StringInfo text, const WeirDataflow *dataflow)
{
	const char *batching = "one record a statement";

	if (dataflow->batching == WEIR_SINK_BATCH)
		batching = "many records a statement";
	else if (dataflow->batching == WEIR_SINK_BATCH_DISTINCT)
		batching = "many records a statement, no two that meet the same row";
	appendStringInfo(text, "sink: %s, in %s: %s\n", relation_name(dataflow->target),
					 dataflow->place == WEIR_SINK_TASK ? "one sink task" : "the keyed tasks",
					 dataflow->place_reason);
	append_columns(text, "input", dataflow->sink_desc);
	append_statement(text, sink_text(dataflow));
	appendStringInfo(text, "  %s: %s\n", batching, dataflow->batching_reason);
}

char *
weir_dataflow_describe(const WeirDataflow *dataflow)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "source: %s\n", relation_name(dataflow->stream));
	append_columns(&text, "rows", dataflow->row_desc);
	append_statement(&text, pg_get_querydef(copyObject(dataflow->scan_query), true));
	if (dataflow->sorted)
		appendStringInfoString(&text, "  sorted in the order of the records\n");
	if (dataflow->window != NULL)
		append_window(&text, dataflow);
	else if (weir_dataflow_is_keyed(dataflow))
		append_call(&text, dataflow);
	append_sink(&text, dataflow);
	return text.data;
}

static QueryEnvironment *
sink_environment(WeirDataflow *dataflow)
{
	QueryEnvironment *environment = create_queryEnv();
	EphemeralNamedRelation input = palloc0(sizeof(EphemeralNamedRelationData));

	input->md.name = WEIR_SINK_INPUT;
	input->md.tupdesc = dataflow->sink_desc;
	input->md.enrtype = ENR_NAMED_TUPLESTORE;
	input->reldata = tuplestore_begin_heap(false, false, work_mem);
	register_ENR(environment, input);
	return environment;
}

/* The plan as EXPLAIN shows it: the executor has at least accepted it. */
static void
append_plan(StringInfo text, const char *title, PlannedStmt *plan, QueryEnvironment *environment)
{
	ExplainState *explain = NewExplainState();
	QueryDesc  *query = CreateQueryDesc(plan, "", GetActiveSnapshot(), InvalidSnapshot,
										None_Receiver, NULL, environment, 0);

	explain->costs = false;
	ExecutorStart(query, EXEC_FLAG_EXPLAIN_ONLY);
	ExplainPrintPlan(explain, query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
	appendStringInfo(text, "%s plan:\n", title);
	append_statement(text, strip_end(explain->str->data));
}

/* weir_internal.describe_query(query text, plans boolean) RETURNS text */
Datum
weir_describe_query(PG_FUNCTION_ARGS)
{
	WeirDataflow *dataflow = weir_compile(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, weir_dataflow_describe(dataflow));
	if (PG_GETARG_BOOL(1))
	{
		append_plan(&text, "scan", dataflow->scan, NULL);
		append_plan(&text, "sink", dataflow->sink, sink_environment(dataflow));
	}
	weir_dataflow_free(dataflow);
	PG_RETURN_TEXT_P(cstring_to_text(text.data));
}
