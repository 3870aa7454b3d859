/*
 * operator/scan.c
 *		The stateless step: runs the scan plan over a batch of records, or of a
 *		keyed step's rows.
 *
 * Where the plan is a scan of these and nothing else it is carried out directly;
 * of the executor it is then asked once whether it may be run, which is also when
 * other extensions have their say.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "executor/executor.h"
#include "tcop/dest.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "decide/partition_time.h"
#include "graph/kinds/scan.h"
#include "operator/direct_scan.h"
#include "operator/operator.h"
#include "operator/step_rows.h"
#include "record/scan.h"

#define SCAN_ROWS 4096

typedef struct StreamScan
{
	WeirOperator op;
	WeirBatch  *batch;			/* of node->out */
	Bitmapset  *plain;			/* columns (from 0) that must not be packed */
	int64	   *times;			/* of its rows, where the plan has a time .. */
	int			max_times;		/* .. with room for so many */
	bool		is_direct;
	WeirDirectScan *direct;		/* NULL: not yet */
} StreamScan;

/* Receives the rows of the scan plan. */
typedef struct ScanReceiver
{
	DestReceiver pub;
	StreamScan *scan;
	const WeirBatch *in;
} ScanReceiver;

static void
open_scan(WeirOperator *op)
{
	StreamScan *scan = (StreamScan *) op;
	TupleDesc	desc = op->node->out;

	scan->is_direct = weir_direct_scan_serves(op->node);
	if (scan->is_direct)
		return;
	scan->batch = weir_batch_create(desc, SCAN_ROWS);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attlen == -1 && att->attstorage == TYPSTORAGE_PLAIN)
			scan->plain = bms_add_member(scan->plain, i);
	}
}

static bool
may_fail(const WeirOperator *op)
{
	return !((const StreamScan *) op)->is_direct || weir_direct_scan_evaluates(op->node);
}

/*
 * A value of the slot, which is gone with its row.  A sort or a hash join packs
 * what it keeps: of a type that is not to be packed it is unpacked.
 */
static Datum
copy_value(StreamScan *scan, int column, Datum value)
{
	Form_pg_attribute att = TupleDescAttr(scan->batch->desc, column);
	struct varlena *v = (struct varlena *) DatumGetPointer(value);

	if (att->attbyval)
		return value;
	if (att->attlen == -1 && VARATT_IS_EXTENDED(v) && bms_is_member(column, scan->plain))
		return PointerGetDatum(detoast_attr(v));
	if (att->attlen == -1 && VARATT_IS_EXTERNAL(v))
		return PointerGetDatum(detoast_external_attr(v));
	return datumCopy(value, false, att->attlen);
}

/* Of a row that is being added. */
static void
note_time(StreamScan *scan, TupleTableSlot *slot, AttrNumber time)
{
	WeirBatch  *batch = scan->batch;

	if (scan->times == NULL || scan->max_times < batch->capacity)
	{
		scan->times = scan->times ? repalloc_huge(scan->times, sizeof(int64) * batch->capacity) :
			MemoryContextAllocHuge(scan->op.context, sizeof(int64) * batch->capacity);
		scan->max_times = batch->capacity;
	}
	scan->times[batch->nrows] = slot->tts_isnull[time - 1] ? WEIR_WATERMARK_NONE :
		DatumGetTimestampTz(slot->tts_values[time - 1]);
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	ScanReceiver *receiver = (ScanReceiver *) self;
	StreamScan *scan = receiver->scan;
	WeirBatch  *batch = scan->batch;
	MemoryContext old;
	Datum		ordinal;

	if (batch->nrows == batch->capacity)
		weir_batch_grow(batch);
	old = MemoryContextSwitchTo(batch->context);
	slot_getallattrs(slot);
	for (int i = 0; i < batch->desc->natts; i++)
	{
		if (slot->tts_isnull[i])
			weir_batch_set_null(batch, i, batch->nrows);
		else
			weir_batch_set_value(batch, i, batch->nrows, copy_value(scan, i, slot->tts_values[i]));
	}
	MemoryContextSwitchTo(old);
	if (weir_scan_plan(scan->op.node)->time > 0)
		note_time(scan, slot, weir_scan_plan(scan->op.node)->time);
	ordinal = slot->tts_values[weir_scan_plan(scan->op.node)->ordinal - 1];
	weir_batch_set_record(batch, batch->nrows, receiver->in,
						  weir_scan_index((ItemPointer) DatumGetPointer(ordinal)));
	batch->nrows++;
	return true;
}

static void
receive_startup(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
receive_nothing(DestReceiver *self)
{
}

/* rows: of the step whose rows are read; NULL: they are a stream's. */
static void
run_plan(WeirOperator *op, WeirStepRows *rows, DestReceiver *receiver)
{
	QueryDesc  *query = CreateQueryDesc(weir_scan_plan(op->node)->statement, op->text,
										GetActiveSnapshot(), InvalidSnapshot, receiver, NULL,
										rows ? weir_step_rows_environment(rows) : NULL, 0);

	ExecutorStart(query, 0);
	if (rows)
		weir_step_rows_watch(rows, query->planstate);
	weir_run(query);
	if (rows)
		weir_step_rows_unwatch(rows);
	ExecutorFinish(query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
}

/* What a join made of a few records is no reason to keep its memory. */
static void
forget_rows(StreamScan *scan)
{
	MemoryContext old;

	if (scan->batch->capacity <= 4 * SCAN_ROWS)
	{
		weir_batch_reset(scan->batch);
		return;
	}
	weir_batch_free(scan->batch);
	old = MemoryContextSwitchTo(scan->op.context);
	scan->batch = weir_batch_create(scan->op.node->out, SCAN_ROWS);
	MemoryContextSwitchTo(old);
}

static void
execute_stream(StreamScan *scan, const WeirBatch *in, int from, int to, DestReceiver *receiver)
{
	WeirScan	current = {weir_scan_plan(scan->op.node)->stream, in, from, to, scan->op.line};

	weir_current_scan = &current;
	run_plan(&scan->op, NULL, receiver);
	weir_current_scan = NULL;
}

static void
execute_step(StreamScan *scan, const WeirBatch *in, int from, int to, DestReceiver *receiver)
{
	WeirStepRows rows;
	MemoryContext old = MemoryContextSwitchTo(scan->op.context);

	weir_step_rows_begin(&rows, in, from, to, scan->op.line);
	MemoryContextSwitchTo(old);
	run_plan(&scan->op, &rows, receiver);
	weir_step_rows_end(&rows);
}

static void
execute(StreamScan *scan, const WeirBatch *in, int from, int to)
{
	ScanReceiver receiver = {{receive_row, receive_startup, receive_nothing, receive_nothing, DestNone}};

	receiver.scan = scan;
	receiver.in = in;
	weir_current_rows = in;
	PG_TRY();
	{
		if (OidIsValid(weir_scan_plan(scan->op.node)->stream))
			execute_stream(scan, in, from, to, &receiver.pub);
		else
			execute_step(scan, in, from, to, &receiver.pub);
	}
	PG_FINALLY();
	{
		weir_current_rows = NULL;
	}
	PG_END_TRY();
}

/* Each partition of the stream is in the order of time by itself. */
static void
fill_by_partition(StreamScan *scan, int64 bound)
{
	WeirBatch  *batch = scan->batch;

	for (int i = 0; i < batch->nrows; i++)
		batch->watermarks[i] = weir_partition_time_pass(scan->op.times, batch->partitions[i], scan->times[i], bound);
	scan->op.passed = weir_partition_time_get(scan->op.times);
}

static void
fill_watermarks(StreamScan *scan, int64 bound)
{
	WeirBatch  *batch = scan->batch;

	for (int i = 0; i < batch->nrows; i++)
	{
		batch->watermarks[i] = scan->op.passed;
		scan->op.passed = weir_watermark_behind(scan->op.passed, scan->times[i], bound);
	}
}

/* The watermark that the rows' own times make, before each and behind the last (op->passed). */
static void
set_watermarks(StreamScan *scan)
{
	int64		bound = weir_scan_plan(scan->op.node)->bound;

	weir_batch_keep_watermarks(scan->batch);
	if (scan->batch->partitions && scan->op.times)
		fill_by_partition(scan, bound);
	else
		fill_watermarks(scan, bound);
}

/* Where its rows' times make the watermark, that of what it reads is nothing to who is behind it. */
static int64
passes(const WeirOperator *op, int64 watermark)
{
	return weir_scan_plan(op->node)->time > 0 ? op->passed : watermark;
}

static void
begin_direct(StreamScan *scan, const WeirBatch *in)
{
	MemoryContext old;

	execute(scan, in, 0, 0);
	old = MemoryContextSwitchTo(scan->op.context);
	scan->direct = weir_direct_scan_create(scan->op.node, in);
	MemoryContextSwitchTo(old);
}

/* Rows wait until the plan has ended: what they go through may run plans, too. */
static void
scan_rows(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	StreamScan *scan = (StreamScan *) op;

	if (scan->is_direct)
	{
		if (scan->direct == NULL)
			begin_direct(scan, in);
		weir_direct_scan_run(scan->direct, in, from, to, op->line, &op->passed, op->times, out);
		return;
	}
	execute(scan, in, from, to);
	if (weir_scan_plan(op->node)->time > 0)
		set_watermarks(scan);
	if (scan->batch->nrows > 0)
		out->rows(out, scan->batch);
	forget_rows(scan);
}

static void
close_scan(WeirOperator *op, bool committed)
{
	StreamScan *scan = (StreamScan *) op;

	if (scan->direct)
		weir_direct_scan_close(scan->direct, committed);
}

const WeirOperatorOps weir_scan_operator = {
	.size = sizeof(StreamScan),
	.open = open_scan,
	.may_fail = may_fail,
	.rows = scan_rows,
	.passes = passes,
	.close = close_scan
};
