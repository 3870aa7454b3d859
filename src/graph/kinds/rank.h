/*
 * graph/kinds/rank.h
 *		DISTINCT ON, and row_number(), rank() and dense_rank() OVER a partition: the
 *		rows of a key in their order, all or the best so many.  Of each way to hand them
 *		on there is a kind of node, with the same plan.
 */
#ifndef WEIR_GRAPH_KINDS_RANK_H
#define WEIR_GRAPH_KINDS_RANK_H

#include "base/order.h"
#include "graph/graph.h"

typedef enum WeirRankBy
{
	WEIR_RANK_ROW_NUMBER,
	WEIR_RANK_RANK,
	WEIR_RANK_DENSE
} WeirRankBy;

/* When rows are handed on. */
typedef enum WeirRankEmission
{
	WEIR_RANK_CHANGES,			/* what has changed, now and then, to take the place of what was there */
	WEIR_RANK_COMPLETE,			/* when the watermark has reached the end of the key's window */
	WEIR_RANK_IN_ORDER			/* each, when the watermark has passed its time, by which they are ordered */
} WeirRankEmission;

typedef struct WeirRankPlan
{
	WeirRankEmission emission;
	bool		distinct;		/* DISTINCT ON */
	WeirRankBy	by;				/* what the limit is of */
	int			limit;			/* PG_INT32_MAX: none */
	bool		last_first;		/* of equal rows the last to arrive comes first, else the first */
	int			ncolumns;
	WeirSortColumn *columns;	/* of "in" */
	AttrNumber	time;			/* of "in": the window, or the time by which rows are ordered */
	int64		hold;			/* that may be so much behind the watermark, being of windows below */
	int64		passes_hold;	/* in order: likewise the watermark of what it hands on */
	const char *hold_text;
	const char *order_text;		/* for people: "price DESC" */
	const char *state_name;		/* what is kept of a key goes by */
	TupleDesc	result;			/* a column a function */
	WeirRankBy *functions;		/* which */
	int		   *output;			/* per column of "out": > 0 attno of "in",
								 * < 0 minus attno of result */
} WeirRankPlan;

#define weir_rank_plan(node) ((WeirRankPlan *) (node)->plan)

/* In order: the name of the state that says how many rows of a key have been handed on. */
extern char *weir_rank_done_name(const WeirRankPlan *plan);

#endif
