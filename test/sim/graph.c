/*
 * graph.c
 *		A random graph, and the topology that an attempt runs it by.
 *
 * A node is a source, a step (with keyed state or without), or a sink.  Who is
 * read by nobody is a sink; a keyed one is a step that writes its own output.
 * A sink without a key that reads one node alone, as its only reader, runs in
 * that node's tasks or in tasks of its own, as an attempt places it.
 */
#include <string.h>

#include "sim.h"

/* ---- the graph ---- */

static int
add_node(Graph *g, bool source, bool keyed)
{
	Node	   *n = &g->nodes[g->nnodes];

	memset(n, 0, sizeof(*n));
	n->source = source;
	n->keyed = keyed;
	return g->nnodes++;
}

static void
add_source(Graph *g, int tasks)
{
	Node	   *n = &g->nodes[add_node(g, true, false)];
	int			i;

	n->first_source = (uint8_t) g->nsources;
	n->nlanes = (uint8_t) tasks;
	for (i = 0; i < tasks; i++)
		n->lane[i] = (uint8_t) g->nsources++;
}

/* False if the graph would be too large. */
static bool
add_edge(Graph *g, int from, int to, WeirExchangeKind kind)
{
	Node	   *a = &g->nodes[from];
	Node	   *b = &g->nodes[to];
	Edge	   *e = &g->edges[g->nedges];
	int			i;

	if (g->nedges == MAX_EDGES || a->nlanes + b->nlanes > MAX_LANES)
		return false;
	e->from = (uint8_t) from;
	e->to = (uint8_t) to;
	e->kind = kind;
	e->first_lane = b->nlanes;
	for (i = 0; i < a->nlanes; i++)
	{
		b->lane[b->nlanes + i] = a->lane[i];
		b->from[b->nlanes + i] = (uint8_t) from;
		b->from_lane[b->nlanes + i] = (uint8_t) i;
	}
	b->nlanes = (uint8_t) (b->nlanes + a->nlanes);
	b->single = b->single || kind == WEIR_TO_ONE;
	g->nedges++;
	return true;
}

static int
count_edges(const Graph *g, int node, bool leaving)
{
	int			n = 0;
	int			i;

	for (i = 0; i < g->nedges; i++)
		n += (leaving ? g->edges[i].from : g->edges[i].to) == node;
	return n;
}

static void
find_merger(Graph *g, int node)
{
	Node	   *n = &g->nodes[node];
	int			i;

	if (!n->sink || n->keyed || count_edges(g, node, false) != 1)
		return;
	for (i = 0; g->edges[i].to != node; i++)
		;
	n->before = g->edges[i].from;
	n->merges = !g->nodes[n->before].source && count_edges(g, n->before, true) == 1;
}

/* Steps and sinks get their numbers. */
static void
finish(Graph *g)
{
	int			i;

	for (i = 0; i < g->nnodes; i++)
	{
		Node	   *n = &g->nodes[i];

		if (n->keyed)
			n->step = (uint8_t) g->nsteps++;
		n->sink = !n->source && count_edges(g, i, true) == 0;
		if (n->sink)
			n->output = (uint8_t) g->nsinks++;
	}
	for (i = 0; i < g->nnodes; i++)
		find_merger(g, i);
}

/* One or two sources, a keyed step, a sink; or no step between. */
static void
today(World *w)
{
	Graph	   *g = &w->graph;
	int			nsources = 1 + below(w, 2);
	bool		keyed = below(w, 8) != 0;
	int			step = nsources;
	int			i;

	for (i = 0; i < nsources; i++)
		add_source(g, 1);
	if (keyed)
		(void) add_node(g, false, true);
	(void) add_node(g, false, false);
	for (i = 0; i < nsources; i++)
		(void) add_edge(g, i, step, keyed ? WEIR_BY_KEY : WEIR_TO_ONE);
	if (keyed)
		(void) add_edge(g, step, step + 1, WEIR_TO_ONE);
}

/* A node reads one to three of those before it that have readers already or may have, some of them twice. */
static bool
add_reader(World *w, bool last)
{
	Graph	   *g = &w->graph;
	bool		keyed = below(w, 3) != 0;
	WeirExchangeKind kind = !keyed && below(w, 3) == 0 ? WEIR_TO_ONE : WEIR_BY_KEY;
	int			node = add_node(g, false, keyed);
	int			wanted = 1 + below(w, 3);
	int			first = below(w, node);
	int			i;

	for (i = 0; i < node && wanted > 0; i++)
	{
		int			from = (first + i) % node;

		/* the last one reads whoever has no reader: a source needs one */
		if (add_edge(g, from, node, kind))
			wanted--;
		if (below(w, 5) == 0)
			(void) add_edge(g, from, node, kind);
	}
	for (i = 0; i < node && last; i++)
	{
		if (g->nodes[i].source && count_edges(g, i, true) == 0 && !add_edge(g, i, node, kind))
			return false;
	}
	return count_edges(g, node, false) > 0;
}

static bool
try_random(World *w)
{
	Graph	   *g = &w->graph;
	int			nnodes = 2 + below(w, MAX_NODES - 1);
	int			i;

	memset(g, 0, offsetof(Graph, nodes));
	for (i = 0; i < nnodes; i++)
	{
		int			tasks = 1 + (below(w, 4) == 0 ? below(w, MAX_WIDTH) : 0);

		if (i == 0 || (i < nnodes - 1 && below(w, 4) == 0 && g->nsources + tasks <= MAX_SOURCES))
			add_source(g, tasks);
		else if (!add_reader(w, i == nnodes - 1))
			return false;
	}
	finish(g);
	return g->nsinks <= MAX_SINKS;
}

void
choose_graph(World *w)
{
	memset(&w->graph, 0, offsetof(Graph, nodes));
	if (w->shape == SHAPE_TODAY)
	{
		today(w);
		finish(&w->graph);
	}
	else
	{
		while (!try_random(w))
			;
	}
	memset(w->width, 0, sizeof(w->width));
	memset(w->merged, 0, sizeof(w->merged));
}

/* ---- an attempt ---- */

/* Another parallelism than the attempt before, sinks in other places. */
static void
choose_widths(World *w)
{
	const Graph *g = &w->graph;
	int			i;

	for (i = 0; i < g->nnodes; i++)
	{
		const Node *n = &g->nodes[i];
		int			width = n->single ? 1 : 1 + below(w, MAX_WIDTH);

		w->width[i] = n->source ? n->nlanes : (uint8_t) (width < w->groups ? width : w->groups);
		w->merged[i] = n->merges && below(w, 2);
	}
}

static void
add_stage(World *w, Attempt *a, int node, int *stage_of)
{
	WeirTopology *t = &a->topology;
	WeirStage  *s = &t->stages[t->nstages];
	const Node *n = &w->graph.nodes[node];

	memset(s, 0, sizeof(*s));
	s->source = n->source;
	s->keyed = n->keyed;
	s->sink = n->sink;
	s->parallelism = w->width[node];
	a->node[t->nstages] = (uint8_t) node;
	a->sink[t->nstages] = (uint8_t) (n->sink ? node : MAX_NODES);
	stage_of[node] = t->nstages++;
}

static void
add_exchange(World *w, Attempt *a, int edge, const int *stage_of)
{
	WeirTopology *t = &a->topology;
	WeirExchange *x = &t->exchanges[t->nexchanges];
	const Edge *e = &w->graph.edges[edge];

	if (w->merged[e->to])
		return;
	x->from = stage_of[e->from];
	x->to = stage_of[e->to];
	x->kind = e->kind;
	a->edge[t->nexchanges++] = (uint8_t) edge;
}

void
place_tasks(World *w, Attempt *a)
{
	WeirTopology *t = &a->topology;
	int			stage_of[MAX_NODES];
	int			i;

	stage_of[0] = 0;
	if (w->width[0] == 0 || below(w, 3) == 0)
		choose_widths(w);
	t->nstages = t->nexchanges = 0;
	for (i = 0; i < w->graph.nnodes; i++)
	{
		int			stage = stage_of[w->graph.nodes[i].before];

		if (!w->merged[i])
			add_stage(w, a, i, stage_of);
		else
		{
			t->stages[stage].sink = true;
			a->sink[stage] = (uint8_t) i;
		}
	}
	for (i = 0; i < w->graph.nedges; i++)
		add_exchange(w, a, i, stage_of);
	if (!weir_topology_finish(t))
		violate(w, "the graph has a topology");
	a->ntasks = t->ntasks;
	for (i = 0; i < a->ntasks; i++)
		task_create(w, a, i);
}
