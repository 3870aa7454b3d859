/*
 * compile/stream_join.h
 *		A join of two streams, while it is compiled: for the files that do that.
 */
#ifndef WEIR_COMPILE_STREAM_JOIN_H
#define WEIR_COMPILE_STREAM_JOIN_H

#include "postgres.h"

#include "compile/compile.h"

typedef struct StreamSide
{
	const char *name;			/* for people */
	int			location;		/* in the text */
	List	   *items;			/* of FROM */
	Bitmapset  *entries;		/* of the range table that these are */
	Bitmapset  *joins;			/* those of joins in them */
	List	   *quals;			/* conditions of its rows alone */
	List	   *columns;		/* TargetEntries over the range table: what is wanted of its rows */
} StreamSide;

typedef struct StreamJoin
{
	JoinType	type;			/* JOIN_SEMI, JOIN_ANTI: EXISTS, NOT EXISTS */
	JoinExpr   *expr;			/* NULL: items of FROM */
	RangeTblRef *ref;			/* stands in its place */
	Query	   *query;			/* the level's, as it was */
	StreamSide	sides[2];
	bool		as_of;
	Node	   *order;			/* as-of: the newest by this, over columns of the sides */
	List	   *quals;			/* of pairs, over columns of the sides */
	List	   *columns;		/* TargetEntries over the sides */
} StreamJoin;

/* Do rows of this side come without a partner? */
static inline bool
weir_join_pads(JoinType type, int side)
{
	return type == JOIN_FULL || type == (side == 0 ? JOIN_LEFT : JOIN_RIGHT) ||
		(type == JOIN_ANTI && side == 0);
}

/* as_of.c: a LATERAL subquery of the newest row becomes an ordinary side */
extern void weir_stream_join_pull_as_of(StreamJoin *join, WeirLevel *level);
extern void weir_stream_join_lift(StreamJoin *join, WeirLevel *level, int index);

/* exists.c: EXISTS over a stream becomes one; false: there is none in WHERE */
extern bool weir_stream_join_pull_exists(StreamJoin *join, WeirLevel *level);
extern bool weir_has_exists(const Query *query);

/* join_sides.c */
extern void weir_stream_join_read(StreamJoin *join, WeirLevel *level);

/* join_times.c: bounds between times of the two sides, for the plan's sides; the conditions that they do not cover */
extern List *weir_join_find_bounds(WeirLevel *level, List *quals);
extern List *weir_join_find_version(WeirLevel *level, List *quals);

/* join_cut.c: the column of a side that is this expression over the join's sides, for which it is only */
extern AttrNumber weir_join_side_column(WeirLevel *level, int side, Node *expr, const char *name);
/* 0: it is over the left, 1: the right alone; -1: over both, or none. */
extern int	weir_join_side_of(Node *expr);

#endif
