/*
 * operator/function.c
 *		The keyed function: called once a row, the row's key current in the store.
 *
 * It is called as a function in FROM is, so any language and any way to return
 * rows will do.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "operator/keyed_state.h"
#include "operator/operator.h"
#include "operator/result.h"

typedef struct Function
{
	WeirOperator op;
	WeirResult *result;
	WeirKey    *key;
	TupleTableSlot *input;		/* row_desc */
	TupleTableSlot *returned;	/* function_desc */
	ExprContext *econtext;
	MemoryContext args;
	SetExprState *call;
} Function;

static bool
serves(const WeirDataflow *df)
{
	return OidIsValid(df->function);
}

static void
open_function(WeirOperator *op)
{
	Function   *f = (Function *) op;
	const WeirDataflow *df = op->dataflow;

	f->result = weir_result_create(df);
	f->key = weir_key_create(df);
	f->input = MakeSingleTupleTableSlot(df->row_desc, &TTSOpsVirtual);
	f->returned = MakeSingleTupleTableSlot(df->function_desc, &TTSOpsMinimalTuple);
	f->econtext = CreateStandaloneExprContext();
	f->args = AllocSetContextCreate(op->context, "weir arguments", ALLOCSET_DEFAULT_SIZES);
	f->call = ExecInitTableFunctionResult((Expr *) df->call, f->econtext, NULL);
}

static Tuplestorestate *
call(Function *f, const WeirBatch *in, int row)
{
	ExecClearTuple(f->input);
	weir_batch_get_row(in, row, f->input->tts_values, f->input->tts_isnull);
	ExecStoreVirtualTuple(f->input);
	ResetExprContext(f->econtext);
	f->econtext->ecxt_scantuple = f->input;
	return ExecMakeTableFunctionResult(f->call, f->econtext, f->args,
									   f->op.dataflow->function_desc, false);
}

static void
call_row(Function *f, const WeirBatch *in, int row, WeirOutput *out)
{
	Tuplestorestate *rows;

	weir_key_enter(f->key, f->op.store, in, row);
	rows = call(f, in, row);
	weir_store_leave(f->op.store);
	while (tuplestore_gettupleslot(rows, true, false, f->returned))
	{
		slot_getallattrs(f->returned);
		weir_result_add(f->result, in, row, f->returned->tts_values, f->returned->tts_isnull);
		if (weir_result_is_full(f->result))
			weir_result_hand_on(f->result, out);
	}
	ExecClearTuple(f->returned);
	tuplestore_end(rows);
}

static void
call_rows(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	Function   *f = (Function *) op;

	for (int i = from; i < to; i++)
	{
		*op->line = in->lines[i];
		call_row(f, in, i, out);
	}
	weir_result_hand_on(f->result, out);
}

/* committed: what f left open is to be closed, else it is gone already. */
static void
close_function(WeirOperator *op, bool committed)
{
	Function   *f = (Function *) op;

	ExecDropSingleTupleTableSlot(f->input);
	ExecDropSingleTupleTableSlot(f->returned);
	FreeExprContext(f->econtext, committed);
}

const WeirOperatorOps weir_function_operator = {
	.name = "function",
	.size = sizeof(Function),
	.calls_user_code = true,
	.serves = serves,
	.open = open_function,
	.rows = call_rows,
	.close = close_function
};
