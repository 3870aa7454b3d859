/*
 * state/kinds/list.h
 *		List state of the current key.
 */
#ifndef WEIR_STATE_KINDS_LIST_H
#define WEIR_STATE_KINDS_LIST_H

#include "postgres.h"

#include "state/store.h"

/*
 * The elements, in the order in which they were added; how many.  The arrays
 * are the caller's, values not by-value are the store's and stay until the
 * state of this key changes.
 */
extern int64 weir_list_state_get(WeirState *state, Datum **values, bool **nulls);

/* The same as an array, in the current memory context. */
extern Datum weir_list_state_array(WeirState *state);

/* Values are of the declared type; they are copied. */
extern void weir_list_state_add(WeirState *state, Datum value, bool isnull);
/* The list becomes these. */
extern void weir_list_state_update(WeirState *state, int64 n, const Datum *values,
								   const bool *nulls);

#endif
