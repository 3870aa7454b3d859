/*
 * catalog/retry.c
 *		weir_internal.retry: dead letters on their way into their job again.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "catalog/internal.h"
#include "catalog/retry.h"
#include "catalog/row.h"

#define READ_BYTES (1024 * 1024)
#define LETTERS 1000			/* read at a time */

/* As in the view weir.dead_letters; $n is the caller. */
#define MAY_READ(n) \
	" coalesce(pg_catalog.has_table_privilege(" n ", relid, 'SELECT')," \
	" (SELECT pg_catalog.pg_has_role(" n ", o.owner, 'USAGE') FROM weir_internal.job o WHERE o.id = job)) "

static uint64
read_letters(Oid caller, int64 job, int64 after)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, after);
	weir_bind_int32(&args, LETTERS);
	weir_bind_oid(&args, caller);
	return weir_internal_run("SELECT j.name AS job, d.stream, d.line_number, d.line, d.raw, d.error, d.sqlstate,"
							 " d.checkpoint AS checkpoint_id, d.at, d.id AS weir_id"
							 " FROM weir_internal.dead_letter d JOIN weir_internal.job j ON j.id = d.job"
							 " WHERE d.job = $1 AND d.id > $2 AND d.whole AND d.raw IS NOT NULL AND" MAY_READ("$4")
							 " ORDER BY d.id LIMIT $3", &args);
}

Tuplestorestate *
weir_retry_letters(int64 job, TupleDesc *desc)
{
	MemoryContext context = CurrentMemoryContext;
	Tuplestorestate *letters = tuplestore_begin_heap(false, false, work_mem);
	WeirInternal saved;
	Oid			caller = GetUserId();
	int64		last = 0;
	uint64		n;

	do
	{
		weir_internal_enter(&saved);
		n = read_letters(caller, job, last);
		if (last == 0)
		{
			MemoryContext old = MemoryContextSwitchTo(context);

			*desc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
			MemoryContextSwitchTo(old);
		}
		for (uint64 i = 0; i < n; i++)
			tuplestore_puttuple(letters, SPI_tuptable->vals[i]);
		if (n > 0)
			last = weir_row_int64(n - 1, "weir_id");
		weir_internal_leave(&saved);
	} while (n == LETTERS);
	return letters;
}

static void
bind_letters(WeirArguments *args, int64 job, const int64 *ids, int n)
{
	weir_bind_int64(args, job);
	weir_bind_int64_array(args, ids, ids ? n : 0);
	if (ids == NULL)
		weir_bind_set_null(args);
	weir_bind_oid(args, GetUserId());
}

List *
weir_retry_streams(int64 job, const int64 *ids, int n)
{
	MemoryContext context = CurrentMemoryContext;
	WeirArguments args = {0};
	WeirInternal saved;
	List	   *streams = NIL;
	uint64		rows;

	bind_letters(&args, job, ids, n);
	weir_internal_enter(&saved);
	rows = weir_internal_run("SELECT DISTINCT relid, stream FROM weir_internal.dead_letter"
							 " WHERE job = $1 AND ($2 IS NULL OR id = ANY ($2)) AND whole AND raw IS NOT NULL AND" MAY_READ("$3")
							 " ORDER BY stream", &args);
	for (uint64 i = 0; i < rows; i++)
	{
		WeirLetterStream *stream = MemoryContextAlloc(context, sizeof(WeirLetterStream));
		MemoryContext old = MemoryContextSwitchTo(context);

		stream->relid = weir_row_oid(i, "relid");
		stream->name = weir_row_text(context, i, "stream");
		streams = lappend(streams, stream);
		MemoryContextSwitchTo(old);
	}
	weir_internal_leave(&saved);
	return streams;
}

int64
weir_retry_take(int64 job, const int64 *ids, int n)
{
	WeirArguments args = {0};
	WeirInternal saved;
	int64		letters;

	bind_letters(&args, job, ids, n);
	weir_internal_enter(&saved);
	(void) weir_internal_run("WITH gone AS ("
							 " DELETE FROM weir_internal.dead_letter"
							 " WHERE job = $1 AND ($2 IS NULL OR id = ANY ($2)) AND whole AND raw IS NOT NULL AND" MAY_READ("$3")
							 " RETURNING relid, stream, line_number, raw), "
							 "added AS ("
							 " INSERT INTO weir_internal.retry (job, relid, line_number, raw, arrived)"
							 " SELECT $1, relid, line_number, raw, pg_catalog.clock_timestamp()"
							 " FROM (SELECT DISTINCT relid, stream, line_number, raw FROM gone) r"
							 " ORDER BY stream, line_number, raw) "
							 "SELECT count(*) AS letters FROM gone", &args);
	letters = weir_row_int64(0, "letters");
	weir_internal_leave(&saved);
	return letters;
}

static void
copy_record(WeirRetried *record, uint64 row, MemoryContext context)
{
	bool		isnull;
	bytea	   *raw = DatumGetByteaPP(weir_row_datum(row, "raw", &isnull));

	record->id = weir_row_int64(row, "id");
	record->line = weir_row_int64(row, "line_number");
	record->stamp = weir_row_int64(row, "arrived");
	record->raw_len = VARSIZE_ANY_EXHDR(raw);
	record->raw = MemoryContextAllocHuge(context, Max(record->raw_len, 1));
	memcpy(record->raw, VARDATA_ANY(raw), record->raw_len);
}

int
weir_retry_read(int64 job, Oid relid, int64 after, int limit, MemoryContext context,
				WeirRetried **records)
{
	WeirArguments args = {0};
	WeirInternal saved;
	uint64		n;

	weir_bind_int64(&args, job);
	weir_bind_oid(&args, relid);
	weir_bind_int64(&args, after);
	weir_bind_int32(&args, limit);
	weir_bind_int32(&args, READ_BYTES);
	weir_internal_enter(&saved);
	n = weir_internal_run("SELECT id, line_number, arrived, raw FROM ("
						  " SELECT *, pg_catalog.sum(pg_catalog.octet_length(raw)) OVER (ORDER BY id)"
						  "  - pg_catalog.octet_length(raw) AS before"
						  " FROM (SELECT * FROM weir_internal.retry WHERE job = $1 AND relid = $2 AND id > $3"
						  "  ORDER BY id LIMIT $4) r) s "
						  "WHERE before < $5 ORDER BY id", &args);
	*records = MemoryContextAlloc(context, sizeof(WeirRetried) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
		copy_record(&(*records)[i], i, context);
	weir_internal_leave(&saved);
	return (int) n;
}

void
weir_retry_forget(int64 job, Oid relid, int64 id)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_oid(&args, relid);
	weir_bind_int64(&args, id);
	(void) weir_internal_execute("DELETE FROM weir_internal.retry WHERE job = $1 AND relid = $2 AND id <= $3",
								 &args);
}
