/*
 * operator/key_hash.h
 *		The hashes of the keys of a whole batch.
 */
#ifndef WEIR_OPERATOR_KEY_HASH_H
#define WEIR_OPERATOR_KEY_HASH_H

#include "postgres.h"

#include "graph/graph.h"
#include "record/batch.h"

typedef struct WeirKeyHasher WeirKeyHasher;

/* In a transaction; it goes with the context.  Without keys all hashes are 0. */
extern WeirKeyHasher *weir_key_hasher_create(int nkeys, const WeirKeyColumn *keys,
											 MemoryContext context, int64 *line);

/*
 * Fills in batch->hashes; the keys' columns are those of its rows.  In a transaction.
 * *line is that of the row whose type's function is called.
 */
extern void weir_key_hasher_run(WeirKeyHasher *hasher, WeirBatch *batch);

#endif
