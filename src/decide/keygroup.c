/*
 * decide/keygroup.c
 *		Which key group a key belongs to, and which task owns a group.
 *
 * The group of a key is stored with its snapshot, so weir_key_group must give
 * the same answer for ever, on every machine: it is integer arithmetic on 64
 * bits and nothing else.  The hash is mixed first, because a hash function of
 * a user's own operator class may leave its high bits alone.
 */
#include "decide/keygroup.h"

#include <assert.h>

/* The finalizer of MurmurHash3: every input bit reaches every output bit. */
static uint64_t
mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h;
}

/*
 * What is mixed to h.  Each step of mix can be undone: h ^ h >> 33 is its own
 * inverse, and an odd factor has one modulo 2^64.
 */
static uint64_t
unmix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0x9cb4b2f8129337db);
	h ^= h >> 33;
	h *= UINT64_C(0x4f74430c22a54005);
	h ^= h >> 33;
	return h;
}

int
weir_key_group(uint64_t hash, int max_parallelism)
{
	/* scale the upper half to 0 .. max_parallelism - 1: no division */
	return (int) (((mix(hash) >> 32) * (uint64_t) max_parallelism) >> 32);
}

void
weir_key_groups(const uint64_t *hashes, int n, int max_parallelism, int *groups)
{
	for (int i = 0; i < n; i++)
		groups[i] = weir_key_group(hashes[i], max_parallelism);
}

/* The first upper half that scales to a group or to one behind it. */
static uint64_t
first_of_group(int group, int max_parallelism)
{
	return (((uint64_t) group << 32) + (uint64_t) max_parallelism - 1) / (uint64_t) max_parallelism;
}

uint64_t
weir_hash_in_group(uint64_t hash, int group, int max_parallelism)
{
	uint64_t	mixed = mix(hash);
	uint64_t	first = first_of_group(group, max_parallelism);
	uint64_t	end = first_of_group(group + 1, max_parallelism);
	uint64_t	upper;

	assert(group >= 0 && group < max_parallelism);
	upper = first + (((mixed >> 32) * (end - first)) >> 32);
	return unmix(upper << 32 | (mixed & UINT64_C(0xffffffff)));
}

int
weir_group_task(int group, int parallelism, int max_parallelism)
{
	assert(parallelism >= 1 && group >= 0 && group < max_parallelism);
	return (int) ((int64_t) group * parallelism / max_parallelism);
}

/*
 * The groups g with task <= g * parallelism / max_parallelism < task + 1
 * begin at task * max_parallelism / parallelism, rounded up.
 */
void
weir_task_groups(int task, int parallelism, int max_parallelism,
				 int *first, int *end)
{
	int64_t		groups = max_parallelism;

	assert(task >= 0 && task < parallelism);
	*first = (int) ((task * groups + parallelism - 1) / parallelism);
	*end = (int) (((task + 1) * groups + parallelism - 1) / parallelism);
}
