/*
 * api/event_time.c
 *		weir.watermark, which says a time and to a job that it makes the watermark, and
 *		weir.arrival, for which a job puts weir_internal.arrival.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "record/scan.h"
#include "state/current.h"

PG_FUNCTION_INFO_V1(weir_watermark);
PG_FUNCTION_INFO_V1(weir_arrival);
PG_FUNCTION_INFO_V1(weir_arrival_of);

/* weir.watermark(expression timestamptz, bound interval) RETURNS timestamptz; of timestamp the same */
Datum
weir_watermark(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* weir.arrival() RETURNS timestamptz */
Datum
weir_arrival(PG_FUNCTION_ARGS)
{
	if (weir_current_scan != NULL || weir_current_rows != NULL || weir_current_store != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("weir.arrival() cannot be called by a function that a job calls"),
				 errdetail("Which record it is about is known in the job's query only."),
				 errhint("Pass it to the function as an argument.")));
	PG_RETURN_TIMESTAMPTZ(GetCurrentStatementStartTimestamp());
}

/* weir_internal.arrival(ordinal tid) RETURNS timestamptz */
Datum
weir_arrival_of(PG_FUNCTION_ARGS)
{
	int			index = weir_scan_index((ItemPointer) PG_GETARG_POINTER(0));

	if (weir_current_rows == NULL || index < 0 || index >= weir_current_rows->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("weir_internal.arrival is called by jobs only"),
				 errhint("Call weir.arrival().")));
	PG_RETURN_TIMESTAMPTZ(weir_current_rows->stamps[index]);
}
