/*
 * catalog/snapshot.c
 *		weir_internal.snapshot: chunks of keyed state.
 *
 * Chunks are only ever inserted by a checkpoint.  They are deleted by the
 * trimmer, which runs after a completion, and by recovery.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog/internal.h"
#include "catalog/snapshot.h"
#include "fault.h"

#define SNAPSHOT_COLUMNS 8

struct WeirSnapshotWriter
{
	Relation	relation;
	CatalogIndexState indexes;
	int64		job;
	int64		timeline;
	int			step;
	int64		checkpoint;
};

/* Straight to the table: an executor for each chunk would cost more than the chunk. */
WeirSnapshotWriter *
weir_snapshot_begin(int64 job, int64 timeline, int step, int64 checkpoint)
{
	WeirSnapshotWriter *writer = palloc0(sizeof(WeirSnapshotWriter));
	Oid			namespace = get_namespace_oid("weir_internal", false);

	WEIR_FAULT(before_chunk);
	writer->relation = table_open(get_relname_relid("snapshot", namespace), RowExclusiveLock);
	writer->indexes = CatalogOpenIndexes(writer->relation);
	writer->job = job;
	writer->timeline = timeline;
	writer->step = step;
	writer->checkpoint = checkpoint;
	return writer;
}

void
weir_snapshot_add(WeirSnapshotWriter *writer, int group, bool is_full, int seq,
				  bytea *payload)
{
	Datum		values[SNAPSHOT_COLUMNS];
	bool		nulls[SNAPSHOT_COLUMNS] = {false};
	HeapTuple	tuple;

	values[0] = Int64GetDatum(writer->job);
	values[1] = Int32GetDatum(writer->step);
	values[2] = Int32GetDatum(group);
	values[3] = Int64GetDatum(writer->checkpoint);
	values[4] = Int32GetDatum(seq);
	values[5] = Int64GetDatum(writer->timeline);
	values[6] = BoolGetDatum(is_full);
	values[7] = PointerGetDatum(payload);
	tuple = heap_form_tuple(RelationGetDescr(writer->relation), values, nulls);
	CatalogTupleInsertWithInfo(writer->relation, tuple, writer->indexes);
	heap_freetuple(tuple);
}

void
weir_snapshot_end(WeirSnapshotWriter *writer)
{
	CatalogCloseIndexes(writer->indexes);
	table_close(writer->relation, RowExclusiveLock);
	pfree(writer);
	WEIR_FAULT(after_chunk);
}

static const char *const base_query =
"SELECT max(checkpoint) FROM weir_internal.snapshot "
"WHERE job = $1 AND step = $2 AND key_group = $3 AND timeline = $4 "
"AND checkpoint <= $5 AND is_full";

static const char *const chunk_query =
"SELECT is_full, payload FROM weir_internal.snapshot "
"WHERE job = $1 AND step = $2 AND key_group = $3 AND timeline = $4 "
"AND checkpoint <= $5 AND checkpoint >= $6 ORDER BY checkpoint, seq";

static void
read_group(Datum *values, Oid *types, int group, WeirSnapshotReader reader, void *arg)
{
	Portal		portal;

	values[2] = Int32GetDatum(group);
	weir_internal_run(base_query, 5, types, values, NULL);
	values[5] = Int64GetDatum(weir_internal_int64(0, 1));
	portal = SPI_cursor_open_with_args(NULL, chunk_query, 6, types, values, NULL,
									   true, 0);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, 64);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			bool		isnull;
			bool		is_full = DatumGetBool(weir_internal_get(i, 1, &isnull));
			Datum		payload = weir_internal_get(i, 2, &isnull);

			reader(arg, group, is_full, DatumGetByteaP(payload));
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
}

void
weir_snapshot_read(int64 job, int64 timeline, int step, int64 checkpoint,
				   int first, int end, WeirSnapshotReader reader, void *arg)
{
	WeirInternal saved;
	Oid			types[] = {INT8OID, INT4OID, INT4OID, INT8OID, INT8OID, INT8OID};
	Datum		values[6];

	values[0] = Int64GetDatum(job);
	values[1] = Int32GetDatum(step);
	values[3] = Int64GetDatum(timeline);
	values[4] = Int64GetDatum(checkpoint);
	weir_internal_enter(&saved);
	for (int group = first; group < end; group++)
		read_group(values, types, group, reader, arg);
	weir_internal_leave(&saved);
}

void
weir_snapshot_delete_newer(int64 job, int64 timeline, int64 checkpoint)
{
	Oid			types[] = {INT8OID, INT8OID, INT8OID};
	Datum		values[] = {Int64GetDatum(job), Int64GetDatum(timeline), Int64GetDatum(checkpoint)};

	weir_internal_execute("DELETE FROM weir_internal.snapshot "
						  "WHERE job = $1 AND timeline = $2 AND checkpoint > $3",
						  3, types, values, NULL);
}

/* Nor of one that is under way. */
#define NOT_OF_SAVEPOINT \
	" AND s.checkpoint NOT IN " \
	"(SELECT checkpoint FROM weir_internal.completed WHERE job = $1 AND savepoint IS NOT NULL " \
	"UNION ALL SELECT id FROM weir_internal.checkpoint WHERE job = $1 AND status = 'in_progress')"

void
weir_snapshot_trim(int64 job, int64 timeline, int64 oldest)
{
	Oid			types[] = {INT8OID, INT8OID, INT8OID};
	Datum		values[] = {Int64GetDatum(job), Int64GetDatum(timeline), Int64GetDatum(oldest)};

	weir_internal_execute("DELETE FROM weir_internal.snapshot s USING "
						  "(SELECT step, key_group, max(checkpoint) AS base "
						  " FROM weir_internal.snapshot WHERE job = $1 AND timeline = $2 "
						  " AND checkpoint <= $3 AND is_full GROUP BY step, key_group) b "
						  "WHERE s.job = $1 AND s.step = b.step AND s.key_group = b.key_group "
						  "AND s.checkpoint < b.base" NOT_OF_SAVEPOINT,
						  3, types, values, NULL);
	/* what lies in timelines that were left is no part of this one's history */
	if (timeline > 1)
		weir_internal_execute("DELETE FROM weir_internal.snapshot s "
							  "WHERE s.job = $1 AND s.timeline <> $2 "
							  "AND EXISTS (SELECT FROM weir_internal.completed c "
							  "WHERE c.job = $1 AND c.checkpoint = $3 AND c.timeline = $2)"
							  NOT_OF_SAVEPOINT,
							  3, types, values, NULL);
}
