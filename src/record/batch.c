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
weir_batch_keep_raw(WeirBatch *batch)
{
	if (batch->raw == NULL)
		batch->raw = allocate(batch->capacity, sizeof(WeirRaw));
}

/* A bit of the row that was there before is cleared, too. */
void
weir_batch_set_row(WeirBatch *batch, int row, const Datum *values, const bool *nulls)
{
	for (int i = 0; i < batch->desc->natts; i++)
	{
		WeirVector *vector = &batch->columns[i];

		if (nulls[i])
		{
			weir_batch_set_null(batch, i, row);
			continue;
		}
		vector->values[row] = values[i];
		if (vector->has_nulls)
			vector->nulls[row / BITS_PER_BYTE] &= ~(1 << (row % BITS_PER_BYTE));
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
