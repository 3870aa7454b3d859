/*
 * api/state/state_json.h
 *		Keys and values of keyed state as jsonb, in the current memory context.
 */
#ifndef WEIR_API_STATE_STATE_JSON_H
#define WEIR_API_STATE_STATE_JSON_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "state/store.h"

/* What conversions remember of types; lives in the context it is made in. */
typedef struct WeirStateJson WeirStateJson;

extern WeirStateJson *weir_state_json_create(void);

/* As to_jsonb() has it; NULL for NULL. */
extern Jsonb *weir_state_json(WeirStateJson *json, Oid type, Datum value, bool isnull);
extern Jsonb *weir_state_json_array(WeirStateJson *json, int n, const Oid *types,
									const Datum *values, const bool *nulls);

/*
 * What a state of the current key holds: a list as an array, a map as an object,
 * an aggregate's result, of an open count window an array of its aggregates' results.
 */
extern Jsonb *weir_state_json_current(WeirStateJson *json, WeirState *state);

#endif
