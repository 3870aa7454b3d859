/*
 * state/api_c.c
 *		Keyed state for functions in C, by handle: what weir.h calls.
 */
#include "postgres.h"

#include "base/compat.h"
#include "state/current.h"
#include "state/entry.h"
#include "state/kinds/aggregating.h"
#include "state/kinds/list.h"
#include "state/kinds/map.h"
#include "state/kinds/reducing.h"
#include "state/kinds/timers.h"
#include "state/kinds/value.h"
#include "weir.h"

PGDLLEXPORT const WeirStateApi *weir_c_api(int version);

static WeirStateHandle
api_handle(FunctionCallInfo fcinfo, const char *name)
{
	return weir_current_state("weir_state_handle()", WEIR_ANY_KIND, name, strlen(name));
}

/* A handle is an address among the current store's states, or it is none. */
static WeirState *
check_handle(WeirStateHandle handle)
{
	WeirStore  *store = weir_current_store;

	if (store == NULL || handle < store->states || handle >= store->states + store->nstates)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("invalid state handle"),
				 errdetail("A handle is valid until the function that got it returns."),
				 errhint("Call weir_state_handle() in each call of the function.")));
	return handle;
}

pg_noreturn static void
wrong_kind(const char *caller, const WeirState *state)
{
	const char *kind = weir_state_kind_name(state->decl.kind);

	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("%s cannot be used on %s state \"%s\"", caller, kind, state->decl.name),
			 errhint("See weir.h for the functions for %s state.", kind)));
}

static WeirState *
check_kind(const char *caller, WeirStateHandle handle, WeirStateKind kind)
{
	WeirState  *state = check_handle(handle);

	if (state->decl.kind != kind)
		wrong_kind(caller, state);
	return state;
}

static Oid
api_type(WeirStateHandle handle)
{
	return check_handle(handle)->decl.type;
}

static Oid
api_key_type(WeirStateHandle handle)
{
	return check_kind("weir_state_key_type()", handle, WEIR_STATE_MAP)->decl.key_type;
}

static Datum
api_get(WeirStateHandle handle, bool *isnull)
{
	WeirState  *state = check_handle(handle);

	switch (state->decl.kind)
	{
		case WEIR_STATE_VALUE:
		case WEIR_STATE_REDUCING:
			return weir_value_get(state, isnull);
		case WEIR_STATE_AGGREGATING:
			return weir_aggregating_get(state, isnull);
		default:
			wrong_kind("weir_state_get()", state);
	}
}

static void
api_set(WeirStateHandle handle, Datum value, bool isnull)
{
	weir_value_set(check_kind("weir_state_set()", handle, WEIR_STATE_VALUE), value, isnull);
}

static void
api_add(WeirStateHandle handle, Datum value, bool isnull)
{
	WeirState  *state = check_handle(handle);

	if (state->decl.kind == WEIR_STATE_REDUCING)
		weir_reducing_add(state, value, isnull);
	else if (state->decl.kind == WEIR_STATE_AGGREGATING)
		weir_aggregating_add(state, value, isnull);
	else
		wrong_kind("weir_state_add()", state);
}

static void
api_remove(WeirStateHandle handle)
{
	weir_value_remove(check_handle(handle));
}

static int64
api_list_get(WeirStateHandle handle, Datum **values, bool **nulls)
{
	return weir_list_state_get(check_kind("weir_list_get()", handle, WEIR_STATE_LIST),
							   values, nulls);
}

static void
api_list_add(WeirStateHandle handle, Datum value, bool isnull)
{
	weir_list_state_add(check_kind("weir_list_add()", handle, WEIR_STATE_LIST), value, isnull);
}

static void
api_list_update(WeirStateHandle handle, int64 n, const Datum *values, const bool *nulls)
{
	weir_list_state_update(check_kind("weir_list_update()", handle, WEIR_STATE_LIST),
						   n, values, nulls);
}

static bool
api_map_get(WeirStateHandle handle, Datum key, bool key_isnull, Datum *value, bool *isnull)
{
	return weir_map_state_get(check_kind("weir_map_get()", handle, WEIR_STATE_MAP),
							  key, key_isnull, value, isnull);
}

static void
api_map_put(WeirStateHandle handle, Datum key, bool key_isnull, Datum value, bool isnull)
{
	weir_map_state_put(check_kind("weir_map_put()", handle, WEIR_STATE_MAP),
					   key, key_isnull, value, isnull);
}

static void
api_map_remove(WeirStateHandle handle, Datum key, bool key_isnull)
{
	weir_map_state_remove(check_kind("weir_map_remove()", handle, WEIR_STATE_MAP),
						  key, key_isnull);
}

static int64
api_map_entries(WeirStateHandle handle, WeirMapEntry **entries)
{
	return weir_map_state_entries(check_kind("weir_map_entries()", handle, WEIR_STATE_MAP),
								  entries);
}

static WeirState *
check_timer(const char *caller, WeirStateHandle handle)
{
	WeirState  *state = check_handle(handle);

	if (!weir_is_timer(state->decl.kind))
		wrong_kind(caller, state);
	return state;
}

static void
api_timer_set(WeirStateHandle handle, int64 at)
{
	WeirState  *timer = check_timer("weir_timer_set()", handle);

	weir_timers_check(timer, at);
	weir_timers_set(timer, at);
}

static void
api_timer_clear(WeirStateHandle handle, int64 at)
{
	weir_timers_clear(check_timer("weir_timer_clear()", handle), at);
}

static int64
api_timer_first(WeirStateHandle handle)
{
	return weir_timers_first(check_timer("weir_timer_first()", handle));
}

static const WeirStateApi api = {
	WEIR_API_VERSION, api_handle, api_type, api_get, api_set, api_remove,
	api_key_type, api_add, api_list_get, api_list_add, api_list_update,
	api_map_get, api_map_put, api_map_remove, api_map_entries,
	api_timer_set, api_timer_clear, api_timer_first
};

/* Later versions only add members, so one table serves all earlier callers. */
const WeirStateApi *
weir_c_api(int version)
{
	if (version > WEIR_API_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this function was built for a later version of weir"),
				 errdetail("It needs version %d of weir's C interface, this is version %d.",
						   version, WEIR_API_VERSION),
				 errhint("Update weir, and restart the server.")));
	return &api;
}
