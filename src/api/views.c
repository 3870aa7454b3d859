/*
 * api/views.c
 *		weir_internal.tasks() and weir_internal.sources(), behind the views
 *		weir.tasks and weir.sources.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"

PG_FUNCTION_INFO_V1(weir_tasks);
PG_FUNCTION_INFO_V1(weir_sources);

Datum
weir_tasks(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	return (Datum) 0;
}

Datum
weir_sources(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	return (Datum) 0;
}
