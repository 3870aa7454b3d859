/*
 * operator/key.c
 *		The key of a row, made current in a store.
 */
#include "postgres.h"

#include "operator/key.h"

struct WeirKey
{
	const WeirDataflow *dataflow;
	Datum	   *values;
	bool	   *nulls;
};

WeirKey *
weir_key_create(const WeirDataflow *df)
{
	WeirKey    *key = palloc(sizeof(WeirKey));

	key->dataflow = df;
	key->values = palloc(sizeof(Datum) * Max(df->nkeys, 1));
	key->nulls = palloc(sizeof(bool) * Max(df->nkeys, 1));
	return key;
}

void
weir_key_enter(WeirKey *key, WeirStore *store, const WeirBatch *batch, int row)
{
	const WeirDataflow *df = key->dataflow;

	for (int i = 0; i < df->nkeys; i++)
	{
		const WeirVector *vector = &batch->columns[df->keys[i].attno - 1];

		key->values[i] = vector->values[row];
		key->nulls[i] = weir_vector_is_null(vector, row);
	}
	weir_store_enter(store, key->values, key->nulls, batch->hashes[row], batch->stamps[row]);
}
