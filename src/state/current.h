/*
 * state/current.h
 *		The state a keyed function asks for by name.
 */
#ifndef WEIR_STATE_CURRENT_H
#define WEIR_STATE_CURRENT_H

#include "postgres.h"

#include "state/store.h"

#define WEIR_ANY_KIND (-1)

/*
 * The state of this name of the store whose key is current.  An error that
 * names the caller when no key is current, the function declared no such
 * state, or it is of another kind than kind (a WeirStateKind or WEIR_ANY_KIND).
 */
extern WeirState *weir_current_state(const char *caller, int kind, const char *name, int length);
/* The same for a timer of either clock. */
extern WeirState *weir_current_timer(const char *caller, const char *name, int length);

#endif
