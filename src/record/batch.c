/*
 * record/batch.c
 *		Rows on their way through a dataflow, column by column.
 */
#include "postgres.h"

#include "record/batch.h"
#include "utils/memutils.h"

static void *
allocate(Size rows, Size size)
{
	return palloc_extended(Max(rows, 1) * size, MCXT_ALLOC_HUGE);
}

WeirBatch *
weir_batch_create(TupleDesc desc, int capacity)
{
	WeirBatch  *batch = palloc0(sizeof(WeirBatch));

	batch->desc = CreateTupleDescCopyConstr(desc);
	batch->capacity = capacity;
	batch->columns = palloc0(Max(desc->natts, 1) * sizeof(WeirVector));
	for (int i = 0; i < desc->natts; i++)
	{
		batch->columns[i].values = allocate(capacity, sizeof(Datum));
		batch->columns[i].nulls = allocate(WEIR_NULLS_SIZE(capacity), sizeof(bits8));
	}
	batch->lines = allocate(capacity, sizeof(int64));
	batch->stamps = allocate(capacity, sizeof(int64));
	batch->hashes = allocate(capacity, sizeof(uint64));
	batch->context = AllocSetContextCreate(CurrentMemoryContext, "weir batch",
										   ALLOCSET_DEFAULT_SIZES);
	return batch;
}

void
weir_batch_free(WeirBatch *batch)
{
	MemoryContextDelete(batch->context);
	for (int i = 0; i < batch->desc->natts; i++)
	{
		pfree(batch->columns[i].values);
		pfree(batch->columns[i].nulls);
	}
	pfree(batch->columns);
	pfree(batch->lines);
	pfree(batch->stamps);
	pfree(batch->hashes);
	if (batch->raw)
		pfree(batch->raw);
	if (batch->watermarks)
		pfree(batch->watermarks);
	if (batch->partitions)
		pfree(batch->partitions);
	FreeTupleDesc(batch->desc);
	pfree(batch);
}

void
weir_batch_reset(WeirBatch *batch)
{
	batch->nrows = 0;
	for (int i = 0; i < batch->desc->natts; i++)
		batch->columns[i].has_nulls = false;
	MemoryContextReset(batch->context);
}

void
weir_batch_grow(WeirBatch *batch)
{
	Size		rows = (Size) batch->capacity * 2;

	for (int i = 0; i < batch->desc->natts; i++)
	{
		WeirVector *vector = &batch->columns[i];

		vector->values = repalloc_huge(vector->values, rows * sizeof(Datum));
		vector->nulls = repalloc_huge(vector->nulls, WEIR_NULLS_SIZE(rows));
		if (vector->has_nulls)
			memset(vector->nulls + WEIR_NULLS_SIZE(batch->capacity), 0,
				   WEIR_NULLS_SIZE(rows) - WEIR_NULLS_SIZE(batch->capacity));
	}
	batch->lines = repalloc_huge(batch->lines, rows * sizeof(int64));
	batch->stamps = repalloc_huge(batch->stamps, rows * sizeof(int64));
	batch->hashes = repalloc_huge(batch->hashes, rows * sizeof(uint64));
	if (batch->raw)
		batch->raw = repalloc_huge(batch->raw, rows * sizeof(WeirRaw));
	if (batch->watermarks)
		batch->watermarks = repalloc_huge(batch->watermarks, rows * sizeof(int64));
	if (batch->partitions)
		batch->partitions = repalloc_huge(batch->partitions, rows * sizeof(int32));
	batch->capacity = (int) rows;
}

void
weir_batch_keep_raw(WeirBatch *batch)
{
	if (batch->raw == NULL)
		batch->raw = MemoryContextAllocHuge(GetMemoryChunkContext(batch),
											batch->capacity * sizeof(WeirRaw));
}

void
weir_batch_keep_watermarks(WeirBatch *batch)
{
	if (batch->watermarks)
		return;
	batch->watermarks = MemoryContextAllocHuge(GetMemoryChunkContext(batch),
											   batch->capacity * sizeof(int64));
	for (int i = 0; i < batch->nrows; i++)
		batch->watermarks[i] = PG_INT64_MIN;
}

void
weir_batch_keep_partitions(WeirBatch *batch)
{
	if (batch->partitions == NULL)
		batch->partitions = MemoryContextAllocHuge(GetMemoryChunkContext(batch),
												   batch->capacity * sizeof(int32));
}

void
weir_batch_set_row(WeirBatch *batch, int row, const Datum *values, const bool *nulls)
{
	for (int i = 0; i < batch->desc->natts; i++)
	{
		if (nulls[i])
			weir_batch_set_null(batch, i, row);
		else
			weir_batch_set_value(batch, i, row, values[i]);
	}
}

void
weir_batch_get_row(const WeirBatch *batch, int row, Datum *values, bool *nulls)
{
	for (int i = 0; i < batch->desc->natts; i++)
	{
		values[i] = batch->columns[i].values[row];
		nulls[i] = weir_vector_is_null(&batch->columns[i], row);
	}
}

void
weir_batch_move_row(WeirBatch *batch, int to, int from)
{
	if (to == from)
		return;
	for (int i = 0; i < batch->desc->natts; i++)
	{
		if (weir_vector_is_null(&batch->columns[i], from))
			weir_batch_set_null(batch, i, to);
		else
			weir_batch_set_value(batch, i, to, batch->columns[i].values[from]);
	}
	batch->lines[to] = batch->lines[from];
	batch->stamps[to] = batch->stamps[from];
	if (batch->raw)
		batch->raw[to] = batch->raw[from];
	if (batch->watermarks)
		batch->watermarks[to] = batch->watermarks[from];
	if (batch->partitions)
		batch->partitions[to] = batch->partitions[from];
}
