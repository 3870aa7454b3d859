/*
 * state/aggregate/aggregate_combine.c
 *		What some rows have come to and what others have become one, by the combine
 *		functions of the aggregates; arguments that were kept come one after another.
 *
 * The functions get what later rows have come to as parallel queries give it to them: as
 * a value that they may read, or, where a function could change or keep it, a copy that
 * went through its bytes.
 */
#include "postgres.h"

#include "access/transam.h"
#include "utils/datum.h"
#include "utils/expandeddatum.h"
#include "utils/memutils.h"

#include "state/aggregate/aggregate_int.h"

/* Through the functions of its type, in the current memory context. */
static NullableDatum
copy_internal(AggState *agg, WeirTransition *transition, Datum value)
{
	NullableDatum given = {value, false};
	NullableDatum none = {(Datum) 0, false};
	NullableDatum copy;

	copy.value = weir_aggregate_function_call(agg, &transition->serialize, InvalidOid, given, none, &copy.isnull);
	if (copy.isnull)
		return copy;
	copy.value = weir_aggregate_function_call(agg, &transition->deserialize, InvalidOid, copy, none, &copy.isnull);
	return copy;
}

static NullableDatum
readable(AggState *agg, WeirTransition *transition, AggStatePerTrans pertrans, const AggStatePerGroupData *from)
{
	NullableDatum value = {from->transValue, from->transValueIsNull};

	if (value.isnull)
		return value;
	if (transition->internal)
		return transition->combine.fn_oid < FirstNormalObjectId ? value :
			copy_internal(agg, transition, value.value);
	value.value = MakeExpandedObjectReadOnly(value.value, false, pertrans->transtypeLen);
	return value;
}

/* Has the function built it where it is to stay? */
static bool
stays(Datum value, AggStatePerTrans pertrans, MemoryContext context)
{
	return DatumIsReadWriteExpandedObject(value, false, pertrans->transtypeLen) &&
		MemoryContextGetParent(DatumGetEOHP(value)->eoh_context) == context;
}

/* The function's result instead of what there was. */
static void
put_value(AggStatePerTrans pertrans, const WeirTransition *transition, AggStatePerGroup into,
		  Datum value, bool isnull, MemoryContext context)
{
	MemoryContext old;

	if (!pertrans->transtypeByVal && !transition->internal &&
		(isnull || into->transValueIsNull || DatumGetPointer(value) != DatumGetPointer(into->transValue)))
	{
		old = MemoryContextSwitchTo(context);
		if (!isnull && !stays(value, pertrans, context))
			value = datumCopy(value, false, pertrans->transtypeLen);
		MemoryContextSwitchTo(old);
		weir_transition_free(pertrans, transition, into);
	}
	into->transValue = isnull ? (Datum) 0 : value;
	into->transValueIsNull = isnull;
	into->noTransValue = false;
}

/* As nodeAgg.c does it with what workers have come to. */
static void
combine_value(WeirAggregates *set, WeirAggregatePart *part, int number, WeirAccumulator *into_acc,
			  const AggStatePerGroupData *from)
{
	AggState   *agg = part->agg;
	WeirTransition *transition = &part->transitions[number];
	AggStatePerTrans pertrans = &agg->pertrans[number];
	AggStatePerGroup into = &into_acc->values[part->first + number];
	MemoryContext context = weir_values_context(set, part, into_acc);
	NullableDatum given = {into->transValue, into->transValueIsNull};
	NullableDatum added = readable(agg, transition, pertrans, from);
	bool		isnull;
	Datum		value;

	if (transition->combine.fn_strict)
	{
		if (added.isnull)
			return;
		if (given.isnull)
		{
			if (into->noTransValue)
				put_value(pertrans, transition, into, added.value, false, context);
			return;
		}
	}
	agg->curpertrans = pertrans;
	value = weir_aggregate_function_call(agg, &transition->combine, pertrans->aggCollation, given, added, &isnull);
	agg->curpertrans = NULL;
	put_value(pertrans, transition, into, value, isnull, context);
}

static void
combine_part(WeirAggregates *set, WeirAggregatePart *part, WeirAccumulator *into, const WeirAccumulator *from)
{
	MemoryContext old = MemoryContextSwitchTo(set->scratch);

	weir_aggregate_enter(set, part, into);
	for (int i = 0; i < part->agg->numtrans; i++)
		combine_value(set, part, i, into, &from->values[part->first + i]);
	weir_aggregate_leave(part, into);
	MemoryContextSwitchTo(old);
	MemoryContextReset(set->scratch);
}

/* The rows are then those of both. */
static void
add_rows(WeirAggregates *set, WeirAccumulator *into, const WeirAccumulator *from)
{
	if (from->nrows == 0)
		return;
	weir_accumulator_make_room(set, into, into->nrows + from->nrows);
	memcpy(into->rows + into->nrows, from->rows, sizeof(MinimalTuple) * from->nrows);
	into->nrows += from->nrows;
	into->row_bytes += from->row_bytes;
}

static void
combine(WeirAggregates *set, WeirAccumulator *into, const WeirAccumulator *from)
{
	for (int way = 0; way < WEIR_AGGREGATE_KEPT; way++)
	{
		if (set->parts[way].context != NULL)
			combine_part(set, &set->parts[way], into, from);
	}
	add_rows(set, into, from);
}

void
weir_accumulator_combine(WeirAggregates *set, WeirAccumulator *into, WeirAccumulator *from)
{
	combine(set, into, from);
	from->nrows = 0;
	from->row_bytes = 0;
}

void
weir_accumulators_results(WeirAggregates *set, WeirAccumulator *const *accs, int n, Datum *values, bool *nulls)
{
	WeirAccumulator *all;

	if (n == 1)
	{
		weir_accumulator_results(set, accs[0], false, values, nulls);
		return;
	}
	all = palloc(weir_accumulator_size(set));
	weir_accumulator_init(set, all);
	PG_TRY();
	{
		for (int i = 0; i < n; i++)
			combine(set, all, accs[i]);
		weir_accumulator_results(set, all, true, values, nulls);
	}
	PG_FINALLY();
	{
		/* they belong to the others */
		all->nrows = 0;
		weir_accumulator_reset(set, all);
	}
	PG_END_TRY();
	pfree(all);
}
