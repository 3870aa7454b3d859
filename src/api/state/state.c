/*
 * api/state/state.c
 *		Declaring keyed state: weir.create_value_state and its like.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "api/state/access.h"
#include "api/state/state.h"
#include "base/keytype.h"
#include "catalog/name.h"
#include "state/function.h"
#include "state/kinds/aggregating.h"
#include "state/kinds/reducing.h"
#include "state/store.h"

PG_FUNCTION_INFO_V1(weir_create_value_state);
PG_FUNCTION_INFO_V1(weir_create_list_state);
PG_FUNCTION_INFO_V1(weir_create_map_state);
PG_FUNCTION_INFO_V1(weir_create_reducing_state);
PG_FUNCTION_INFO_V1(weir_create_aggregating_state);

char *
weir_required_text(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name),
				 errhint("Give %s a value.", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

Oid
weir_keyed_function(const char *signature)
{
	Oid			function = weir_function_of(signature, "function");
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function \"%s\" does not exist", signature),
				 errhint("It has just been dropped.")));
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

/* Checks the type and returns it as it is stored. */
static char *
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
	return weir_type_name(*type, *typmod);
}

static void
default_context(void *arg)
{
	errcontext("default_value of state \"%s\"", (const char *) arg);
	errhint("Set default_value to text that the state's type accepts.");
}

void
weir_check_default(char *name, Oid type, int32 typmod, char *text)
{
	ErrorContextCallback context = {error_context_stack, default_context, name};
	Oid			input;
	Oid			param;

	error_context_stack = &context;
	getTypeInputInfo(type, &input, &param);
	(void) OidInputFunctionCall(input, text, param, typmod);
	error_context_stack = context.previous;
}

void
weir_fill_ttl(WeirDeclaredState *row, const WeirTtlType *ttl)
{
	row->ttl = ttl ? &ttl->ttl : NULL;
	row->update = ttl ? ttl->update : WEIR_TTL_DISABLED;
	row->visibility = ttl ? ttl->visibility : WEIR_TTL_NEVER_RETURN_EXPIRED;
}

/* A row being put together. */
typedef struct Declaration
{
	WeirDeclaredState row;
	int			guc_nest;		/* what a type's functions set ends with it */
} Declaration;

void
weir_begin_declaration(WeirDeclaredState *row, FunctionCallInfo fcinfo, const char *caller)
{
	memset(row, 0, sizeof(*row));
	row->function = weir_keyed_function(weir_required_text(fcinfo, 0, "function"));
	row->name = weir_required_text(fcinfo, 1, "name");
	weir_prevent_read_only(caller);
	check_name(row->name);
}

/* insert ends it. */
static char *
begin(Declaration *declaration, FunctionCallInfo fcinfo, WeirStateKind kind)
{
	declaration->guc_nest = weir_session_guard();
	weir_begin_declaration(&declaration->row, fcinfo,
						   psprintf("weir.create_%s_state()", weir_state_kind_name(kind)));
	declaration->row.kind = weir_state_kind_name(kind);
	return declaration->row.name;
}

/* ttl: the number of that argument. */
static void
insert(Declaration *declaration, FunctionCallInfo fcinfo, int ttl)
{
	WeirDeclaredState *row = &declaration->row;

	weir_fill_ttl(row, PG_ARGISNULL(ttl) ? NULL : (WeirTtlType *) PG_GETARG_POINTER(ttl));
	if (!weir_declared_insert(row))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("state \"%s\" of function %s already exists", row->name,
						format_procedure(row->function)),
				 errhint("Drop it first with weir.drop_state(), or choose another name.")));
	weir_session_unguard(declaration->guc_nest);
}

Datum
weir_create_value_state(PG_FUNCTION_ARGS)
{
	Declaration declaration;
	WeirDeclaredState *row = &declaration.row;
	char	   *name = begin(&declaration, fcinfo, WEIR_STATE_VALUE);
	char	   *default_value = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	Oid			type;
	int32		typmod;

	row->type = resolve_type(name, weir_required_text(fcinfo, 2, "type"), &type, &typmod);
	if (default_value)
		weir_check_default(name, type, typmod, default_value);
	row->default_value = default_value;
	insert(&declaration, fcinfo, 4);
	PG_RETURN_VOID();
}

Datum
weir_create_list_state(PG_FUNCTION_ARGS)
{
	Declaration declaration;
	WeirDeclaredState *row = &declaration.row;
	char	   *name = begin(&declaration, fcinfo, WEIR_STATE_LIST);
	Oid			type;
	int32		typmod;

	row->type = resolve_type(name, weir_required_text(fcinfo, 2, "type"), &type, &typmod);
	insert(&declaration, fcinfo, 3);
	PG_RETURN_VOID();
}

static void
require_hashable(const char *name, Oid type)
{
	WeirKeyType found;
	const char *wrong = weir_key_type_find(type, &found);

	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("map state \"%s\" cannot have keys of type %s", name,
						format_type_be(type)),
				 errdetail("%s", wrong),
				 errhint("%s", weir_key_type_hint)));
}

Datum
weir_create_map_state(PG_FUNCTION_ARGS)
{
	Declaration declaration;
	WeirDeclaredState *row = &declaration.row;
	char	   *name = begin(&declaration, fcinfo, WEIR_STATE_MAP);
	Oid			type;
	int32		typmod;

	row->key_type = resolve_type(name, weir_required_text(fcinfo, 2, "key_type"), &type, &typmod);
	require_hashable(name, type);
	row->type = resolve_type(name, weir_required_text(fcinfo, 3, "value_type"), &type, &typmod);
	insert(&declaration, fcinfo, 4);
	PG_RETURN_VOID();
}

Datum
weir_create_reducing_state(PG_FUNCTION_ARGS)
{
	Declaration declaration;
	WeirDeclaredState *row = &declaration.row;
	char	   *name = begin(&declaration, fcinfo, WEIR_STATE_REDUCING);
	Oid			type;
	int32		typmod;

	row->type = resolve_type(name, weir_required_text(fcinfo, 2, "type"), &type, &typmod);
	row->calls = weir_function_name(
		weir_reduce_function(weir_required_text(fcinfo, 3, "reduce"), type));
	insert(&declaration, fcinfo, 4);
	PG_RETURN_VOID();
}

/* type may be left out where the aggregate's signature says it. */
Datum
weir_create_aggregating_state(PG_FUNCTION_ARGS)
{
	Declaration declaration;
	WeirDeclaredState *row = &declaration.row;
	char	   *name = begin(&declaration, fcinfo, WEIR_STATE_AGGREGATING);
	char	   *signature = weir_required_text(fcinfo, 3, "aggregate");
	Oid			type = InvalidOid;
	int32		typmod = -1;

	if (!PG_ARGISNULL(2))
		(void) resolve_type(name, text_to_cstring(PG_GETARG_TEXT_PP(2)), &type, &typmod);
	row->calls = weir_aggregate_of(signature, &type);
	row->type = weir_type_name(type, typmod);
	insert(&declaration, fcinfo, 4);
	PG_RETURN_VOID();
}
