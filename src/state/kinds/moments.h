/*
 * state/kinds/moments.h
 *		A set of moments in their order, in memory of a slab.
 *
 * Adding and removing cost little however many there are: they lie in blocks, and a
 * block that is full is cut in two.
 */
#ifndef WEIR_STATE_KINDS_MOMENTS_H
#define WEIR_STATE_KINDS_MOMENTS_H

#include "postgres.h"

#include "state/slab.h"

typedef struct WeirMomentBlock WeirMomentBlock;

typedef struct WeirMoments		/* all zero: empty */
{
	int64		n;
	WeirMomentBlock **blocks;	/* none is empty */
	uint32		nblocks;
	uint32		room;
} WeirMoments;

/* False: it is there already. */
extern bool weir_moments_add(WeirMoments *set, WeirSlab *slab, int64 moment);
/* False: it is not there. */
extern bool weir_moments_remove(WeirMoments *set, WeirSlab *slab, int64 moment);
extern bool weir_moments_has(const WeirMoments *set, int64 moment);
/* PG_INT64_MAX: it is empty. */
extern int64 weir_moments_first(const WeirMoments *set);
/* All of them, in order; there is room for set->n. */
extern void weir_moments_get(const WeirMoments *set, int64 *moments);
extern void weir_moments_free(WeirMoments *set, WeirSlab *slab);

#endif
