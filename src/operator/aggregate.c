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
#include "operator/changes.h"
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

static bool
holds(const WeirOperator *op)
{
	return weir_changed_are_held(((const Aggregate *) op)->running);
}

static WeirBatch *
held(WeirOperator *op)
{
	return weir_changed_rows(op, ((Aggregate *) op)->running);
}

/* The results as a row; sign is of use where rows may be taken back. */
static void
take_row(Aggregate *a, const WeirBatch *held, int row, int16 sign, WeirOutput *out, MemoryContext caller)
{
	const WeirAggregatePlan *plan = weir_aggregate_plan(a->op.node);

	if (plan->corrects)
	{
		a->values[plan->result->natts - 1] = Int16GetDatum(sign);
		a->nulls[plan->result->natts - 1] = false;
	}
	weir_result_take(a->result, held, row, a->values, a->nulls);
	if (weir_result_is_full(a->result))
	{
		MemoryContextSwitchTo(caller);
		weir_result_hand_on(a->result, out);
		MemoryContextSwitchTo(a->result->batch->context);
	}
}

static void
emit(WeirOperator *op, const WeirBatch *held, int from, int to, WeirOutput *out)
{
	Aggregate  *a = (Aggregate *) op;
	MemoryContext caller = MemoryContextSwitchTo(a->result->batch->context);
	bool		corrects = weir_aggregate_plan(op->node)->corrects;

	for (int i = from; i < to; i++)
	{
		*op->line = held->lines[i];
		if (corrects && weir_running_results_before(a->running, i, a->values, a->nulls))
			take_row(a, held, i, -1, out, caller);
		if (weir_running_results(a->running, i, a->values, a->nulls))
			take_row(a, held, i, 1, out, caller);
	}
	MemoryContextSwitchTo(caller);
	weir_result_hand_on(a->result, out);
}

static void
forget(WeirOperator *op, const WeirBatch *held)
{
	weir_running_forget(((Aggregate *) op)->running, held->nrows);
}

const WeirOperatorOps weir_aggregate_operator = {
	.size = sizeof(Aggregate),
	.open = open_aggregate,
	.may_fail = may_fail,
	.rows = add_rows,
	.holds = holds,
	.held = held,
	.emit = emit,
	.forget = forget
};
