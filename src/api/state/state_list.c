/*
 * api/state/state_list.c
 *		List state of the current key.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "api/state/call_site.h"
#include "state/kinds/list.h"
#include "state/kinds/value.h"

PG_FUNCTION_INFO_V1(weir_list_get_array);
PG_FUNCTION_INFO_V1(weir_list_elements);
PG_FUNCTION_INFO_V1(weir_list_add_element);
PG_FUNCTION_INFO_V1(weir_list_update_array);

static const WeirAccessor list_get = {"weir.list_get()", WEIR_STATE_LIST, {WEIR_ROLE_RESULT}};
static const WeirAccessor list_elements = {"weir.list_elements()", WEIR_STATE_LIST,
{WEIR_ROLE_RESULT}};
static const WeirAccessor list_add = {"weir.list_add()", WEIR_STATE_LIST, {WEIR_ROLE_VALUE}};
static const WeirAccessor list_update = {"weir.list_update()", WEIR_STATE_LIST,
{WEIR_ROLE_ARRAY}};

Datum
weir_list_get_array(PG_FUNCTION_ARGS)
{
	return weir_list_state_array(weir_call_site(fcinfo, &list_get)->state);
}

/* What is left to be returned, in memory of its own: the list may change meanwhile. */
typedef struct Elements
{
	int64		n;
	Datum	   *values;
	bool	   *nulls;
} Elements;

static Elements *
get_elements(FunctionCallInfo fcinfo)
{
	Elements   *elements = palloc0(sizeof(Elements));
	WeirCallSite site;

	weir_call_resolve(fcinfo, &list_elements, &site);
	elements->n = weir_list_state_get(site.state, &elements->values, &elements->nulls);
	for (int64 i = 0; i < elements->n; i++)
		if (!elements->nulls[i])
			elements->values[i] = weir_value_copy(site.state, elements->values[i]);
	return elements;
}

Datum
weir_list_elements(PG_FUNCTION_ARGS)
{
	FuncCallContext *context;
	Elements   *elements;
	uint64		i;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;

		context = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		context->user_fctx = get_elements(fcinfo);
		MemoryContextSwitchTo(old);
	}
	context = SRF_PERCALL_SETUP();
	elements = context->user_fctx;
	i = context->call_cntr;
	if (i >= elements->n)
		SRF_RETURN_DONE(context);
	if (elements->nulls[i])
		SRF_RETURN_NEXT_NULL(context);
	SRF_RETURN_NEXT(context, elements->values[i]);
}

Datum
weir_list_add_element(PG_FUNCTION_ARGS)
{
	WeirCallSite *site = weir_call_site(fcinfo, &list_add);
	bool		isnull;
	Datum		value = weir_call_argument(fcinfo, site, 1, &isnull);

	weir_list_state_add(site->state, value, isnull);
	PG_RETURN_VOID();
}

Datum
weir_list_update_array(PG_FUNCTION_ARGS)
{
	WeirCallSite *site = weir_call_site(fcinfo, &list_update);
	bool		isnull;
	Datum		array = weir_call_argument(fcinfo, site, 1, &isnull);
	Oid			type = weir_state_decl(site->state)->type;
	Datum	   *values = NULL;
	bool	   *nulls = NULL;
	int			n = 0;
	int16		typlen;
	bool		typbyval;
	char		typalign;

	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	if (!isnull)
		deconstruct_array(DatumGetArrayTypeP(array), type, typlen, typbyval, typalign,
						  &values, &nulls, &n);
	weir_list_state_update(site->state, n, values, nulls);
	PG_RETURN_VOID();
}
