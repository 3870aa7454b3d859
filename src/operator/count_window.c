/*
 * operator/count_window.c
 *		A count window: each row is added to its key's window, and a window that
 *		fires has a row for the sink.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "graph/kinds/count_window.h"
#include "operator/key.h"
#include "operator/operator.h"
#include "operator/result.h"
#include "state/kinds/window.h"

typedef struct CountWindow
{
	WeirOperator op;
	WeirState  *window;
	WeirResult *result;
	WeirKey    *key;
	MemoryContext scratch;		/* of what a window that fires computes */
	Datum	   *values;			/* of the plan's result */
	bool	   *nulls;
} CountWindow;

static void
open_window(WeirOperator *op)
{
	CountWindow *w = (CountWindow *) op;
	const WeirNode *node = op->node;
	const WeirCountWindowPlan *plan = weir_count_window_plan(node);

	w->window = weir_store_state(op->store, plan->state_name, strlen(plan->state_name));
	w->result = weir_result_create(node->out, plan->output);
	w->key = weir_key_create(node);
	w->scratch = AllocSetContextCreate(op->context, "weir window results", ALLOCSET_DEFAULT_SIZES);
	w->values = palloc(sizeof(Datum) * Max(plan->result->natts, 1));
	w->nulls = palloc(sizeof(bool) * Max(plan->result->natts, 1));
}

static bool
may_fail(const WeirOperator *op)
{
	return !weir_window_is_native(((const CountWindow *) op)->window);
}

/*
 * No key is current meanwhile: an aggregate's function that cleared the window's
 * state would pull it from under itself.
 */
static bool
add_row(CountWindow *w, const WeirBatch *in, int row)
{
	WeirStore  *store = w->op.store;
	int64		clock = weir_store_clock(store);
	const WeirNativeFault *fault;
	bool		fired;

	weir_key_enter(w->key, store, in, row);
	weir_current_store = NULL;
	fired = weir_window_add(w->window, in->columns, row, w->values, w->nulls, &fault);
	if (likely(fault == NULL))
	{
		weir_store_leave(store);
		return fired;
	}
	weir_store_forget_row(store, clock);
	w->op.refused.row = row;
	w->op.refused.sqlstate = fault->sqlstate;
	w->op.refused.message = _(fault->message);
	return false;
}

/* By the executor: what a row allocates goes with the row. */
static void
add_accumulated(CountWindow *w, WeirBatch *in, int from, int to, WeirOutput *out)
{
	for (int i = from; i < to; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(w->scratch);
		bool		fired;

		*w->op.line = in->lines[i];
		fired = add_row(w, in, i);
		MemoryContextSwitchTo(old);
		if (fired)
			weir_result_add(w->result, in, i, w->values, w->nulls);
		MemoryContextReset(w->scratch);
		if (weir_result_is_full(w->result))
			weir_result_hand_on(w->result, out);
	}
}

/* By plain arithmetic: what a window that fires has to say is made where it is handed on. */
static void
add_native(CountWindow *w, WeirBatch *in, int from, int to, WeirOutput *out)
{
	MemoryContext caller = MemoryContextSwitchTo(w->result->batch->context);

	for (int i = from; i < to; i++)
	{
		if ((i - from) % WEIR_STORE_AHEAD == 0)
			weir_store_prefetch(w->op.store, &in->hashes[i], to - i);
		*w->op.line = in->lines[i];
		if (!add_row(w, in, i))
		{
			if (w->op.refused.message)
				break;
			continue;
		}
		weir_result_take(w->result, in, i, w->values, w->nulls);
		if (weir_result_is_full(w->result))
		{
			MemoryContextSwitchTo(caller);
			weir_result_hand_on(w->result, out);
			MemoryContextSwitchTo(w->result->batch->context);
		}
	}
	MemoryContextSwitchTo(caller);
}

static void
add_rows(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	CountWindow *w = (CountWindow *) op;

	op->refused.message = NULL;
	if (weir_window_is_native(w->window))
		add_native(w, in, from, to, out);
	else
		add_accumulated(w, in, from, to, out);
	weir_result_hand_on(w->result, out);
}

const WeirOperatorOps weir_count_window_operator = {
	.size = sizeof(CountWindow),
	.open = open_window,
	.may_fail = may_fail,
	.rows = add_rows
};
