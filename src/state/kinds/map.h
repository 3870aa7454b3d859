/*
 * state/kinds/map.h
 *		Map state of the current key.
 */
#ifndef WEIR_STATE_KINDS_MAP_H
#define WEIR_STATE_KINDS_MAP_H

#include "postgres.h"

#include "state/store.h"
#include "weir.h"

/*
 * Keys are of the declared key type, values of the value type; they are copied.
 * NULL is a key like any other.  What is returned and not by-value is the
 * store's and stays until the state of this key changes.
 */

/* The value of a key; false if the map has none. */
extern bool weir_map_state_get(WeirState *state, Datum key, bool key_isnull,
							   Datum *value, bool *isnull);
extern void weir_map_state_put(WeirState *state, Datum key, bool key_isnull,
							   Datum value, bool isnull);
extern void weir_map_state_remove(WeirState *state, Datum key, bool key_isnull);

/* All entries, in no order, in the caller's memory; how many. */
extern int64 weir_map_state_entries(WeirState *state, WeirMapEntry **entries);

extern Datum weir_map_parse_key(WeirState *state, char *text);

#endif
