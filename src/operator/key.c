/*
 * operator/key.c
 *		The key of a row, made current in a store.
 */
#include "postgres.h"

#include "operator/key.h"

struct WeirKey
{
	int			nkeys;
	const WeirKeyColumn *keys;
	Datum	   *values;
	bool	   *nulls;
};

static WeirKey *
create(int nkeys, const WeirKeyColumn *keys)
{
	WeirKey    *key = palloc(sizeof(WeirKey));

	key->nkeys = nkeys;
	key->keys = keys;
	key->values = palloc(sizeof(Datum) * Max(nkeys, 1));
	key->nulls = palloc(sizeof(bool) * Max(nkeys, 1));
	return key;
}

WeirKey *
weir_key_create(const WeirNode *node)
{
	return create(node->nkeys, node->keys);
}

WeirKey *
weir_key_create_right(const WeirNode *node)
{
	return create(node->nkeys, node->right_keys);
}

bool
weir_key_has_null(const WeirKey *key, const WeirBatch *batch, int row)
{
	for (int i = 0; i < key->nkeys; i++)
	{
		if (weir_vector_is_null(&batch->columns[key->keys[i].attno - 1], row))
			return true;
	}
	return false;
}

void
weir_key_enter(WeirKey *key, WeirStore *store, const WeirBatch *batch, int row)
{
	for (int i = 0; i < key->nkeys; i++)
	{
		const WeirVector *vector = &batch->columns[key->keys[i].attno - 1];

		key->values[i] = vector->values[row];
		key->nulls[i] = weir_vector_is_null(vector, row);
	}
	weir_store_enter(store, key->values, key->nulls, batch->hashes[row], batch->stamps[row]);
}
