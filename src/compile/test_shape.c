/*
 * compile/test_shape.c
 *		Graphs that no query is cut into yet, for a test build: lines of a job's
 *		query that begin so name another query, of which a part is taken.
 *
 *	--union INSERT ...	its source and scan feed the job's keyed step, too
 *	--chain INSERT ...	its keyed step and sink stand behind the job's keyed
 *						step, in place of the job's sink
 *	--output INSERT ...	another output, over rows of its own of the stream that it
 *						reads, which is read once
 *
 * Rows where two parts meet must be alike: of the same types in the same order.
 */
#include "postgres.h"

#include "compile/compile.h"
#include "graph/kinds/source.h"

#ifdef WEIR_FAULTS

static void
check_alike(TupleDesc made, TupleDesc wanted)
{
	bool		alike = made->natts == wanted->natts;

	for (int i = 0; alike && i < made->natts; i++)
		alike = TupleDescAttr(made, i)->atttypid == TupleDescAttr(wanted, i)->atttypid &&
			TupleDescAttr(made, i)->atttypmod == TupleDescAttr(wanted, i)->atttypmod;
	if (!alike)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the parts of a test shape do not fit together")));
}

/* The queries that lines with this word name, compiled, in order. */
static List *
parts(const char *text, const char *word, bool returning)
{
	List	   *found = NIL;
	size_t		length = strlen(word);

	for (const char *line = text; line != NULL; line = strchr(line, '\n'))
	{
		line += *line == '\n';
		if (strncmp(line, word, length) == 0)
			found = lappend(found, weir_compile_part(pnstrdup(line + length, strcspn(line + length, "\n")),
													 returning));
	}
	return found;
}

static WeirNode *
adopt(WeirGraph *graph, WeirGraph *from, WeirNode *node)
{
	graph->uses = list_concat(graph->uses, from->uses);
	graph->relations = list_concat_unique_oid(graph->relations, from->relations);
	graph->items = list_concat(graph->items, from->items);
	from->uses = NIL;
	from->items = NIL;
	return weir_graph_adopt(graph, node);
}

static WeirNode *
adopt_scan(WeirGraph *graph, WeirGraph *from)
{
	WeirNode   *wanted = weir_graph_source(from, 0);
	WeirNode   *scan = weir_graph_node(from, WEIR_NODE_SCAN, 0);
	WeirNode   *source = NULL;

	for (int n = 0; n < weir_graph_nsources(graph) && source == NULL; n++)
	{
		source = weir_graph_source(graph, n);
		if (weir_source_plan(source)->stream != weir_source_plan(wanted)->stream)
			source = NULL;
	}
	if (source == NULL)
		source = adopt(graph, from, wanted);
	scan = adopt(graph, from, scan);
	weir_graph_connect(graph, source, scan, WEIR_EDGE_FORWARD);
	return scan;
}

static void
adopt_sink(WeirGraph *graph, WeirGraph *from, const WeirNode *before)
{
	WeirNode   *sink = weir_graph_sink(from, 0);
	WeirEdgeKind kind = weir_node_input(from, sink, 0)->kind;

	weir_graph_connect(graph, before, adopt(graph, from, sink), kind);
}

static void
adopt_output(WeirGraph *graph, WeirGraph *from)
{
	WeirNode   *before = adopt_scan(graph, from);
	WeirNode   *step = weir_graph_keyed(from, 0);

	if (step)
	{
		step = adopt(graph, from, step);
		weir_graph_connect(graph, before, step, WEIR_EDGE_BY_KEY);
		before = step;
	}
	adopt_sink(graph, from, before);
}

/* One that stands alone has all others with it. */
static void
gather_sinks(WeirGraph *graph)
{
	bool		alone = false;

	for (int i = 0; i < graph->nedges; i++)
		alone = alone || graph->edges[i]->kind == WEIR_EDGE_TO_ONE;
	for (int i = 0; alone && i < graph->nedges; i++)
	{
		WeirNode   *to = graph->nodes[graph->edges[i]->to];

		if (!weir_node_ops(to->kind)->sink)
			continue;
		graph->edges[i]->kind = WEIR_EDGE_TO_ONE;
		to->parallelism = 1;
	}
}

void
weir_compile_test_shape(WeirDataflow *out, bool returning)
{
	List	   *unions = parts(out->text, "--union ", returning);
	List	   *chains = parts(out->text, "--chain ", returning);
	List	   *outputs = parts(out->text, "--output ", returning);
	WeirGraph  *first = out->graph;
	WeirGraph  *last = first;
	WeirGraph  *graph;
	WeirNode   *step;
	List	   *scans;
	ListCell   *lc;

	if ((unions == NIL && chains == NIL && outputs == NIL) || weir_graph_nkeyed(first) == 0)
		return;
	graph = weir_graph_create();
	scans = list_make1(adopt_scan(graph, first));
	foreach(lc, unions)
		scans = lappend(scans, adopt_scan(graph, ((WeirDataflow *) lfirst(lc))->graph));
	step = adopt(graph, first, weir_graph_keyed(first, 0));
	foreach(lc, scans)
	{
		check_alike(((WeirNode *) lfirst(lc))->out, step->in);
		weir_graph_connect(graph, lfirst(lc), step, WEIR_EDGE_BY_KEY);
	}
	foreach(lc, chains)
	{
		WeirNode   *before = step;

		last = ((WeirDataflow *) lfirst(lc))->graph;
		step = adopt(graph, last, weir_graph_keyed(last, 0));
		check_alike(before->out, step->in);
		weir_graph_connect(graph, before, step, WEIR_EDGE_BY_KEY);
	}
	adopt_sink(graph, last, step);
	foreach(lc, outputs)
		adopt_output(graph, ((WeirDataflow *) lfirst(lc))->graph);
	gather_sinks(graph);
	out->graph = graph;
}

#endif
