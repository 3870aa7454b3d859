/*
 * operator/function_call.c
 *		A call of the keyed function.
 *
 * f is called as a function in FROM is, by the same rules (execSRF.c), so any
 * language and any way to return rows will do.  What differs is that a row is
 * handed on as soon as f returns it: only where f itself fills a tuplestore, as
 * PL/pgSQL does for a set, is there one.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "operator/expression_query.h"
#include "operator/function_call.h"

/* Where an argument comes from. */
typedef struct Argument
{
	int			column;			/* of the row, from 0; -1: value */
	ExprState  *value;
} Argument;

struct WeirFunctionCall
{
	MemoryContext context;
	TupleDesc	expected;		/* of a row: the plan's result */
	FmgrInfo	function;
	FunctionCallInfo fcinfo;
	ReturnSetInfo rsinfo;
	ExprContext *econtext;		/* its memory is reset for each call and each row */
	MemoryContext args_context; /* of arguments that are computed */
	Argument   *args;
	bool		computes;		/* an argument is not a column */
	bool		returns_row;
	TupleDesc	row_desc;		/* of the rows that f returns; NULL: not known yet */
	TupleTableSlot *slot;		/* reads a tuplestore that f has filled; NULL: none yet */
	Datum	   *values;			/* a row of expected */
	bool	   *nulls;
};

static void
check_privilege(Oid function)
{
	AclResult	result = weir_function_aclcheck(function, GetUserId(), ACL_EXECUTE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FUNCTION, get_func_name(function));
	InvokeFunctionExecuteHook(function);
}

static void
init_arguments(WeirFunctionCall *call, const FuncExpr *expr)
{
	ListCell   *lc;
	int			i = 0;

	call->args = palloc(sizeof(Argument) * Max(list_length(expr->args), 1));
	foreach(lc, expr->args)
	{
		Argument   *argument = &call->args[i++];
		Var		   *var = lfirst(lc);

		argument->column = IsA(var, Var) ? var->varattno - 1 : -1;
		if (argument->column >= 0)
			continue;
		argument->value = ExecInitExpr((Expr *) var, NULL);
		call->computes = true;
	}
}

WeirFunctionCall *
weir_function_call_create(const WeirFunctionPlan *plan)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "weir function call",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	WeirFunctionCall *call = palloc0(sizeof(WeirFunctionCall));
	FuncExpr   *expr = plan->call;
	int			nargs = list_length(expr->args);

	check_privilege(expr->funcid);
	call->context = context;
	call->expected = plan->result;
	call->econtext = CreateStandaloneExprContext();
	call->args_context = AllocSetContextCreate(context, "weir arguments", ALLOCSET_SMALL_SIZES);
	init_arguments(call, expr);
	fmgr_info_cxt(expr->funcid, &call->function, context);
	fmgr_info_set_expr((Node *) expr, &call->function);
	call->fcinfo = palloc(SizeForFunctionCallInfo(nargs));
	InitFunctionCallInfoData(*call->fcinfo, &call->function, nargs, expr->inputcollid,
							 NULL, (Node *) &call->rsinfo);
	call->rsinfo.type = T_ReturnSetInfo;
	call->rsinfo.econtext = call->econtext;
	call->rsinfo.expectedDesc = call->expected;
	call->rsinfo.allowedModes = SFRM_ValuePerCall | SFRM_Materialize;
	call->returns_row = type_is_rowtype(exprType((Node *) expr));
	call->values = palloc(sizeof(Datum) * Max(call->expected->natts, 1));
	call->nulls = palloc(sizeof(bool) * Max(call->expected->natts, 1));
	MemoryContextSwitchTo(old);
	return call;
}

void
weir_function_call_free(WeirFunctionCall *call, bool committed)
{
	if (call->slot)
		ExecDropSingleTupleTableSlot(call->slot);
	FreeExprContext(call->econtext, committed);
	MemoryContextDelete(call->context);
}

static void
compute_arguments(WeirFunctionCall *call)
{
	MemoryContext old;

	MemoryContextReset(call->args_context);
	old = MemoryContextSwitchTo(call->args_context);
	for (int i = 0; i < call->fcinfo->nargs; i++)
	{
		NullableDatum *to = &call->fcinfo->args[i];

		if (call->args[i].column < 0)
			to->value = ExecEvalExpr(call->args[i].value, call->econtext, &to->isnull);
	}
	MemoryContextSwitchTo(old);
}

/* False: f is strict, and an argument is null. */
static bool
set_arguments(WeirFunctionCall *call, const WeirBatch *in, int row)
{
	bool		has_null = false;

	if (call->computes)
		compute_arguments(call);
	for (int i = 0; i < call->fcinfo->nargs; i++)
	{
		int			column = call->args[i].column;
		NullableDatum *to = &call->fcinfo->args[i];

		if (column >= 0)
		{
			to->value = in->columns[column].values[row];
			to->isnull = weir_vector_is_null(&in->columns[column], row);
		}
		has_null |= to->isnull;
	}
	return !(has_null && call->function.fn_strict);
}

pg_noreturn static void
mismatch(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("function return row and query-specified return row do not match"),
			 errdetail_internal("%s", detail)));
}

/* As in execSRF.c, which does not export it. */
static void
check_match(TupleDesc expected, TupleDesc actual)
{
	if (expected->natts != actual->natts)
		mismatch(psprintf(ngettext("Returned row contains %d attribute, but query expects %d.",
								   "Returned row contains %d attributes, but query expects %d.",
								   actual->natts), actual->natts, expected->natts));
	for (int i = 0; i < expected->natts; i++)
	{
		Form_pg_attribute to = TupleDescAttr(expected, i);
		Form_pg_attribute from = TupleDescAttr(actual, i);

		if (IsBinaryCoercible(from->atttypid, to->atttypid))
			continue;
		if (!to->attisdropped)
			mismatch(psprintf(_("Returned type %s at ordinal position %d, but query expects %s."),
							  format_type_be(from->atttypid), i + 1, format_type_be(to->atttypid)));
		if (to->attlen != from->attlen || to->attalign != from->attalign)
			mismatch(psprintf(_("Physical storage mismatch on dropped attribute at ordinal position %d."),
							  i + 1));
	}
}

/* first: of this call. */
static void
learn_row_type(WeirFunctionCall *call, HeapTupleHeader row, bool first)
{
	MemoryContext old;
	TupleDesc	desc;

	if (call->row_desc &&
		call->row_desc->tdtypeid == HeapTupleHeaderGetTypeId(row) &&
		call->row_desc->tdtypmod == HeapTupleHeaderGetTypMod(row))
		return;
	if (!first)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("rows returned by function are not all of the same row type")));
	old = MemoryContextSwitchTo(call->context);
	desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	MemoryContextSwitchTo(old);
	check_match(call->expected, desc);
	if (call->row_desc)
		FreeTupleDesc(call->row_desc);
	call->row_desc = desc;
}

static void
null_row(WeirFunctionCall *call)
{
	memset(call->values, 0, sizeof(Datum) * call->expected->natts);
	memset(call->nulls, true, sizeof(bool) * call->expected->natts);
}

/* What f has returned becomes values and nulls; *first: it is the call's first row of a row type. */
static void
take_result(WeirFunctionCall *call, Datum result, bool *first)
{
	HeapTupleData tuple = {0};

	if (!call->returns_row)
	{
		call->values[0] = result;
		call->nulls[0] = call->fcinfo->isnull;
		return;
	}
	if (call->fcinfo->isnull)
	{
		null_row(call);
		return;
	}
	tuple.t_data = DatumGetHeapTupleHeader(result);
	tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
	learn_row_type(call, tuple.t_data, *first);
	*first = false;
	heap_deform_tuple(&tuple, call->row_desc, call->values, call->nulls);
}

/* f has filled a tuplestore, or returned no row. */
static void
take_set(WeirFunctionCall *call, WeirReturnedFunction returned, void *arg)
{
	Tuplestorestate *rows = call->rsinfo.setResult;
	TupleDesc	desc = call->rsinfo.setDesc;

	if (desc)
	{
		check_match(call->expected, desc);
		if (desc->tdrefcount == -1)
			FreeTupleDesc(desc);
	}
	if (rows == NULL)
		return;
	if (call->slot == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(call->context);

		call->slot = MakeSingleTupleTableSlot(call->expected, &TTSOpsMinimalTuple);
		MemoryContextSwitchTo(old);
	}
	while (tuplestore_gettupleslot(rows, true, false, call->slot))
	{
		slot_getallattrs(call->slot);
		returned(arg, call->slot->tts_values, call->slot->tts_isnull);
	}
	ExecClearTuple(call->slot);
	tuplestore_end(rows);
}

static Datum
invoke(WeirFunctionCall *call)
{
	PgStat_FunctionCallUsage usage;
	Datum		result;

	CHECK_FOR_INTERRUPTS();
	ResetExprContext(call->econtext);
	pgstat_init_function_usage(call->fcinfo, &usage);
	call->fcinfo->isnull = false;
	call->rsinfo.isDone = ExprSingleResult;
	result = FunctionCallInvoke(call->fcinfo);
	pgstat_end_function_usage(&usage, call->rsinfo.isDone != ExprMultipleResult);
	return result;
}

pg_noreturn static void
violated(const char *mode)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_SRF_PROTOCOL_VIOLATED),
			 errmsg("table-function protocol for %s mode was not followed", mode)));
}

/* A row at a time, until f says that there are no more. */
static void
run_calls(WeirFunctionCall *call, WeirReturnedFunction returned, void *arg)
{
	ReturnSetInfo *rsinfo = &call->rsinfo;
	bool		first = true;
	bool		first_row = true;

	do
	{
		Datum		result = invoke(call);

		if (rsinfo->returnMode == SFRM_Materialize)
		{
			if (!first || rsinfo->isDone != ExprSingleResult || !call->function.fn_retset)
				violated("materialize");
			take_set(call, returned, arg);
			return;
		}
		if (rsinfo->returnMode != SFRM_ValuePerCall)
			ereport(ERROR,
					(errcode(ERRCODE_E_R_I_E_SRF_PROTOCOL_VIOLATED),
					 errmsg("unrecognized table-function returnMode: %d", (int) rsinfo->returnMode)));
		if (rsinfo->isDone == ExprEndResult)
			return;
		if (rsinfo->isDone == ExprMultipleResult && !call->function.fn_retset)
			violated("value-per-call");
		take_result(call, result, &first_row);
		returned(arg, call->values, call->nulls);
		first = false;
	} while (rsinfo->isDone == ExprMultipleResult);
}

void
weir_function_call_run(WeirFunctionCall *call, const WeirBatch *in, int row,
					   WeirReturnedFunction returned, void *arg)
{
	MemoryContext old;

	if (!set_arguments(call, in, row))
	{
		if (call->function.fn_retset)
			return;
		null_row(call);
		returned(arg, call->values, call->nulls);
		return;
	}
	weir_expression_queries_begin_call();
	call->rsinfo.returnMode = SFRM_ValuePerCall;
	call->rsinfo.setResult = NULL;
	call->rsinfo.setDesc = NULL;
	old = MemoryContextSwitchTo(call->econtext->ecxt_per_tuple_memory);
	run_calls(call, returned, arg);
	MemoryContextSwitchTo(old);
}
