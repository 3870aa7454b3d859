/*
 * state/kinds/window_int.h
 *		Inside count windows.  For window*.c only.
 */
#ifndef WEIR_STATE_KINDS_WINDOW_INT_H
#define WEIR_STATE_KINDS_WINDOW_INT_H

#include "postgres.h"

#include "state/aggregate/aggregate.h"
#include "state/aggregate/native.h"
#include "state/entry.h"
#include "state/kinds/window.h"

/* What all keys share. */
typedef struct WeirWindows
{
	WeirAggregates *aggregates; /* NULL: native */
	WeirNative *native;			/* NULL: not all are */
	List	   *types;			/* of their results */
	int64		size;
	int64		slide;

	/* of those that are not native */
	bool		packs;			/* accumulators are large */
	Size		bytes;			/* of what a key has */
	int			natts;			/* of a row */
	Datum	   *row;
	bool	   *row_nulls;
} WeirWindows;

static inline WeirWindows *
weir_windows_of(const WeirState *state)
{
	return state->detail;
}

/* window_native.c */
extern const WeirInPlaceOps weir_window_in_place_ops;
extern bool weir_window_add_native(WeirState *state, const WeirVector *columns, int row,
								   Datum *values, bool *nulls, const WeirNativeFault **fault);

#endif
