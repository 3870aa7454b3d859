/*
 * catalog/snapshot.c
 *		weir_internal.snapshot, written by checkpoints and read by restores.
 *
 * Chunks are only ever inserted by a checkpoint.  They are deleted by the
 * trimmer, which runs after a completion, and by recovery: snapshot_trim.c.
 */
#include "postgres.h"

#include "access/heaptoast.h"
#include "access/table.h"
#include "access/toast_compression.h"
#include "access/toast_internals.h"
#include "catalog/indexing.h"
#include "executor/executor.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/fault.h"
#include "catalog/snapshot.h"
#include "catalog/snapshot_scan.h"

#define INSERT_ROWS 256			/* at a time */
#define COLLECT_BYTES (32 * 1024 * 1024)	/* before they are inserted */

struct WeirSnapshotWriter
{
	MemoryContext context;
	Relation	relation;
	int64		job;
	int64		timeline;
	int			step;
	int64		checkpoint;

	MemoryContext rows_context;	/* reset when they are inserted */
	HeapTuple  *rows;
	int			nrows;
	int			room;
	int64		collected;		/* their bytes */
	int64		bytes;			/* of all rows ever added */
	instr_time	inserting;
};

WeirSnapshotWriter *
weir_snapshot_begin(int64 job, int64 timeline, int step, int64 checkpoint)
{
	WeirSnapshotWriter *writer = palloc0(sizeof(WeirSnapshotWriter));

	WEIR_FAULT(before_chunk);
	writer->context = AllocSetContextCreate(CurrentMemoryContext, "weir snapshot writer",
											ALLOCSET_DEFAULT_SIZES);
	writer->rows_context = AllocSetContextCreate(writer->context, "weir snapshot rows",
												 ALLOCSET_DEFAULT_MINSIZE, 1024 * 1024,
												 ALLOCSET_DEFAULT_MAXSIZE);
	writer->relation = weir_snapshot_open(RowExclusiveLock);
	writer->job = job;
	writer->timeline = timeline;
	writer->step = step;
	writer->checkpoint = checkpoint;
	writer->room = 1024;
	writer->rows = MemoryContextAlloc(writer->context, sizeof(HeapTuple) * writer->room);
	return writer;
}

/*
 * Many rows a page and a WAL record: an executor for each would cost more than the
 * row.  Those that toast would make smaller go one by one: what is inserted is
 * then another tuple, and the index entries would not learn where it went.
 */
static void
insert_rows(WeirSnapshotWriter *writer)
{
	CatalogIndexState indexes = CatalogOpenIndexes(writer->relation);
	Size		largest = RelationGetToastTupleTarget(writer->relation, TOAST_TUPLE_TARGET);
	TupleTableSlot *slots[INSERT_ROWS];
	int			nslots = Min(writer->nrows, INSERT_ROWS);
	int			used = 0;
	instr_time	start;
	instr_time	end;

	INSTR_TIME_SET_CURRENT(start);
	for (int i = 0; i < nslots; i++)
		slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(writer->relation), &TTSOpsHeapTuple);
	for (int i = 0; i < writer->nrows; i++)
	{
		HeapTuple	row = writer->rows[i];

		if (row->t_len > largest)
			CatalogTupleInsertWithInfo(writer->relation, row, indexes);
		else
			ExecStoreHeapTuple(row, slots[used++], false);
		if (used == INSERT_ROWS)
		{
			CatalogTuplesMultiInsertWithInfo(writer->relation, slots, used, indexes);
			used = 0;
		}
	}
	CatalogTuplesMultiInsertWithInfo(writer->relation, slots, used, indexes);
	for (int i = 0; i < nslots; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	CatalogCloseIndexes(indexes);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_ACCUM_DIFF(writer->inserting, end, start);

	MemoryContextReset(writer->rows_context);
	writer->nrows = 0;
	writer->collected = 0;
}

/* lz4, where the server has it, packs a chunk in microseconds; pglz would not pay. */
static Datum
compress(bytea *payload)
{
	Datum		packed = (Datum) 0;

#ifdef USE_LZ4
	packed = toast_compress_datum(PointerGetDatum(payload), TOAST_LZ4_COMPRESSION);
#endif
	return DatumGetPointer(packed) ? packed : PointerGetDatum(payload);
}

void
weir_snapshot_add(WeirSnapshotWriter *writer, int group, bool is_full, int seq,
				  bytea *payload)
{
	Datum		values[WEIR_CHUNK_COLUMNS];
	bool		nulls[WEIR_CHUNK_COLUMNS] = {false};
	MemoryContext old;
	Datum		stored;

	values[WEIR_CHUNK_JOB - 1] = Int64GetDatum(writer->job);
	values[WEIR_CHUNK_STEP - 1] = Int32GetDatum(writer->step);
	values[WEIR_CHUNK_GROUP - 1] = Int32GetDatum(group);
	values[WEIR_CHUNK_FULL - 1] = BoolGetDatum(is_full);
	values[WEIR_CHUNK_CHECKPOINT - 1] = Int64GetDatum(writer->checkpoint);
	values[WEIR_CHUNK_SEQ - 1] = Int32GetDatum(seq);
	values[WEIR_CHUNK_TIMELINE - 1] = Int64GetDatum(writer->timeline);
	if (writer->nrows == writer->room)
	{
		writer->room *= 2;
		writer->rows = repalloc_huge(writer->rows, sizeof(HeapTuple) * writer->room);
	}
	old = MemoryContextSwitchTo(writer->rows_context);
	stored = compress(payload);
	values[WEIR_CHUNK_PAYLOAD - 1] = stored;
	writer->rows[writer->nrows++] = heap_form_tuple(RelationGetDescr(writer->relation),
													values, nulls);
	MemoryContextSwitchTo(old);
	writer->collected += VARSIZE_ANY(DatumGetPointer(stored));
	writer->bytes += VARSIZE_ANY(DatumGetPointer(stored));
	if (writer->collected >= COLLECT_BYTES)
		insert_rows(writer);
}

void
weir_snapshot_end(WeirSnapshotWriter *writer, int64 *inserting, int64 *bytes)
{
	if (writer->nrows > 0)
		insert_rows(writer);
	*inserting = INSTR_TIME_GET_MICROSEC(writer->inserting);
	*bytes = writer->bytes;
	table_close(writer->relation, RowExclusiveLock);
	MemoryContextDelete(writer->context);
	pfree(writer);
	WEIR_FAULT(after_chunk);
}

static void
read_range(WeirChunkScan *scan, int64 timeline, int group, bool is_full, int64 after,
		   int64 last, WeirSnapshotReader reader, void *arg)
{
	weir_chunk_scan_range(scan, group, is_full, after, last);
	while (weir_chunk_scan_next(scan, false))
	{
		Datum		stored = weir_chunk_scan_get(scan, WEIR_CHUNK_PAYLOAD);
		bytea	   *payload;

		if (DatumGetInt64(weir_chunk_scan_get(scan, WEIR_CHUNK_TIMELINE)) != timeline)
			continue;
		payload = DatumGetByteaPP(stored);
		reader(arg, group, is_full, payload);
		if ((Pointer) payload != DatumGetPointer(stored))
			pfree(payload);
	}
}

void
weir_snapshot_read(int64 job, int64 timeline, int step, int64 checkpoint,
				   int first, int end, WeirSnapshotReader reader, void *arg)
{
	WeirChunkScan scan;

	weir_chunk_scan_open(&scan, AccessShareLock, job, step);
	for (int group = first; group < end; group++)
	{
		int64		base = weir_chunk_scan_base(&scan, group, timeline, checkpoint);

		if (base > 0)
			read_range(&scan, timeline, group, true, base - 1, base, reader, arg);
		read_range(&scan, timeline, group, false, base, checkpoint, reader, arg);
	}
	weir_chunk_scan_close(&scan);
}
