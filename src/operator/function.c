/*
 * operator/function.c
 *		The keyed function: called once a row, the row's key current in the store.
 *
 * One with timers is an operator of event time, or, where they go by the arrival of
 * records, in a job whose watermark that is: before a row, and behind the last, what is
 * due is fired.  With the input time ends: all that is set fires, and a handler that sets
 * more then sets nothing.
 */
#include "postgres.h"

#include "operator/function_call.h"
#include "operator/key.h"
#include "operator/operator.h"
#include "operator/result.h"
#include "operator/timers.h"
#include "state/kinds/timers.h"

typedef struct Function
{
	WeirOperator op;
	WeirResult *result;
	WeirKey    *key;
	WeirFunctionCall *call;
	WeirTimerCalls *timers;		/* NULL: it has none */
	int			source;			/* that rows of timers are said to come of: the last row's, at first any that comes */
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

/* Rows that f or a handler returns; it may still have some to come. */
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
hand_on_full(Returning *returning)
{
	Function   *f = returning->function;
	MemoryContext old;

	if (!weir_result_is_full(f->result))
		return;
	old = MemoryContextSwitchTo(returning->context);
	weir_current_store = NULL;
	weir_result_hand_on(f->result, returning->out);
	weir_current_store = f->op.store;
	MemoryContextSwitchTo(old);
}

static void
take_row(void *arg, const Datum *values, const bool *nulls)
{
	Returning  *returning = arg;

	weir_result_add(returning->function->result, returning->in, returning->row, values, nulls);
	hand_on_full(returning);
}

static void
call_row(Returning *returning)
{
	Function   *f = returning->function;
	int			row = returning->row;

	*f->op.line = returning->in->lines[row];
	weir_key_enter(f->key, f->op.store, returning->in, row);
	weir_function_call_run(f->call, returning->in, row, take_row, returning);
	weir_store_leave(f->op.store);
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
		call_row(&returning);
	}
	weir_result_hand_on(f->result, out);
}

static void
close_function(WeirOperator *op, bool committed)
{
	Function   *f = (Function *) op;

	weir_function_call_free(f->call, committed);
	if (f->timers)
		weir_timer_calls_free(f->timers, committed);
}

/* ---- with timers ---- */

static void
note_due(Function *f)
{
	f->op.due = weir_due_next(f->op.store);
}

static void
open_with_timers(WeirOperator *op)
{
	Function   *f = (Function *) op;

	open_function(op);
	f->result->passed = &op->passed;
	f->timers = weir_timer_calls_create(op, weir_function_plan(op->node));
	f->source = weir_operator_any_source(op);
	note_due(f);
}

static void
take_fired(void *arg, const WeirBatch *from, const Datum *values, const bool *nulls)
{
	Returning  *returning = arg;

	weir_result_add(returning->function->result, from, 0, values, nulls);
	hand_on_full(returning);
}

static void
fire(Returning *returning, int64 upto)
{
	Function   *f = returning->function;

	weir_timer_calls_fire(f->timers, upto, f->source, take_fired, returning);
	note_due(f);
}

/* What is due before the row, or, set by it, behind it. */
static void
fire_at_row(Returning *returning)
{
	Function   *f = returning->function;
	const WeirBatch *in = returning->in;
	int			row = returning->row;

	if (!weir_operator_is_due(&f->op, in, row))
		return;
	fire(returning, in->watermarks[row]);
	weir_operator_has_advanced(&f->op, in->watermarks[row]);
}

static void
call_rows_with_timers(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	Function   *f = (Function *) op;
	Returning	returning = {f, in, from, out, CurrentMemoryContext};

	f->source = in->source;
	for (; returning.row < to; returning.row++)
	{
		if ((returning.row - from) % WEIR_STORE_AHEAD == 0)
			weir_store_prefetch(op->store, in->hashes + returning.row, to - returning.row);
		fire_at_row(&returning);
		call_row(&returning);
		note_due(f);
		fire_at_row(&returning);
	}
	weir_result_hand_on(f->result, out);
}

/* The store may outlive an error. */
static void
fire_at_end(Returning *returning)
{
	WeirStore  *store = returning->function->op.store;

	weir_timers_end(store, true);
	PG_TRY();
	{
		fire(returning, PG_INT64_MAX);
	}
	PG_FINALLY();
	{
		weir_timers_end(store, false);
	}
	PG_END_TRY();
}

static void
advance(WeirOperator *op, int64 watermark, WeirOutput *out)
{
	Function   *f = (Function *) op;
	Returning	returning = {f, NULL, 0, out, CurrentMemoryContext};

	if (watermark == PG_INT64_MAX)
		fire_at_end(&returning);
	else
		fire(&returning, watermark);
	weir_result_hand_on(f->result, out);
	weir_operator_has_advanced(op, watermark);
}

const WeirOperatorOps weir_function_operator = {
	.size = sizeof(Function),
	.open = open_function,
	.may_fail = may_fail,
	.rows = call_rows,
	.close = close_function
};

const WeirOperatorOps weir_timed_function_operator = {
	.size = sizeof(Function),
	.open = open_with_timers,
	.may_fail = may_fail,
	.rows = call_rows_with_timers,
	.advance = advance,
	.close = close_function
};
