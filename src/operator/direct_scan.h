/*
 * operator/direct_scan.h
 *		A scan plan that is a scan of the stream, or of a step's rows, and nothing
 *		else, with conditions and expressions: carried out over the batch, without an
 *		executor.
 */
#ifndef WEIR_OPERATOR_DIRECT_SCAN_H
#define WEIR_OPERATOR_DIRECT_SCAN_H

#include "postgres.h"

#include "decide/partition_time.h"
#include "operator/operator.h"

typedef struct WeirDirectScan WeirDirectScan;

/* Is the plan of this kind? */
extern bool weir_direct_scan_serves(const WeirNode *node);
/* If so: has it conditions or expressions, which may err? */
extern bool weir_direct_scan_evaluates(const WeirNode *node);

/* For batches like this one.  In a transaction, in CurrentMemoryContext. */
extern WeirDirectScan *weir_direct_scan_create(const WeirNode *node,
											   const WeirBatch *in);
/* Before its memory goes; committed: else what the transaction held is gone already. */
extern void weir_direct_scan_close(WeirDirectScan *scan, bool committed);

/*
 * In a transaction with a snapshot; *line is that of the record at work, *watermark that
 * of the rows where the plan has a time that makes it; partitions: that of the stream's, NULL
 * if it has none.
 */
extern void weir_direct_scan_run(WeirDirectScan *scan, WeirBatch *in, int from, int to,
								 int64 *line, int64 *watermark, WeirPartitionTime *partitions, WeirOutput *out);

#endif
