/*
 * operator/key_hash.c
 *		The hashes of the keys of a whole batch, a key column after the other.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "base/keytype.h"
#include "operator/key_hash.h"

struct WeirKeyHasher
{
	int64	   *line;
	int			nkeys;
	const WeirKeyColumn *keys;
	WeirKeyHash *hash;
	uint64	   *column;			/* hashes of one column */
	int			capacity;
	MemoryContext scratch;		/* what the types' functions leave behind */
};

WeirKeyHasher *
weir_key_hasher_create(int nkeys, const WeirKeyColumn *keys, MemoryContext context, int64 *line)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	WeirKeyHasher *hasher = palloc0(sizeof(WeirKeyHasher));

	hasher->line = line;
	hasher->nkeys = nkeys;
	hasher->keys = keys;
	hasher->hash = palloc(sizeof(WeirKeyHash) * Max(nkeys, 1));
	for (int i = 0; i < nkeys; i++)
		weir_key_hash_init(&hasher->hash[i], keys[i].type, keys[i].collation, context);
	hasher->scratch = AllocSetContextCreate(context, "weir key hash", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);
	return hasher;
}

static void
make_room(WeirKeyHasher *hasher, int rows)
{
	if (hasher->capacity >= rows)
		return;
	if (hasher->column)
		pfree(hasher->column);
	hasher->column = MemoryContextAllocHuge(GetMemoryChunkContext(hasher), sizeof(uint64) * rows);
	hasher->capacity = rows;
}

static void
hash_column(WeirKeyHasher *hasher, int key, const WeirBatch *batch, uint64 *result)
{
	WeirKeyHash *hash = &hasher->hash[key];
	const WeirVector *vector = &batch->columns[hasher->keys[key].attno - 1];

	if (!vector->has_nulls && weir_key_hash_values(hash, vector->values, batch->nrows, result))
		return;
	for (int i = 0; i < batch->nrows; i++)
	{
		*hasher->line = batch->lines[i];
		result[i] = weir_key_hash_column(hash, vector->values[i], weir_vector_is_null(vector, i));
	}
}

void
weir_key_hasher_run(WeirKeyHasher *hasher, WeirBatch *batch)
{
	MemoryContext old = MemoryContextSwitchTo(hasher->scratch);

	if (hasher->nkeys == 0)
		memset(batch->hashes, 0, sizeof(uint64) * batch->nrows);
	for (int k = 0; k < hasher->nkeys; k++)
	{
		if (k == 0)
		{
			hash_column(hasher, k, batch, batch->hashes);
			continue;
		}
		make_room(hasher, batch->nrows);
		hash_column(hasher, k, batch, hasher->column);
		for (int i = 0; i < batch->nrows; i++)
			batch->hashes[i] = hash_combine64(batch->hashes[i], hasher->column[i]);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(hasher->scratch);
}
