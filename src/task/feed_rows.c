/*
 * task/feed_rows.c
 *		What a source task does with the records it has read.
 *
 *	batch -> scan operators -> hash -> senders
 *
 * A batch is run whole, by one scan after the other, in a read-only transaction of
 * its own; where that fails, the records at fault are found by running parts of it.
 * A record for which one scan errs has no rows of another, either.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/blame.h"
#include "decide/isolate.h"
#include "decide/watermark.h"
#include "graph/kinds/scan.h"
#include "record/scan.h"
#include "sink/epoch.h"
#include "source/event_time.h"
#include "task/feed_partitions.h"

#define BATCH_RECORDS 4096

/* The stage is a source, then the scans of it. */
static void
open_scans(WeirFeedRows *rows)
{
	WeirTask   *task = rows->task;

	for (int i = 0; i < rows->nscans; i++)
	{
		const WeirNode *node = weir_task_node(task, i + 1);

		rows->scans[i].op = weir_operator_open(node, task->dataflow->text, NULL, &rows->line);
		rows->scans[i].output = weir_router_output(rows->router, task, node);
	}
	weir_router_set_keys(rows->router, task, &rows->line);
}

/* An operator that is opened again has the watermark of the one before. */
static void
resume_scans(WeirFeedRows *rows)
{
	for (int i = 0; i < rows->nscans; i++)
	{
		WeirFeedScan *scan = &rows->scans[i];

		scan->op->passed = scan->passed;
		scan->op->times = scan->times;
		if (scan->times)
			weir_partition_time_copy(scan->times, scan->noted);
	}
}

static void
note_scans(WeirFeedRows *rows)
{
	for (int i = 0; i < rows->nscans; i++)
	{
		WeirFeedScan *scan = &rows->scans[i];

		scan->passed = scan->op->passed;
		if (scan->times)
			weir_partition_time_copy(scan->noted, scan->times);
	}
}

void
weir_feed_rows_advance_scans(WeirFeedRows *rows)
{
	for (int i = 0; i < rows->nscans; i++)
	{
		WeirFeedScan *scan = &rows->scans[i];

		if (scan->times)
			scan->op->passed = Max(scan->op->passed, weir_partition_time_get(scan->times));
	}
	note_scans(rows);
}

static bool
has_own_time(const WeirFeedRows *rows, int scan)
{
	return weir_scan_plan(rows->scans[scan].op->node)->time > 0;
}

/* Scans of one time are told apart by their order. */
int64
weir_feed_rows_mark(const WeirFeedRows *rows, int scan)
{
	int64		mark = weir_scan_plan(rows->scans[scan].op->node)->mark;
	int			before = 0;

	for (int i = 0; i < scan; i++)
		before += has_own_time(rows, i) && weir_scan_plan(rows->scans[i].op->node)->mark == mark;
	return mark + before;
}

static void
begin_scan(WeirFeedRows *rows, int i, const WeirPosition *start)
{
	WeirFeedScan *scan = &rows->scans[i];

	scan->passed = PG_INT64_MIN;
	if (!has_own_time(rows, i))
		return;
	scan->passed = weir_position_mark(start, weir_feed_rows_mark(rows, i), WEIR_MARK_WHOLE);
	scan->times = weir_partition_time_create();
	scan->noted = weir_partition_time_create();
	weir_partition_time_resume(scan->noted, scan->passed);
}

void
weir_feed_rows_begin(WeirFeedRows *rows, const WeirPosition *start)
{
	rows->input->times = weir_partition_time_create();
	rows->partitions = weir_feed_partitions_create(start, rows->stream->idle_timeout);

	rows->input->watermark = weir_position_mark(start, WEIR_MARK_SOURCE, WEIR_MARK_WHOLE);
	rows->input->idle = weir_position_mark(start, WEIR_MARK_IDLE, WEIR_MARK_WHOLE) != PG_INT64_MIN;
	weir_partition_time_resume(rows->input->times, rows->input->watermark);
	for (int i = 0; i < rows->nscans; i++)
		begin_scan(rows, i, start);
	resume_scans(rows);
}

/* Watermarks may be those of many partitions. */
static void
refuse_marks(const WeirFeedRows *rows)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("stream %s has more watermarks than its position can hold", rows->stream->name),
			 errdetail("At most %d can be kept.", WEIR_POSITION_MARKS),
			 errhint("Let several jobs read some of its partitions each, or call weir.watermark in fewer reads of it.")));
}

void
weir_feed_rows_position(const WeirFeedRows *rows, WeirPosition *position)
{
	bool		noted = weir_position_set_mark(position, WEIR_MARK_SOURCE, WEIR_MARK_WHOLE, rows->input->watermark);

	if (rows->input->idle)
		noted = weir_position_set_mark(position, WEIR_MARK_IDLE, WEIR_MARK_WHOLE, 0) && noted;
	for (int i = 0; i < rows->nscans; i++)
		if (has_own_time(rows, i))
			noted = weir_position_set_mark(position, weir_feed_rows_mark(rows, i), WEIR_MARK_WHOLE,
										   rows->scans[i].op->passed) && noted;
	if (!weir_feed_partitions_position(rows, position) || !noted)
		refuse_marks(rows);
}

static void
close_scans(WeirFeedRows *rows)
{
	for (int i = 0; i < rows->nscans; i++)
		weir_operator_close(rows->scans[i].op);
}

WeirFeedRows *
weir_feed_rows_create(WeirTask *task, const WeirStream *stream, WeirRouter *router)
{
	WeirFeedRows *rows = palloc0(sizeof(WeirFeedRows));
	Relation	rel = table_open(stream->relid, AccessShareLock);

	rows->task = task;
	rows->stream = stream;
	rows->router = router;
	rows->input = weir_scan_input_create(RelationGetDescr(rel), BATCH_RECORDS);
	rows->input->batch->source = weir_task_node(task, 0)->id;
	table_close(rel, AccessShareLock);
	if (stream->dead_letter)
		weir_scan_input_keep_letters(rows->input);
	else if (weir_stream_keeps_raw(stream))
		weir_batch_keep_raw(rows->input->batch);
	rows->nscans = weir_task_nnodes(task) - 1;
	rows->scans = palloc0(sizeof(WeirFeedScan) * rows->nscans);
	open_scans(rows);
	return rows;
}

/* Records are decoded by the stream's columns as they were at the start. */
static void
check_stream(WeirFeedRows *rows)
{
	Relation	rel = table_open(rows->stream->relid, NoLock);
	bool		same = equalTupleDescs(RelationGetDescr(rel), rows->input->batch->desc);

	table_close(rel, NoLock);
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("stream %s was altered while the job runs", rows->stream->name),
				 errdetail("The job restarts with the columns it has now.")));
}

static void
refresh(WeirFeedRows *rows)
{
	WeirTask   *task = rows->task;
	MemoryContext old;

	if (!weir_task_refresh(task))
		return;
	old = MemoryContextSwitchTo(task->context);
	close_scans(rows);
	open_scans(rows);
	resume_scans(rows);
	MemoryContextSwitchTo(old);
	check_stream(rows);
	weir_task_drop_stale(task);
}

/* An error is blamed on a record only if its own scan has read one. */
static void
run_scans(WeirFeedRows *rows, int from, int to)
{
	for (int i = 0; i < rows->nscans; i++)
	{
		WeirFeedScan *scan = &rows->scans[i];

		rows->line = 0;
		scan->op->ops->rows(scan->op, rows->input->batch, from, to, scan->output);
	}
}

static void
run_range(WeirFeedRows *rows, int from, int to)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	weir_epoch_be_owner();
	XactReadOnly = true;
	PushActiveSnapshot(GetTransactionSnapshot());
	refresh(rows);
	run_scans(rows, from, to);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(rows->task->context);
}

/*
 * An error before any record was read is not a record's; nor is one whose class
 * says so.
 */
static bool
blames_record(const WeirFeedRows *rows, const ErrorData *error)
{
	return rows->line > 0 &&
		weir_error_blame(error) != WEIR_BLAME_NONE;
}

/* The error of a range, if it is about a record; NULL if there was none. */
static ErrorData *
try_range(WeirFeedRows *rows, int from, int to)
{
	ErrorData  *volatile error = NULL;

	rows->line = 0;
	PG_TRY();
	{
		run_range(rows, from, to);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(rows->input->batch->context);
		error = CopyErrorData();
		weir_current_scan = NULL;
		if (rows->line > 0)
			rows->task->line = rows->line;
		if (!blames_record(rows, error))
			PG_RE_THROW();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(rows->task->context);
	}
	PG_END_TRY();
	return error;
}

/* After an error: what the operators had of the transaction is gone. */
static void
reset_scans(WeirFeedRows *rows)
{
	StartTransactionCommand();
	for (int i = 0; i < rows->nscans; i++)
		weir_operator_reset(rows->scans[i].op);
	resume_scans(rows);
	CommitTransactionCommand();
	MemoryContextSwitchTo(rows->task->context);
}

/* The index of the record that was read last. */
static int
index_read(const WeirFeedRows *rows)
{
	const WeirBatch *batch = rows->input->batch;

	for (int i = 0; i < batch->nrows; i++)
	{
		if (batch->lines[i] == rows->line)
			return i;
	}
	return -1;
}

/* A record for which the query errs: a dead letter, or the end of the attempt. */
static void
drop_record(WeirFeedRows *rows, int index, ErrorData *error)
{
	WeirScanInput *input = rows->input;
	int64		line = input->batch->lines[index];
	MemoryContext old;

	if (!rows->stream->dead_letter)
	{
		rows->task->line = line;
		ReThrowError(error);
	}
	weir_task_check_blame(rows->task, error, line);
	old = MemoryContextSwitchTo(input->batch->context);
	weir_scan_input_add_letter(input, index, error->sqlerrcode, weir_letter_error(error));
	MemoryContextSwitchTo(old);
}

/* The rows of the range that was run stay, or are taken back. */
static void
keep_rows(WeirFeedRows *rows, bool keep)
{
	if (!rows->stream->dead_letter)
		return;
	if (!keep)
		weir_router_undo(rows->router);
	weir_router_mark(rows->router);
}

/*
 * Without dead letters the attempt ends, but with the record to blame: it is
 * looked for with rows going nowhere.  If it is not met again, the first error
 * must do.
 */
static void
search(WeirFeedRows *rows, ErrorData *error)
{
	if (rows->first_error == NULL)
		rows->first_error = error;
	rows->router->discards = true;
}

static int
compare_lines(const void *a, const void *b)
{
	int64		x = ((const WeirLetter *) a)->line;
	int64		y = ((const WeirLetter *) b)->line;

	return x < y ? -1 : x > y ? 1 : 0;
}

static void
send_letters(WeirFeedRows *rows)
{
	WeirScanInput *input = rows->input;

	if (input->nletters > 1)
		qsort(input->letters, input->nletters, sizeof(WeirLetter), compare_lines);
	for (int i = 0; i < input->nletters; i++)
		weir_router_letter(rows->router, &input->letters[i]);
}

/* Rows wait in the senders until their range is through. */
static void
run_batch(WeirFeedRows *rows)
{
	int64	   *records_out = &rows->task->slot->stats.records_out;
	WeirIsolate iso;
	int			from;
	int			to;

	keep_rows(rows, true);
	weir_isolate_begin(&iso, rows->input->batch->nrows);
	while (weir_isolate_next(&iso, &from, &to))
	{
		int64		before = *records_out;
		ErrorData  *error = try_range(rows, from, to);

		keep_rows(rows, error == NULL);
		if (error == NULL)
		{
			note_scans(rows);
			weir_isolate_succeeded(&iso);
			continue;
		}
		*records_out = before;
		reset_scans(rows);
		if (weir_isolate_failed(&iso, index_read(rows)))
			drop_record(rows, from, error);
		else if (!rows->stream->dead_letter)
			search(rows, error);
	}
	if (rows->first_error)
		ReThrowError(rows->first_error);
}

void
weir_feed_rows_watermark(WeirFeedRows *rows)
{
	const WeirScanInput *input = rows->input;
	WeirTaskSlot *slot = rows->task->slot;
	int64		lowest = WEIR_WATERMARK_END;

	for (int i = 0; i < rows->nscans; i++)
	{
		WeirFeedScan *scan = &rows->scans[i];
		int64		watermark = weir_operator_advance(scan->op, input->watermark, NULL);

		lowest = Min(lowest, watermark);
		weir_output_watermark(scan->output, watermark, input->idle);
	}
	slot->stats.watermark = slot->source.watermark = lowest;
	slot->source.is_idle = input->idle;
}

void
weir_feed_rows_run(WeirFeedRows *rows)
{
	WeirTask   *task = rows->task;
	int			nrecords = rows->input->batch->nrows;

	weir_scan_input_settle(rows->input);
	weir_event_time_fill(rows->stream, rows->input);
	run_batch(rows);
	send_letters(rows);
	weir_feed_rows_watermark(rows);
	weir_router_release(rows->router);
	task->line = 0;
	task->slot->stats.records_in += nrecords;
	task->slot->stats.bytes_in = task->slot->source.bytes;
}
