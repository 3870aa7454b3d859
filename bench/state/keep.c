/*
 * bench/state/keep.c
 *		A keyed function that only keeps: it costs next to nothing itself.
 *		keep(bigint) adds to a bigint, keep_pair(bigint) to a pair of bigints;
 *		neither returns a row.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "nodes/execnodes.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "weir.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(keep);
PG_FUNCTION_INFO_V1(keep_pair);

static Datum
no_row(FunctionCallInfo fcinfo)
{
	((ReturnSetInfo *) fcinfo->resultinfo)->isDone = ExprEndResult;
	PG_RETURN_NULL();
}

Datum
keep(PG_FUNCTION_ARGS)
{
	WeirStateHandle sum = weir_state_handle(fcinfo, "sum");
	bool		isnull;
	int64		old = DatumGetInt64(weir_state_get(sum, &isnull));

	weir_state_set(sum, Int64GetDatum((isnull ? 0 : old) + PG_GETARG_INT64(0)), false);
	return no_row(fcinfo);
}

Datum
keep_pair(PG_FUNCTION_ARGS)
{
	static TupleDesc desc = NULL;
	WeirStateHandle sum = weir_state_handle(fcinfo, "sum");
	bool		isnull;
	Datum		old = weir_state_get(sum, &isnull);
	Datum		values[2] = {Int64GetDatum(0), Int64GetDatum(0)};
	bool		nulls[2] = {false, false};

	if (desc == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(TopMemoryContext);

		desc = lookup_rowtype_tupdesc_copy(weir_state_type(sum), -1);
		MemoryContextSwitchTo(old_context);
	}
	if (!isnull)
	{
		HeapTupleData tuple;

		tuple.t_data = DatumGetHeapTupleHeader(old);
		tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
		heap_deform_tuple(&tuple, desc, values, nulls);
	}
	values[0] = Int64GetDatum(DatumGetInt64(values[0]) + 1);
	values[1] = Int64GetDatum(DatumGetInt64(values[1]) + PG_GETARG_INT64(0));
	weir_state_set(sum, HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)), false);
	return no_row(fcinfo);
}
