/*
 * record/scan_input.c
 *		What the scan of a stream reads.
 */
#include "postgres.h"

#include "record/scan_input.h"
#include "utils/memutils.h"

/*
 * An index is spread over the parts of a ctid: block index / 2^15, offset
 * index % 2^15 + 1, which is a valid item pointer for every index.
 */
#define OFFSET_BITS 15

WeirScanInput *weir_current_scan = NULL;

WeirScanInput *
weir_scan_input_create(Oid relid, TupleDesc desc, int capacity)
{
	WeirScanInput *input = palloc0(sizeof(WeirScanInput));

	input->relid = relid;
	input->batch = weir_batch_create(desc, capacity);
	return input;
}

void
weir_scan_input_reset(WeirScanInput *input)
{
	if (input->nerrors > 0)
		memset(input->errors, 0, input->batch->capacity * sizeof(WeirRecordError *));
	input->nerrors = 0;
	weir_batch_reset(input->batch);
}

void
weir_scan_input_keep_letters(WeirScanInput *input)
{
	input->errors = palloc0(input->batch->capacity * sizeof(WeirRecordError *));
	weir_batch_keep_raw(input->batch);
}

void
weir_scan_input_fail(WeirScanInput *input, int index, int sqlstate, const char *error)
{
	MemoryContext context = input->batch->context;
	WeirRecordError *e = MemoryContextAlloc(context, sizeof(WeirRecordError));

	e->sqlstate = sqlstate;
	e->error = MemoryContextStrdup(context, error);
	input->errors[index] = e;
	input->nerrors++;
}

void
weir_scan_input_range(WeirScanInput *input, int first, int end)
{
	input->first = first;
	input->end = end;
	input->at = -1;
}

void
weir_scan_tid(int index, ItemPointer tid)
{
	ItemPointerSet(tid, index >> OFFSET_BITS,
				   (index & ((1 << OFFSET_BITS) - 1)) + 1);
}

int
weir_scan_index(ItemPointer tid)
{
	return (int) (ItemPointerGetBlockNumber(tid) << OFFSET_BITS) +
		ItemPointerGetOffsetNumber(tid) - 1;
}
