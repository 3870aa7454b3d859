/*
 * graph/kinds/function.h
 *		A keyed function, called once a row with the row's key set before.
 */
#ifndef WEIR_GRAPH_KINDS_FUNCTION_H
#define WEIR_GRAPH_KINDS_FUNCTION_H

#include "nodes/primnodes.h"

#include "graph/graph.h"

typedef struct WeirFunctionPlan WeirFunctionPlan;

/* One that the function has declared: weir.create_timer. */
typedef struct WeirTimerPlan
{
	const char *name;
	bool		arrival;		/* by the arrival of records; else by event time */
	WeirFunctionPlan *handler;	/* its args are Vars over the columns of the key and a timestamptz */
} WeirTimerPlan;

struct WeirFunctionPlan
{
	Oid			function;
	FuncExpr   *call;			/* its args are Vars (varno 1) over "in", or
								 * constants; defaults are filled in */
	TupleDesc	result;			/* columns it returns */
	bool		scalar;			/* it returns a scalar: one column */
	int		   *output;			/* per column of "out": > 0 attno of "in",
								 * < 0 minus attno of result */
	List	   *timers;			/* of WeirTimerPlan */
};

#define weir_function_plan(node) ((WeirFunctionPlan *) (node)->plan)

#endif
