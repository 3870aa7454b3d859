/*
 * graph/kinds/count_window.h
 *		GROUP BY ..., weir.count_window(...): rows of a key, so many at a time.
 */
#ifndef WEIR_GRAPH_KINDS_COUNT_WINDOW_H
#define WEIR_GRAPH_KINDS_COUNT_WINDOW_H

#include "graph/graph.h"

typedef struct WeirCountWindowPlan
{
	int64		size;
	int64		slide;
	void	   *ttl;			/* a datum of ttl_type, weir.ttl; NULL: none */
	Oid			ttl_type;
	List	   *aggregates;		/* of Aggref over "in" (Vars varno 1) */
	const char *text;			/* for people */
	const char *aggregates_text;
	const char *state_name;		/* what is kept of a key goes by */
	TupleDesc	result;			/* a column an aggregate */
	int		   *output;			/* per column of "out": > 0 attno of "in",
								 * < 0 minus attno of result */
} WeirCountWindowPlan;

#define weir_count_window_plan(node) ((WeirCountWindowPlan *) (node)->plan)

#endif
