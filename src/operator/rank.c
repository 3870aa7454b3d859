/*
 * operator/rank.c
 *		The best rows of a key, handed on as they change: of the keys that have changed
 *		since, what has changed, when the task asks for it.  As in aggregate.c the
 *		record that such rows are said to come of is the first that changed the key.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "graph/kinds/rank.h"
#include "operator/changes.h"
#include "operator/key.h"
#include "operator/operator.h"
#include "operator/result.h"
#include "state/kinds/ranked.h"

typedef struct Rank
{
	WeirOperator op;
	WeirState  *ranked;
	WeirResult *result;
	WeirKey    *key;
	WeirBatch  *rows;			/* one row, as it is kept */
	MemoryContext scratch;		/* of what comparing and keeping rows leaves */
	Datum	   *values;			/* of "in" */
	bool	   *nulls;
	Datum	   *numbers;		/* of the plan's result */
	bool	   *number_nulls;
} Rank;

static void
open_rank(WeirOperator *op)
{
	Rank	   *r = (Rank *) op;
	const WeirNode *node = op->node;
	const WeirRankPlan *plan = weir_rank_plan(node);
	int			nnumbers = Max(plan->result->natts, 1);

	r->ranked = weir_store_state(op->store, plan->state_name, strlen(plan->state_name));
	r->result = weir_result_create(node->out, plan->output);
	r->key = weir_key_create(node);
	r->rows = weir_batch_create(node->in, 1);
	r->scratch = AllocSetContextCreate(op->context, "weir ranked rows", ALLOCSET_DEFAULT_SIZES);
	r->values = palloc(sizeof(Datum) * node->in->natts);
	r->nulls = palloc(sizeof(bool) * node->in->natts);
	r->numbers = palloc0(sizeof(Datum) * nnumbers);
	r->number_nulls = palloc0(sizeof(bool) * nnumbers);
}

static bool
may_fail(const WeirOperator *op)
{
	return weir_ranked_calls_user(((const Rank *) op)->ranked);
}

/* No key is current while rows are compared, as in a count window. */
static void
add_rows(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	Rank	   *r = (Rank *) op;
	MemoryContext caller = MemoryContextSwitchTo(r->scratch);

	for (int i = from; i < to; i++)
	{
		if ((i - from) % WEIR_STORE_AHEAD == 0)
			weir_store_prefetch(op->store, &in->hashes[i], to - i);
		*op->line = in->lines[i];
		weir_key_enter(r->key, op->store, in, i);
		weir_current_store = NULL;
		weir_ranked_add(r->ranked, in, i);
		weir_store_leave(op->store);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(r->scratch);
}

static bool
holds(const WeirOperator *op)
{
	return weir_changed_are_held(((const Rank *) op)->ranked);
}

static WeirBatch *
held(WeirOperator *op)
{
	return weir_changed_rows(op, ((Rank *) op)->ranked);
}

/* Row number, rank and dense rank are one where no two rows have the same number. */
static void
take_row(Rank *r, const WeirBatch *held, int key, int row)
{
	weir_ranked_changed_row(r->ranked, key, row, r->values, r->nulls);
	weir_batch_set_row(r->rows, 0, r->values, r->nulls);
	weir_batch_set_record(r->rows, 0, held, key);
	r->rows->hashes[0] = held->hashes[key];
	for (int i = 0; i < weir_rank_plan(r->op.node)->result->natts; i++)
		r->numbers[i] = Int64GetDatum(row + 1);
	weir_result_take(r->result, r->rows, 0, r->numbers, r->number_nulls);
}

static void
emit(WeirOperator *op, const WeirBatch *held, int from, int to, WeirOutput *out)
{
	Rank	   *r = (Rank *) op;

	for (int i = from; i < to; i++)
	{
		int			first;
		int			n = weir_ranked_changed_rows(r->ranked, i, &first);

		*op->line = held->lines[i];
		for (int row = first; row < n; row++)
		{
			if (weir_result_is_full(r->result))
				weir_result_hand_on(r->result, out);
			take_row(r, held, i, row);
		}
	}
	weir_result_hand_on(r->result, out);
}

static void
forget(WeirOperator *op, const WeirBatch *held)
{
	weir_ranked_forget(((Rank *) op)->ranked, held->nrows);
}

const WeirOperatorOps weir_rank_operator = {
	.size = sizeof(Rank),
	.open = open_rank,
	.may_fail = may_fail,
	.rows = add_rows,
	.holds = holds,
	.held = held,
	.emit = emit,
	.forget = forget
};
