/*
 * state/current.h
 *		The state a keyed function asks for by name.
 */
#ifndef WEIR_STATE_CURRENT_H
#define WEIR_STATE_CURRENT_H

#include "postgres.h"

#include "state/store.h"

/*
 * The state of this name of the store whose key is current.  An error that
 * names the caller when no key is current, or the function declared no such
 * state.
 */
extern WeirState *weir_current_state(const char *caller, const char *name, int length);

/* An error unless the state is a value state. */
extern void weir_require_value(const char *caller, const WeirState *state);

#endif
