/*
 * source/segment.c
 *		The segments of a journal.
 *
 * Rows are only ever added behind the last page, without the free space map,
 * so that the order of the pages is the order of the stream.  Tables are never
 * vacuumed by themselves and never deleted from: a truncated table gives its
 * space back whatever snapshots are held elsewhere.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "catalog/internal.h"
#include "catalog/journal_segment.h"
#include "source/journal.h"
#include "source/own_table.h"
#include "source/segment.h"

#define INSERT_ROWS 64			/* a call of heap_multi_insert */

/* Columns of weir_internal.journal. */
enum
{
	COL_OFFSET,
	COL_STAMP,
	COL_KIND,
	COL_DATA,
	NCOLS
};

static BlockNumber
count_blocks(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	BlockNumber blocks = RelationGetNumberOfBlocks(rel);

	table_close(rel, AccessShareLock);
	return blocks;
}

WeirSegment *
weir_segments_load(int64 job, int stream, int *n)
{
	WeirJournalSegment *rows;
	WeirSegment *segments;

	PushActiveSnapshot(GetTransactionSnapshot());
	rows = weir_journal_segments(job, stream, n);
	PopActiveSnapshot();
	segments = palloc0(Max(*n, 1) * sizeof(WeirSegment));
	for (int i = 0; i < *n; i++)
	{
		WeirSegment *s = &segments[i];

		s->slot = rows[i].slot;
		s->number = rows[i].number;
		s->start_offset = rows[i].start_offset;
		s->relid = weir_journal_table(job, stream, s->slot);
		if (!OidIsValid(s->relid))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("journal table weir_internal.%s is missing",
							weir_journal_table_name(job, stream, s->slot))));
		s->blocks = count_blocks(s->relid);
	}
	pfree(rows);
	return segments;
}

bool
weir_segments_begin_at(int64 job, int stream, int64 *offset)
{
	bool		found;

	PushActiveSnapshot(GetTransactionSnapshot());
	found = weir_journal_segment_first(job, stream, offset);
	PopActiveSnapshot();
	return found;
}

/* A new slot's table. */
static Oid
create_slot(int64 job, int stream, int slot)
{
	Oid			relid = weir_own_table_create(weir_journal_table_name(job, stream, slot), "journal", NIL);

	weir_journal_segment_insert(job, stream, slot);
	return relid;
}

void
weir_segment_begin(int64 job, int stream, WeirSegment *segment,
				   int64 number, int64 start_offset)
{
	WeirJournalSegment row = {stream, segment->slot, number, start_offset};

	PushActiveSnapshot(GetTransactionSnapshot());
	if (!OidIsValid(segment->relid))
		segment->relid = create_slot(job, stream, segment->slot);
	weir_journal_segment_begin(job, &row);
	PopActiveSnapshot();

	segment->number = number;
	segment->start_offset = start_offset;
	segment->blocks = 0;
}

bool
weir_segment_free(int64 job, int stream, WeirSegment *segment)
{
	if (!ConditionalLockRelationOid(segment->relid, AccessExclusiveLock))
		return false;
	PushActiveSnapshot(GetTransactionSnapshot());
	weir_journal_segment_empty(job, stream, segment->slot);
	PopActiveSnapshot();

	segment->number = 0;
	segment->blocks = 0;
	return true;
}

void
weir_journal_drop(int64 job)
{
	WeirJournalSegment *rows;
	WeirInternal saved;
	int			n;

	PushActiveSnapshot(GetTransactionSnapshot());
	weir_internal_enter(&saved);
	rows = weir_journal_segments_of_job(job, &n);
	for (int i = 0; i < n; i++)
		weir_own_table_drop(weir_journal_table(job, rows[i].stream, rows[i].slot));
	weir_journal_segment_delete(job);
	weir_internal_leave(&saved);
	PopActiveSnapshot();
}

/* The tuple of a row, in the memory round its data. */
typedef struct RowTuple
{
	int64		header[MAXALIGN(SizeofHeapTupleHeader) / sizeof(int64)];	/* a HeapTupleHeaderData */
	int64		offset;
	int64		stamp;
	char		kind;
	char		padding[3];
	int32		length;			/* of a varlena, whose data follow */
} RowTuple;

StaticAssertDecl(sizeof(RowTuple) == WEIR_ROW_HEAD, "a row's head is its tuple without the data");

static HeapTuple
form_row(Oid relid, const WeirJournalRow *row)
{
	HeapTuple	tuple = palloc0(HEAPTUPLESIZE);
	RowTuple   *head = (RowTuple *) (row->data - WEIR_ROW_HEAD);
	HeapTupleHeader header = (HeapTupleHeader) head->header;

	memset(head, 0, sizeof(*head));
	header->t_hoff = sizeof(head->header);
	header->t_infomask = HEAP_HASVARWIDTH;
	HeapTupleHeaderSetNatts(header, NCOLS);
	head->offset = row->offset;
	head->stamp = row->stamp;
	head->kind = row->kind;
	SET_VARSIZE(&head->length, VARHDRSZ + row->len);
	tuple->t_len = sizeof(*head) + row->len;
	tuple->t_tableOid = relid;
	tuple->t_data = header;
	return tuple;
}

void
weir_segment_insert(WeirSegment *segment, const WeirJournalRow *rows, int n)
{
	Relation	rel = table_open(segment->relid, RowExclusiveLock);
	TupleDesc	desc = RelationGetDescr(rel);
	CommandId	command = GetCurrentCommandId(true);
	TupleTableSlot *slots[INSERT_ROWS];
	int			nslots = Min(n, INSERT_ROWS);

	for (int i = 0; i < nslots; i++)
		slots[i] = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	for (int done = 0; done < n; done += nslots)
	{
		nslots = Min(nslots, n - done);
		for (int i = 0; i < nslots; i++)
			ExecStoreHeapTuple(form_row(segment->relid, &rows[done + i]), slots[i], true);
		heap_multi_insert(rel, slots, nslots, command, HEAP_INSERT_SKIP_FSM, NULL);
	}
	nslots = Min(n, INSERT_ROWS);
	for (int i = 0; i < nslots; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	segment->blocks = RelationGetNumberOfBlocks(rel);
	table_close(rel, NoLock);
}

static void
copy_row(HeapTuple tuple, TupleDesc desc, WeirJournalRow *row)
{
	Datum		values[NCOLS];
	bool		nulls[NCOLS];
	struct varlena *data;

	heap_deform_tuple(tuple, desc, values, nulls);
	data = (struct varlena *) DatumGetPointer(values[COL_DATA]);
	row->offset = DatumGetInt64(values[COL_OFFSET]);
	row->stamp = DatumGetInt64(values[COL_STAMP]);
	row->kind = DatumGetChar(values[COL_KIND]);
	row->len = (int) VARSIZE_ANY_EXHDR(data);
	row->data = palloc(row->len + 1);
	memcpy(row->data, VARDATA_ANY(data), row->len);
}

/* Order in the stream; an end and what passes it stand before the data that follows. */
static int
compare_rows(const void *a, const void *b)
{
	const WeirJournalRow *x = a;
	const WeirJournalRow *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	if (x->stamp != y->stamp)
		return x->stamp < y->stamp ? -1 : 1;
	return (x->kind == WEIR_ROW_DATA) - (y->kind == WEIR_ROW_DATA);
}

/*
 * Pages follow the stream; within a page VACUUM may have made room in front
 * for a later row, so the rows of a stretch are put in order.
 */
WeirJournalRow *
weir_segment_read(const WeirSegment *segment, BlockNumber first,
				  BlockNumber nblocks, int *n)
{
	Relation	rel = table_open(segment->relid, AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan_strat(rel, snapshot, 0, NULL, true, false);
	int			capacity = 64;
	WeirJournalRow *rows = palloc(capacity * sizeof(WeirJournalRow));
	HeapTuple	tuple;

	*n = 0;
	heap_setscanlimits(scan, first, nblocks);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		if (*n == capacity)
		{
			capacity *= 2;
			rows = repalloc(rows, capacity * sizeof(WeirJournalRow));
		}
		copy_row(tuple, RelationGetDescr(rel), &rows[(*n)++]);
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	qsort(rows, *n, sizeof(WeirJournalRow), compare_rows);
	return rows;
}
