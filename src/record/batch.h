/*
 * record/batch.h
 *		The decoded records a source task works on, and how the stream's
 *		foreign scan finds them.
 *
 * The scan step sets weir_current_batch, then runs the plan that reads the
 * stream: the foreign scan of relid returns the batch's rows from first to
 * end - 1 in order, each with its index in the batch as ctid (weir_batch_tid).
 * Where the stream has dead letters the batch keeps the records' bytes, and has
 * a fault for each record that could not be decoded; the scan passes those.
 */
#ifndef WEIR_RECORD_BATCH_H
#define WEIR_RECORD_BATCH_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "lib/stringinfo.h"
#include "storage/itemptr.h"

/* Why a record is a dead letter. */
typedef struct WeirFault
{
	int			sqlstate;
	char	   *error;
} WeirFault;

/* A record's bytes; data NULL: they were not kept. */
typedef struct WeirRaw
{
	const char *data;
	int			len;
} WeirRaw;

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
	int			first;			/* what the scan reads */
	int			end;
	int			at;				/* record it returned last, -1: none yet */
	WeirFault **faults;			/* NULL: the stream has no dead letters */
	struct WeirKept *kept;		/* where the bytes of each record are, likewise */
	StringInfo	bytes;			/* those that were kept here */
	MemoryContext context;		/* of the values; reset for the next batch */
} WeirBatch;

extern PGDLLIMPORT WeirBatch *weir_current_batch;

extern WeirBatch *weir_batch_create(Oid relid, TupleDesc desc, int capacity);
extern void weir_batch_reset(WeirBatch *batch);

/* From now on the batch keeps bytes and faults. */
extern void weir_batch_keep_raw(WeirBatch *batch);
/*
 * Notes where a record's bytes are: in a text, which may grow but stays as long
 * as the batch's records; or copies them.  Nothing, where they are not kept.
 */
extern void weir_batch_keep_text(WeirBatch *batch, int index, const StringInfoData *text,
								 int start, int len);
extern void weir_batch_keep_bytes(WeirBatch *batch, int index, const char *data, int len);
extern WeirRaw weir_batch_raw(const WeirBatch *batch, int index);
/* The record is a dead letter.  The error is copied. */
extern void weir_batch_fault(WeirBatch *batch, int index, int sqlstate, const char *error);
/* What the scan is to read. */
extern void weir_batch_range(WeirBatch *batch, int first, int end);

/* index <-> ctid of the row */
extern void weir_batch_tid(int index, ItemPointer tid);
extern int	weir_batch_index(ItemPointer tid);

#endif
