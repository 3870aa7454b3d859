/*
 * graph/kinds/project.h
 *		Some of the columns of the rows that come, in another order.
 */
#ifndef WEIR_GRAPH_KINDS_PROJECT_H
#define WEIR_GRAPH_KINDS_PROJECT_H

#include "graph/graph.h"

typedef struct WeirProjectPlan
{
	int		   *columns;		/* per column of "out": attno of "in" */
} WeirProjectPlan;

#define weir_project_plan(node) ((WeirProjectPlan *) (node)->plan)

#endif
