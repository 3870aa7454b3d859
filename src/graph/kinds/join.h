/*
 * graph/kinds/join.h
 *		A join of two streams: rows of port 0, the left, with those of port 1.
 */
#ifndef WEIR_GRAPH_KINDS_JOIN_H
#define WEIR_GRAPH_KINDS_JOIN_H

#include "nodes/primnodes.h"

#include "graph/graph.h"

typedef enum WeirJoinKind
{
	WEIR_JOIN_INTERVAL,			/* each pair with its second row */
	WEIR_JOIN_WINDOW,			/* all pairs of a window when it is over */
	WEIR_JOIN_AS_OF				/* each row of the left with the newest of the right at its time */
} WeirJoinKind;

/* The time in a column, and so many us. */
typedef struct WeirJoinBound
{
	AttrNumber	column;			/* timestamptz or timestamp */
	int64		plus;
	bool		alone;			/* the other side has no bound that says the same */
} WeirJoinBound;

/*
 * Of a side.  Interval: the times of partners lie between the highest of "from" and the
 * lowest of "to", both inclusive.
 */
typedef struct WeirJoinSide
{
	AttrNumber	time;			/* of its rows; of a window join the window */
	int			nfrom;
	WeirJoinBound *from;
	int			nto;
	WeirJoinBound *to;
	bool		padded;			/* rows without a partner come with NULLs */
	const char *name;			/* for people */
} WeirJoinSide;

typedef struct WeirJoinPlan
{
	WeirJoinKind kind;
	bool		exists;			/* rows of the left alone: those with a partner, or (padded) without */
	bool		before;			/* as-of: the version is older than the row, not as old */
	WeirJoinSide sides[2];
	Expr	   *condition;		/* of a pair: OUTER_VAR is the left, INNER_VAR the right; NULL: none */
	const char *condition_text; /* all that is asked of a pair, for people */
	const char *state_name;		/* what is kept goes by; each side has a state, see weir_join_state */
	int		   *output;			/* per column of "out": > 0 attno of "in", < 0 minus attno of "right" */
} WeirJoinPlan;

#define weir_join_plan(node) ((WeirJoinPlan *) (node)->plan)

/* The name of a side's state. */
extern char *weir_join_state(const WeirJoinPlan *plan, int side);

#endif
