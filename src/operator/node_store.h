/*
 * operator/node_store.h
 *		Stores of keyed steps: what state a node of the graph keeps.
 */
#ifndef WEIR_OPERATOR_NODE_STORE_H
#define WEIR_OPERATOR_NODE_STORE_H

#include "postgres.h"

#include "decide/position.h"
#include "graph/graph.h"
#include "state/store.h"

/*
 * A store, empty, for some key groups of a keyed step.  It outlives the graph,
 * which is another when a task has compiled its job anew.  In a transaction.
 */
extern WeirStore *weir_node_store_create(const WeirNode *node, int max_parallelism,
										 int first, int end);

/* Where a source stands; NULL: it is not known. */
typedef const WeirPosition *(*WeirPositionOf) (void *arg, const WeirNode *source);

/* The highest arrival that a node can have seen when its sources stood there; PG_INT64_MIN: none. */
extern int64 weir_node_clock(const WeirGraph *graph, const WeirNode *node,
							 WeirPositionOf position, void *arg);

#endif
