/*
 * state/function.h
 *		Functions that are named by their signature.
 */
#ifndef WEIR_STATE_FUNCTION_H
#define WEIR_STATE_FUNCTION_H

#include "postgres.h"

/*
 * The function, aggregate or procedure of this signature, like
 * 'int8pl(bigint,bigint)'; an error if there is none.  noun: what it is
 * to be, for the hint.
 */
extern Oid	weir_function_of(const char *signature, const char *noun);

/* The one that stands in Weir's tables by this signature; InvalidOid if there is none. */
extern Oid	weir_function_find(const char *signature);

#endif
