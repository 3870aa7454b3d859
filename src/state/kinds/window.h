/*
 * state/kinds/window.h
 *		Count windows: aggregates over so many records of a key.
 */
#ifndef WEIR_STATE_KINDS_WINDOW_H
#define WEIR_STATE_KINDS_WINDOW_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "nodes/pg_list.h"

#include "state/aggregate/native.h"
#include "state/store.h"

/*
 * Of every slide records of a key the last size are one window.  A store copies what it
 * keeps.  Of running aggregates both are 1: they count no records.
 */
typedef struct WeirWindowDecl
{
	int64		size;
	int64		slide;
	List	   *aggregates;		/* of Aggref, over input */
	TupleDesc	input;

	/* of running aggregates */
	bool		corrects;		/* it also says what a key that has changed had come to before */
	AttrNumber	sign;			/* of input, smallint: < 0 takes a row back; 0: none */
} WeirWindowDecl;

/*
 * Adds a row of the columns, of the current key.  True if that fires the window:
 * then its aggregates are in values and nulls, in the current memory context.
 * Where it fails without having run a user's code *fault says why, and the window
 * is as before.
 */
extern bool weir_window_add(WeirState *state, const WeirVector *columns, int row,
							Datum *values, bool *nulls, const WeirNativeFault **fault);

/* Are its aggregates, or running ones, native: does no user's code run? */
extern bool weir_window_is_native(const WeirState *state);

/*
 * What the aggregates of the current key's window (or running ones), which there is, have come to,
 * in the current memory context; how many they are.
 */
extern int	weir_window_results(WeirState *state, Oid **types, Datum **values, bool **nulls);

#endif
