/*
 * operator/key_hash.h
 *		The hashes of the keys of a whole batch.
 */
#ifndef WEIR_OPERATOR_KEY_HASH_H
#define WEIR_OPERATOR_KEY_HASH_H

#include "postgres.h"

#include "compile/dataflow.h"
#include "record/batch.h"

typedef struct WeirKeyHasher WeirKeyHasher;

/* In a transaction; it goes with the dataflow.  Without keys all hashes are 0. */
extern WeirKeyHasher *weir_key_hasher_create(const WeirDataflow *dataflow, int64 *line);

/*
 * Fills in batch->hashes; the rows are of row_desc.  In a transaction.  *line is that
 * of the row whose type's function is called.
 */
extern void weir_key_hasher_run(WeirKeyHasher *hasher, WeirBatch *batch);

#endif
