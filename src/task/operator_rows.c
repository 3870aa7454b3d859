/*
 * task/operator_rows.c
 *		A keyed task, or the sink task: what it does with rows and letters.
 *
 * Where the stream has dead letters, the keyed function runs over a message in a
 * subtransaction, so that a record for which it errs leaves neither state nor
 * output behind; the others of the message run again without it.  Rows for the
 * sink statement wait until they are written (sink/isolating.c), so that what the
 * sink refuses never touches state.  With on_error 'stop' there is no
 * subtransaction: an error ends the attempt.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "decide/isolate.h"
#include "decide/poison.h"
#include "graph/kinds/sink.h"
#include "sink/epoch.h"
#include "task/operator_task.h"
#include "task/state_memory.h"

static void
build_sink(WeirOperatorTask *op, const WeirNode *node)
{
	WeirTask   *task = op->task;
	const char *text = task->dataflow->text;

	if (op->sink)
		weir_sink_close(op->sink);
	op->sink = NULL;
	if (!op->keeps_letters)
		op->sink = weir_sink_open(node, text, &task->line);
	else if (op->isolating)
		weir_isolating_rebuild(op->isolating, node, text);
	else
		op->isolating = weir_isolating_create(node, text, &task->line);
	op->values = palloc(sizeof(Datum) * Max(node->in->natts, 1));
	op->nulls = palloc(sizeof(bool) * Max(node->in->natts, 1));
}

/* Rows for the sink one by one: the record that a row comes from is at work. */
static void
write_rows(WeirOperatorTask *op, const WeirBatch *batch)
{
	for (int i = 0; i < batch->nrows; i++)
	{
		WeirRaw		raw = weir_batch_raw(batch, i);

		op->task->line = batch->lines[i];
		weir_batch_get_row(batch, i, op->values, op->nulls);
		if (op->sink)
			weir_sink_row(op->sink, op->values, op->nulls);
		else
			weir_isolating_row(op->isolating, op->values, op->nulls, batch->source,
							   batch->lines[i], raw.data, raw.len);
	}
	op->task->slot->stats.records_out += batch->nrows;
}

/* Rows that have gone through all of the task's operators: to its sink, or on. */
static void
end_rows(WeirOperatorTask *op, WeirBatch *batch)
{
	if (op->out)
		op->out->output.rows(&op->out->output, batch);
	else
		write_rows(op, batch);
}

/* What a link's operator hands on. */
static void
pass_on(WeirOutput *output, WeirBatch *batch)
{
	WeirLink   *link = (WeirLink *) output;
	WeirOperatorTask *op = link->task;
	WeirLink   *next = link + 1;

	if (next == op->links + op->nlinks)
		end_rows(op, batch);
	else
		next->op->ops->rows(next->op, batch, 0, batch->nrows, &next->output);
}

/* The n-th of the task's keyed steps has its n-th store. */
static void
build_links(WeirOperatorTask *op)
{
	WeirTask   *task = op->task;
	int			nstores = 0;

	for (int i = 0; i < op->nlinks; i++)
		weir_operator_close(op->links[i].op);
	op->nlinks = 0;
	for (int i = 0; i < weir_task_nnodes(task); i++)
	{
		const WeirNode *node = weir_task_node(task, i);
		WeirLink   *link = &op->links[op->nlinks];
		WeirStore  *store = NULL;

		if (!weir_node_is_operator(node))
			continue;
		if (weir_node_ops(node->kind)->keyed)
			store = list_nth(task->stores, nstores++);
		link->output.rows = pass_on;
		link->task = op;
		link->op = weir_operator_open(node, task->dataflow->text, store, &task->line);
		op->nlinks++;
	}
}

void
weir_operator_build(WeirOperatorTask *op)
{
	WeirTask   *task = op->task;
	const WeirNode *sink = weir_task_sink(task);
	MemoryContext old = MemoryContextSwitchTo(task->context);

	if (op->links == NULL)
		op->links = palloc0(sizeof(WeirLink) * weir_task_nnodes(task));
	build_links(op);
	op->in_desc = weir_task_node(task, 0)->in;
	if (op->out)
		weir_router_set_keys(op->out, task);
	if (sink)
		build_sink(op, sink);
	MemoryContextSwitchTo(old);
}

/* While an epoch is open the coordinator looks for deadlocks. */
static void
tell_epoch_open(WeirTask *task)
{
	if (task->slot->stats.epoch_open)
		return;
	task->slot->stats.epoch_open = true;
	SetLatch(&task->attempt->coordinator->procLatch);
}

static void
refresh(WeirOperatorTask *op)
{
	WeirTask   *task = op->task;

	if (weir_task_refresh(task))
	{
		weir_operator_build(op);
		weir_task_drop_stale(task);
	}
}

/* A transaction for one batch: the epoch's, or a read-only one of its own. */
static void
enter_transaction(WeirOperatorTask *op)
{
	if (op->out == NULL)
	{
		weir_epoch_enter();
		tell_epoch_open(op->task);
	}
	else
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		weir_epoch_be_owner();
		PushActiveSnapshot(GetTransactionSnapshot());
	}
	XactReadOnly = true;
}

static void
leave_transaction(WeirOperatorTask *op)
{
	XactReadOnly = false;
	if (op->out == NULL)
		weir_epoch_leave();
	else
	{
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	MemoryContextSwitchTo(op->task->context);
}

/* In the epoch's transaction, or on to the task that has one. */
static void
pass_letter(WeirOperatorTask *op, const WeirLetter *letter)
{
	if (op->out)
		weir_router_letter(op->out, letter);
	else
		weir_letters_write(op->letters[letter->source], letter);
}

/* Raises the error again, unless the stream has dead letters and the record is at fault. */
static void
check_letter(WeirOperatorTask *op, int source, int64 line, ErrorData *error)
{
	if (!op->streams[source]->dead_letter)
	{
		op->task->line = line;
		ReThrowError(error);
	}
	weir_task_check_blame(op->task, error, line);
}

static void
row_refused(void *arg, const WeirWaitingRow *row, ErrorData *error)
{
	WeirOperatorTask *op = arg;
	WeirLetter	letter = {0};

	check_letter(op, row->source, row->line, error);
	letter.source = row->source;
	letter.line = row->line;
	letter.sqlstate = error->sqlerrcode;
	letter.error = weir_letter_error(error);
	letter.raw = row->raw;
	letter.raw_len = row->raw_len;
	weir_letters_write(op->letters[row->source], &letter);
	pfree((char *) letter.error);
}

static void
flush_sink(WeirOperatorTask *op)
{
	int64		began = weir_now();

	weir_epoch_be_owner();
	if (op->sink)
		weir_sink_flush(op->sink);
	else
		weir_isolating_flush(op->isolating, row_refused, op);
	op->task->slot->stats.in_sink_us += weir_now() - began;
}

static void
flush_rows(WeirOperatorTask *op)
{
	if (op->out)
		weir_router_flush(op->out);
	else if (op->sink || weir_isolating_full(op->isolating))
		flush_sink(op);
}

void
weir_operator_flush(WeirOperatorTask *op)
{
	if (op->isolating == NULL || weir_isolating_count(op->isolating) == 0)
		return;
	enter_transaction(op);
	refresh(op);
	flush_sink(op);
	leave_transaction(op);
	op->task->line = 0;
}

/* Rows that come as the sink's go on as they are. */
static void
run_rows(WeirOperatorTask *op, WeirBatch *batch, int from, int to)
{
	if (op->nlinks > 0)
		op->links[0].op->ops->rows(op->links[0].op, batch, from, to, &op->links[0].output);
	else
		end_rows(op, batch);
}

static void
guard_stores(WeirOperatorTask *op, bool guard)
{
	ListCell   *lc;

	foreach(lc, op->task->stores)
	{
		if (guard)
			weir_store_guard(lfirst(lc));
		else
			weir_store_unguard(lfirst(lc));
	}
}

/* After an error: state and clocks are what they were, and operators as new. */
static void
abandon_rows(WeirOperatorTask *op, const int64 *clocks)
{
	ListCell   *lc;

	foreach(lc, op->task->stores)
		weir_store_abandon(lfirst(lc), clocks[foreach_current_index(lc)]);
	for (int i = 0; i < op->nlinks; i++)
		weir_operator_reset(op->links[i].op);
}

static int64 *
store_clocks(WeirOperatorTask *op)
{
	int64	   *clocks = palloc(sizeof(int64) * Max(list_length(op->task->stores), 1));
	ListCell   *lc;

	foreach(lc, op->task->stores)
		clocks[foreach_current_index(lc)] = weir_store_clock(lfirst(lc));
	return clocks;
}

/* The error of an operator for one of these rows, op->task->line; NULL if there was none. */
static ErrorData *
try_rows(WeirOperatorTask *op, WeirBatch *batch, int from, int to)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	int64	   *clocks = store_clocks(op);
	ErrorData  *volatile error = NULL;

	guard_stores(op, true);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		run_rows(op, batch, from, to);
		ReleaseCurrentSubTransaction();
		guard_stores(op, false);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(op->task->context);
		error = CopyErrorData();
		if (weir_blame(unpack_sql_state(error->sqlerrcode)) == WEIR_BLAME_NONE)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		abandon_rows(op, clocks);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	pfree(clocks);
	return error;
}

/* The first row of the range that comes of this record. */
static int
row_of_line(const WeirBatch *batch, int from, int to, int64 line)
{
	for (int i = from; i < to; i++)
	{
		if (batch->lines[i] == line)
			return i;
	}
	return -1;
}

static void
drop_record(WeirOperatorTask *op, const WeirBatch *batch, int row, ErrorData *error)
{
	WeirRaw		raw = weir_batch_raw(batch, row);
	WeirLetter	letter = {0};

	check_letter(op, batch->source, batch->lines[row], error);
	letter.source = batch->source;
	letter.line = batch->lines[row];
	letter.sqlstate = error->sqlerrcode;
	letter.error = weir_letter_error(error);
	letter.raw = raw.data;
	letter.raw_len = raw.len;
	pass_letter(op, &letter);
	pfree((char *) letter.error);
}

/* Output so far is there to stay. */
static void
mark_output(WeirOperatorTask *op)
{
	if (op->out)
		weir_router_mark(op->out);
}

static void
undo_output(WeirOperatorTask *op, int rows)
{
	if (op->out)
		weir_router_undo(op->out);
	else
		weir_isolating_truncate(op->isolating, rows);
}

static void
run_guarded(WeirOperatorTask *op, WeirBatch *batch)
{
	WeirTaskStats *stats = &op->task->slot->stats;
	WeirIsolate iso;
	int			from;
	int			to;

	mark_output(op);
	weir_isolate_begin(&iso, batch->nrows);
	while (weir_isolate_next(&iso, &from, &to))
	{
		int64		records_out = stats->records_out;
		int			waiting = op->isolating ? weir_isolating_count(op->isolating) : 0;
		ErrorData  *error = try_rows(op, batch, from, to);

		if (error == NULL)
			weir_isolate_succeeded(&iso);
		else
		{
			undo_output(op, waiting);
			stats->records_out = records_out;
			if (weir_isolate_failed(&iso, row_of_line(batch, from, to, op->task->line)))
				drop_record(op, batch, from, error);
			FreeErrorData(error);
		}
		mark_output(op);
	}
	if (op->out)
		weir_router_release(op->out);
}

static bool
may_fail(const WeirOperatorTask *op)
{
	for (int i = 0; i < op->nlinks; i++)
	{
		if (op->links[i].op->ops->may_fail(op->links[i].op))
			return true;
	}
	return false;
}

/*
 * Where the sink has a statement a row, what it does is seen by the step for the
 * next row.
 */
static void
run_unguarded(WeirOperatorTask *op, WeirBatch *batch)
{
	const WeirNode *sink = weir_task_sink(op->task);
	bool		by_row = may_fail(op) && op->sink &&
		weir_sink_plan(sink)->batching == WEIR_SINK_BY_RECORD;
	int			step = by_row ? 1 : batch->nrows;

	for (int i = 0; i < batch->nrows; i += step)
		run_rows(op, batch, i, i + step);
}

void
weir_operator_rows(WeirOperatorTask *op, WeirReceiver *from, const WeirMessage *message)
{
	WeirTask   *task = op->task;
	WeirBatch  *batch;

	enter_transaction(op);
	refresh(op);
	batch = weir_receiver_rows(from, message, op->in_desc);
	if (op->keeps_letters && may_fail(op))
		run_guarded(op, batch);
	else
		run_unguarded(op, batch);
	flush_rows(op);
	leave_transaction(op);
	task->line = 0;
	if (task->stores != NIL)
		weir_state_memory_note(task);
	task->slot->stats.records_in += batch->nrows;
	task->slot->stats.bytes_in += weir_receiver_bytes(from);
	task->slot->stats.epoch_open = weir_epoch_is_open();
}

void
weir_operator_letter(WeirOperatorTask *op, const WeirMessage *message)
{
	WeirLetter	letter;

	weir_message_letter(message, &letter);
	if (op->out)
	{
		weir_router_letter(op->out, &letter);
		return;
	}
	op->task->line = letter.line;
	enter_transaction(op);
	pass_letter(op, &letter);
	leave_transaction(op);
	op->task->line = 0;
}
