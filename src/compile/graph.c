/*
 * compile/graph.c
 *		What the compiler has found out, as nodes and edges:
 *
 *	source -> scan -(BY_KEY)-> function, count_window, aggregate -(FORWARD or TO_ONE)-> sink
 *	source -> scan -(TO_ONE)-> sink
 *
 * A source has an edge to each scan of its stream, a step or a sink one from each of
 * its level's scans, and a step may lead to a scan for the next one.
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
#include "source/stream.h"

static char *
relation_identity(Oid relid)
{
	return weir_qualified_name(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

static void
set_clock(WeirCompileJob *job, WeirSourcePlan *plan, const WeirStream *stream)
{
	plan->by_arrival = job->by_arrival;
	if (plan->by_arrival || stream->watermark < 0)
		return;
	plan->watermark = get_attname(plan->stream, stream->watermark + 1, false);
	plan->bound = stream->watermark_bound;
}

/* One for all that read the stream. */
static WeirNode *
source_of(WeirCompileJob *job, Oid relid)
{
	WeirSourcePlan *plan = palloc0(sizeof(WeirSourcePlan));
	WeirNode   *node;
	const WeirStream *stream;
	Relation	rel;
	TupleDesc	desc;

	for (int n = 0; (node = weir_graph_source(job->out->graph, n)) != NULL; n++)
	{
		if (weir_source_plan(node)->stream == relid)
			return node;
	}
	rel = table_open(relid, NoLock);
	desc = CreateTupleDescCopy(RelationGetDescr(rel));
	table_close(rel, NoLock);
	stream = weir_stream_get(relid);
	plan->stream = relid;
	set_clock(job, plan, stream);
	node = weir_graph_add(job->out->graph, WEIR_NODE_SOURCE, plan, relation_identity(relid), NULL, desc);
	node->parallelism = weir_stream_parallelism(stream);
	return node;
}

static WeirNode *
add_scan(WeirLevel *level, const WeirBranch *scan)
{
	WeirCompileJob *job = level->c->job;
	const WeirNode *input = scan->step ? scan->step->node : source_of(job, scan->stream);
	WeirNode   *node = weir_graph_add(job->out->graph, WEIR_NODE_SCAN, scan->plan,
									  psprintf("scan of %s", input->identity), input->out, level->row_desc);

	node->parallelism = input->parallelism;
	weir_graph_connect(job->out->graph, input, node, WEIR_EDGE_FORWARD);
	return node;
}

static WeirNode *
add_function(WeirLevel *level)
{
	WeirFunctionPlan *plan = level->function_plan;

	plan->result = level->result_desc;
	plan->output = level->sink_source;
	return weir_graph_add(level->c->job->out->graph, WEIR_NODE_FUNCTION, plan, weir_function_name(plan->function),
						  level->row_desc, level->sink_desc);
}

/* "weir.count_window(2) by f0 bigint: sum(f1)": told from others in the job, and to people. */
static char *
aggregates_identity(WeirLevel *level, const char *kind, const char *aggregates)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s by ", kind);
	for (int i = 0; i < level->nkeys; i++)
	{
		const WeirKeyColumn *key = &level->key[i];
		Form_pg_attribute att = TupleDescAttr(level->row_desc, key->attno - 1);

		appendStringInfo(&text, "%s%s %s", i > 0 ? ", " : "", NameStr(att->attname),
						 weir_type_name(key->type, -1));
	}
	appendStringInfo(&text, ": %s", aggregates);
	return text.data;
}

static WeirNode *
add_window(WeirLevel *level)
{
	WeirCountWindowPlan *plan = level->window_plan;

	plan->result = level->result_desc;
	plan->output = level->sink_source;
	return weir_graph_add(level->c->job->out->graph, WEIR_NODE_COUNT_WINDOW, plan,
						  aggregates_identity(level, psprintf("weir.%s", plan->text), plan->aggregates_text),
						  level->row_desc, level->sink_desc);
}

static WeirNode *
add_running(WeirLevel *level)
{
	WeirAggregatePlan *plan = level->running_plan;

	plan->result = level->result_desc;
	plan->output = level->sink_source;
	return weir_graph_add(level->c->job->out->graph, WEIR_NODE_AGGREGATE, plan,
						  aggregates_identity(level, "running aggregate", plan->aggregates_text),
						  level->row_desc, level->sink_desc);
}

static WeirNode *
add_time_window(WeirLevel *level)
{
	WeirTimeWindowPlan *plan = level->time_plan;

	plan->result = level->result_desc;
	plan->output = level->sink_source;
	return weir_graph_add(level->c->job->out->graph, WEIR_NODE_TIME_WINDOW, plan,
						  aggregates_identity(level, psprintf("window %s", plan->shape), plan->aggregates_text),
						  level->row_desc, level->sink_desc);
}

static WeirNode *
add_rank(WeirLevel *level)
{
	static const WeirNodeKind kinds[] = {
		[WEIR_RANK_CHANGES] = WEIR_NODE_RANK,
		[WEIR_RANK_COMPLETE] = WEIR_NODE_WINDOW_RANK,
		[WEIR_RANK_IN_ORDER] = WEIR_NODE_ORDERED_RANK
	};
	WeirRankPlan *plan = level->rank_plan;

	plan->output = level->sink_source;
	return weir_graph_add(level->c->job->out->graph, kinds[plan->emission], plan,
						  aggregates_identity(level, plan->distinct ? "distinct" : "rank", plan->order_text),
						  level->row_desc, level->sink_desc);
}

static WeirNode *
add_over(WeirLevel *level)
{
	WeirOverPlan *plan = level->over_plan;

	plan->output = level->sink_source;
	return weir_graph_add(level->c->job->out->graph, WEIR_NODE_OVER, plan,
						  aggregates_identity(level, "over", plan->text), level->row_desc, level->sink_desc);
}

static WeirNode *
add_join(WeirLevel *level)
{
	WeirJoinPlan *plan = level->join_plan;
	WeirNode   *node;

	plan->output = level->sink_source;
	node = weir_graph_add(level->c->job->out->graph, WEIR_NODE_JOIN, plan,
						  aggregates_identity(level, "join", plan->condition_text),
						  level->row_desc, level->sink_desc);
	node->right = level->result_desc;
	node->right_keys = level->right_key;
	return node;
}

static WeirNode *
add_step(WeirLevel *level)
{
	if (level->over_plan)
		return add_over(level);
	if (level->join_plan)
		return add_join(level);
	if (level->time_plan)
		return add_time_window(level);
	if (level->rank_plan)
		return add_rank(level);
	if (level->running_plan)
		return add_running(level);
	return level->window_plan ? add_window(level) : add_function(level);
}

/* The nodes of a level; those whose rows leave it. */
static List *
add_level(WeirLevel *level)
{
	List	   *scans = NIL;
	WeirNode   *node;
	ListCell   *lc;

	foreach(lc, level->scans)
		scans = lappend(scans, add_scan(level, lfirst(lc)));
	level->scan_nodes = scans;
	if (level->nkeys == 0)
		return scans;
	node = add_step(level);
	node->nkeys = level->nkeys;
	node->keys = level->key;
	foreach(lc, level->stream_join ? ((WeirLevel *) linitial(level->below))->scan_nodes : scans)
		weir_graph_connect(level->c->job->out->graph, lfirst(lc), node, WEIR_EDGE_BY_KEY);
	foreach(lc, level->stream_join ? ((WeirLevel *) lsecond(level->below))->scan_nodes : NIL)
		weir_graph_connect_right(level->c->job->out->graph, lfirst(lc), node, WEIR_EDGE_BY_KEY);
	level->node = node;
	return list_make1(node);
}

/* Without a keyed step every column of (a) is there for (c), which reads it where it stands. */
static TupleDesc
sink_input(WeirLevel *top)
{
	if (top->nkeys > 0)
		return top->sink_desc;
	for (int i = 0; i < top->sink_desc->natts; i++)
		if (top->sink_source[i] != i + 1)
			elog(ERROR, "the sink does not read the columns of the scan as they stand");
	return top->row_desc;
}

static void
add_sink(WeirCompile *c, List *before)
{
	WeirSinkPlan *plan = c->sink_plan;
	WeirGraph  *graph = c->job->out->graph;
	WeirNode   *node = weir_graph_add(graph, WEIR_NODE_SINK, plan,
									  psprintf("INSERT INTO %s", relation_identity(plan->target)),
									  sink_input(c->top), NULL);
	ListCell   *lc;

	node->parallelism = plan->alone ? 1 : ((WeirNode *) linitial(before))->parallelism;
	foreach(lc, before)
		weir_graph_connect(graph, lfirst(lc), node, plan->alone ? WEIR_EDGE_TO_ONE : WEIR_EDGE_FORWARD);
}

/* ---- what steps without a name go by ---- */

static bool
is_nameless_step(const WeirNode *node)
{
	const WeirNodeOps *ops = weir_node_ops(node->kind);

	return ops->keyed && ops->object == NULL;
}

static const char *
with_streams(const WeirGraph *graph, const WeirNode *node)
{
	const char *separator = " of ";
	const WeirNode *source;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, node->identity);
	for (int n = 0; (source = weir_graph_source(graph, n)) != NULL; n++)
	{
		if (!weir_graph_reaches(graph, source, node))
			continue;
		appendStringInfo(&text, "%s%s", separator, source->identity);
		separator = ", ";
	}
	return text.data;
}

/* How many steps before this one go by the same. */
static int
namesakes(const WeirGraph *graph, const WeirNode *node)
{
	int			count = 0;

	for (int i = 0; i < node->id; i++)
		count += is_nameless_step(graph->nodes[i]) &&
			strcmp(graph->nodes[i]->identity, node->identity) == 0;
	return count;
}

/*
 * Equal windows are told apart by the streams they are of, so that statements may be
 * exchanged, or one added; else by their order.
 */
static void
tell_apart(WeirGraph *graph)
{
	for (int i = 0; i < graph->nnodes; i++)
	{
		WeirNode   *node = graph->nodes[i];

		if (is_nameless_step(node))
			node->identity = with_streams(graph, node);
	}
	for (int i = graph->nnodes - 1; i >= 0; i--)
	{
		WeirNode   *node = graph->nodes[i];
		int			n = is_nameless_step(node) ? namesakes(graph, node) : 0;

		if (n > 0)
			node->identity = psprintf("%s #%d", node->identity, n + 1);
	}
}

/* Of whose records are the rows that a step may keep? */
static void
name_sources(const WeirGraph *graph)
{
	WeirNode   *step;
	WeirNode   *source;

	for (int n = 0; (step = weir_graph_keyed(graph, n)) != NULL; n++)
	{
		for (int i = 0; (source = weir_graph_source(graph, i)) != NULL; i++)
			if (weir_graph_reaches(graph, source, step))
				step->sources = lappend(step->sources, source);
	}
}

void
weir_compile_graph(WeirCompileJob *job)
{
	ListCell   *lc;

	job->out->graph = weir_graph_create();
	job->out->graph->uses = job->uses;
	foreach(lc, job->inserts)
	{
		WeirCompile *c = lfirst(lc);
		List	   *before = NIL;
		ListCell   *level;

		foreach(level, c->levels)
			before = add_level(lfirst(level));
		add_sink(c, before);
	}
	name_sources(job->out->graph);
	tell_apart(job->out->graph);
}
