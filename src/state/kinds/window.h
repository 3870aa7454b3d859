/*
 * state/kinds/window.h
 *		Count windows: aggregates over so many records of a key.
 */
#ifndef WEIR_STATE_KINDS_WINDOW_H
#define WEIR_STATE_KINDS_WINDOW_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "nodes/pg_list.h"

#include "state/store.h"

/* Of every slide records of a key the last size are one window. */
typedef struct WeirWindowDecl
{
	int64		size;
	int64		slide;
	List	   *aggregates;		/* of Aggref, over input */
	TupleDesc	input;
} WeirWindowDecl;

/*
 * Adds a row of the current key.  True if that fires the window: then its
 * aggregates are in values and nulls, in the current memory context.
 */
extern bool weir_window_add(WeirState *state, const Datum *row, const bool *row_nulls,
							Datum *values, bool *nulls);

/*
 * What the aggregates of the current key's window, which there is, have come to,
 * in the current memory context; how many they are.
 */
extern int	weir_window_results(WeirState *state, Oid **types, Datum **values, bool **nulls);

#endif
