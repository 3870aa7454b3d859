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
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_text(&args, sink);
	weir_bind(&args, TEXTARRAYOID, lines, false);
	(void) weir_internal_execute("INSERT INTO weir_internal.outbox (job, sink, line) "
								 "SELECT $1, $2, l FROM pg_catalog.unnest($3) WITH ORDINALITY u(l, n) ORDER BY n",
								 &args);
	pfree(DatumGetPointer(args.values[1]));
}

uint64
weir_outbox_take(int64 job, int limit, WeirOutboxFunction emit)
{
	WeirArguments args = {0};
	WeirInternal saved;
	uint64		n;

	weir_bind_int64(&args, job);
	weir_bind_int32(&args, limit);
	weir_internal_enter(&saved);
	n = weir_internal_run("WITH d AS (DELETE FROM weir_internal.outbox WHERE id IN "
						  "(SELECT id FROM weir_internal.outbox WHERE job = $1 ORDER BY id LIMIT $2) "
						  "RETURNING id, line) SELECT line FROM d ORDER BY id",
						  &args);
	for (uint64 i = 0; i < n; i++)
	{
		char	   *line = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);

		emit(line);
		pfree(line);
	}
	weir_internal_leave(&saved);
	return n;
}
