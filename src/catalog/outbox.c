/*
 * catalog/outbox.c
 *		weir_internal.outbox: what waits for the server log, or for a peer.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "catalog/internal.h"
#include "catalog/outbox.h"
#include "catalog/row.h"

#define READ_LINES 1000
#define READ_BYTES (1024 * 1024)

static void
insert_rows(int64 job, Oid peer, const char *name, Oid type, Datum rows, const char *statement)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_text(&args, name);
	weir_bind(&args, type, rows, false);
	weir_bind_oid(&args, peer);
	(void) weir_internal_execute(statement, &args);
	pfree(DatumGetPointer(args.values[1]));
}

void
weir_outbox_insert(int64 job, Oid peer, const char *name, Datum lines)
{
	insert_rows(job, peer, name, TEXTARRAYOID, lines,
				"INSERT INTO weir_internal.outbox (job, sink, line, relid) "
				"SELECT $1, $2, l, $4 FROM pg_catalog.unnest($3) WITH ORDINALITY u(l, n) ORDER BY n");
}

void
weir_outbox_insert_records(int64 job, Oid peer, const char *name, Datum records)
{
	insert_rows(job, peer, name, BYTEAARRAYOID, records,
				"INSERT INTO weir_internal.outbox (job, sink, record, relid) "
				"SELECT $1, $2, r, $4 FROM pg_catalog.unnest($3) WITH ORDINALITY u(r, n) ORDER BY n");
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
						  "(SELECT id FROM weir_internal.outbox WHERE job = $1 AND relid = 0 ORDER BY id LIMIT $2) "
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

static void
bind_table(WeirArguments *args, int64 job, Oid table, int64 id)
{
	weir_bind_int64(args, job);
	weir_bind_oid(args, table);
	weir_bind_int64(args, id);
}

void
weir_outbox_end_epoch(int64 job, Oid table, int64 checkpoint, int64 before)
{
	WeirArguments args = {0};

	bind_table(&args, job, table, before);
	(void) weir_internal_execute("DELETE FROM weir_internal.outbox"
								 " WHERE job = $1 AND relid = $2 AND checkpoint = $3", &args);
	memset(&args, 0, sizeof(args));
	bind_table(&args, job, table, checkpoint);
	(void) weir_internal_execute("INSERT INTO weir_internal.outbox (job, relid, sink, checkpoint)"
								 " VALUES ($1, $2, '', $3)", &args);
}

List *
weir_outbox_tables(int64 job)
{
	MemoryContext context = CurrentMemoryContext;
	WeirArguments args = {0};
	WeirInternal saved;
	List	   *tables = NIL;
	uint64		n;

	weir_bind_int64(&args, job);
	weir_internal_enter(&saved);
	n = weir_internal_run("SELECT DISTINCT relid FROM weir_internal.outbox WHERE job = $1 AND relid <> 0", &args);
	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		tables = lappend_oid(tables, weir_row_oid(i, "relid"));
		MemoryContextSwitchTo(old);
	}
	weir_internal_leave(&saved);
	return tables;
}

int64
weir_outbox_epoch(int64 job, Oid table, int64 after)
{
	WeirArguments args = {0};
	WeirInternal saved;
	int64		checkpoint = 0;

	bind_table(&args, job, table, after);
	weir_internal_enter(&saved);
	if (weir_internal_run("SELECT checkpoint FROM weir_internal.outbox"
						  " WHERE job = $1 AND relid = $2 AND id > $3 AND checkpoint IS NOT NULL"
						  " ORDER BY id LIMIT 1", &args) > 0)
		checkpoint = weir_row_int64(0, "checkpoint");
	weir_internal_leave(&saved);
	return checkpoint;
}

int
weir_outbox_read(int64 job, Oid table, int64 after, WeirOutboxLine **lines)
{
	MemoryContext context = CurrentMemoryContext;
	WeirArguments args = {0};
	WeirInternal saved;
	Size		bytes = 0;
	uint64		n;
	int			taken = 0;
	bool		ended = false;

	bind_table(&args, job, table, after);
	weir_bind_int32(&args, READ_LINES);
	weir_internal_enter(&saved);
	n = weir_internal_run("SELECT id, checkpoint, line, record FROM weir_internal.outbox"
						  " WHERE job = $1 AND relid = $2 AND id > $3 ORDER BY id LIMIT $4", &args);
	*lines = MemoryContextAlloc(context, sizeof(WeirOutboxLine) * Max(n, 1));
	while (taken < n && bytes < READ_BYTES && !ended)
	{
		WeirOutboxLine *line = &(*lines)[taken];

		line->id = weir_row_int64(taken, "id");
		line->checkpoint = weir_row_int64(taken, "checkpoint");
		line->text = weir_row_text(context, taken, "line");
		line->record = weir_row_bytea(context, taken, "record");
		ended = line->text == NULL && line->record == NULL;
		bytes += (line->text ? strlen(line->text) : 0) + (line->record ? VARSIZE(line->record) : 0);
		taken++;
	}
	weir_internal_leave(&saved);
	return taken;
}

void
weir_outbox_delete(int64 job, Oid table, int64 through)
{
	WeirArguments args = {0};

	bind_table(&args, job, table, through);
	(void) weir_internal_execute("DELETE FROM weir_internal.outbox"
								 " WHERE job = $1 AND relid = $2 AND id <= $3", &args);
}
