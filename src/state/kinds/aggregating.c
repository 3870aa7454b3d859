/*
 * state/kinds/aggregating.c
 *		Aggregating state: a live accumulator (state/aggregate/aggregate.h) a key.
 *
 * While functions of the aggregate run, no key is current: one that reached for
 * the state it is a part of would pull it from under itself.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "catalog/name.h"
#include "state/aggregate/aggregate.h"
#include "state/entry.h"
#include "state/function.h"
#include "state/kinds/aggregating.h"

/* What all accumulators of a state share. */
typedef struct AggregatingDetail
{
	WeirAggregates *set;
	Size		size;			/* of an Accumulator of it */
} AggregatingDetail;

typedef struct Accumulator
{
	WeirLive	live;
	WeirAccumulator acc;
} Accumulator;

/* ---- the aggregate ---- */

static void
require_plain_aggregate(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(function));
	bool		is_plain;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is not an aggregate", format_procedure(function)),
				 errhint("Set aggregate to one, as in 'avg(bigint)'.")));
	is_plain = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggkind == AGGKIND_NORMAL;
	ReleaseSysCache(tuple);
	if (!is_plain)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("ordered-set aggregate %s cannot be aggregating state",
						format_procedure(function)),
				 errhint("Collect the values in list state, and aggregate "
						 "weir.list_elements() when the result is wanted.")));
}

/* The one argument's type must be the declared one, where there is one. */
static void
check_argument(Oid function, Oid argument, Oid *type)
{
	bool		is_open = IsPolymorphicType(argument) || argument == ANYOID;

	if (!OidIsValid(*type) && is_open)
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_DATATYPE),
				 errmsg("aggregate %s takes values of any type", format_procedure(function)),
				 errhint("Set type to the type of the values that will be added.")));
	if (!OidIsValid(*type))
		*type = argument;
	if (*type != argument && !is_open)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("aggregate %s takes values of type %s, not %s",
						format_procedure(function), format_type_be(argument),
						format_type_be(*type)),
				 errhint("Set type to %s, or name another aggregate.",
						 format_type_be(argument))));
}

char *
weir_aggregate_of(const char *signature, Oid *type)
{
	Oid			function = weir_function_of(signature, "aggregate");
	Oid		   *types;
	int			ntypes;
	char	   *name;

	require_plain_aggregate(function);
	(void) get_func_signature(function, &types, &ntypes);
	if (ntypes != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("aggregate %s does not take one argument", format_procedure(function)),
				 errdetail("It takes %d; one value is added at a time.", ntypes),
				 errhint("Name an aggregate of one argument, as in 'avg(bigint)'.")));
	check_argument(function, types[0], type);
	name = weir_qualified_name(get_namespace_name(get_func_namespace(function)),
							   get_func_name(function));
	if (weir_aggregate_call(name, 1, type)->aggfnoid != function)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("aggregate %s does not take values of type %s",
						format_procedure(function), format_type_be(*type)),
				 errhint("Set type to one that it takes, or name another aggregate.")));
	return name;
}

static void
aggregating_init(WeirState *state)
{
	MemoryContext old = MemoryContextSwitchTo(state->store->context);
	AggregatingDetail *detail = palloc0(sizeof(AggregatingDetail));
	char	   *name = state->decl.calls;
	Aggref	   *aggref = weir_aggregate_call(name, 1, &state->decl.type);
	TupleDesc	input = CreateTemplateTupleDesc(1);

	TupleDescInitEntry(input, 1, "value", state->decl.type, state->decl.typmod, 0);
	TupleDescFinalize(input);
	detail->set = weir_aggregates_create(list_make1(aggref), input, false);
	detail->size = offsetof(Accumulator, acc) + weir_accumulator_size(detail->set);
	state->decl.result_type = aggref->aggtype;
	weir_flat_salt(&state->type, hash_bytes((unsigned char *) name, strlen(name)));
	state->detail = detail;
	MemoryContextSwitchTo(old);
}

/* ---- accumulators ---- */

static Accumulator *
allocate(WeirState *state)
{
	return weir_slab_alloc(state->store->slab, ((AggregatingDetail *) state->detail)->size);
}

static void
measure(WeirState *state, Accumulator *accumulator)
{
	AggregatingDetail *detail = state->detail;

	accumulator->live.bytes = weir_accumulator_bytes(detail->set, &accumulator->acc);
}

static void
add_value(WeirState *state, Accumulator *accumulator, Datum value, bool isnull)
{
	AggregatingDetail *detail = state->detail;
	WeirStore  *store = weir_current_store;

	weir_current_store = NULL;
	PG_TRY();
	{
		weir_accumulator_add(detail->set, &accumulator->acc, &value, &isnull);
	}
	PG_FINALLY();
	{
		weir_current_store = store;
	}
	PG_END_TRY();
	measure(state, accumulator);
}

static Datum
get_result(WeirState *state, Accumulator *accumulator, bool *isnull)
{
	AggregatingDetail *detail = state->detail;
	WeirStore  *store = weir_current_store;
	Datum		result;

	weir_current_store = NULL;
	PG_TRY();
	{
		weir_accumulator_results(detail->set, &accumulator->acc, false, &result, isnull);
	}
	PG_FINALLY();
	{
		weir_current_store = store;
	}
	PG_END_TRY();
	return result;
}

static bool
add_continues(const WeirState *state, WeirEntry *entry)
{
	WeirCell	cell = weir_cell_get(state, entry);

	return (cell.flags & WEIR_CELL_PRESENT) &&
		weir_ttl_add_continues(&state->decl.ttl, cell.stamp, state->store->clock);
}

static void
begin_anew(WeirState *state, WeirEntry *entry)
{
	AggregatingDetail *detail = state->detail;
	Accumulator *accumulator = allocate(state);

	weir_accumulator_init(detail->set, &accumulator->acc);
	measure(state, accumulator);
	weir_live_put(state, entry, &accumulator->live);
}

void
weir_aggregating_add(WeirState *state, Datum value, bool isnull)
{
	WeirEntry  *entry;
	WeirGroup  *group = weir_current_group(state->store);
	Accumulator *accumulator;
	int64		before;

	value = weir_input_coerce(&state->input, value, isnull);
	entry = weir_entry_make(state->store);
	if (!add_continues(state, entry))
		begin_anew(state, entry);
	accumulator = (Accumulator *) weir_live_modify(state, group, entry);
	before = accumulator->live.bytes;
	add_value(state, accumulator, value, isnull);
	weir_live_changed(state, group, entry, before);
	if (state->stamp_offset)
		weir_cell_renew(state, entry);
}

Datum
weir_aggregating_get(WeirState *state, bool *isnull)
{
	WeirEntry  *entry = weir_entry_find(state->store);
	WeirGroup  *group = weir_current_group(state->store);
	Accumulator *accumulator = entry ? (Accumulator *) weir_live_get(state, entry) : NULL;
	Datum		result = (Datum) 0;

	*isnull = true;
	if (accumulator == NULL)
		return result;
	switch (weir_ttl_read(&state->decl.ttl, weir_cell_get(state, entry).stamp,
						  state->store->clock))
	{
		case WEIR_TTL_PRESENT_RENEW:
			weir_cell_renew(state, entry);
			pg_fallthrough;
		case WEIR_TTL_PRESENT:
			return get_result(state, accumulator, isnull);
		case WEIR_TTL_EXPIRED_RETURN:
			result = get_result(state, accumulator, isnull);
			pg_fallthrough;
		case WEIR_TTL_EXPIRED:
			weir_cell_remove(state, group, entry, true);
			break;
	}
	return result;
}

/* ---- what every live object offers ---- */

static void
aggregating_free(WeirState *state, WeirLive *live)
{
	AggregatingDetail *detail = state->detail;

	weir_accumulator_reset(detail->set, &((Accumulator *) live)->acc);
	weir_slab_free(state->store->slab, live, detail->size);
}

static void
aggregating_flatten(WeirState *state, WeirLive *live, StringInfo out)
{
	AggregatingDetail *detail = state->detail;

	weir_accumulator_flatten(detail->set, &((Accumulator *) live)->acc, out);
}

static WeirLive *
aggregating_unflatten(WeirState *state, const char *bytes, Size size, const char **wrong)
{
	AggregatingDetail *detail = state->detail;
	Accumulator *accumulator = allocate(state);

	*wrong = weir_accumulator_unflatten(detail->set, &accumulator->acc, bytes, size);
	if (*wrong)
	{
		weir_slab_free(state->store->slab, accumulator, detail->size);
		return NULL;
	}
	measure(state, accumulator);
	return &accumulator->live;
}

static WeirLive *
aggregating_copy(WeirState *state, WeirLive *live)
{
	StringInfoData bytes;
	const char *wrong;
	WeirLive   *copy;

	initStringInfo(&bytes);
	aggregating_flatten(state, live, &bytes);
	copy = aggregating_unflatten(state, bytes.data, bytes.len, &wrong);
	if (copy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not copy the accumulator of state \"%s\": %s", state->decl.name,
						wrong)));
	pfree(bytes.data);
	return copy;
}

const WeirLiveOps weir_aggregating_ops = {
	.init = aggregating_init,
	.flatten = aggregating_flatten,
	.unflatten = aggregating_unflatten,
	.copy = aggregating_copy,
	.free = aggregating_free
};
