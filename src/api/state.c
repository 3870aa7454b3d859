/*
 * api/state.c
 *		Declaring keyed state: weir.create_value_state, weir.drop_state.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "state/declaration.h"
#include "state/ttl.h"

PG_FUNCTION_INFO_V1(weir_create_value_state);
PG_FUNCTION_INFO_V1(weir_drop_state);

/* The argument's text; an error naming it if it is NULL. */
static char *
required_text(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name),
				 errhint("Give %s a value.", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

/* The function of this signature, InvalidOid if there is none. */
static Oid
find_function(const char *signature)
{
	LOCAL_FCINFO(call, 1);
	Datum		function;

	InitFunctionCallInfoData(*call, NULL, 1, InvalidOid, NULL, NULL);
	call->args[0].value = CStringGetTextDatum(signature);
	call->args[0].isnull = false;
	function = to_regprocedure(call);
	return call->isnull ? InvalidOid : DatumGetObjectId(function);
}

static void
signature_context(void *arg)
{
	errhint("Give the function with the types of its arguments, like 'f(my_stream)'.");
}

/* The function that is to have state: an ordinary one, the caller's own. */
static Oid
resolve_function(const char *signature)
{
	ErrorContextCallback context = {error_context_stack, signature_context, NULL};
	Oid			function;
	HeapTuple	tuple;
	Form_pg_proc proc;

	error_context_stack = &context;
	function = find_function(signature);
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function \"%s\" does not exist", signature)));
	error_context_stack = context.previous;

	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (!has_privs_of_role(GetUserId(), proc->proowner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of function %s", NameStr(proc->proname)),
				 errhint("Its owner %s declares its state.",
						 GetUserNameFromId(proc->proowner, true))));
	if (proc->prokind != PROKIND_FUNCTION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is not an ordinary function", format_procedure(function)),
				 errdetail("Procedures, aggregates and window functions have no keyed state."),
				 errhint("Declare the state of the function that the job's query names in "
						 "JOIN LATERAL.")));
	ReleaseSysCache(tuple);
	return function;
}

static void
check_name(const char *name)
{
	if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid name \"%s\" of a state", name),
				 errhint("Give the state a name of 1 to %d bytes.", NAMEDATALEN - 1)));
}

static void
type_context(void *arg)
{
	errcontext("type of state \"%s\"", (const char *) arg);
	errhint("Name an existing type, such as 'bigint' or 'my_schema.my_type'.");
}

static void
resolve_type(char *name, const char *text, Oid *type, int32 *typmod)
{
	ErrorContextCallback context = {error_context_stack, type_context, name};

	error_context_stack = &context;
	parseTypeString(text, type, typmod, 0);
	error_context_stack = context.previous;

	if (get_typtype(*type) == TYPTYPE_PSEUDO)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("state \"%s\" cannot be of pseudo-type %s", name, format_type_be(*type)),
				 errhint("Use a base, domain, array, range, enum or named composite type; "
						 "CREATE TYPE makes one for a row.")));
}

static void
default_context(void *arg)
{
	errcontext("default_value of state \"%s\"", (const char *) arg);
	errhint("Set default_value to text that the state's type accepts.");
}

/* A default that does not parse shall not wait for the job to find out. */
static void
check_default(char *name, Oid type, int32 typmod, char *text)
{
	ErrorContextCallback context = {error_context_stack, default_context, name};
	Oid			input;
	Oid			param;

	error_context_stack = &context;
	getTypeInputInfo(type, &input, &param);
	(void) OidInputFunctionCall(input, text, param, typmod);
	error_context_stack = context.previous;
}

static void
fill_ttl(WeirStateRow *row, const WeirTtlType *ttl)
{
	row->ttl = ttl ? &ttl->ttl : NULL;
	row->update = ttl ? ttl->update : WEIR_TTL_DISABLED;
	row->visibility = ttl ? ttl->visibility : WEIR_TTL_NEVER_RETURN_EXPIRED;
}

Datum
weir_create_value_state(PG_FUNCTION_ARGS)
{
	WeirStateRow row = {0};
	Oid			function = resolve_function(required_text(fcinfo, 0, "function"));
	char	   *name = required_text(fcinfo, 1, "name");
	char	   *type_name = required_text(fcinfo, 2, "type");
	char	   *default_value = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	Oid			type;
	int32		typmod;

	PreventCommandIfReadOnly("weir.create_value_state()");
	check_name(name);
	resolve_type(name, type_name, &type, &typmod);
	if (default_value)
		check_default(name, type, typmod, default_value);

	row.function = format_procedure_qualified(function);
	row.name = name;
	row.kind = WEIR_STATE_VALUE;
	row.type = format_type_extended(type, typmod,
									FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
	row.default_value = default_value;
	fill_ttl(&row, PG_ARGISNULL(4) ? NULL : (WeirTtlType *) PG_GETARG_POINTER(4));
	if (!weir_state_insert(&row))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("state \"%s\" of function %s already exists", name,
						format_procedure(function)),
				 errhint("Drop it first with weir.drop_state(), or choose another name.")));
	PG_RETURN_VOID();
}

/* Works for a function that is gone too, by the signature as it was stored. */
Datum
weir_drop_state(PG_FUNCTION_ARGS)
{
	char	   *signature = required_text(fcinfo, 0, "function");
	char	   *name = required_text(fcinfo, 1, "name");
	Oid			owner;

	PreventCommandIfReadOnly("weir.drop_state()");
	owner = weir_state_owner(signature, name);
	if (!OidIsValid(owner))
	{
		Oid			function = resolve_function(signature);

		signature = format_procedure_qualified(function);
		owner = weir_state_owner(signature, name);
		if (!OidIsValid(owner))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("function %s has no state \"%s\"", format_procedure(function), name),
					 errhint("weir.create_value_state() declares one.")));
	}
	else if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of state \"%s\" of function %s", name, signature),
				 errhint("Its owner %s may drop it.", GetUserNameFromId(owner, true))));
	weir_state_delete(signature, name);
	PG_RETURN_VOID();
}
