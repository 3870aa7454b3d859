/*
 * operator/key.c
 *		The key of a row, made current in a store.
 */
#include "postgres.h"

#include "operator/key.h"

struct WeirKey
{
	const WeirNode *node;
	Datum	   *values;
	bool	   *nulls;
};

WeirKey *
weir_key_create(const WeirNode *node)
{
	WeirKey    *key = palloc(sizeof(WeirKey));

	key->node = node;
	key->values = palloc(sizeof(Datum) * Max(node->nkeys, 1));
	key->nulls = palloc(sizeof(bool) * Max(node->nkeys, 1));
	return key;
}

void
weir_key_enter(WeirKey *key, WeirStore *store, const WeirBatch *batch, int row)
{
	const WeirNode *node = key->node;

	for (int i = 0; i < node->nkeys; i++)
	{
		const WeirVector *vector = &batch->columns[node->keys[i].attno - 1];

		key->values[i] = vector->values[row];
		key->nulls[i] = weir_vector_is_null(vector, row);
	}
	weir_store_enter(store, key->values, key->nulls, batch->hashes[row], batch->stamps[row]);
}
