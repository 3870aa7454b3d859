/*
 * state/kinds/reducing.h
 *		Reducing state of the current key: one value, with which each value
 *		added is combined by a function.
 */
#ifndef WEIR_STATE_KINDS_REDUCING_H
#define WEIR_STATE_KINDS_REDUCING_H

#include "postgres.h"

#include "state/store.h"

/*
 * The function of this signature, which must take two values of the type and
 * return one, or an error.
 */
extern Oid	weir_reduce_function(const char *signature, Oid type);

/* Resolves the state's function, as the current user. */
extern void weir_reducing_init(WeirState *state);

/*
 * Combines the value with what the state holds, if anything.  As in an
 * aggregate, a strict function is not called for NULL.
 */
extern void weir_reducing_add(WeirState *state, Datum value, bool isnull);

#endif
