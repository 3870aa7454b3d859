/*
 * state/kinds/reducing.c
 *		Reducing state.  It is kept as a value state is; adding calls the
 *		declared function with the value kept and the value added.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

#include "base/compat.h"
#include "state/entry.h"
#include "state/function.h"
#include "state/kinds/reducing.h"
#include "state/kinds/value.h"

typedef struct ReducingDetail
{
	FmgrInfo	function;
	Oid			collation;
} ReducingDetail;

pg_noreturn static void
cannot_reduce(Oid function, Oid type)
{
	char	   *name = format_type_be(type);

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("function %s cannot reduce values of type %s", format_procedure(function),
					name),
			 errdetail("A reduce function takes two arguments of type %s and returns %s.",
					   name, name),
			 errhint("Set reduce to such a function, as in 'int8pl(bigint,bigint)'.")));
}

static void
reduce_context(void *arg)
{
	errhint("Set reduce to a function that takes two values of the state's type.");
}

Oid
weir_reduce_function(const char *signature, Oid type)
{
	Oid			function = weir_function_of(signature, "reduce function");
	ErrorContextCallback context = {error_context_stack, reduce_context, NULL};
	Oid			given[2] = {type, type};
	Oid			result;
	Oid		   *types;
	int			ntypes;

	result = get_func_signature(function, &types, &ntypes);
	if (get_func_prokind(function) != PROKIND_FUNCTION || get_func_retset(function) ||
		ntypes != 2)
		cannot_reduce(function, type);
	error_context_stack = &context;
	result = enforce_generic_type_consistency(given, types, 2, result, false);
	error_context_stack = context.previous;
	if (!IsBinaryCoercible(type, types[0]) || !IsBinaryCoercible(type, types[1]) ||
		!IsBinaryCoercible(result, type))
		cannot_reduce(function, type);
	return function;
}

/* Stands for an argument where a polymorphic function asks for its type. */
static Node *
argument_of_type(Oid type, Oid collation)
{
	Param	   *param = makeNode(Param);

	param->paramkind = PARAM_EXEC;
	param->paramid = -1;
	param->paramtype = type;
	param->paramtypmod = -1;
	param->paramcollid = collation;
	param->location = -1;
	return (Node *) param;
}

static void
check_execute_right(Oid function)
{
	if (!DatumGetBool(DirectFunctionCall2(has_function_privilege_id,
										  ObjectIdGetDatum(function),
										  CStringGetTextDatum("EXECUTE"))))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function %s", format_procedure(function)),
				 errhint("GRANT EXECUTE on it to %s.", GetUserNameFromId(GetUserId(), true))));
}

void
weir_reducing_init(WeirState *state)
{
	MemoryContext old = MemoryContextSwitchTo(state->store->context);
	ReducingDetail *detail = palloc0(sizeof(ReducingDetail));
	Oid			type = state->decl.type;
	Oid			function = weir_reduce_function(state->decl.calls, type);
	List	   *args;

	check_execute_right(function);
	detail->collation = get_typcollation(type);
	args = list_make2(argument_of_type(type, detail->collation),
					  argument_of_type(type, detail->collation));
	fmgr_info_cxt(function, &detail->function, state->store->context);
	fmgr_info_set_expr((Node *) makeFuncExpr(function, type, args, InvalidOid,
											 detail->collation, COERCE_EXPLICIT_CALL),
					   &detail->function);
	state->detail = detail;
	MemoryContextSwitchTo(old);
}

/* The value kept, in the caller's memory; false if adding begins anew. */
static bool
get_accumulator(WeirState *state, Datum *value, bool *isnull)
{
	WeirEntry  *entry = weir_entry_find(state->store);
	WeirCell	cell;

	if (entry == NULL)
		return false;
	cell = weir_cell_get(state, entry);
	if (!(cell.flags & WEIR_CELL_PRESENT) ||
		!weir_ttl_add_continues(&state->decl.ttl, cell.stamp, state->store->clock))
		return false;
	*isnull = (cell.flags & WEIR_CELL_NULL) != 0;
	*value = *isnull ? (Datum) 0 : weir_value_copy(state, cell.value);
	return true;
}

void
weir_reducing_add(WeirState *state, Datum value, bool isnull)
{
	ReducingDetail *detail = state->detail;
	LOCAL_FCINFO(call, 2);
	Datum		kept;
	bool		kept_isnull;

	if (isnull && detail->function.fn_strict)
		return;
	if (!get_accumulator(state, &kept, &kept_isnull))
	{
		weir_value_set(state, value, isnull);
		return;
	}
	if (kept_isnull && detail->function.fn_strict)
		return;
	InitFunctionCallInfoData(*call, &detail->function, 2, detail->collation, NULL, NULL);
	call->args[0].value = kept;
	call->args[0].isnull = kept_isnull;
	call->args[1].value = value;
	call->args[1].isnull = isnull;
	kept = FunctionCallInvoke(call);
	weir_value_set(state, kept, call->isnull);
}
