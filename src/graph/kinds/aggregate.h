/*
 * graph/kinds/aggregate.h
 *		GROUP BY without a window: a running aggregate, over all rows of a key so far.
 */
#ifndef WEIR_GRAPH_KINDS_AGGREGATE_H
#define WEIR_GRAPH_KINDS_AGGREGATE_H

#include "graph/graph.h"

typedef struct WeirAggregatePlan
{
	void	   *ttl;			/* a datum of ttl_type, weir.ttl; NULL: none */
	Oid			ttl_type;
	List	   *aggregates;		/* of Aggref over "in" (Vars varno 1) */
	const char *aggregates_text;	/* for people */
	const char *state_name;		/* what is kept of a key goes by */
	bool		corrects;		/* the row before of a key that has changed goes on, too */
	AttrNumber	sign;			/* of "in", smallint: < 0 takes a row back; 0: none */
	TupleDesc	result;			/* a column an aggregate; where it corrects then the sign of the row */
	int		   *output;			/* per column of "out": > 0 attno of "in", a key's,
								 * < 0 minus attno of result */
} WeirAggregatePlan;

#define weir_aggregate_plan(node) ((WeirAggregatePlan *) (node)->plan)

#endif
