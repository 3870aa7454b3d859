/*
 * operator/result.c
 *		The rows that an operator with a keyed step hands on.
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/memutils.h"

#include "operator/result.h"

#define RESULT_ROWS 1024
#define RESULT_BYTES (1024 * 1024)

WeirResult *
weir_result_create(TupleDesc desc, const int *columns)
{
	WeirResult *result = palloc0(sizeof(WeirResult));

	result->columns = columns;
	result->batch = weir_batch_create(desc, RESULT_ROWS);
	return result;
}

static Datum
copy_value(WeirBatch *batch, Form_pg_attribute att, Datum value)
{
	MemoryContext old;
	Datum		copy;

	if (att->attbyval)
		return value;
	old = MemoryContextSwitchTo(batch->context);
	copy = datumCopy(value, false, att->attlen);
	MemoryContextSwitchTo(old);
	return copy;
}

static inline void
take_computed(WeirResult *result, int column, Datum value, bool isnull, bool copy)
{
	WeirBatch  *batch = result->batch;

	if (isnull)
		weir_batch_set_null(batch, column, batch->nrows);
	else
		weir_batch_set_value(batch, column, batch->nrows,
							 copy ? copy_value(batch, TupleDescAttr(batch->desc, column), value) : value);
}

static void
take_input(WeirResult *result, int column, const WeirVector *vector, int row)
{
	WeirBatch  *batch = result->batch;

	if (weir_vector_is_null(vector, row))
		weir_batch_set_null(batch, column, batch->nrows);
	else
		weir_batch_set_value(batch, column, batch->nrows, vector->values[row]);
}

static void
set_watermark(WeirBatch *batch, int64 watermark)
{
	weir_batch_keep_watermarks(batch);
	batch->watermarks[batch->nrows] = watermark;
}

static inline void
add_row(WeirResult *result, const WeirBatch *in, int row, const Datum *values, const bool *nulls,
		bool copy)
{
	WeirBatch  *batch = result->batch;

	Assert(batch->nrows < batch->capacity);
	for (int i = 0; i < batch->desc->natts; i++)
	{
		int			from = result->columns[i];

		if (from > 0)
			take_input(result, i, &in->columns[from - 1], row);
		else
			take_computed(result, i, values[-from - 1], nulls[-from - 1], copy);
	}
	weir_batch_set_record(batch, batch->nrows, in, row);
	if (result->passed)
		set_watermark(batch, *result->passed);
	batch->hashes[batch->nrows] = in->hashes[row];
	batch->nrows++;
}

void
weir_result_add(WeirResult *result, const WeirBatch *in, int row, const Datum *values,
				const bool *nulls)
{
	add_row(result, in, row, values, nulls, true);
}

void
weir_result_take(WeirResult *result, const WeirBatch *in, int row, const Datum *values,
				 const bool *nulls)
{
	add_row(result, in, row, values, nulls, false);
}

bool
weir_result_is_full(const WeirResult *result)
{
	return result->batch->nrows == result->batch->capacity ||
		MemoryContextMemAllocated(result->batch->context, false) >= RESULT_BYTES;
}

void
weir_result_hand_on(WeirResult *result, WeirOutput *out)
{
	if (result->batch->nrows == 0)
		return;
	out->rows(out, result->batch);
	weir_batch_reset(result->batch);
}
