/*
 * operator/changes.c
 *		Keys that have changed, as rows.
 */
#include "postgres.h"

#include "operator/changes.h"
#include "state/kinds/running.h"

#define HELD_ROWS 4096			/* handed on at a time */

bool
weir_changed_are_held(const WeirState *state)
{
	return weir_running_nchanges(state) > 0;
}

/* The key, where a row of "in" has it. */
static void
put_key(const WeirNode *node, WeirBatch *held, int row, const WeirRunningChange *change)
{
	for (int i = 0; i < node->nkeys; i++)
	{
		int			column = node->keys[i].attno - 1;

		if (change->key_isnull[i])
			weir_batch_set_null(held, column, row);
		else
			weir_batch_set_value(held, column, row, change->key[i]);
	}
}

static void
put_change(const WeirOperator *op, WeirBatch *held, const WeirRunningChange *change)
{
	int			row = held->nrows++;

	put_key(op->node, held, row, change);
	held->source = change->source;
	held->lines[row] = change->line;
	held->stamps[row] = weir_store_clock(op->store);
	held->hashes[row] = 0;
	if (change->raw.data)
		weir_batch_keep_raw(held);
	if (held->raw)
		held->raw[row] = change->raw;
}

/* Records of one source, as in any batch. */
WeirBatch *
weir_changed_rows(WeirOperator *op, WeirState *state)
{
	int64		n = weir_running_nchanges(state);
	WeirRunningChange change;
	WeirBatch  *batch;

	if (n == 0)
		return NULL;
	batch = weir_batch_create(op->node->in, Min(n, HELD_ROWS));
	for (int64 i = 0; i < batch->capacity; i++)
	{
		weir_running_change(state, i, &change);
		if (batch->nrows > 0 && change.source != batch->source)
			break;
		put_change(op, batch, &change);
	}
	return batch;
}
