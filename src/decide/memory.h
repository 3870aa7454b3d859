/*
 * decide/memory.h
 *		Memory of the decision code: malloc'd, zeroed, never NULL.
 *
 * A decision object must be usable inside the server and in a test without
 * one, so it cannot use memory contexts.  When memory runs out the handler is
 * called, which must not return: the server installs one that raises an
 * error, a test lets the default one abort.  Callers allocate before they
 * change anything, so that an object stays whole when the handler jumps away.
 */
#ifndef WEIR_DECIDE_MEMORY_H
#define WEIR_DECIDE_MEMORY_H

#include <stddef.h>

extern void (*weir_out_of_memory) (size_t size);

extern void *weir_alloc(size_t count, size_t size);

/* Room for one more than nitems; capacity grows by doubling. */
extern void *weir_grow(void *array, int nitems, int *capacity, size_t size);

#endif
