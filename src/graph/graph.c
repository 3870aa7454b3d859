/*
 * graph/graph.c
 *		Nodes and edges: added one by one, found again.
 */
#include "postgres.h"

#include "graph/graph.h"

#define WEIR_NODE_KIND(id, ops) [WEIR_NODE_##id] = &ops,
static const WeirNodeOps *const kinds[] = {
#include "graph/kindlist.h"
};
#undef WEIR_NODE_KIND

const WeirNodeOps *
weir_node_ops(WeirNodeKind kind)
{
	Assert(kind < WEIR_NODE_KINDS);
	return kinds[kind];
}

PlannedStmt *
weir_node_statement(const WeirNode *node)
{
	const WeirNodeOps *ops = weir_node_ops(node->kind);

	return ops->statement ? ops->statement(node) : NULL;
}

WeirGraph *
weir_graph_create(void)
{
	return palloc0(sizeof(WeirGraph));
}

static void *
room_for_one(void *array, int n)
{
	return array ? repalloc(array, sizeof(void *) * (n + 1)) : palloc(sizeof(void *));
}

WeirNode *
weir_graph_add(WeirGraph *graph, WeirNodeKind kind, void *plan, const char *identity,
			   TupleDesc in, TupleDesc out)
{
	const WeirNodeOps *ops = weir_node_ops(kind);
	WeirNode   *node = palloc0(sizeof(WeirNode));

	node->id = graph->nnodes;
	node->kind = kind;
	node->identity = identity;
	node->number = ops->source ? weir_graph_nsources(graph) : ops->keyed ? weir_graph_nkeyed(graph) : -1;
	node->parallelism = ops->source ? 1 : 0;
	node->in = in;
	node->out = out;
	node->plan = plan;
	graph->nodes = room_for_one(graph->nodes, graph->nnodes);
	graph->nodes[graph->nnodes++] = node;
	return node;
}

WeirEdge *
weir_graph_connect(WeirGraph *graph, const WeirNode *from, const WeirNode *to, WeirEdgeKind kind)
{
	WeirEdge   *edge = palloc0(sizeof(WeirEdge));

	Assert(from->id < to->id);
	Assert(kind != WEIR_EDGE_BY_KEY || to->nkeys > 0);
	edge->from = from->id;
	edge->to = to->id;
	edge->kind = kind;
	if (kind == WEIR_EDGE_BY_KEY)
	{
		edge->nkeys = to->nkeys;
		edge->keys = to->keys;
	}
	graph->edges = room_for_one(graph->edges, graph->nedges);
	graph->edges[graph->nedges++] = edge;
	return edge;
}

WeirEdge *
weir_graph_connect_right(WeirGraph *graph, const WeirNode *from, const WeirNode *to, WeirEdgeKind kind)
{
	WeirEdge   *edge = weir_graph_connect(graph, from, to, kind);

	edge->port = 1;
	if (kind == WEIR_EDGE_BY_KEY)
		edge->keys = to->right_keys;
	return edge;
}

WeirNode *
weir_graph_node(const WeirGraph *graph, WeirNodeKind kind, int n)
{
	for (int i = 0; i < graph->nnodes; i++)
	{
		if (graph->nodes[i]->kind == kind && n-- == 0)
			return graph->nodes[i];
	}
	return NULL;
}

static bool
is_source(const WeirNode *node)
{
	return weir_node_ops(node->kind)->source;
}

static bool
is_keyed(const WeirNode *node)
{
	return weir_node_ops(node->kind)->keyed;
}

static bool
is_sink(const WeirNode *node)
{
	return weir_node_ops(node->kind)->sink;
}

static WeirNode *
find(const WeirGraph *graph, bool (*is) (const WeirNode *node), int n)
{
	for (int i = 0; i < graph->nnodes; i++)
	{
		if (is(graph->nodes[i]) && n-- == 0)
			return graph->nodes[i];
	}
	return NULL;
}

static int
count(const WeirGraph *graph, bool (*is) (const WeirNode *node))
{
	int			n = 0;

	for (int i = 0; i < graph->nnodes; i++)
		n += is(graph->nodes[i]);
	return n;
}

WeirNode *
weir_graph_source(const WeirGraph *graph, int n)
{
	return find(graph, is_source, n);
}

WeirNode *
weir_graph_keyed(const WeirGraph *graph, int n)
{
	return find(graph, is_keyed, n);
}

WeirNode *
weir_graph_sink(const WeirGraph *graph, int n)
{
	return find(graph, is_sink, n);
}

int
weir_graph_nsources(const WeirGraph *graph)
{
	return count(graph, is_source);
}

int
weir_graph_nkeyed(const WeirGraph *graph)
{
	return count(graph, is_keyed);
}

WeirEdge *
weir_node_input(const WeirGraph *graph, const WeirNode *node, int n)
{
	for (int i = 0; i < graph->nedges; i++)
	{
		if (graph->edges[i]->to == node->id && n-- == 0)
			return graph->edges[i];
	}
	return NULL;
}

WeirEdge *
weir_node_output(const WeirGraph *graph, const WeirNode *node, int n)
{
	for (int i = 0; i < graph->nedges; i++)
	{
		if (graph->edges[i]->from == node->id && n-- == 0)
			return graph->edges[i];
	}
	return NULL;
}

bool
weir_graph_reaches(const WeirGraph *graph, const WeirNode *from, const WeirNode *to)
{
	WeirEdge   *edge;

	if (from == to)
		return true;
	for (int n = 0; (edge = weir_node_output(graph, from, n)) != NULL; n++)
	{
		if (weir_graph_reaches(graph, graph->nodes[edge->to], to))
			return true;
	}
	return false;
}

static bool
same_state(const WeirNode *a, const WeirNode *b)
{
	const WeirNodeOps *ops = weir_node_ops(a->kind);

	return ops->state_name == NULL || strcmp(ops->state_name(a), ops->state_name(b)) == 0;
}

static bool
same_keys(int nkeys, const WeirKeyColumn *a, int mkeys, const WeirKeyColumn *b)
{
	return nkeys == mkeys && (nkeys == 0 || memcmp(a, b, sizeof(WeirKeyColumn) * nkeys) == 0);
}

/* A stream that was altered is its source's to refuse. */
static bool
same_rows(const WeirNode *a, const WeirNode *b)
{
	return is_source(a) || a->out == NULL || equalTupleDescs(a->out, b->out);
}

static bool
same_right(const WeirNode *a, const WeirNode *b)
{
	if (a->right == NULL || b->right == NULL)
		return a->right == b->right;
	return equalTupleDescs(a->right, b->right) &&
		same_keys(a->nkeys, a->right_keys, b->nkeys, b->right_keys);
}

char *
weir_graph_shape(const WeirGraph *graph)
{
	StringInfoData shape;

	initStringInfo(&shape);
	for (int i = 0; i < graph->nnodes; i++)
	{
		const WeirNode *node = graph->nodes[i];
		WeirEdge   *edge;

		appendStringInfo(&shape, "%s%d", weir_node_ops(node->kind)->name, node->number);
		for (int n = 0; (edge = weir_node_input(graph, node, n)) != NULL; n++)
			appendStringInfo(&shape, "%s%d", edge->port == 0 ? "<" : ">", edge->from);
	}
	return shape.data;
}

bool
weir_graph_alike(const WeirGraph *a, const WeirGraph *b)
{
	if (a->nnodes != b->nnodes || a->nedges != b->nedges)
		return false;
	for (int i = 0; i < a->nnodes; i++)
	{
		const WeirNode *x = a->nodes[i];
		const WeirNode *y = b->nodes[i];

		if (x->kind != y->kind || x->number != y->number || x->parallelism != y->parallelism ||
			!same_rows(x, y) || !same_right(x, y) || !same_keys(x->nkeys, x->keys, y->nkeys, y->keys) || !same_state(x, y))
			return false;
	}
	for (int i = 0; i < a->nedges; i++)
	{
		const WeirEdge *x = a->edges[i];
		const WeirEdge *y = b->edges[i];

		if (x->from != y->from || x->to != y->to || x->kind != y->kind || x->port != y->port ||
			!same_keys(x->nkeys, x->keys, y->nkeys, y->keys))
			return false;
	}
	return true;
}
