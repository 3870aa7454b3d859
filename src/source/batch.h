/*
 * source/batch.h
 *		The decoded records a source task works on, and how the stream's
 *		foreign scan finds them.
 *
 * The source task sets weir_current_batch, then runs the plan that reads the
 * stream: the foreign scan of relid returns the batch's rows in order, each
 * with its index in the batch as ctid (weir_batch_tid).
 */
#ifndef WEIR_SOURCE_BATCH_H
#define WEIR_SOURCE_BATCH_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "storage/itemptr.h"

typedef struct WeirBatch
{
	Oid			relid;
	TupleDesc	desc;
	int			capacity;		/* records */
	int			nrecords;
	Datum	   *values;			/* nrecords * natts */
	bool	   *nulls;
	int64	   *lines;			/* line number of each record */
	int64	   *stamps;			/* arrival stamp, us since 2000-01-01 */
	MemoryContext context;		/* of the values; reset for the next batch */
} WeirBatch;

extern PGDLLIMPORT WeirBatch *weir_current_batch;

extern WeirBatch *weir_batch_create(Oid relid, TupleDesc desc, int capacity);
extern void weir_batch_reset(WeirBatch *batch);

/* index <-> ctid of the row */
extern void weir_batch_tid(int index, ItemPointer tid);
extern int	weir_batch_index(ItemPointer tid);

#endif
