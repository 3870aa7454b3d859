/*
 * operator/aggregate.c
 *		A running aggregate: each row is added to what its key has, and the keys that
 *		have changed since have a row each when the task asks for them.
 *
 * Of which record such a row is to be said to come, when it cannot be made or written?
 * Of the first that changed the key since: after a restart from a checkpoint that is the
 * same one, whenever the next checkpoint comes.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "graph/kinds/aggregate.h"
#include "operator/key.h"
#include "operator/operator.h"
#include "operator/result.h"
#include "state/kinds/running.h"
#include "state/kinds/window.h"

typedef struct Aggregate
{
	WeirOperator op;
	WeirState  *running;
	WeirResult *result;
	WeirKey    *key;
	MemoryContext scratch;		/* of what code of the user's leaves */
	WeirBatch  *record;			/* a row of "in" with nothing but a key */
	Datum	   *values;			/* of the plan's result */
	bool	   *nulls;
} Aggregate;

static void
open_aggregate(WeirOperator *op)
{
	Aggregate  *a = (Aggregate *) op;
	const WeirNode *node = op->node;
	const WeirAggregatePlan *plan = weir_aggregate_plan(node);

	a->running = weir_store_state(op->store, plan->state_name, strlen(plan->state_name));
	a->result = weir_result_create(node->out, plan->output);
	a->key = weir_key_create(node);
	a->scratch = AllocSetContextCreate(op->context, "weir aggregate rows", ALLOCSET_DEFAULT_SIZES);
	a->record = weir_batch_create(node->in, 1);
	a->values = palloc(sizeof(Datum) * Max(plan->result->natts, 1));
	a->nulls = palloc(sizeof(bool) * Max(plan->result->natts, 1));
}

static bool
may_fail(const WeirOperator *op)
{
	return !weir_window_is_native(((const Aggregate *) op)->running);
}

/* False: the row is refused.  No key is current meanwhile, as in a count window. */
static bool
add_row(Aggregate *a, const WeirBatch *in, int row)
{
	WeirStore  *store = a->op.store;
	int64		clock = weir_store_clock(store);
	const WeirNativeFault *fault;

	weir_key_enter(a->key, store, in, row);
	weir_current_store = NULL;
	fault = weir_running_add(a->running, in, row);
	if (likely(fault == NULL))
	{
		weir_store_leave(store);
		return true;
	}
	weir_store_forget_row(store, clock);
	a->op.refused.row = row;
	a->op.refused.sqlstate = fault->sqlstate;
	a->op.refused.message = _(fault->message);
	return false;
}

static void
add_rows(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	Aggregate  *a = (Aggregate *) op;
	bool		native = weir_window_is_native(a->running);
	MemoryContext caller = MemoryContextSwitchTo(a->scratch);

	op->refused.message = NULL;
	for (int i = from; i < to && op->refused.message == NULL; i++)
	{
		if ((i - from) % WEIR_STORE_AHEAD == 0)
			weir_store_prefetch(op->store, &in->hashes[i], to - i);
		*op->line = in->lines[i];
		(void) add_row(a, in, i);
		if (!native)
			MemoryContextReset(a->scratch);
	}
	MemoryContextSwitchTo(caller);
}

/* The key, where a row's would be. */
static void
fill_record(Aggregate *a, const WeirRunningChange *change)
{
	const WeirNode *node = a->op.node;
	WeirBatch  *record = a->record;

	weir_batch_reset(record);
	for (int i = 0; i < node->nkeys; i++)
	{
		int			column = node->keys[i].attno - 1;

		if (change->key_isnull[i])
			weir_batch_set_null(record, column, 0);
		else
			weir_batch_set_value(record, column, 0, change->key[i]);
	}
	record->source = change->source;
	record->lines[0] = change->line;
	record->stamps[0] = weir_store_clock(a->op.store);
	record->hashes[0] = 0;
	if (change->raw.data)
		weir_batch_keep_raw(record);
	if (record->raw)
		record->raw[0] = change->raw;
	record->nrows = 1;
}

/* Rows of a batch are one source's. */
static bool
must_hand_on(const Aggregate *a, int source)
{
	const WeirBatch *batch = a->result->batch;

	return batch->nrows > 0 && (batch->source != source || weir_result_is_full(a->result));
}

static void
add_changed(Aggregate *a, int64 n, const WeirRunningChange *change)
{
	MemoryContext old = MemoryContextSwitchTo(a->result->batch->context);

	*a->op.line = change->line;
	weir_running_results(a->running, n, a->values, a->nulls);
	MemoryContextSwitchTo(old);
	fill_record(a, change);
	weir_result_take(a->result, a->record, 0, a->values, a->nulls);
}

static bool
holds(const WeirOperator *op)
{
	return weir_running_nchanges(((const Aggregate *) op)->running) > 0;
}

static void
emit(WeirOperator *op, WeirOutput *out)
{
	Aggregate  *a = (Aggregate *) op;
	int64		nchanges = weir_running_nchanges(a->running);
	WeirRunningChange change;

	weir_batch_reset(a->result->batch);
	for (int64 n = 0; n < nchanges; n++)
	{
		if (!weir_running_change(a->running, n, &change))
			continue;
		if (must_hand_on(a, change.source))
			weir_result_hand_on(a->result, out);
		add_changed(a, n, &change);
	}
	weir_result_hand_on(a->result, out);
	weir_running_forget(a->running);
}

static void
close_aggregate(WeirOperator *op, bool committed)
{
}

const WeirOperatorOps weir_aggregate_operator = {
	.size = sizeof(Aggregate),
	.open = open_aggregate,
	.may_fail = may_fail,
	.rows = add_rows,
	.holds = holds,
	.emit = emit,
	.close = close_aggregate
};
