/*
 * state/api_c.c
 *		Keyed state for functions in C, by handle: what weir.h calls.
 */
#include "postgres.h"

#include "state/current.h"
#include "state/entry.h"
#include "state/value.h"
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

static Oid
api_type(WeirStateHandle handle)
{
	return check_handle(handle)->decl.type;
}

static Datum
api_get(WeirStateHandle handle, bool *isnull)
{
	return weir_value_get(check_handle(handle), isnull);
}

static void
api_set(WeirStateHandle handle, Datum value, bool isnull)
{
	weir_value_set(check_handle(handle), value, isnull);
}

static void
api_remove(WeirStateHandle handle)
{
	weir_value_remove(check_handle(handle));
}

static const WeirStateApi api = {
	WEIR_API_VERSION, api_handle, api_type, api_get, api_set, api_remove
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
