/*
 * source/changes/fdw.c
 *		The foreign data wrapper weir_changes.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"

#include "source/fdw.h"
#include "source/source.h"

PG_FUNCTION_INFO_V1(weir_changes_handler);
PG_FUNCTION_INFO_V1(weir_changes_validator);

Datum
weir_changes_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	weir_stream_set_scan(routine);
	PG_RETURN_POINTER(routine);
}

Datum
weir_changes_validator(PG_FUNCTION_ARGS)
{
	weir_stream_validate(&weir_changes_source, untransformRelOptions(PG_GETARG_DATUM(0)), PG_GETARG_OID(1));
	PG_RETURN_VOID();
}
