/*
 * state/function.c
 *		Functions that are named by their signature.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "state/function.h"

static void
signature_context(void *arg)
{
	errhint("Give the %s with the types of its arguments, like 'f(my_stream)'.", (char *) arg);
}

Oid
weir_function_of(const char *signature, const char *noun)
{
	ErrorContextCallback context = {error_context_stack, signature_context, (void *) noun};
	LOCAL_FCINFO(call, 1);
	Datum		function;

	error_context_stack = &context;
	InitFunctionCallInfoData(*call, NULL, 1, InvalidOid, NULL, NULL);
	call->args[0].value = CStringGetTextDatum(signature);
	call->args[0].isnull = false;
	function = to_regprocedure(call);
	if (call->isnull)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function \"%s\" does not exist", signature)));
	error_context_stack = context.previous;
	return DatumGetObjectId(function);
}
