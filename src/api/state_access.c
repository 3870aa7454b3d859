/*
 * api/state_access.c
 *		Keyed state of the current key: weir.state_value, state_update,
 *		state_clear.
 *
 * What a call site resolved - the state, and that the types agree - is kept with
 * the call site.  A store's generation says whether it still holds: PL/pgSQL
 * keeps its expressions for the life of a session, across attempts and stores.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "state/current.h"
#include "state/value.h"

PG_FUNCTION_INFO_V1(weir_state_value);
PG_FUNCTION_INFO_V1(weir_state_update);
PG_FUNCTION_INFO_V1(weir_state_clear);

typedef struct CallSite
{
	uint64		generation;
	WeirState  *state;
	const char *name;			/* the state's */
	int			name_length;
	bool		is_unknown;		/* the value is a literal without a type */
} CallSite;

/* The declared type and the call's must be the same. */
static void
check_type(const char *caller, WeirState *state, Oid type)
{
	const WeirStateDecl *decl = weir_state_decl(state);

	if (type != decl->type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("state \"%s\" of function %s is of type %s, not %s", decl->name,
						weir_store_function(weir_current_store), format_type_be(decl->type),
						OidIsValid(type) ? format_type_be(type) : "unknown"),
				 errdetail("%s was called with a value of type %s.", caller,
						   OidIsValid(type) ? format_type_be(type) : "unknown"),
				 errhint("Cast it: value::%s.", format_type_be(decl->type))));
}

static CallSite *
resolve(FunctionCallInfo fcinfo, const char *caller, const text *name)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;
	WeirState  *state = weir_current_state(caller, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	bool		is_unknown = false;

	if (PG_NARGS() > 1)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 1);

		weir_require_value(caller, state);
		is_unknown = type == UNKNOWNOID;
		if (!is_unknown)
			check_type(caller, state, type);
	}
	if (site == NULL)
		site = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
	site->generation = weir_store_generation(weir_current_store);
	site->state = state;
	site->name = weir_state_decl(state)->name;
	site->name_length = strlen(site->name);
	site->is_unknown = is_unknown;
	fcinfo->flinfo->fn_extra = site;
	return site;
}

/* The state that the first argument names. */
static CallSite *
call_site(FunctionCallInfo fcinfo, const char *caller)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;
	text	   *name;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of a state must not be null"),
				 errhint("Call %s with the name of a declared state.", caller)));
	name = PG_GETARG_TEXT_PP(0);
	if (site == NULL || weir_current_store == NULL ||
		site->generation != weir_store_generation(weir_current_store) ||
		site->name_length != VARSIZE_ANY_EXHDR(name) ||
		memcmp(site->name, VARDATA_ANY(name), site->name_length) != 0)
		site = resolve(fcinfo, caller, name);
	return site;
}

Datum
weir_state_value(PG_FUNCTION_ARGS)
{
	WeirState  *state = call_site(fcinfo, "weir.state_value()")->state;
	bool		isnull;
	Datum		value = weir_value_get(state, &isnull);

	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(weir_value_copy(state, value));
}

Datum
weir_state_update(PG_FUNCTION_ARGS)
{
	CallSite   *site = call_site(fcinfo, "weir.state_update()");
	Datum		value = PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1);

	if (site->is_unknown && !PG_ARGISNULL(1))
		value = weir_value_parse(site->state, DatumGetCString(value));
	weir_value_set(site->state, value, PG_ARGISNULL(1));
	PG_RETURN_VOID();
}

Datum
weir_state_clear(PG_FUNCTION_ARGS)
{
	weir_value_remove(call_site(fcinfo, "weir.state_clear()")->state);
	PG_RETURN_VOID();
}
