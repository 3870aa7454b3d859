/*
 * compile/graph.c
 *		What the compiler has found out, as nodes and edges:
 *
 *	source -> scan -(BY_KEY)-> function, count_window -(FORWARD or TO_ONE)-> sink
 *	source -> scan -(TO_ONE)-> project -> sink
 */
#include "postgres.h"

#include "access/table.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "catalog/name.h"
#include "compile/compile.h"
#include "graph/kinds/function.h"
#include "graph/kinds/project.h"
#include "graph/kinds/scan.h"
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
	WeirScanPlan *plan = palloc0(sizeof(WeirScanPlan));
	WeirNode   *node;

	plan->stream = c->stream;
	plan->statement = c->out->scan;
	plan->ordinal = c->out->ordinal;
	plan->sorted = c->out->sorted;
	plan->query = c->out->scan_query;
	node = weir_graph_add(c->out->graph, WEIR_NODE_SCAN, plan, psprintf("scan of %s", source->identity),
						  source->out, c->out->row_desc);
	node->parallelism = source->parallelism;
	weir_graph_connect(c->out->graph, source, node, WEIR_EDGE_FORWARD);
	return node;
}

static WeirNode *
add_function(WeirCompile *c)
{
	WeirFunctionPlan *plan = palloc0(sizeof(WeirFunctionPlan));

	plan->function = c->out->function;
	plan->call = c->out->call;
	plan->result = c->out->function_desc;
	plan->scalar = c->out->function_scalar;
	plan->output = c->out->sink_source;
	return weir_graph_add(c->out->graph, WEIR_NODE_FUNCTION, plan, weir_function_name(plan->function),
						  c->out->row_desc, c->out->sink_desc);
}

/* "weir.count_window(2) by f0 bigint: sum(f1)": told from others in the job, and to people. */
static char *
window_identity(WeirCompile *c)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "weir.%s by ", c->out->window->text);
	for (int i = 0; i < c->out->nkeys; i++)
	{
		const WeirKeyColumn *key = &c->out->keys[i];
		Form_pg_attribute att = TupleDescAttr(c->out->row_desc, key->attno - 1);

		appendStringInfo(&text, "%s%s %s", i > 0 ? ", " : "", NameStr(att->attname),
						 weir_type_name(key->type, -1));
	}
	appendStringInfo(&text, ": %s", c->out->window->aggregates_text);
	return text.data;
}

static WeirNode *
add_window(WeirCompile *c)
{
	c->out->window->result = c->out->function_desc;
	c->out->window->output = c->out->sink_source;
	return weir_graph_add(c->out->graph, WEIR_NODE_COUNT_WINDOW, c->out->window, window_identity(c),
						  c->out->row_desc, c->out->sink_desc);
}

static WeirNode *
add_step(WeirCompile *c, const WeirNode *scan)
{
	WeirNode   *node = c->out->window ? add_window(c) : add_function(c);

	node->nkeys = c->out->nkeys;
	node->keys = c->out->keys;
	weir_graph_connect(c->out->graph, scan, node, WEIR_EDGE_BY_KEY);
	return node;
}

/* Without a step, the sink reads some of the scan's columns. */
static WeirNode *
add_project(WeirCompile *c, const WeirNode *scan)
{
	WeirProjectPlan *plan = palloc0(sizeof(WeirProjectPlan));
	WeirNode   *node;

	plan->columns = c->out->sink_source;
	node = weir_graph_add(c->out->graph, WEIR_NODE_PROJECT, plan, "project",
						  c->out->row_desc, c->out->sink_desc);
	node->parallelism = 1;
	weir_graph_connect(c->out->graph, scan, node, WEIR_EDGE_TO_ONE);
	return node;
}

static void
add_sink(WeirCompile *c, const WeirNode *before)
{
	WeirSinkPlan *plan = palloc0(sizeof(WeirSinkPlan));
	WeirNode   *node;

	plan->target = c->out->target;
	plan->statement = c->out->sink;
	plan->batching = c->out->batching;
	plan->batching_reason = c->out->batching_reason;
	plan->narbiters = c->out->narbiters;
	plan->arbiters = c->out->arbiters;
	plan->arbiter_eq = c->out->arbiter_eq;
	plan->arbiter_hash = c->out->arbiter_hash;
	plan->arbiter_collation = c->out->arbiter_collation;
	plan->writer = c->out->writer;
	plan->writer_reason = c->out->writer_reason;
	plan->projections = c->out->projections;
	plan->alone = c->out->place == WEIR_SINK_TASK;
	plan->place_reason = c->out->place_reason;
	plan->query = c->out->sink_query;
	node = weir_graph_add(c->out->graph, WEIR_NODE_SINK, plan,
						  psprintf("INSERT INTO %s", relation_identity(plan->target)),
						  c->out->sink_desc, NULL);
	node->parallelism = plan->alone ? 1 : before->parallelism;
	weir_graph_connect(c->out->graph, before, node,
					   plan->alone && before->parallelism != 1 ? WEIR_EDGE_TO_ONE : WEIR_EDGE_FORWARD);
}

void
weir_compile_graph(WeirCompile *c)
{
	WeirNode   *node;

	c->out->graph = weir_graph_create();
	c->out->graph->uses = c->uses;
	node = add_scan(c, add_source(c));
	if (weir_dataflow_is_keyed(c->out))
		node = add_step(c, node);
	else
		node = add_project(c, node);
	add_sink(c, node);
}
