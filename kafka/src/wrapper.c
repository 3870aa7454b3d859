/*
 * wrapper.c
 *		Module start, and the foreign data wrapper weir_kafka.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_user_mapping.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"

#include "consumer.h"
#include "option.h"
#include "source/fdw.h"
#include "source/source.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(weir_kafka_handler);
PG_FUNCTION_INFO_V1(weir_kafka_validator);

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	weir_source_register(&weir_kafka_source, WEIR_SOURCE_MAGIC);
}

Datum
weir_kafka_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	weir_stream_set_scan(routine);
	weir_stream_set_insert(routine);
	PG_RETURN_POINTER(routine);
}

Datum
weir_kafka_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);

	weir_stream_validate(&weir_kafka_source, options, catalog);
	if (catalog == UserMappingRelationId)
		weir_kafka_authorize_mapping(options);
	PG_RETURN_VOID();
}
