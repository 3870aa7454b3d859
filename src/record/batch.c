/*
 * record/batch.c
 *		The decoded records a source task works on.
 */
#include "postgres.h"

#include "record/batch.h"
#include "utils/memutils.h"

/*
 * A batch index is spread over the parts of a ctid: block index / 2^15, offset
 * index % 2^15 + 1, which is a valid item pointer for every index.
 */
#define OFFSET_BITS 15

/* Where a record's bytes are. */
typedef struct WeirKept
{
	const StringInfoData *in;
	int			start;
	int			len;
} WeirKept;

WeirBatch  *weir_current_batch = NULL;

WeirBatch *
weir_batch_create(Oid relid, TupleDesc desc, int capacity)
{
	WeirBatch  *batch = palloc0(sizeof(WeirBatch));
	Size		cells = (Size) capacity * Max(desc->natts, 1);

	batch->relid = relid;
	batch->desc = CreateTupleDescCopyConstr(desc);
	batch->capacity = capacity;
	batch->values = palloc_extended(cells * sizeof(Datum), MCXT_ALLOC_HUGE);
	batch->nulls = palloc_extended(cells * sizeof(bool), MCXT_ALLOC_HUGE);
	batch->lines = palloc(capacity * sizeof(int64));
	batch->stamps = palloc(capacity * sizeof(int64));
	batch->context = AllocSetContextCreate(CurrentMemoryContext, "weir batch",
										   ALLOCSET_DEFAULT_SIZES);
	return batch;
}

void
weir_batch_reset(WeirBatch *batch)
{
	batch->nrecords = 0;
	MemoryContextReset(batch->context);
	if (batch->bytes)
		resetStringInfo(batch->bytes);
}

void
weir_batch_keep_raw(WeirBatch *batch)
{
	batch->faults = palloc0(batch->capacity * sizeof(WeirFault *));
	batch->kept = palloc0(batch->capacity * sizeof(WeirKept));
	batch->bytes = makeStringInfo();
}

void
weir_batch_keep_text(WeirBatch *batch, int index, const StringInfoData *text, int start, int len)
{
	if (batch->kept == NULL)
		return;
	batch->faults[index] = NULL;
	batch->kept[index].in = text;
	batch->kept[index].start = start;
	batch->kept[index].len = len;
}

void
weir_batch_keep_bytes(WeirBatch *batch, int index, const char *data, int len)
{
	if (batch->kept == NULL)
		return;
	weir_batch_keep_text(batch, index, batch->bytes, batch->bytes->len, len);
	appendBinaryStringInfo(batch->bytes, data, len);
}

WeirRaw
weir_batch_raw(const WeirBatch *batch, int index)
{
	WeirRaw		raw = {NULL, 0};

	if (batch->kept == NULL)
		return raw;
	raw.data = batch->kept[index].in->data + batch->kept[index].start;
	raw.len = batch->kept[index].len;
	return raw;
}

void
weir_batch_fault(WeirBatch *batch, int index, int sqlstate, const char *error)
{
	WeirFault  *fault = MemoryContextAlloc(batch->context, sizeof(WeirFault));

	fault->sqlstate = sqlstate;
	fault->error = MemoryContextStrdup(batch->context, error);
	batch->faults[index] = fault;
}

void
weir_batch_range(WeirBatch *batch, int first, int end)
{
	batch->first = first;
	batch->end = end;
	batch->at = -1;
}

void
weir_batch_tid(int index, ItemPointer tid)
{
	ItemPointerSet(tid, index >> OFFSET_BITS,
				   (index & ((1 << OFFSET_BITS) - 1)) + 1);
}

int
weir_batch_index(ItemPointer tid)
{
	return (int) (ItemPointerGetBlockNumber(tid) << OFFSET_BITS) +
		ItemPointerGetOffsetNumber(tid) - 1;
}
