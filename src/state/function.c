/*
 * state/function.c
 *		Functions that are named by their signature.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/fmgrprotos.h"

#include "state/function.h"

static void
signature_context(void *arg)
{
	errhint("Give the %s with the types of its arguments, like 'f(my_stream)'.", (char *) arg);
}

/* Numbers and "-", which regprocedure takes too, are no signatures. */
Oid
weir_function_of(const char *signature, const char *noun)
{
	ErrorContextCallback context = {error_context_stack, signature_context, (void *) noun};
	Oid			function;

	error_context_stack = &context;
	if (strchr(signature, '(') == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("expected a left parenthesis")));
	function = DatumGetObjectId(DirectFunctionCall1(regprocedurein, CStringGetDatum(signature)));
	error_context_stack = context.previous;
	return function;
}
