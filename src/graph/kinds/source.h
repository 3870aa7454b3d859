/*
 * graph/kinds/source.h
 *		A stream that is read.
 */
#ifndef WEIR_GRAPH_KINDS_SOURCE_H
#define WEIR_GRAPH_KINDS_SOURCE_H

#include "graph/graph.h"

typedef struct WeirSourcePlan
{
	Oid			stream;			/* the foreign table */
} WeirSourcePlan;

#define weir_source_plan(node) ((WeirSourcePlan *) (node)->plan)

#endif
