/*
 * graph/depend.c
 *		Relations, functions and types that a graph depends on.
 */
#include "postgres.h"

#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "graph/depend.h"

void
weir_depend_on_relations(WeirGraph *graph, List *relations)
{
	graph->relations = list_concat_unique_oid(graph->relations, relations);
}

void
weir_depend_on_query(WeirGraph *graph, Query *query)
{
	List	   *relations;
	List	   *items;
	bool		row_security;

	extract_query_dependencies((Node *) query, &relations, &items, &row_security);
	weir_depend_on_relations(graph, relations);
	graph->items = list_concat(graph->items, items);
}

void
weir_depend_on_function(WeirGraph *graph, Oid function)
{
	PlanInvalItem *item = makeNode(PlanInvalItem);

	item->cacheId = PROCOID;
	item->hashValue = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
	graph->items = lappend(graph->items, item);
}

void
weir_depend_on_type(WeirGraph *graph, Oid type)
{
	Oid			relid = get_typ_typrelid(getBaseType(type));

	if (OidIsValid(relid))
		graph->relations = list_append_unique_oid(graph->relations, relid);
}

void
weir_depend_on_columns(WeirGraph *graph, TupleDesc desc)
{
	for (int i = 0; desc != NULL && i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped)
			weir_depend_on_type(graph, att->atttypid);
	}
}

void
weir_depend_on_nodes(WeirGraph *graph)
{
	for (int i = 0; i < graph->nnodes; i++)
	{
		const WeirNode *node = graph->nodes[i];
		const WeirNodeOps *ops = weir_node_ops(node->kind);
		PlannedStmt *plan = weir_node_statement(node);

		if (plan)
		{
			weir_depend_on_relations(graph, plan->relationOids);
			graph->items = list_concat(graph->items, copyObject(plan->invalItems));
		}
		weir_depend_on_columns(graph, node->in);
		weir_depend_on_columns(graph, node->out);
		if (ops->depend)
			ops->depend(node, graph);
	}
}
