/*
 * graph/depend.h
 *		What makes a graph stale, as in plancache.c: relations by OID, functions
 *		and types by the hash value of their syscache entry.
 */
#ifndef WEIR_GRAPH_DEPEND_H
#define WEIR_GRAPH_DEPEND_H

#include "nodes/parsenodes.h"

#include "graph/graph.h"

/* All that the nodes name; what their statements were made of is noted by queries. */
extern void weir_depend_on_nodes(WeirGraph *graph);
extern void weir_depend_on_query(WeirGraph *graph, Query *query);
extern void weir_depend_on_relations(WeirGraph *graph, List *relations);

/* For the kinds. */
extern void weir_depend_on_function(WeirGraph *graph, Oid function);
/* A composite type changes when its relation does. */
extern void weir_depend_on_type(WeirGraph *graph, Oid type);
extern void weir_depend_on_columns(WeirGraph *graph, TupleDesc desc);

#endif
