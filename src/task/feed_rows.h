/*
 * task/feed_rows.h
 *		What a source task does with the records it has read: the stateless parts
 *		of the query over each batch, and their rows and letters on their way.
 */
#ifndef WEIR_TASK_FEED_ROWS_H
#define WEIR_TASK_FEED_ROWS_H

#include "postgres.h"

#include "record/scan_input.h"
#include "source/stream.h"
#include "task/output.h"
#include "task/task.h"

/* One of the scans that read the stream. */
typedef struct WeirFeedScan
{
	WeirOperator *op;
	int64		passed;			/* its watermark behind the rows that went on */
	WeirPartitionTime *times;	/* of its own time in the stream's partitions; NULL: it has none .. */
	WeirPartitionTime *noted;	/* .. and behind the rows that went on */
	WeirOutput *output;
} WeirFeedScan;

typedef struct WeirFeedPartitions WeirFeedPartitions;	/* feed_partitions.h */

typedef struct WeirFeedRows
{
	WeirTask   *task;
	const WeirStream *stream;
	WeirRouter *router;
	WeirScanInput *input;		/* for the source to fill */
	WeirFeedPartitions *partitions;
	int			nscans;
	WeirFeedScan *scans;		/* in the order in which they run */
	int64		line;			/* of the record that a scan has read last, 0: none */
	ErrorData  *first_error;	/* while the record at fault is looked for */
} WeirFeedRows;

/* In CurrentMemoryContext, in a transaction. */
extern WeirFeedRows *weir_feed_rows_create(WeirTask *task, const WeirStream *stream,
											   WeirRouter *router);

/* How far the watermark has come behind what was worked off, that of each scan (its op->passed). */
extern void weir_feed_rows_watermark(WeirFeedRows *rows);

/* How far event time had come at a position, and has come. */
extern void weir_feed_rows_begin(WeirFeedRows *rows, const WeirPosition *start);
extern void weir_feed_rows_position(const WeirFeedRows *rows, WeirPosition *position);

/* What the watermark of a scan that goes by a time of its own is kept under. */
extern int64 weir_feed_rows_mark(const WeirFeedRows *rows, int scan);
/* Their partitions have got on without rows. */
extern void weir_feed_rows_advance_scans(WeirFeedRows *rows);

/* Works off what the input holds.  Outside a transaction. */
extern void weir_feed_rows_run(WeirFeedRows *rows);

#endif
