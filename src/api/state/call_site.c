/*
 * api/state/call_site.c
 *		Calls of the accessors of keyed state.
 *
 * What a call site resolved - the state, and that the types agree - is kept with
 * the call site.  A store's generation says whether it still holds: PL/pgSQL
 * keeps its expressions for the life of a session, across attempts and stores.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "api/state/call_site.h"
#include "base/compat.h"
#include "state/kinds/map.h"
#include "state/kinds/value.h"

static Oid
role_type(const WeirStateDecl *decl, WeirRole role)
{
	switch (role)
	{
		case WEIR_ROLE_KEY:
			return decl->key_type;
		case WEIR_ROLE_ARRAY:
			return get_array_type(decl->type);
		case WEIR_ROLE_RESULT:
			return decl->result_type;
		default:
			return decl->type;
	}
}

/* The subject of "... is of type". */
static const char *
role_noun(const WeirStateDecl *decl, WeirRole role)
{
	if (role == WEIR_ROLE_KEY)
		return "a key of state";
	if (role == WEIR_ROLE_ARRAY)
		return "the array of state";
	switch (decl->kind)
	{
		case WEIR_STATE_LIST:
			return "an element of state";
		case WEIR_STATE_MAP:
			return "a value of state";
		case WEIR_STATE_AGGREGATING:
			return role == WEIR_ROLE_RESULT ? "the result of state" : "a value for state";
		default:
			return "state";
	}
}

static void
require_array_type(const WeirStateDecl *decl)
{
	if (!OidIsValid(get_array_type(decl->type)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("there are no arrays of type %s, of which the elements of state \"%s\" are",
						format_type_be(decl->type), decl->name),
				 errhint("Use weir.list_elements(), weir.list_add() and weir.state_clear().")));
}

/* The type the role asks for and the call's must be the same. */
static void
check_type(const WeirAccessor *accessor, WeirRole role, WeirState *state, Oid type)
{
	const WeirStateDecl *decl = weir_state_decl(state);
	Oid			wanted = role_type(decl, role);
	const char *given;

	if (type == wanted)
		return;
	given = OidIsValid(type) ? format_type_be(type) : "unknown";
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s \"%s\" of function %s is of type %s, not %s", role_noun(decl, role),
					decl->name, weir_store_function(weir_current_store),
					format_type_be(wanted), given),
			 errdetail("%s was called with a value of type %s.", accessor->name, given),
			 role == WEIR_ROLE_RESULT ? errhint("Ask for NULL::%s.", format_type_be(wanted)) :
			 errhint("Cast it: value::%s.", format_type_be(wanted))));
}

void
weir_call_resolve(FunctionCallInfo fcinfo, const WeirAccessor *accessor, WeirCallSite *site)
{
	text	   *name;
	WeirState  *state;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of a state must not be null"),
				 errhint("Call %s with the name of a declared state.", accessor->name)));
	name = PG_GETARG_TEXT_PP(0);
	state = weir_current_state(accessor->name, accessor->kind, VARDATA_ANY(name),
							   VARSIZE_ANY_EXHDR(name));
	memset(site, 0, sizeof(*site));
	for (int i = 0; i < lengthof(accessor->roles); i++)
	{
		WeirRole	role = accessor->roles[i];
		Oid			type;

		if (role == WEIR_ROLE_NONE)
			continue;
		if (role == WEIR_ROLE_ARRAY)
			require_array_type(weir_state_decl(state));
		type = get_fn_expr_argtype(fcinfo->flinfo, i + 1);
		site->is_unknown[i] = type == UNKNOWNOID && role != WEIR_ROLE_RESULT;
		if (!site->is_unknown[i])
			check_type(accessor, role, state, type);
		site->roles[i] = role;
	}
	site->generation = weir_store_generation(weir_current_store);
	site->state = state;
	site->name = weir_state_decl(state)->name;
	site->name_length = strlen(site->name);
}

/* Does the call name the state that was resolved? */
static bool
still_holds(FunctionCallInfo fcinfo, const WeirCallSite *site)
{
	text	   *name;

	if (site == NULL || weir_current_store == NULL || PG_ARGISNULL(0) ||
		site->generation != weir_store_generation(weir_current_store))
		return false;
	name = PG_GETARG_TEXT_PP(0);
	return site->name_length == VARSIZE_ANY_EXHDR(name) &&
		memcmp(site->name, VARDATA_ANY(name), site->name_length) == 0;
}

WeirCallSite *
weir_call_site(FunctionCallInfo fcinfo, const WeirAccessor *accessor)
{
	WeirCallSite *site = fcinfo->flinfo->fn_extra;
	WeirCallSite resolved;

	if (still_holds(fcinfo, site))
		return site;
	weir_call_resolve(fcinfo, accessor, &resolved);
	if (site == NULL)
		site = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(WeirCallSite));
	*site = resolved;
	fcinfo->flinfo->fn_extra = site;
	return site;
}

static Datum
parse_array(WeirState *state, char *text)
{
	const WeirStateDecl *decl = weir_state_decl(state);
	Oid			input;
	Oid			param;

	getTypeInputInfo(get_array_type(decl->type), &input, &param);
	return OidInputFunctionCall(input, text, param, decl->typmod);
}

Datum
weir_call_argument(FunctionCallInfo fcinfo, const WeirCallSite *site, int arg, bool *isnull)
{
	char	   *text;

	*isnull = PG_ARGISNULL(arg);
	if (*isnull)
		return (Datum) 0;
	if (!site->is_unknown[arg - 1])
		return PG_GETARG_DATUM(arg);
	text = PG_GETARG_CSTRING(arg);
	switch (site->roles[arg - 1])
	{
		case WEIR_ROLE_KEY:
			return weir_map_parse_key(site->state, text);
		case WEIR_ROLE_ARRAY:
			return parse_array(site->state, text);
		default:
			return weir_value_parse(site->state, text);
	}
}
