/*
 * state/kinds/ranked_int.h
 *		Inside the best rows of a key: for ranked*.c only.
 */
#ifndef WEIR_STATE_KINDS_RANKED_INT_H
#define WEIR_STATE_KINDS_RANKED_INT_H

#include "postgres.h"

#include "base/order.h"
#include "state/entry.h"
#include "state/kinds/ranked.h"

/* What all keys of a state share. */
typedef struct WeirRanking
{
	TupleDesc	desc;
	WeirFlatColumns columns;	/* with a row that has come, or is made */
	WeirOrder  *order;
	int			limit;
	bool		last_first;
} WeirRanking;

/*
 * A row, as many values as there are columns, as many bools, what values by reference
 * point to.  It never changes, and copies of an object share it.
 */
typedef struct WeirRankedRow
{
	uint32		size;			/* of all of it */
	uint32		owners;
	Datum		values[FLEXIBLE_ARRAY_MEMBER];
} WeirRankedRow;

/* A key's: the best first. */
typedef struct WeirRanked
{
	WeirLive	live;
	int			n;
	int			room;
	int			changed;		/* rows from this one on have changed since they were handed on */
	WeirRankedRow **rows;
	WeirRankedRow *one;			/* those, where the room is for one */
} WeirRanked;

static inline WeirRanking *
weir_ranking_of(const WeirState *state)
{
	return state->detail;
}

static inline const bool *
weir_ranked_row_nulls(const WeirRanking *ranking, const WeirRankedRow *row)
{
	return (const bool *) (row->values + ranking->desc->natts);
}

/* ranked_object.c: one without rows; a row at its place, behind which the others move */
extern WeirRanked *weir_ranked_make(WeirState *state);
extern void weir_ranked_insert(WeirState *state, WeirRanked *ranked, int at, WeirRankedRow *row);
extern void weir_ranked_drop_last(WeirState *state, WeirRanked *ranked);
/* Of the values and nulls of the ranking. */
extern WeirRankedRow *weir_ranked_row_make(WeirState *state);

#endif
