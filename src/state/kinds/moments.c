/*
 * state/kinds/moments.c
 *		A set of moments in their order.
 */
#include "postgres.h"

#include "state/kinds/moments.h"

#define FIRST_MOMENTS 1
#define BLOCK_MOMENTS 127		/* a full block is a piece of the slab */

struct WeirMomentBlock
{
	uint32		n;
	uint32		room;
	int64		at[FLEXIBLE_ARRAY_MEMBER];
};

#define block_size(room) (offsetof(WeirMomentBlock, at) + sizeof(int64) * (room))

StaticAssertDecl(block_size(BLOCK_MOMENTS) <= WEIR_SLAB_LARGEST, "a block is a piece");

static WeirMomentBlock *
make_block(WeirSlab *slab, uint32 room)
{
	WeirMomentBlock *block = weir_slab_alloc(slab, block_size(room));

	block->n = 0;
	block->room = room;
	return block;
}

static void
free_block(WeirSlab *slab, WeirMomentBlock *block)
{
	weir_slab_free(slab, block, block_size(block->room));
}

/* Where it is, or would be. */
typedef struct Place
{
	uint32		block;
	uint32		at;
} Place;

/* The last block that begins at the moment or before it; the first, if none does. */
static uint32
find_block(const WeirMoments *set, int64 moment)
{
	uint32		low = 0;
	uint32		high = set->nblocks;

	while (high - low > 1)
	{
		uint32		middle = (low + high) / 2;

		if (set->blocks[middle]->at[0] <= moment)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The first of the block that is not before the moment. */
static uint32
find_in_block(const WeirMomentBlock *block, int64 moment)
{
	uint32		low = 0;
	uint32		high = block->n;

	while (low < high)
	{
		uint32		middle = (low + high) / 2;

		if (block->at[middle] < moment)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Of a set that is not empty; is it there? */
static bool
find(const WeirMoments *set, int64 moment, Place *place)
{
	const WeirMomentBlock *block;

	place->block = find_block(set, moment);
	block = set->blocks[place->block];
	place->at = find_in_block(block, moment);
	return place->at < block->n && block->at[place->at] == moment;
}

static void
insert_block(WeirMoments *set, WeirSlab *slab, uint32 at, WeirMomentBlock *block)
{
	if (set->nblocks == set->room)
	{
		uint32		room = Max(set->room * 2, 1);
		WeirMomentBlock **blocks = weir_slab_alloc(slab, sizeof(*blocks) * room);

		if (set->blocks)
		{
			memcpy(blocks, set->blocks, sizeof(*blocks) * set->nblocks);
			weir_slab_free(slab, set->blocks, sizeof(*blocks) * set->room);
		}
		set->blocks = blocks;
		set->room = room;
	}
	memmove(set->blocks + at + 1, set->blocks + at, sizeof(*set->blocks) * (set->nblocks - at));
	set->blocks[at] = block;
	set->nblocks++;
}

static void
remove_block(WeirMoments *set, WeirSlab *slab, uint32 at)
{
	free_block(slab, set->blocks[at]);
	set->nblocks--;
	memmove(set->blocks + at, set->blocks + at + 1, sizeof(*set->blocks) * (set->nblocks - at));
}

static void
grow_block(WeirMoments *set, WeirSlab *slab, uint32 at)
{
	WeirMomentBlock *old = set->blocks[at];
	WeirMomentBlock *block = make_block(slab, Min(old->room * 2, BLOCK_MOMENTS));

	block->n = old->n;
	memcpy(block->at, old->at, sizeof(int64) * old->n);
	set->blocks[at] = block;
	free_block(slab, old);
}

/*
 * A full block leaves half of itself to a new one behind it; where moments ascend, as
 * they mostly do, all of it stays, and the new one is for those to come.
 */
static void
split_block(WeirMoments *set, WeirSlab *slab, Place *place)
{
	WeirMomentBlock *block = set->blocks[place->block];
	WeirMomentBlock *next = make_block(slab, BLOCK_MOMENTS);
	uint32		stay = place->at == block->n ? block->n : block->n / 2;

	next->n = block->n - stay;
	memcpy(next->at, block->at + stay, sizeof(int64) * next->n);
	block->n = stay;
	insert_block(set, slab, place->block + 1, next);
	if (place->at > stay || next->n == 0)
	{
		place->block++;
		place->at -= stay;
	}
}

bool
weir_moments_add(WeirMoments *set, WeirSlab *slab, int64 moment)
{
	Place		place;
	WeirMomentBlock *block;

	if (set->nblocks == 0)
		insert_block(set, slab, 0, make_block(slab, FIRST_MOMENTS));
	if (find(set, moment, &place))
		return false;
	block = set->blocks[place.block];
	if (block->n == BLOCK_MOMENTS)
		split_block(set, slab, &place);
	else if (block->n == block->room)
		grow_block(set, slab, place.block);
	block = set->blocks[place.block];
	memmove(block->at + place.at + 1, block->at + place.at, sizeof(int64) * (block->n - place.at));
	block->at[place.at] = moment;
	block->n++;
	set->n++;
	return true;
}

bool
weir_moments_remove(WeirMoments *set, WeirSlab *slab, int64 moment)
{
	Place		place;
	WeirMomentBlock *block;

	if (set->n == 0 || !find(set, moment, &place))
		return false;
	block = set->blocks[place.block];
	block->n--;
	memmove(block->at + place.at, block->at + place.at + 1, sizeof(int64) * (block->n - place.at));
	if (block->n == 0)
		remove_block(set, slab, place.block);
	set->n--;
	return true;
}

bool
weir_moments_has(const WeirMoments *set, int64 moment)
{
	Place		place;

	return set->n > 0 && find(set, moment, &place);
}

int64
weir_moments_first(const WeirMoments *set)
{
	return set->n > 0 ? set->blocks[0]->at[0] : PG_INT64_MAX;
}

void
weir_moments_get(const WeirMoments *set, int64 *moments)
{
	for (uint32 i = 0; i < set->nblocks; i++)
	{
		memcpy(moments, set->blocks[i]->at, sizeof(int64) * set->blocks[i]->n);
		moments += set->blocks[i]->n;
	}
}

void
weir_moments_free(WeirMoments *set, WeirSlab *slab)
{
	for (uint32 i = 0; i < set->nblocks; i++)
		free_block(slab, set->blocks[i]);
	if (set->blocks)
		weir_slab_free(slab, set->blocks, sizeof(*set->blocks) * set->room);
	memset(set, 0, sizeof(*set));
}
