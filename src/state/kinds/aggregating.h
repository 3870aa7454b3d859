/*
 * state/kinds/aggregating.h
 *		Aggregating state of the current key: what an aggregate has come to.
 */
#ifndef WEIR_STATE_KINDS_AGGREGATING_H
#define WEIR_STATE_KINDS_AGGREGATING_H

#include "postgres.h"

#include "state/store.h"

/*
 * The qualified name of the aggregate of this signature, which must take one
 * argument, or an error.  *type: of that argument; given where the signature
 * leaves it open, else InvalidOid, and found.
 */
extern char *weir_aggregate_of(const char *signature, Oid *type);

extern void weir_aggregating_add(WeirState *state, Datum value, bool isnull);
/* The aggregate's result so far, in the caller's memory; NULL if nothing was added. */
extern Datum weir_aggregating_get(WeirState *state, bool *isnull);

#endif
