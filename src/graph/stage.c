/*
 * graph/stage.c
 *		Graph -> stages and exchanges.
 *
 * A stage is known by its first node.  Stages stand in the order of these, those
 * of sources before the others; the sinks that rows go TO_ONE to share the last.
 * Every exchange leads from a node before it to the first node of a stage, or to
 * the last stage, so it leads to a later one.  Those to keyed steps come first: the
 * number of one does not change when sinks move, and kept rows go by it.
 */
#include "postgres.h"

#include "graph/stage.h"

/* The edge within a task that leads to this node; NULL: none. */
static const WeirEdge *
forward_input(const WeirGraph *graph, const WeirNode *node)
{
	const WeirEdge *first = weir_node_input(graph, node, 0);
	bool		forward = false;
	const WeirEdge *edge;

	for (int n = 0; (edge = weir_node_input(graph, node, n)) != NULL; n++)
		forward = forward || edge->kind == WEIR_EDGE_FORWARD;
	if (forward && weir_node_input(graph, node, 1) != NULL)
		elog(ERROR, "node %d of a graph has inputs beside that within a task", node->id);
	return forward ? first : NULL;
}

/* Only a source hands its rows to several. */
static void
check_outputs(const WeirGraph *graph, const WeirNode *node)
{
	const WeirNodeOps *ops = weir_node_ops(node->kind);

	if (!ops->source && !ops->sink && weir_node_output(graph, node, 1) != NULL)
		elog(ERROR, "node %d of a graph has two outputs", node->id);
}

static int
add_stage(WeirStages *stages, const WeirGraph *graph, int parallelism)
{
	WeirTopology *t = &stages->topology;

	if (t->nstages == WEIR_MAX_STAGES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a job cannot have more than %d stages", WEIR_MAX_STAGES),
				 errhint("Let one job insert into a table what another one reads.")));
	stages->nodes[t->nstages].nodes = palloc(sizeof(int) * graph->nnodes);
	t->stages[t->nstages].parallelism = parallelism;
	return t->nstages++;
}

static void
add_node(WeirStages *stages, int index, const WeirNode *node)
{
	WeirStage  *stage = &stages->topology.stages[index];
	WeirStageNodes *nodes = &stages->nodes[index];
	const WeirNodeOps *ops = weir_node_ops(node->kind);

	stage->source = stage->source || ops->source;
	stage->keyed = stage->keyed || ops->keyed;
	stage->sink = stage->sink || ops->sink;
	stages->stage_of[node->id] = index;
	nodes->nodes[nodes->nnodes++] = node->id;
}

typedef enum Place
{
	PLACE_SOURCE,				/* a source, and what stands behind it */
	PLACE_STEP,					/* a keyed step, and what stands behind it */
	PLACE_SINKS,				/* one stage for all of them */
	PLACES
} Place;

/* Of the node that a stage begins with. */
static Place
place_of(const WeirNode *node)
{
	const WeirNodeOps *ops = weir_node_ops(node->kind);

	return ops->source ? PLACE_SOURCE : ops->sink ? PLACE_SINKS : PLACE_STEP;
}

static void
add_stages(WeirStages *stages, const WeirGraph *graph, int parallelism, Place place)
{
	int			sinks = -1;

	for (int i = 0; i < graph->nnodes; i++)
	{
		const WeirNode *node = graph->nodes[i];
		const WeirEdge *input = forward_input(graph, node);
		int			index = input ? stages->stage_of[input->from] : -1;

		if (stages->stage_of[i] >= 0 || (input ? index < 0 : place_of(node) != place))
			continue;
		if (input == NULL)
			index = place == PLACE_SINKS && sinks >= 0 ? sinks :
				add_stage(stages, graph, node->parallelism ? node->parallelism : parallelism);
		if (place == PLACE_SINKS)
			sinks = index;
		check_outputs(graph, node);
		add_node(stages, index, node);
	}
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

static void
add_exchanges(WeirStages *stages, const WeirGraph *graph, WeirEdgeKind kind)
{
	for (int i = 0; i < graph->nedges; i++)
	{
		if (graph->edges[i]->kind == kind)
			add_exchange(stages, graph->edges[i], i);
	}
}

WeirStages *
weir_graph_stages(const WeirGraph *graph, int parallelism)
{
	WeirStages *stages = palloc0(sizeof(WeirStages));

	stages->nodes = palloc0(sizeof(WeirStageNodes) * WEIR_MAX_STAGES);
	stages->stage_of = palloc(sizeof(int) * graph->nnodes);
	stages->edges = palloc0(sizeof(int) * WEIR_MAX_EXCHANGES);
	for (int i = 0; i < graph->nnodes; i++)
		stages->stage_of[i] = -1;
	for (int place = 0; place < PLACES; place++)
		add_stages(stages, graph, parallelism, place);
	add_exchanges(stages, graph, WEIR_EDGE_BY_KEY);
	add_exchanges(stages, graph, WEIR_EDGE_TO_ONE);
	if (!weir_topology_finish(&stages->topology))
		elog(ERROR, "the graph of a job has no order");
	return stages;
}
