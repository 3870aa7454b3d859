/*
 * api/state/state_access.c
 *		Value, reducing and aggregating state of the current key; clearing
 *		state of any kind.
 */
#include "postgres.h"

#include "fmgr.h"

#include "api/state/call_site.h"
#include "state/kinds/aggregating.h"
#include "state/kinds/reducing.h"
#include "state/kinds/value.h"

PG_FUNCTION_INFO_V1(weir_state_value);
PG_FUNCTION_INFO_V1(weir_state_update);
PG_FUNCTION_INFO_V1(weir_state_clear);
PG_FUNCTION_INFO_V1(weir_reducing_add_value);
PG_FUNCTION_INFO_V1(weir_reducing_get_value);
PG_FUNCTION_INFO_V1(weir_aggregating_add_value);
PG_FUNCTION_INFO_V1(weir_aggregating_get_result);

static Datum
read_value(FunctionCallInfo fcinfo, const WeirAccessor *accessor)
{
	WeirState  *state = weir_call_site(fcinfo, accessor)->state;
	bool		isnull;
	Datum		value = weir_value_get(state, &isnull);

	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(weir_value_copy(state, value));
}

Datum
weir_state_value(PG_FUNCTION_ARGS)
{
	static const WeirAccessor accessor = {"weir.state_value()", WEIR_STATE_VALUE,
	{WEIR_ROLE_RESULT}};

	return read_value(fcinfo, &accessor);
}

Datum
weir_state_update(PG_FUNCTION_ARGS)
{
	static const WeirAccessor accessor = {"weir.state_update()", WEIR_STATE_VALUE,
	{WEIR_ROLE_VALUE}};
	WeirCallSite *site = weir_call_site(fcinfo, &accessor);
	bool		isnull;
	Datum		value = weir_call_argument(fcinfo, site, 1, &isnull);

	weir_value_set(site->state, value, isnull);
	PG_RETURN_VOID();
}

Datum
weir_state_clear(PG_FUNCTION_ARGS)
{
	static const WeirAccessor accessor = {"weir.state_clear()", WEIR_ANY_KIND};

	weir_value_remove(weir_call_site(fcinfo, &accessor)->state);
	PG_RETURN_VOID();
}

Datum
weir_reducing_add_value(PG_FUNCTION_ARGS)
{
	static const WeirAccessor accessor = {"weir.reducing_add()", WEIR_STATE_REDUCING,
	{WEIR_ROLE_VALUE}};
	WeirCallSite *site = weir_call_site(fcinfo, &accessor);
	bool		isnull;
	Datum		value = weir_call_argument(fcinfo, site, 1, &isnull);

	weir_reducing_add(site->state, value, isnull);
	PG_RETURN_VOID();
}

Datum
weir_reducing_get_value(PG_FUNCTION_ARGS)
{
	static const WeirAccessor accessor = {"weir.reducing_get()", WEIR_STATE_REDUCING,
	{WEIR_ROLE_RESULT}};

	return read_value(fcinfo, &accessor);
}

Datum
weir_aggregating_add_value(PG_FUNCTION_ARGS)
{
	static const WeirAccessor accessor = {"weir.aggregating_add()", WEIR_STATE_AGGREGATING,
	{WEIR_ROLE_VALUE}};
	WeirCallSite *site = weir_call_site(fcinfo, &accessor);
	bool		isnull;
	Datum		value = weir_call_argument(fcinfo, site, 1, &isnull);

	weir_aggregating_add(site->state, value, isnull);
	PG_RETURN_VOID();
}

Datum
weir_aggregating_get_result(PG_FUNCTION_ARGS)
{
	static const WeirAccessor accessor = {"weir.aggregating_get()", WEIR_STATE_AGGREGATING,
	{WEIR_ROLE_RESULT}};
	bool		isnull;
	Datum		result = weir_aggregating_get(weir_call_site(fcinfo, &accessor)->state, &isnull);

	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}
