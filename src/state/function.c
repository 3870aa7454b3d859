/*
 * state/function.c
 *		Functions that are named by their signature.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "catalog/internal.h"
#include "catalog/name.h"
#include "catalog/row.h"
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

/* Not by the parser: a type of its arguments may be gone, which it calls an error. */
Oid
weir_function_find(const char *signature)
{
	WeirArguments args = {0};
	Oid			found = InvalidOid;
	WeirInternal saved;
	uint64		n;

	weir_bind_text(&args, signature);
	weir_internal_enter(&saved);
	n = weir_internal_run("SELECT oid FROM pg_catalog.pg_proc WHERE pg_catalog.strpos($1,"
						  " pg_catalog.replace(proname::text, '\"', '\"\"') || '(') > 0"
						  " OR pg_catalog.strpos($1,"
						  " pg_catalog.replace(proname::text, '\"', '\"\"') || '\"(') > 0", &args);
	for (uint64 i = 0; i < n && !OidIsValid(found); i++)
	{
		Oid			function = weir_row_oid(i, "oid");

		if (strcmp(weir_function_name(function), signature) == 0)
			found = function;
	}
	weir_internal_leave(&saved);
	return found;
}
