/*
 * operator/kept.c
 *		Kept rows that are handed on.
 */
#include "postgres.h"

#include "utils/datum.h"

#include "operator/kept.h"

#define RESULT_ROWS 1024

WeirKeptResult *
weir_kept_result_create(const WeirOperator *op, WeirState *rows, const int *columns)
{
	WeirKeptResult *result = palloc0(sizeof(WeirKeptResult));

	result->op = op;
	result->rows = rows;
	result->columns = columns;
	result->batch = weir_batch_create(op->node->out, RESULT_ROWS);
	weir_batch_keep_watermarks(result->batch);
	weir_rows_retain(rows);
	return result;
}

static void
hand_on(WeirKeptResult *result)
{
	if (result->batch->nrows == 0)
		return;
	result->out->rows(result->out, result->batch);
	weir_batch_reset(result->batch);
}

static Datum
copy(WeirBatch *batch, int column, Datum value)
{
	Form_pg_attribute att = TupleDescAttr(batch->desc, column);
	MemoryContext old;

	if (att->attbyval)
		return value;
	old = MemoryContextSwitchTo(batch->context);
	value = datumCopy(value, false, att->attlen);
	MemoryContextSwitchTo(old);
	return value;
}

static void
put_columns(WeirKeptResult *result, int row, const WeirKept *kept, const Datum *values, const bool *nulls)
{
	WeirBatch  *batch = result->batch;

	for (int i = 0; i < batch->desc->natts; i++)
	{
		int			from = result->columns[i];
		bool		isnull = from > 0 ? weir_kept_nulls(kept)[from - 1] : nulls[-from - 1];

		if (isnull)
			weir_batch_set_null(batch, i, row);
		else if (from > 0)
			weir_batch_set_value(batch, i, row, kept->values[from - 1]);
		else
			weir_batch_set_value(batch, i, row, copy(batch, i, values[-from - 1]));
	}
}

/* A batch is of records of one source. */
void
weir_kept_result_add(WeirKeptResult *result, const WeirKept *kept, const Datum *values, const bool *nulls)
{
	WeirBatch  *batch = result->batch;
	int			row;

	if (batch->nrows == batch->capacity || (batch->nrows > 0 && batch->source != kept->source))
		hand_on(result);
	row = batch->nrows++;
	put_columns(result, row, kept, values, nulls);
	weir_rows_set_record(batch, row, kept);
	batch->hashes[row] = 0;
	batch->watermarks[row] = result->op->passed;
}

void
weir_kept_result_end(WeirKeptResult *result)
{
	hand_on(result);
	weir_rows_release(result->rows);
}
