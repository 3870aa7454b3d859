/*
 * state/kinds/value.h
 *		Value state of the current key: read, update, clear.
 */
#ifndef WEIR_STATE_KINDS_VALUE_H
#define WEIR_STATE_KINDS_VALUE_H

#include "postgres.h"

#include "state/store.h"

/*
 * The value, or the declared default.  What is not by-value is the store's and
 * stays until the state of this key changes: copy it (weir_value_copy) to keep it.
 */
extern Datum weir_value_get(WeirState *state, bool *isnull);
extern Datum weir_value_copy(const WeirState *state, Datum value);

/* The datum must be of the declared type; it is copied. */
extern void weir_value_set(WeirState *state, Datum value, bool isnull);

/* Of any kind: the current key no longer holds this state. */
extern void weir_value_remove(WeirState *state);

/* A value of the declared type from its text. */
extern Datum weir_value_parse(WeirState *state, char *text);

#endif
