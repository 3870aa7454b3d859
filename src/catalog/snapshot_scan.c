/*
 * catalog/snapshot_scan.c
 *		Chunks of one group, by the primary key (job, step, key_group, is_full,
 *		checkpoint, seq).
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "catalog/snapshot_scan.h"

#define KEYS 6

Relation
weir_snapshot_open(LOCKMODE mode)
{
	Oid			namespace = get_namespace_oid("weir_internal", false);

	return table_open(get_relname_relid("snapshot", namespace), mode);
}

void
weir_chunk_scan_open(WeirChunkScan *s, LOCKMODE mode, int64 job, int step)
{
	s->table = weir_snapshot_open(mode);
	list_free(RelationGetIndexList(s->table));
	s->index = index_open(s->table->rd_pkindex, mode);
	s->scan = weir_index_beginscan(s->table, s->index, GetActiveSnapshot(), KEYS);
	s->slot = table_slot_create(s->table, NULL);
	s->job = job;
	s->step = step;
}

void
weir_chunk_scan_close(WeirChunkScan *s)
{
	ExecDropSingleTupleTableSlot(s->slot);
	index_endscan(s->scan);
	index_close(s->index, NoLock);
	table_close(s->table, NoLock);
}

void
weir_chunk_scan_range(WeirChunkScan *s, int group, bool is_full, int64 after, int64 last)
{
	ScanKeyData keys[KEYS];

	/* attribute numbers are those of the index */
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(s->job));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(s->step));
	ScanKeyInit(&keys[2], 3, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(group));
	ScanKeyInit(&keys[3], 4, BTEqualStrategyNumber, F_BOOLEQ, BoolGetDatum(is_full));
	ScanKeyInit(&keys[4], 5, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(after));
	ScanKeyInit(&keys[5], 5, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum(last));
	index_rescan(s->scan, keys, KEYS, NULL, 0);
}

bool
weir_chunk_scan_next(WeirChunkScan *s, bool newest_first)
{
	return index_getnext_slot(s->scan, newest_first ? BackwardScanDirection : ForwardScanDirection,
							  s->slot);
}

Datum
weir_chunk_scan_get(WeirChunkScan *s, int column)
{
	bool		isnull;

	return slot_getattr(s->slot, column, &isnull);
}

int64
weir_chunk_scan_base(WeirChunkScan *s, int group, int64 timeline, int64 last)
{
	weir_chunk_scan_range(s, group, true, 0, last);
	while (weir_chunk_scan_next(s, true))
	{
		if (DatumGetInt64(weir_chunk_scan_get(s, WEIR_CHUNK_TIMELINE)) == timeline)
			return DatumGetInt64(weir_chunk_scan_get(s, WEIR_CHUNK_CHECKPOINT));
	}
	return 0;
}
