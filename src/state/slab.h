/*
 * state/slab.h
 *		Memory for keyed state: many small pieces of few sizes, without a
 *		header each, given back page by page.
 *
 * A piece's owner knows its size and says it when freeing.  Sizes are rounded
 * up to 8 bytes; what is larger than WEIR_SLAB_LARGEST comes from an ordinary
 * memory context.
 */
#ifndef WEIR_STATE_SLAB_H
#define WEIR_STATE_SLAB_H

#include "postgres.h"

#define WEIR_SLAB_LARGEST 1024

typedef struct WeirSlab WeirSlab;

extern WeirSlab *weir_slab_create(MemoryContext context);
extern void *weir_slab_alloc(WeirSlab *slab, Size size);
extern void weir_slab_free(WeirSlab *slab, void *piece, Size size);

/* Would a piece of the one size hold the other? */
#define weir_slab_same_room(a, b) (MAXALIGN(a) == MAXALIGN(b))

#endif
