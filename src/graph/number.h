/*
 * graph/number.h
 *		The sources and keyed steps of a graph, and those that the job had: which
 *		are the same, so that positions, journals and state are found again.
 */
#ifndef WEIR_GRAPH_NUMBER_H
#define WEIR_GRAPH_NUMBER_H

#include "postgres.h"

#include "catalog/job_node.h"
#include "graph/graph.h"

/* The stored one that a node has the number of; NULL: it is new. */
extern const WeirStoredNode *weir_graph_matched(const WeirNode *node, List *stored);
/* The node that has the number of a stored one; NULL: none. */
extern const WeirNode *weir_graph_matches(const WeirGraph *graph, const WeirStoredNode *stored);

/*
 * Gives each source and keyed step the number of that stored one of the job which
 * it is, or one that none ever had:
 *
 *	the same stream or function, whatever it is called by now
 *	else one of the same identity
 *	else, if it is no function, the only one of its kind that is left on either
 *	side: a window with other aggregates, another stream
 */
extern void weir_graph_number(WeirGraph *graph, int64 job);
/* The same at the begin of an attempt, which stores the numbers. */
extern void weir_graph_keep_numbers(WeirGraph *graph, int64 job);

/* The stream or function that a node is; InvalidOid: none. */
extern Oid	weir_node_object(const WeirNode *node);

#endif
