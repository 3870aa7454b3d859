/*
 * catalog/snapshot_scan.h
 *		Chunks of one group in the order of their checkpoints, straight from
 *		the primary key of weir_internal.snapshot: no plan can turn the look at
 *		a few chunks into one at all of them.  For snapshot*.c.
 */
#ifndef WEIR_CATALOG_SNAPSHOT_SCAN_H
#define WEIR_CATALOG_SNAPSHOT_SCAN_H

#include "postgres.h"

#include "access/genam.h"
#include "executor/tuptable.h"
#include "utils/rel.h"

/* Columns of the table. */
enum
{
	WEIR_CHUNK_JOB = 1,
	WEIR_CHUNK_STEP,
	WEIR_CHUNK_GROUP,
	WEIR_CHUNK_FULL,
	WEIR_CHUNK_CHECKPOINT,
	WEIR_CHUNK_SEQ,
	WEIR_CHUNK_TIMELINE,
	WEIR_CHUNK_PAYLOAD
};
#define WEIR_CHUNK_COLUMNS WEIR_CHUNK_PAYLOAD

typedef struct WeirChunkScan
{
	Relation	table;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	int64		job;
	int			step;
} WeirChunkScan;

extern Relation weir_snapshot_open(LOCKMODE mode);
extern void weir_chunk_scan_open(WeirChunkScan *s, LOCKMODE mode, int64 job, int step);
extern void weir_chunk_scan_close(WeirChunkScan *s);

/* From here on: the group's chunks, full ones or changes, after < checkpoint <= last. */
extern void weir_chunk_scan_range(WeirChunkScan *s, int group, bool is_full, int64 after,
								  int64 last);
/* The next, oldest or newest first; the slot is valid until the next call. */
extern bool weir_chunk_scan_next(WeirChunkScan *s, bool newest_first);
extern Datum weir_chunk_scan_get(WeirChunkScan *s, int column);

/* The newest full chunk's checkpoint <= last of the timeline; 0: there is none. */
extern int64 weir_chunk_scan_base(WeirChunkScan *s, int group, int64 timeline, int64 last);

#endif
