/*
 * operator/keyed_state.c
 *		The keyed state of an operator.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"

#include "operator/keyed_state.h"
#include "state/declaration.h"
#include "state/kinds/window.h"
#include "state/ttl.h"

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

/* The state that a window is: nobody declared it. */
static WeirStateDecl *
window_state(const WeirDataflow *df, int *nstates)
{
	WeirStateDecl *state = palloc0(sizeof(WeirStateDecl));
	WeirWindowDecl *window = palloc(sizeof(WeirWindowDecl));

	window->size = df->window->size;
	window->slide = df->window->slide;
	window->aggregates = df->window->aggregates;
	window->input = df->row_desc;
	state->name = pstrdup(df->window->state_name);
	state->kind = WEIR_STATE_WINDOW;
	state->type = BYTEAOID;
	state->typmod = -1;
	state->ttl = weir_ttl_rule(df->window->ttl);
	state->window = window;
	*nstates = 1;
	return state;
}

WeirStore *
weir_keyed_store_create(const WeirDataflow *df, int max_parallelism, int first, int end)
{
	WeirStoreKey *keys = palloc(sizeof(WeirStoreKey) * Max(df->nkeys, 1));
	WeirStateDecl *states;
	int			nstates;

	for (int i = 0; i < df->nkeys; i++)
	{
		keys[i].type = df->keys[i].type;
		keys[i].eq_operator = df->keys[i].eq_operator;
		keys[i].collation = df->keys[i].collation;
	}
	states = df->window ? window_state(df, &nstates) :
		weir_state_declarations(df->function, &nstates);
	return weir_store_create(weir_dataflow_step(df), df->nkeys, keys, nstates, states,
							 max_parallelism, first, end);
}
