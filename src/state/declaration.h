/*
 * state/declaration.h
 *		The states that a keyed function declared, as a store takes them.
 */
#ifndef WEIR_STATE_DECLARATION_H
#define WEIR_STATE_DECLARATION_H

#include "postgres.h"

#include "state/store.h"

/*
 * The function's declarations, by name, in the current memory context; their
 * number in *n.  For a task: whoever the current user is.
 */
extern WeirStateDecl *weir_state_declarations(Oid function, int *n);

#endif
