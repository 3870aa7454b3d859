/*
 * graph/number.c
 *		Numbers of sources and keyed steps.
 */
#include "postgres.h"

#include "graph/number.h"

/* May they be the same, as far as a rule sees? */
typedef bool (*Rule) (const WeirNode *node, const WeirStoredNode *stored);

Oid
weir_node_object(const WeirNode *node)
{
	const WeirNodeOps *ops = weir_node_ops(node->kind);

	return ops->object ? ops->object(node) : InvalidOid;
}

static bool
keeps(const WeirNode *node)
{
	const WeirNodeOps *ops = weir_node_ops(node->kind);

	return ops->source || ops->keyed;
}

static bool
same_sort(const WeirNode *node, const WeirStoredNode *stored)
{
	return weir_node_ops(node->kind)->keyed == stored->keyed;
}

const WeirNode *
weir_graph_matches(const WeirGraph *graph, const WeirStoredNode *stored)
{
	for (int i = 0; i < graph->nnodes; i++)
	{
		const WeirNode *node = graph->nodes[i];

		if (keeps(node) && same_sort(node, stored) && node->number == stored->number)
			return node;
	}
	return NULL;
}

const WeirStoredNode *
weir_graph_matched(const WeirNode *node, List *stored)
{
	ListCell   *lc;

	foreach(lc, stored)
	{
		const WeirStoredNode *s = lfirst(lc);

		if (same_sort(node, s) && node->number == s->number)
			return s;
	}
	return NULL;
}

static bool
same_object(const WeirNode *node, const WeirStoredNode *stored)
{
	return OidIsValid(stored->object) && stored->object == weir_node_object(node);
}

/* Two functions that are there are not the same, though one may have got the other's name. */
static bool
same_identity(const WeirNode *node, const WeirStoredNode *stored)
{
	return strcmp(stored->identity, node->identity) == 0 &&
		(!stored->keyed || !OidIsValid(stored->object) || !OidIsValid(weir_node_object(node)));
}

static bool
same_kind(const WeirNode *node, const WeirStoredNode *stored)
{
	return stored->current && strcmp(stored->kind, weir_node_ops(node->kind)->name) == 0 &&
		!(stored->keyed && OidIsValid(weir_node_object(node)));
}

/* The only node, or stored one, that is free and fits; NULL: none, or several. */
static WeirNode *
only_node(WeirGraph *graph, const WeirStoredNode *stored, Rule rule)
{
	WeirNode   *found = NULL;

	for (int i = 0; i < graph->nnodes; i++)
	{
		WeirNode   *node = graph->nodes[i];

		if (!keeps(node) || node->number >= 0 || !same_sort(node, stored) || !rule(node, stored))
			continue;
		if (found)
			return NULL;
		found = node;
	}
	return found;
}

static const WeirStoredNode *
only_stored(const WeirGraph *graph, const WeirNode *node, List *stored, Rule rule)
{
	const WeirStoredNode *found = NULL;
	ListCell   *lc;

	foreach(lc, stored)
	{
		const WeirStoredNode *s = lfirst(lc);

		if (!same_sort(node, s) || !rule(node, s) || weir_graph_matches(graph, s))
			continue;
		if (found)
			return NULL;
		found = s;
	}
	return found;
}

static void
match_all(WeirGraph *graph, List *stored, Rule rule)
{
	for (int i = 0; i < graph->nnodes; i++)
	{
		WeirNode   *node = graph->nodes[i];
		ListCell   *lc;

		foreach(lc, stored)
		{
			const WeirStoredNode *s = lfirst(lc);

			if (keeps(node) && node->number < 0 && same_sort(node, s) && rule(node, s) &&
				weir_graph_matches(graph, s) == NULL)
				node->number = s->number;
		}
	}
}

static void
match_only(WeirGraph *graph, List *stored, Rule rule)
{
	for (int i = 0; i < graph->nnodes; i++)
	{
		WeirNode   *node = graph->nodes[i];
		const WeirStoredNode *s;

		if (!keeps(node) || node->number >= 0)
			continue;
		s = only_stored(graph, node, stored, rule);
		if (s && only_node(graph, s, rule) == node)
			node->number = s->number;
	}
}

static int
next_number(const WeirGraph *graph, const WeirNode *node, List *stored)
{
	int			next = 0;
	ListCell   *lc;

	foreach(lc, stored)
	{
		const WeirStoredNode *s = lfirst(lc);

		if (same_sort(node, s))
			next = Max(next, s->number + 1);
	}
	for (int i = 0; i < graph->nnodes; i++)
	{
		const WeirNode *other = graph->nodes[i];

		if (keeps(other) && weir_node_ops(other->kind)->keyed == weir_node_ops(node->kind)->keyed)
			next = Max(next, other->number + 1);
	}
	return next;
}

void
weir_graph_number(WeirGraph *graph, int64 job)
{
	List	   *stored = weir_job_nodes(job);

	for (int i = 0; i < graph->nnodes; i++)
		graph->nodes[i]->number = -1;
	match_all(graph, stored, same_object);
	match_all(graph, stored, same_identity);
	match_only(graph, stored, same_kind);
	for (int i = 0; i < graph->nnodes; i++)
	{
		WeirNode   *node = graph->nodes[i];

		if (keeps(node) && node->number < 0)
			node->number = next_number(graph, node, stored);
	}
}

void
weir_graph_keep_numbers(WeirGraph *graph, int64 job)
{
	List	   *nodes = NIL;

	weir_graph_number(graph, job);
	for (int i = 0; i < graph->nnodes; i++)
	{
		const WeirNode *node = graph->nodes[i];
		WeirStoredNode *stored;

		if (!keeps(node))
			continue;
		stored = palloc0(sizeof(WeirStoredNode));
		stored->keyed = weir_node_ops(node->kind)->keyed;
		stored->number = node->number;
		stored->kind = weir_node_ops(node->kind)->name;
		stored->identity = node->identity;
		stored->object = weir_node_object(node);
		nodes = lappend(nodes, stored);
	}
	weir_job_nodes_set(job, nodes);
}
