/*
 * api/state/state_map.c
 *		Map state of the current key.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/tuplestore.h"

#include "api/state/call_site.h"
#include "state/kinds/map.h"
#include "state/kinds/value.h"

PG_FUNCTION_INFO_V1(weir_map_get_value);
PG_FUNCTION_INFO_V1(weir_map_put_value);
PG_FUNCTION_INFO_V1(weir_map_remove_key);
PG_FUNCTION_INFO_V1(weir_map_contains_key);
PG_FUNCTION_INFO_V1(weir_map_all_entries);

static const WeirAccessor map_get = {"weir.map_get()", WEIR_STATE_MAP,
{WEIR_ROLE_KEY, WEIR_ROLE_RESULT}};
static const WeirAccessor map_put = {"weir.map_put()", WEIR_STATE_MAP,
{WEIR_ROLE_KEY, WEIR_ROLE_VALUE}};
static const WeirAccessor map_remove = {"weir.map_remove()", WEIR_STATE_MAP, {WEIR_ROLE_KEY}};
static const WeirAccessor map_contains = {"weir.map_contains()", WEIR_STATE_MAP,
{WEIR_ROLE_KEY}};
static const WeirAccessor map_entries = {"weir.map_entries()", WEIR_STATE_MAP,
{WEIR_ROLE_KEY, WEIR_ROLE_RESULT}};

Datum
weir_map_get_value(PG_FUNCTION_ARGS)
{
	WeirCallSite *site = weir_call_site(fcinfo, &map_get);
	bool		key_isnull;
	Datum		key = weir_call_argument(fcinfo, site, 1, &key_isnull);
	bool		isnull;
	Datum		value;

	(void) weir_map_state_get(site->state, key, key_isnull, &value, &isnull);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(weir_value_copy(site->state, value));
}

Datum
weir_map_put_value(PG_FUNCTION_ARGS)
{
	WeirCallSite *site = weir_call_site(fcinfo, &map_put);
	bool		key_isnull;
	Datum		key = weir_call_argument(fcinfo, site, 1, &key_isnull);
	bool		isnull;
	Datum		value = weir_call_argument(fcinfo, site, 2, &isnull);

	weir_map_state_put(site->state, key, key_isnull, value, isnull);
	PG_RETURN_VOID();
}

Datum
weir_map_remove_key(PG_FUNCTION_ARGS)
{
	WeirCallSite *site = weir_call_site(fcinfo, &map_remove);
	bool		isnull;
	Datum		key = weir_call_argument(fcinfo, site, 1, &isnull);

	weir_map_state_remove(site->state, key, isnull);
	PG_RETURN_VOID();
}

Datum
weir_map_contains_key(PG_FUNCTION_ARGS)
{
	WeirCallSite *site = weir_call_site(fcinfo, &map_contains);
	bool		isnull;
	Datum		key = weir_call_argument(fcinfo, site, 1, &isnull);
	Datum		value;

	PG_RETURN_BOOL(weir_map_state_get(site->state, key, isnull, &value, &isnull));
}

Datum
weir_map_all_entries(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WeirMapEntry *entries;
	WeirCallSite site;
	int64		n;

	weir_call_resolve(fcinfo, &map_entries, &site);
	InitMaterializedSRF(fcinfo, 0);
	n = weir_map_state_entries(site.state, &entries);
	for (int64 i = 0; i < n; i++)
	{
		Datum		values[2] = {entries[i].key, entries[i].value};
		bool		nulls[2] = {entries[i].key_isnull, entries[i].value_isnull};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
