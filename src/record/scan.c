/*
 * record/scan.c
 *		How the foreign scan of a stream finds the rows that it is to return.
 */
#include "postgres.h"

#include "record/scan.h"

/*
 * An index is spread over the parts of a ctid: block index / 2^15, offset
 * index % 2^15 + 1, which is a valid item pointer for every index.
 */
#define OFFSET_BITS 15

WeirScan   *weir_current_scan = NULL;
const WeirBatch *weir_current_rows = NULL;

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
