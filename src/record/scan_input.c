/*
 * record/scan_input.c
 *		What a source hands out.
 */
#include "postgres.h"

#include "record/scan_input.h"
#include "utils/memutils.h"

WeirScanInput *
weir_scan_input_create(TupleDesc desc, int capacity)
{
	WeirScanInput *input = palloc0(sizeof(WeirScanInput));

	input->batch = weir_batch_create(desc, capacity);
	input->limit = capacity;
	input->watermark = PG_INT64_MIN;
	return input;
}

void
weir_scan_input_reset(WeirScanInput *input)
{
	if (input->nerrors > 0)
		memset(input->errors, 0, input->batch->capacity * sizeof(WeirRecordError *));
	input->nerrors = 0;
	input->nletters = 0;
	weir_batch_reset(input->batch);
}

void
weir_scan_input_keep_letters(WeirScanInput *input)
{
	int			capacity = input->batch->capacity;

	input->errors = palloc0(capacity * sizeof(WeirRecordError *));
	input->letters = palloc(capacity * sizeof(WeirLetter));
	weir_batch_keep_raw(input->batch);
}

void
weir_scan_input_fail(WeirScanInput *input, int index, int sqlstate, const char *error, bool aside)
{
	MemoryContext context = input->batch->context;
	WeirRecordError *e = MemoryContextAlloc(context, sizeof(WeirRecordError));

	Assert(input->errors[index] == NULL);
	e->sqlstate = sqlstate;
	e->aside = aside;
	e->error = MemoryContextStrdup(context, error);
	input->errors[index] = e;
	input->nerrors++;
}

static void
add_letter(WeirScanInput *input, int index, int sqlstate, const char *error, bool aside)
{
	const WeirBatch *batch = input->batch;
	WeirLetter *letter = &input->letters[input->nletters++];

	Assert(input->nletters <= batch->capacity);
	letter->source = batch->source;
	letter->line = batch->lines[index];
	letter->stamp = batch->stamps[index];
	letter->sqlstate = sqlstate;
	letter->error = error;
	letter->raw = batch->raw[index].data;
	letter->raw_len = batch->raw[index].len;
	letter->aside = aside;
}

void
weir_scan_input_add_letter(WeirScanInput *input, int index, int sqlstate, const char *error)
{
	add_letter(input, index, sqlstate, error, false);
}

void
weir_scan_input_settle(WeirScanInput *input)
{
	WeirBatch  *batch = input->batch;
	int			n = 0;

	if (input->nerrors == 0)
		return;
	for (int i = 0; i < batch->nrows; i++)
	{
		WeirRecordError *error = input->errors[i];

		input->errors[i] = NULL;
		if (error)
			add_letter(input, i, error->sqlstate, error->error, error->aside);
		else
			weir_batch_move_row(batch, n++, i);
	}
	batch->nrows = n;
	input->nerrors = 0;
}
