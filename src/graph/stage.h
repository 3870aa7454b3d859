/*
 * graph/stage.h
 *		What the tasks of a job run: the graph cut at every edge that is not
 *		FORWARD.
 */
#ifndef WEIR_GRAPH_STAGE_H
#define WEIR_GRAPH_STAGE_H

#include "postgres.h"

#include "decide/topology.h"
#include "graph/graph.h"

/*
 * The nodes of a stage, each behind the one that feeds it: below a source a tree,
 * of which the branches are scans; from a keyed step on a path; or the sinks that
 * have a task of their own, which do not feed each other.
 */
typedef struct WeirStageNodes
{
	int			nnodes;
	int		   *nodes;			/* ids */
} WeirStageNodes;

typedef struct WeirStages
{
	WeirTopology topology;		/* finished */
	WeirStageNodes *nodes;		/* of each stage */
	int		   *stage_of;		/* each node */
	int		   *edges;			/* of the graph, of each exchange */
} WeirStages;

/* In CurrentMemoryContext.  Stages that begin with a source come first, that of sinks alone last. */
extern WeirStages *weir_graph_stages(const WeirGraph *graph, int parallelism);

#endif
