/*
 * record/scan.h
 *		How the foreign scan of a stream finds the rows that it is to return.
 *
 * The scan operator sets weir_current_scan, then runs the plan that reads the
 * stream: the foreign scan of relid returns the batch's rows from first to
 * end - 1 in order, each with its index in the batch as ctid (weir_scan_tid).
 */
#ifndef WEIR_RECORD_SCAN_H
#define WEIR_RECORD_SCAN_H

#include "postgres.h"

#include "storage/itemptr.h"

#include "record/batch.h"

typedef struct WeirScan
{
	Oid			relid;
	const WeirBatch *batch;		/* of the stream's columns */
	int			first;
	int			end;
	int64	   *line;			/* where to note the record returned last */
} WeirScan;

extern PGDLLIMPORT WeirScan *weir_current_scan;

/* The batch whose rows such a ctid, or the ordinal of a step's rows, tells; NULL: no scan runs. */
extern PGDLLIMPORT const WeirBatch *weir_current_rows;

/* index <-> ctid of the row */
extern void weir_scan_tid(int index, ItemPointer tid);
extern int	weir_scan_index(ItemPointer tid);

#endif
