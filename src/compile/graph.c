/*
 * compile/graph.c
 *		What the compiler has found out, as nodes and edges:
 *
 *	source -> scan -(BY_KEY)-> function, count_window -(FORWARD or TO_ONE)-> sink
 *	source -> scan -(TO_ONE)-> sink
 */
#include "postgres.h"

#include "access/table.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "catalog/name.h"
#include "compile/compile.h"
#include "graph/kinds/source.h"

static char *
relation_identity(Oid relid)
{
	return weir_qualified_name(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

static WeirNode *
add_source(WeirCompile *c)
{
	WeirSourcePlan *plan = palloc0(sizeof(WeirSourcePlan));
	Relation	stream = table_open(c->stream, NoLock);
	TupleDesc	desc = CreateTupleDescCopy(RelationGetDescr(stream));

	table_close(stream, NoLock);
	plan->stream = c->stream;
	return weir_graph_add(c->out->graph, WEIR_NODE_SOURCE, plan, relation_identity(plan->stream),
						  NULL, desc);
}

static WeirNode *
add_scan(WeirCompile *c, const WeirNode *source)
{
	WeirNode   *node;

	c->scan_plan->stream = c->stream;
	node = weir_graph_add(c->out->graph, WEIR_NODE_SCAN, c->scan_plan, psprintf("scan of %s", source->identity),
						  source->out, c->row_desc);
	node->parallelism = source->parallelism;
	weir_graph_connect(c->out->graph, source, node, WEIR_EDGE_FORWARD);
	return node;
}

static WeirNode *
add_function(WeirCompile *c)
{
	WeirFunctionPlan *plan = c->function_plan;

	plan->result = c->result_desc;
	plan->output = c->sink_source;
	return weir_graph_add(c->out->graph, WEIR_NODE_FUNCTION, plan, weir_function_name(plan->function),
						  c->row_desc, c->sink_desc);
}

/* "weir.count_window(2) by f0 bigint: sum(f1)": told from others in the job, and to people. */
static char *
window_identity(WeirCompile *c)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "weir.%s by ", c->window_plan->text);
	for (int i = 0; i < c->nkeys; i++)
	{
		const WeirKeyColumn *key = &c->key[i];
		Form_pg_attribute att = TupleDescAttr(c->row_desc, key->attno - 1);

		appendStringInfo(&text, "%s%s %s", i > 0 ? ", " : "", NameStr(att->attname),
						 weir_type_name(key->type, -1));
	}
	appendStringInfo(&text, ": %s", c->window_plan->aggregates_text);
	return text.data;
}

static WeirNode *
add_window(WeirCompile *c)
{
	c->window_plan->result = c->result_desc;
	c->window_plan->output = c->sink_source;
	return weir_graph_add(c->out->graph, WEIR_NODE_COUNT_WINDOW, c->window_plan, window_identity(c),
						  c->row_desc, c->sink_desc);
}

static WeirNode *
add_step(WeirCompile *c, const WeirNode *scan)
{
	WeirNode   *node = c->window_plan ? add_window(c) : add_function(c);

	node->nkeys = c->nkeys;
	node->keys = c->key;
	weir_graph_connect(c->out->graph, scan, node, WEIR_EDGE_BY_KEY);
	return node;
}

/* Without a keyed step every column of (a) is there for (c), which reads it where it stands. */
static TupleDesc
sink_input(WeirCompile *c)
{
	if (c->nkeys > 0)
		return c->sink_desc;
	for (int i = 0; i < c->sink_desc->natts; i++)
		if (c->sink_source[i] != i + 1)
			elog(ERROR, "the sink does not read the columns of the scan as they stand");
	return c->row_desc;
}

static void
add_sink(WeirCompile *c, const WeirNode *before)
{
	WeirSinkPlan *plan = c->sink_plan;
	WeirNode   *node = weir_graph_add(c->out->graph, WEIR_NODE_SINK, plan,
									  psprintf("INSERT INTO %s", relation_identity(plan->target)),
									  sink_input(c), NULL);

	node->parallelism = plan->alone ? 1 : before->parallelism;
	weir_graph_connect(c->out->graph, before, node,
					   plan->alone ? WEIR_EDGE_TO_ONE : WEIR_EDGE_FORWARD);
}

void
weir_compile_graph(WeirCompile *c)
{
	WeirNode   *node;

	c->out->graph = weir_graph_create();
	c->out->graph->uses = c->uses;
	node = add_scan(c, add_source(c));
	if (c->nkeys > 0)
		node = add_step(c, node);
	add_sink(c, node);
}
