/*
 * catalog/change_slot.c
 *		weir_internal.change_slot and weir_internal.change_copy.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/change_slot.h"
#include "catalog/internal.h"
#include "catalog/row.h"

#define WHERE_STREAM " WHERE job = $1 AND stream = $2"

static void
read_position(uint64 row, WeirPosition *position)
{
	bool		isnull;
	Datum		value = weir_row_datum(row, "handed", &isnull);
	struct varlena *bytes;

	if (isnull)
		return;
	bytes = PG_DETOAST_DATUM_PACKED(value);
	position->len = (uint32) Min(VARSIZE_ANY_EXHDR(bytes), WEIR_POSITION_MAX);
	memcpy(position->bytes, VARDATA_ANY(bytes), position->len);
}

static WeirChangeSlot *
read_row(uint64 row, MemoryContext context)
{
	WeirChangeSlot *slot = MemoryContextAllocZero(context, sizeof(WeirChangeSlot));

	slot->stream = weir_row_oid(row, "stream");
	slot->database = weir_row_oid(row, "database");
	slot->server = weir_row_oid(row, "server");
	slot->owner = weir_row_oid(row, "owner");
	slot->slot = weir_row_text(context, row, "slot");
	slot->made = weir_row_bool(row, "made");
	slot->publication = weir_row_text(context, row, "publication");
	slot->copied = weir_row_int64(row, "copied");
	slot->stamp = weir_row_int64(row, "stamp");
	slot->passed = weir_row_int64(row, "passed");
	read_position(row, &slot->handed);
	return slot;
}

static List *
select_rows(const char *sql, const WeirArguments *args)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *result = NIL;
	WeirInternal saved;
	uint64		n;

	weir_internal_enter(&saved);
	n = weir_internal_run(sql, args);
	for (uint64 i = 0; i < n; i++)
	{
		WeirChangeSlot *slot = read_row(i, caller);
		MemoryContext old = MemoryContextSwitchTo(caller);

		result = lappend(result, slot);
		MemoryContextSwitchTo(old);
	}
	weir_internal_leave(&saved);
	return result;
}

static void
bind_stream(WeirArguments *args, int64 job, Oid stream)
{
	weir_bind_int64(args, job);
	weir_bind_oid(args, stream);
}

List *
weir_change_slots_of_job(int64 job)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	return select_rows("SELECT * FROM weir_internal.change_slot WHERE job = $1 ORDER BY stream", &args);
}

WeirChangeSlot *
weir_change_slot(int64 job, Oid stream)
{
	WeirArguments args = {0};
	List	   *rows;

	bind_stream(&args, job, stream);
	rows = select_rows("SELECT * FROM weir_internal.change_slot" WHERE_STREAM, &args);
	return rows != NIL ? linitial(rows) : NULL;
}

void
weir_change_slot_put(int64 job, const WeirChangeSlot *slot)
{
	WeirArguments args = {0};

	weir_change_copy_delete(job, slot->stream);
	bind_stream(&args, job, slot->stream);
	weir_bind_oid(&args, slot->database);
	weir_bind_oid(&args, slot->server);
	weir_bind_oid(&args, slot->owner);
	weir_bind_text(&args, slot->slot);
	weir_bind_bool(&args, slot->made);
	weir_bind_text(&args, slot->publication);
	weir_internal_execute("INSERT INTO weir_internal.change_slot AS s"
						  " (job, stream, database, server, owner, slot, made, publication)"
						  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (job, stream) DO UPDATE SET"
						  " database = $3, server = $4, owner = $5, slot = $6, made = $7, publication = $8,"
						  " copied = NULL, stamp = NULL", &args);
}

void
weir_change_slot_set_copied(int64 job, Oid stream, int64 lsn, int64 stamp)
{
	WeirArguments args = {0};

	bind_stream(&args, job, stream);
	weir_bind_int64(&args, lsn);
	weir_bind_int64(&args, stamp);
	weir_internal_execute("UPDATE weir_internal.change_slot SET copied = $3, stamp = $4" WHERE_STREAM, &args);
}

void
weir_change_slot_set_passed(int64 job, Oid stream, int64 passed)
{
	WeirArguments args = {0};

	bind_stream(&args, job, stream);
	weir_bind_int64(&args, passed);
	weir_internal_execute("UPDATE weir_internal.change_slot SET passed = $3" WHERE_STREAM, &args);
}

void
weir_change_slot_set_handed(int64 job, Oid stream, const WeirPosition *position)
{
	WeirArguments args = {0};

	bind_stream(&args, job, stream);
	weir_bind_bytea(&args, (const char *) position->bytes, (int) position->len);
	weir_internal_execute("UPDATE weir_internal.change_slot SET handed = $3" WHERE_STREAM, &args);
}

void
weir_change_slot_forget_handed(int64 job, Oid stream)
{
	WeirArguments args = {0};

	bind_stream(&args, job, stream);
	weir_internal_execute("UPDATE weir_internal.change_slot SET handed = NULL" WHERE_STREAM, &args);
}

void
weir_change_slot_delete(int64 job, Oid stream)
{
	WeirArguments args = {0};

	weir_change_copy_delete(job, stream);
	bind_stream(&args, job, stream);
	weir_internal_execute("DELETE FROM weir_internal.change_slot" WHERE_STREAM, &args);
}

void
weir_change_copy_add(int64 job, Oid stream, int64 before, int nrows, const char *data, int len)
{
	WeirArguments args = {0};

	bind_stream(&args, job, stream);
	weir_bind_int64(&args, before);
	weir_bind_int32(&args, nrows);
	weir_bind_bytea(&args, data, len);
	weir_internal_execute("INSERT INTO weir_internal.change_copy (job, stream, before, nrows, data)"
						  " VALUES ($1, $2, $3, $4, $5)", &args);
}

bool
weir_change_copy_read(int64 job, Oid stream, int64 rows, int64 *before, char **data, int *len)
{
	MemoryContext caller = CurrentMemoryContext;
	WeirArguments args = {0};
	WeirInternal saved;
	bool		found;
	bool		isnull;

	bind_stream(&args, job, stream);
	weir_bind_int64(&args, rows);
	weir_internal_enter(&saved);
	found = weir_internal_run("SELECT before, data FROM weir_internal.change_copy" WHERE_STREAM
							  " AND before <= $3 AND before + nrows > $3 ORDER BY before DESC LIMIT 1", &args) > 0;
	if (found)
	{
		struct varlena *bytes = PG_DETOAST_DATUM_PACKED(weir_row_datum(0, "data", &isnull));

		*before = weir_row_int64(0, "before");
		*len = (int) VARSIZE_ANY_EXHDR(bytes);
		*data = MemoryContextAlloc(caller, Max(*len, 1));
		memcpy(*data, VARDATA_ANY(bytes), *len);
	}
	weir_internal_leave(&saved);
	return found;
}

void
weir_change_copy_delete(int64 job, Oid stream)
{
	WeirArguments args = {0};

	bind_stream(&args, job, stream);
	weir_internal_execute("DELETE FROM weir_internal.change_copy" WHERE_STREAM, &args);
}
