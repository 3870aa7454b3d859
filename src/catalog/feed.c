/*
 * catalog/feed.c
 *		weir_internal.feed, and the names of the tables that it tells of.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "catalog/feed.h"
#include "catalog/internal.h"
#include "catalog/row.h"

/* Columns of the table. */
enum
{
	COL_STREAM = 1,
	COL_JOB,
	COL_SLOT,
	COL_FORGOTTEN,
	COL_PASSED
};

#define WHERE_JOURNAL " WHERE job = $1 AND stream = $2"

char *
weir_feed_table_name(int64 job, Oid stream, int slot)
{
	return psprintf("feed_" INT64_FORMAT "_%u_%d", job, stream, slot);
}

Oid
weir_feed_table(int64 job, Oid stream, int slot)
{
	char	   *name = weir_feed_table_name(job, stream, slot);
	Oid			relid = get_relname_relid(name, get_namespace_oid("weir_internal", false));

	pfree(name);
	return relid;
}

static void
set_position(WeirPosition *position, Datum value)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

	position->len = (uint32) Min(VARSIZE_ANY_EXHDR(bytes), WEIR_POSITION_MAX);
	memcpy(position->bytes, VARDATA_ANY(bytes), position->len);
}

static WeirFeedJournal *
read_tuple(HeapTuple tuple, TupleDesc desc)
{
	WeirFeedJournal *journal = palloc0(sizeof(WeirFeedJournal));
	bool		isnull;
	Datum		forgotten = heap_getattr(tuple, COL_FORGOTTEN, desc, &isnull);

	if (!isnull)
		set_position(&journal->forgotten, forgotten);
	journal->stream = DatumGetObjectId(heap_getattr(tuple, COL_STREAM, desc, &isnull));
	journal->job = DatumGetInt64(heap_getattr(tuple, COL_JOB, desc, &isnull));
	journal->slot = DatumGetInt32(heap_getattr(tuple, COL_SLOT, desc, &isnull));
	journal->passed = DatumGetInt64(heap_getattr(tuple, COL_PASSED, desc, &isnull));
	return journal;
}

List *
weir_feed_journals(Oid stream)
{
	Relation	rel = table_open(get_relname_relid("feed", get_namespace_oid("weir_internal", false)),
								 AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	List	   *result = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, COL_STREAM, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(stream));
	scan = systable_beginscan(rel, weir_primary_key_index(rel), true, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = lappend(result, read_tuple(tuple, RelationGetDescr(rel)));
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	return result;
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
		MemoryContext old = MemoryContextSwitchTo(caller);
		WeirFeedJournal *journal = palloc0(sizeof(WeirFeedJournal));
		bool		isnull;
		Datum		forgotten = weir_row_datum(i, "forgotten", &isnull);

		journal->job = weir_row_int64(i, "job");
		journal->stream = weir_row_oid(i, "stream");
		journal->slot = weir_row_int32(i, "slot");
		journal->passed = weir_row_int64(i, "passed");
		if (!isnull)
			set_position(&journal->forgotten, forgotten);
		result = lappend(result, journal);
		MemoryContextSwitchTo(old);
	}
	weir_internal_leave(&saved);
	return result;
}

List *
weir_feed_journals_of_job(int64 job)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	return select_rows("SELECT * FROM weir_internal.feed WHERE job = $1 ORDER BY stream", &args);
}

static void
bind_journal(WeirArguments *args, int64 job, Oid stream)
{
	weir_bind_int64(args, job);
	weir_bind_oid(args, stream);
}

WeirFeedJournal *
weir_feed_journal(int64 job, Oid stream)
{
	WeirArguments args = {0};
	List	   *rows;

	bind_journal(&args, job, stream);
	rows = select_rows("SELECT * FROM weir_internal.feed" WHERE_JOURNAL, &args);
	return rows != NIL ? linitial(rows) : NULL;
}

void
weir_feed_insert(int64 job, Oid stream)
{
	WeirArguments args = {0};

	bind_journal(&args, job, stream);
	weir_internal_execute("INSERT INTO weir_internal.feed (job, stream) VALUES ($1, $2)", &args);
}

void
weir_feed_set_slot(int64 job, Oid stream, int slot)
{
	WeirArguments args = {0};

	bind_journal(&args, job, stream);
	weir_bind_int32(&args, slot);
	weir_internal_execute("UPDATE weir_internal.feed SET slot = $3" WHERE_JOURNAL, &args);
}

void
weir_feed_set_forgotten(int64 job, Oid stream, const WeirPosition *position)
{
	WeirArguments args = {0};

	bind_journal(&args, job, stream);
	weir_bind_bytea(&args, (const char *) position->bytes, (int) position->len);
	weir_internal_execute("UPDATE weir_internal.feed SET forgotten = $3" WHERE_JOURNAL, &args);
}

void
weir_feed_set_passed(int64 job, Oid stream, int64 place)
{
	WeirArguments args = {0};

	bind_journal(&args, job, stream);
	weir_bind_int64(&args, place);
	weir_internal_execute("UPDATE weir_internal.feed SET passed = $3" WHERE_JOURNAL, &args);
}

void
weir_feed_truncate(int64 job, Oid stream, int slot)
{
	WeirInternal saved;

	weir_internal_enter(&saved);
	(void) weir_internal_run_once(psprintf("TRUNCATE ONLY weir_internal.%s",
										   weir_feed_table_name(job, stream, slot)), NULL);
	weir_internal_leave(&saved);
}

void
weir_feed_delete(int64 job, Oid stream)
{
	WeirArguments args = {0};

	bind_journal(&args, job, stream);
	weir_internal_execute("DELETE FROM weir_internal.feed" WHERE_JOURNAL, &args);
}
