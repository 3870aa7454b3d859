/*
 * source/feed/scan.c
 *		The pieces of a journal, of both its tables, in order.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "catalog/feed.h"
#include "source/feed/journal.h"

/* One of the tables, with the piece that comes next. */
typedef struct Side
{
	Relation	rel;			/* NULL: it has no rows */
	Relation	index;
	SysScanDesc scan;
	bool		has_piece;
	WeirFeedPiece piece;
} Side;

struct WeirFeedScan
{
	Side		sides[WEIR_FEED_SLOTS];
	Side	   *last;			/* whose piece was handed out; NULL: none's */
};

static void
advance(Side *side)
{
	HeapTuple	tuple = systable_getnext_ordered(side->scan, ForwardScanDirection);
	Datum		values[WEIR_FEED_COLUMNS];
	bool		nulls[WEIR_FEED_COLUMNS];
	struct varlena *data;

	side->has_piece = HeapTupleIsValid(tuple);
	if (!side->has_piece)
		return;
	heap_deform_tuple(tuple, RelationGetDescr(side->rel), values, nulls);
	data = (struct varlena *) DatumGetPointer(values[WEIR_FEED_DATA]);
	side->piece.place = DatumGetInt64(values[WEIR_FEED_PLACE]);
	side->piece.writer = DatumGetInt64(values[WEIR_FEED_WRITER]);
	side->piece.number = DatumGetInt32(values[WEIR_FEED_NUMBER]);
	side->piece.nrows = DatumGetInt32(values[WEIR_FEED_ROWS]);
	side->piece.stamp = DatumGetInt64(values[WEIR_FEED_STAMP]);
	side->piece.data = VARDATA_ANY(data);
	side->piece.size = VARSIZE_ANY_EXHDR(data);
}

static void
begin_side(Side *side, Oid relid, int64 place, Snapshot snapshot)
{
	ScanKeyData key;

	if (!OidIsValid(relid))
		return;
	side->rel = table_open(relid, AccessShareLock);
	if (RelationGetNumberOfBlocks(side->rel) == 0)
	{
		table_close(side->rel, AccessShareLock);
		side->rel = NULL;
		return;
	}
	side->index = index_open(linitial_oid(RelationGetIndexList(side->rel)), AccessShareLock);
	ScanKeyInit(&key, WEIR_FEED_PLACE + 1, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(place));
	side->scan = systable_beginscan_ordered(side->rel, side->index, snapshot, 1, &key);
	advance(side);
}

WeirFeedScan *
weir_feed_scan_begin(int64 job, Oid stream, int64 place, Snapshot snapshot)
{
	WeirFeedScan *scan = palloc0(sizeof(WeirFeedScan));

	for (int slot = 0; slot < WEIR_FEED_SLOTS; slot++)
		begin_side(&scan->sides[slot], weir_feed_table(job, stream, slot), place, snapshot);
	return scan;
}

static bool
is_before(const WeirFeedPiece *a, const WeirFeedPiece *b)
{
	if (a->place != b->place)
		return a->place < b->place;
	if (a->writer != b->writer)
		return a->writer < b->writer;
	return a->number < b->number;
}

bool
weir_feed_scan_next(WeirFeedScan *scan, WeirFeedPiece *piece)
{
	Side	   *first = NULL;

	if (scan->last)
		advance(scan->last);
	for (int slot = 0; slot < WEIR_FEED_SLOTS; slot++)
	{
		Side	   *side = &scan->sides[slot];

		if (side->has_piece && (first == NULL || is_before(&side->piece, &first->piece)))
			first = side;
	}
	scan->last = first;
	if (first)
		*piece = first->piece;
	return first != NULL;
}

void
weir_feed_scan_end(WeirFeedScan *scan)
{
	for (int slot = 0; slot < WEIR_FEED_SLOTS; slot++)
	{
		Side	   *side = &scan->sides[slot];

		if (side->rel == NULL)
			continue;
		systable_endscan_ordered(side->scan);
		index_close(side->index, AccessShareLock);
		table_close(side->rel, AccessShareLock);
	}
	pfree(scan);
}
