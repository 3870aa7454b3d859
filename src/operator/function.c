/*
 * operator/function.c
 *		The keyed function: called once a row, the row's key current in the store.
 */
#include "postgres.h"

#include "operator/function_call.h"
#include "operator/key.h"
#include "operator/operator.h"
#include "operator/result.h"

typedef struct Function
{
	WeirOperator op;
	WeirResult *result;
	WeirKey    *key;
	WeirFunctionCall *call;
} Function;

static void
open_function(WeirOperator *op)
{
	Function   *f = (Function *) op;
	const WeirNode *node = op->node;
	const WeirFunctionPlan *plan = weir_function_plan(node);

	f->result = weir_result_create(node->out, plan->output);
	f->key = weir_key_create(node);
	f->call = weir_function_call_create(plan);
}

static bool
may_fail(const WeirOperator *op)
{
	return true;
}

/* What f returned, which may still have rows to come. */
typedef struct Returning
{
	Function   *function;
	const WeirBatch *in;
	int			row;
	WeirOutput *out;
	MemoryContext context;		/* to hand on in */
} Returning;

/* The key is f's alone. */
static void
take_row(void *arg, const Datum *values, const bool *nulls)
{
	Returning  *returning = arg;
	Function   *f = returning->function;
	MemoryContext old;

	weir_result_add(f->result, returning->in, returning->row, values, nulls);
	if (!weir_result_is_full(f->result))
		return;
	old = MemoryContextSwitchTo(returning->context);
	weir_current_store = NULL;
	weir_result_hand_on(f->result, returning->out);
	weir_current_store = f->op.store;
	MemoryContextSwitchTo(old);
}

static void
call_rows(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	Function   *f = (Function *) op;
	Returning	returning = {f, in, from, out, CurrentMemoryContext};

	for (; returning.row < to; returning.row++)
	{
		if ((returning.row - from) % WEIR_STORE_AHEAD == 0)
			weir_store_prefetch(op->store, in->hashes + returning.row, to - returning.row);
		*op->line = in->lines[returning.row];
		weir_key_enter(f->key, op->store, in, returning.row);
		weir_function_call_run(f->call, in, returning.row, take_row, &returning);
		weir_store_leave(op->store);
	}
	weir_result_hand_on(f->result, out);
}

static void
close_function(WeirOperator *op, bool committed)
{
	weir_function_call_free(((Function *) op)->call, committed);
}

const WeirOperatorOps weir_function_operator = {
	.size = sizeof(Function),
	.open = open_function,
	.may_fail = may_fail,
	.rows = call_rows,
	.close = close_function
};
