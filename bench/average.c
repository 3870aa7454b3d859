/*
 * bench/average.c
 *		A keyed function in C: the average of every two values of a key, kept in one
 *		value of a row (n bigint, total bigint).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "extension/weir/weir.h"
#include "funcapi.h"
#include "nodes/execnodes.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(c_average);

/* What is looked up once a job. */
typedef struct Types
{
	TupleDesc	sum;
	TupleDesc	result;
} Types;

static Types *
types_of(FunctionCallInfo fcinfo, WeirStateHandle sum)
{
	Types	   *types = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (types != NULL)
		return types;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	types = palloc(sizeof(Types));
	types->sum = lookup_rowtype_tupdesc_copy(weir_state_type(sum), -1);
	get_call_result_type(fcinfo, NULL, &types->result);
	types->result = BlessTupleDesc(CreateTupleDescCopy(types->result));
	MemoryContextSwitchTo(old);
	return fcinfo->flinfo->fn_extra = types;
}

Datum
c_average(PG_FUNCTION_ARGS)
{
	WeirStateHandle sum = weir_state_handle(fcinfo, "sum");
	Types	   *types = types_of(fcinfo, sum);
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		isnull;			/* never: the default is (0,0) */
	Datum		old = weir_state_get(sum, &isnull);
	HeapTupleData tuple = {.t_data = DatumGetHeapTupleHeader(old),
		.t_len = HeapTupleHeaderGetDatumLength(DatumGetHeapTupleHeader(old))};
	Datum		values[2];
	bool		nulls[2];
	int64		n;
	int64		total;

	heap_deform_tuple(&tuple, types->sum, values, nulls);
	n = DatumGetInt64(values[0]) + 1;
	total = DatumGetInt64(values[1]) + PG_GETARG_INT64(1);
	if (n < 2)
	{
		values[0] = Int64GetDatum(n);
		values[1] = Int64GetDatum(total);
		weir_state_set(sum, HeapTupleGetDatum(heap_form_tuple(types->sum, values, nulls)), false);
		info->isDone = ExprEndResult;
		PG_RETURN_NULL();
	}
	weir_state_remove(sum);
	values[0] = PG_GETARG_DATUM(0);
	values[1] = Int64GetDatum(total / n);
	info->isDone = ExprSingleResult;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(types->result, values, nulls)));
}
