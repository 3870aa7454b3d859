/*
 * moving_average.c
 *		A keyed function in C: for each reading, the average of its sensor's last
 *		three, how many there were, and in how many units.  And one with a timer: for each
 *		sensor that says nothing for ten seconds, when that was so.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "extension/weir/weir.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/timestamp.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(moving_average);
PG_FUNCTION_INFO_V1(sign_of_life);
PG_FUNCTION_INFO_V1(silence);

#define LAST 3

/* Value state: one more reading. */
static int64
count_reading(WeirStateHandle readings)
{
	bool		isnull;			/* never: the default is 0 */
	int64		n = DatumGetInt64(weir_state_get(readings, &isnull)) + 1;

	weir_state_set(readings, Int64GetDatum(n), false);
	return n;
}

/* List state: appends the value, keeps the last few, and returns their average. */
static double
average_of_last(WeirStateHandle last, Datum value)
{
	Datum	   *values;
	bool	   *nulls;
	int64		n;
	double		sum = 0;

	weir_list_add(last, value, false);
	n = weir_list_get(last, &values, &nulls);
	if (n > LAST)
	{
		weir_list_update(last, LAST, values + n - LAST, nulls + n - LAST);
		n = weir_list_get(last, &values, &nulls);	/* the old values are gone */
	}
	for (int64 i = 0; i < n; i++)
		sum += DatumGetFloat8(values[i]);
	return sum / n;
}

/* Map state: one more reading in this unit; returns how many units there are. */
static int64
count_unit(WeirStateHandle units, Datum unit, bool unit_isnull)
{
	WeirMapEntry *entries;
	Datum		n;
	bool		isnull;

	if (!weir_map_get(units, unit, unit_isnull, &n, &isnull))
		n = Int64GetDatum(0);
	weir_map_put(units, unit, unit_isnull, Int64GetDatum(DatumGetInt64(n) + 1), false);
	return weir_map_entries(units, &entries);
}

Datum
moving_average(PG_FUNCTION_ARGS)
{
	HeapTupleHeader reading = PG_GETARG_HEAPTUPLEHEADER(0);
	TupleDesc	desc;
	Datum		result[4];
	bool		nulls[4] = {false};
	bool		value_isnull;
	bool		unit_isnull;
	Datum		value = GetAttributeByName(reading, "value", &value_isnull);
	Datum		unit = GetAttributeByName(reading, "unit", &unit_isnull);

	if (value_isnull)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "moving_average must return a composite type");

	result[0] = GetAttributeByName(reading, "sensor", &nulls[0]);
	result[1] = Int64GetDatum(count_reading(weir_state_handle(fcinfo, "readings")));
	result[2] = Float8GetDatum(average_of_last(weir_state_handle(fcinfo, "last"), value));
	result[3] = Int64GetDatum(count_unit(weir_state_handle(fcinfo, "units"), unit, unit_isnull));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), result, nulls)));
}

/* Puts the timer off; a record by itself has no result. */
Datum
sign_of_life(PG_FUNCTION_ARGS)
{
	WeirStateHandle silence = weir_state_handle(fcinfo, "silence");
	TimestampTz until = PG_GETARG_TIMESTAMPTZ(1) + 10 * USECS_PER_SEC;
	TimestampTz before = weir_timer_first(silence);

	if (before != PG_INT64_MAX && before < until)
		weir_timer_clear(silence, before);
	if (before == PG_INT64_MAX || before < until)
		weir_timer_set(silence, until);
	PG_RETURN_NULL();
}

/* The timer's handler: the key, and the moment. */
Datum
silence(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(PG_GETARG_TIMESTAMPTZ(1));
}
