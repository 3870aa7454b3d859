/*
 * catalog/outbox.c
 *		weir_internal.outbox: lines that wait for the server log.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "catalog/internal.h"
#include "catalog/outbox.h"

void
weir_outbox_insert(int64 job, const char *sink, Datum lines)
{
	Oid			types[] = {INT8OID, TEXTOID, TEXTARRAYOID};
	Datum		values[3];

	values[0] = Int64GetDatum(job);
	values[1] = CStringGetTextDatum(sink);
	values[2] = lines;
	(void) weir_internal_execute("INSERT INTO weir_internal.outbox (job, sink, line) "
								 "SELECT $1, $2, l FROM pg_catalog.unnest($3) WITH ORDINALITY u(l, n) ORDER BY n",
								 3, types, values, NULL);
	pfree(DatumGetPointer(values[1]));
}

uint64
weir_outbox_take(int64 job, int limit, WeirOutboxFunction emit)
{
	Oid			types[] = {INT8OID, INT4OID};
	Datum		values[2];
	WeirInternal saved;
	uint64		n;

	values[0] = Int64GetDatum(job);
	values[1] = Int32GetDatum(limit);
	weir_internal_enter(&saved);
	n = weir_internal_run("WITH d AS (DELETE FROM weir_internal.outbox WHERE id IN "
						  "(SELECT id FROM weir_internal.outbox WHERE job = $1 ORDER BY id LIMIT $2) "
						  "RETURNING id, line) SELECT line FROM d ORDER BY id",
						  2, types, values, NULL);
	for (uint64 i = 0; i < n; i++)
	{
		char	   *line = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);

		emit(line);
		pfree(line);
	}
	weir_internal_leave(&saved);
	return n;
}
