/*
 * state/kinds/window_int.h
 *		Inside count windows and running aggregates.  For window*.c and running.c
 *		only.
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
	int16	   *lengths;		/* of these types */
	bool	   *by_value;
	int64		size;
	int64		slide;
	bool		corrects;
	int			sign;			/* column, from 0; -1: none */

	/* of those that are not native */
	bool		packs;			/* accumulators are large */
	Size		bytes;			/* of what a key has */
	int			natts;			/* of a row */
	Datum	   *row;
	bool	   *row_nulls;
} WeirWindows;

/* What a key has where they are not native. */
typedef struct WeirWindow
{
	WeirLive	live;
	int64		seen;			/* records since it fired */
	bytea	   *packed;			/* its accumulator, which holds nothing then; else NULL */
	WeirAccumulator accumulator;
} WeirWindow;

/* A native one that begins, until its record has been added. */
typedef union WeirNewWindow
{
	WeirNativeState state;
	char		bytes[WEIR_NATIVE_LARGEST];
} WeirNewWindow;

static inline WeirWindows *
weir_windows_of(const WeirState *state)
{
	return state->detail;
}

/* Of bytes that were kept; NULL, or what is wrong. */
static inline const char *
weir_window_check_count(const WeirWindows *windows, int64 seen)
{
	return seen >= 0 && seen < windows->slide ? NULL : "a window's count is out of range";
}

/* window_object.c: the current key's, ready to be changed; what has expired begins anew */
extern WeirWindow *weir_window_open(WeirState *state, WeirGroup *group, WeirEntry *entry);
extern void weir_window_accumulate(WeirWindows *windows, WeirWindow *window,
								   const WeirVector *columns, int row);
extern void weir_window_changed(WeirState *state, WeirGroup *group, WeirEntry *entry,
								int64 bytes_before);
/* What the entry's has come to, native or not, in the current memory context. */
extern void weir_window_compute(WeirState *state, WeirEntry *entry, Datum *values, bool *nulls);

/* window_native.c */
extern bool weir_window_goes_on(const WeirState *state, WeirEntry *entry);
extern const WeirInPlaceOps weir_window_in_place_ops;
extern bool weir_window_add_native(WeirState *state, const WeirVector *columns, int row,
								   Datum *values, bool *nulls, const WeirNativeFault **fault);

#endif
