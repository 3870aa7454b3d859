/*
 * graph/stage.c
 *		Graph -> stages and exchanges.
 *
 * A stage is known by its first node, and stages stand in the order of these,
 * sources before the others.  Every exchange leads to the first node of a stage
 * and from a node before it, so it leads to a later stage.
 */
#include "postgres.h"

#include "graph/stage.h"

/* The edge within a task that leads to this node, or from it; NULL: none. */
static const WeirEdge *
forward_edge(const WeirGraph *graph, const WeirNode *node, bool out)
{
	const WeirEdge *found = NULL;

	for (int i = 0; i < graph->nedges; i++)
	{
		const WeirEdge *edge = graph->edges[i];

		if (edge->kind != WEIR_EDGE_FORWARD || (out ? edge->from : edge->to) != node->id)
			continue;
		if (found)
			elog(ERROR, "node %d of a graph has two %s within a task", node->id,
				 out ? "outputs" : "inputs");
		found = edge;
	}
	if (found && !out && weir_node_input(graph, node, 1))
		elog(ERROR, "node %d of a graph has inputs within and from outside a task", node->id);
	return found;
}

static void
add_stage(WeirStages *stages, const WeirGraph *graph, const WeirNode *node, int parallelism)
{
	WeirTopology *t = &stages->topology;
	WeirStage  *stage = &t->stages[t->nstages];
	WeirStageNodes *nodes = &stages->nodes[t->nstages];
	const WeirEdge *edge;

	if (t->nstages == WEIR_MAX_STAGES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a job cannot have more than %d stages", WEIR_MAX_STAGES),
				 errhint("Let one job insert into a table what another one reads.")));
	nodes->nodes = palloc(sizeof(int) * graph->nnodes);
	stage->parallelism = node->parallelism ? node->parallelism : parallelism;
	for (;;)
	{
		const WeirNodeOps *ops = weir_node_ops(node->kind);

		stage->source = stage->source || ops->source;
		stage->keyed = stage->keyed || ops->keyed;
		stage->sink = stage->sink || ops->sink;
		stages->stage_of[node->id] = t->nstages;
		nodes->nodes[nodes->nnodes++] = node->id;
		if ((edge = forward_edge(graph, node, true)) == NULL)
			break;
		node = graph->nodes[edge->to];
	}
	t->nstages++;
}

static void
add_exchange(WeirStages *stages, const WeirEdge *edge, int index)
{
	WeirTopology *t = &stages->topology;
	WeirExchange *exchange = &t->exchanges[t->nexchanges];

	if (t->nexchanges == WEIR_MAX_EXCHANGES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a job cannot have more than %d exchanges", WEIR_MAX_EXCHANGES),
				 errhint("Let one job insert into a table what another one reads.")));
	exchange->from = stages->stage_of[edge->from];
	exchange->to = stages->stage_of[edge->to];
	exchange->kind = edge->kind == WEIR_EDGE_BY_KEY ? WEIR_BY_KEY : WEIR_TO_ONE;
	stages->edges[t->nexchanges++] = index;
}

WeirStages *
weir_graph_stages(const WeirGraph *graph, int parallelism)
{
	WeirStages *stages = palloc0(sizeof(WeirStages));

	stages->nodes = palloc0(sizeof(WeirStageNodes) * WEIR_MAX_STAGES);
	stages->stage_of = palloc0(sizeof(int) * graph->nnodes);
	stages->edges = palloc0(sizeof(int) * WEIR_MAX_EXCHANGES);
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < graph->nnodes; i++)
		{
			const WeirNode *node = graph->nodes[i];

			if (weir_node_ops(node->kind)->source == (pass == 0) &&
				forward_edge(graph, node, false) == NULL)
				add_stage(stages, graph, node, parallelism);
		}
	for (int i = 0; i < graph->nedges; i++)
		if (graph->edges[i]->kind != WEIR_EDGE_FORWARD)
			add_exchange(stages, graph->edges[i], i);
	if (!weir_topology_finish(&stages->topology))
		elog(ERROR, "the graph of a job has no order");
	return stages;
}
