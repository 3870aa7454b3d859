/*
 * state/aggregate/aggregate_flat.c
 *		An accumulator as bytes.
 *
 *		a transition value:	uint8 flags, and if it is not NULL uint32 length, bytes
 *		if arguments are kept: uint32 number of rows, a row: uint32 length, bytes
 *
 * A value of type internal goes through the aggregate's serialisation
 * function.  Back again it goes through its combine function too, as the rules
 * for aggregates have it: only that promises a value to which rows may be added.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "state/aggregate/aggregate_format.h"
#include "state/aggregate/aggregate_int.h"
#include "state/chunk/validate.h"


static void
put_uint32(StringInfo out, uint32 value)
{
	appendBinaryStringInfoNT(out, (char *) &value, sizeof(value));
}

static void
put_bytes(StringInfo out, const char *bytes, uint32 size)
{
	put_uint32(out, size);
	appendBinaryStringInfoNT(out, bytes, size);
}

Datum
weir_aggregate_function_call(AggState *agg, FmgrInfo *function, Oid collation, NullableDatum first,
							 NullableDatum second, bool *isnull)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, function, function->fn_nargs, collation, (void *) agg, NULL);
	fcinfo->args[0] = first;
	fcinfo->args[1] = second;
	result = FunctionCallInvoke(fcinfo);
	*isnull = fcinfo->isnull;
	return result;
}

/* NULL only where the function may return it. */
static Datum
call(AggState *agg, FmgrInfo *function, Oid collation, Datum first, bool first_isnull,
	 Datum second, bool *isnull)
{
	NullableDatum a = {first, first_isnull};
	NullableDatum b = {second, false};

	return weir_aggregate_function_call(agg, function, collation, a, b, isnull);
}

static void
put_value(WeirAggregatePart *part, int number, AggStatePerGroup value, StringInfo out)
{
	WeirTransition *transition = &part->transitions[number];
	uint8		flags = (value->transValueIsNull ? WEIR_VALUE_NULL : 0) |
		(value->noTransValue ? WEIR_VALUE_NONE : 0);
	Datum		datum = value->transValue;
	bool		isnull;

	if (!value->transValueIsNull && transition->internal)
	{
		datum = call(part->agg, &transition->serialize, InvalidOid, datum, false, (Datum) 0, &isnull);
		if (isnull)
			flags |= WEIR_VALUE_NULL;
	}
	appendStringInfoCharMacro(out, flags);
	if (flags & WEIR_VALUE_NULL)
		return;
	if (transition->internal)
	{
		bytea	   *bytes = DatumGetByteaPP(datum);

		put_bytes(out, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	}
	else
	{
		Size		size = weir_flat_prepare(&transition->type, &datum);

		put_uint32(out, size);
		enlargeStringInfo(out, size + sizeof(Datum));
		weir_flat_write(&transition->type, datum, size, out->data + out->len);
		out->len += size;
	}
}

static void
put_part(WeirAggregates *set, WeirAggregatePart *part, WeirAccumulator *acc, StringInfo out)
{
	MemoryContext old = MemoryContextSwitchTo(set->scratch);

	weir_aggregate_enter(set, part, acc);
	for (int i = 0; i < part->agg->numtrans; i++)
		put_value(part, i, &acc->values[part->first + i], out);
	weir_aggregate_leave(part, acc);
	MemoryContextSwitchTo(old);
	MemoryContextReset(set->scratch);
}

void
weir_accumulator_flatten(WeirAggregates *set, WeirAccumulator *acc, StringInfo out)
{
	for (int way = 0; way < WEIR_AGGREGATE_KEPT; way++)
		if (set->parts[way].context != NULL)
			put_part(set, &set->parts[way], acc, out);
	if (set->parts[WEIR_AGGREGATE_KEPT].context == NULL)
		return;
	put_uint32(out, acc->nrows);
	for (int i = 0; i < acc->nrows; i++)
		put_bytes(out, (char *) acc->rows[i], acc->rows[i]->t_len);
}

/* ---- reading ---- */

typedef struct Reader
{
	const char *at;
	const char *end;
	const char *wrong;			/* the first thing that was */
} Reader;

static const char *
get(Reader *reader, Size size)
{
	const char *bytes = reader->at;

	if (reader->wrong || size > (Size) (reader->end - reader->at))
	{
		reader->wrong = "an accumulator goes beyond its end";
		return NULL;
	}
	reader->at += size;
	return bytes;
}

static uint32
get_uint32(Reader *reader)
{
	const char *bytes = get(reader, sizeof(uint32));
	uint32		value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

static Datum
read_internal(WeirAggregatePart *part, int number, const char *bytes, Size size, MemoryContext scratch,
			  bool *isnull)
{
	WeirTransition *transition = &part->transitions[number];
	MemoryContext old = MemoryContextSwitchTo(scratch);
	bytea	   *flat = palloc(VARHDRSZ + size);
	Datum		value;

	SET_VARSIZE(flat, VARHDRSZ + size);
	memcpy(VARDATA(flat), bytes, size);
	value = call(part->agg, &transition->deserialize, InvalidOid, PointerGetDatum(flat), false,
				 PointerGetDatum(NULL), isnull);
	if (!*isnull)
		value = call(part->agg, &transition->combine, part->agg->pertrans[number].aggCollation,
					 (Datum) 0, true, value, isnull);
	MemoryContextSwitchTo(old);
	return value;
}

/* The bytes get aligned, where the value will stay. */
static Datum
read_flat(const WeirFlatType *type, const char *bytes, Size size, MemoryContext context, Reader *reader)
{
	char	   *copy = MemoryContextAlloc(context, Max(size, sizeof(Datum)));
	Datum		value = (Datum) 0;
	const char *wrong;

	memcpy(copy, bytes, size);
	wrong = weir_flat_read(type, copy, size, &value);
	if (wrong)
		reader->wrong = wrong;
	if (wrong || type->typbyval)
		pfree(copy);
	return value;
}

static void
get_value(WeirAggregates *set, WeirAggregatePart *part, int number, WeirAccumulator *acc,
		  Reader *reader)
{
	WeirTransition *transition = &part->transitions[number];
	AggStatePerGroup value = &acc->values[part->first + number];
	const char *flags = get(reader, 1);
	const char *bytes;
	Size		size;

	if (flags == NULL || (*flags & WEIR_VALUE_NULL))
	{
		value->noTransValue = flags != NULL && (*flags & WEIR_VALUE_NONE) != 0;
		return;
	}
	size = get_uint32(reader);
	bytes = get(reader, size);
	if (bytes == NULL)
		return;
	if (transition->internal)
		value->transValue = read_internal(part, number, bytes, size, set->scratch,
										  &value->transValueIsNull);
	else
	{
		value->transValue = read_flat(&transition->type, bytes, size,
									  part->agg->curaggcontext->ecxt_per_tuple_memory, reader);
		value->transValueIsNull = reader->wrong != NULL;
	}
	value->noTransValue = false;
}

static void
get_part(WeirAggregates *set, WeirAggregatePart *part, WeirAccumulator *acc, Reader *reader)
{
	weir_aggregate_enter(set, part, acc);
	for (int i = 0; i < part->agg->numtrans; i++)
		get_value(set, part, i, acc, reader);
	weir_aggregate_leave(part, acc);
	MemoryContextReset(set->scratch);
}

static void
get_row(WeirAggregates *set, WeirAccumulator *acc, Reader *reader)
{
	TupleDesc	desc = set->parts[WEIR_AGGREGATE_KEPT].input->tts_tupleDescriptor;
	Size		size = get_uint32(reader);
	const char *bytes = get(reader, size);
	MinimalTuple row;

	if (bytes == NULL)
		return;
	row = MemoryContextAlloc(set->context, Max(size, SizeofMinimalTupleHeader));
	memcpy(row, bytes, size);
	acc->rows[acc->nrows++] = row;
	acc->row_bytes += size;
	if (size < SizeofMinimalTupleHeader || row->t_len != size ||
		HeapTupleHeaderGetNatts(row) != desc->natts)
		reader->wrong = "a row of an accumulator does not fit its aggregates";
	else
		reader->wrong = weir_validate_row(desc, (HeapTupleHeader) ((char *) row - MINIMAL_TUPLE_OFFSET),
										  size + MINIMAL_TUPLE_OFFSET);
}

static void
get_rows(WeirAggregates *set, WeirAccumulator *acc, Reader *reader)
{
	uint32		nrows = get_uint32(reader);

	if (nrows > (Size) (reader->end - reader->at) / sizeof(uint32))
		reader->wrong = "an accumulator has fewer rows than it says";
	if (nrows == 0 || reader->wrong)
		return;
	acc->room = nrows;
	acc->rows = MemoryContextAllocHuge(set->context, sizeof(MinimalTuple) * nrows);
	for (uint32 i = 0; i < nrows && !reader->wrong; i++)
		get_row(set, acc, reader);
}

const char *
weir_accumulator_unflatten(WeirAggregates *set, WeirAccumulator *acc, const char *bytes, Size size)
{
	Reader		reader = {bytes, bytes + size, NULL};

	weir_accumulator_clear(set, acc);
	for (int way = 0; way < WEIR_AGGREGATE_KEPT; way++)
		if (set->parts[way].context != NULL)
			get_part(set, &set->parts[way], acc, &reader);
	if (set->parts[WEIR_AGGREGATE_KEPT].context != NULL)
		get_rows(set, acc, &reader);
	if (reader.wrong == NULL && reader.at != reader.end)
		reader.wrong = "an accumulator is longer than its aggregates need";
	if (reader.wrong)
		weir_accumulator_reset(set, acc);
	return reader.wrong;
}
