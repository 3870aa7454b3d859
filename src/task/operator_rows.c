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
#include "sink/epoch.h"
#include "task/operator.h"
#include "task/state_memory.h"

static void
build_sink(WeirOperator *op)
{
	WeirTask   *task = op->task;
	const WeirNode *node = weir_graph_sink(task->dataflow->graph, 0);
	const char *text = task->dataflow->text;

	if (op->sink)
		weir_sink_close(op->sink);
	op->sink = NULL;
	if (!op->stream->dead_letter)
		op->sink = weir_sink_open(node, text, &task->line);
	else if (op->isolating)
		weir_isolating_rebuild(op->isolating, node, text);
	else
		op->isolating = weir_isolating_create(node, text, &task->line);
}

void
weir_operator_build(WeirOperator *op)
{
	WeirTask   *task = op->task;
	MemoryContext old = MemoryContextSwitchTo(task->context);
	bool		passthrough = !task->stage->keyed && weir_dataflow_is_keyed(task->dataflow);

	if (op->step)
		weir_keyed_step_free(op->step);
	op->step = weir_keyed_step_create(task->dataflow, op->store, passthrough, &task->line);
	if (op->out == NULL)
		build_sink(op);
	MemoryContextSwitchTo(old);
}

/* A row for the sink: to the statement, or on to the task that runs it. */
static void
emit_row(void *arg, Datum *values, bool *nulls, const WeirRow *origin)
{
	WeirOperator *op = arg;
	WeirRaw		raw = weir_row_raw(origin);

	op->task->slot->stats.records_out++;
	if (op->sink)
		weir_sink_row(op->sink, values, nulls);
	else if (op->isolating)
		weir_isolating_row(op->isolating, values, nulls, origin->line, raw.data, raw.len);
	else
		weir_sender_row(op->out, op->task->dataflow->sink_desc, values, nulls,
						origin->hash, origin->stamp, origin->line, raw);
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
refresh(WeirOperator *op)
{
	WeirTask   *task = op->task;

	if (weir_task_refresh(task, op->out ? weir_dataflow_lock_scan : weir_dataflow_lock_sink))
	{
		weir_operator_build(op);
		weir_task_drop_stale(task);
	}
}

/* A transaction for one batch: the epoch's, or a read-only one of its own. */
static void
enter_transaction(WeirOperator *op)
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
leave_transaction(WeirOperator *op)
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
pass_letter(WeirOperator *op, const WeirLetter *letter)
{
	if (op->out)
		weir_sender_letter(op->out, letter);
	else
		weir_letters_write(&op->letters, letter);
}

static void
row_refused(void *arg, const WeirWaitingRow *row, ErrorData *error)
{
	WeirOperator *op = arg;
	WeirLetter	letter = {0};

	weir_task_check_blame(op->task, error, row->line);
	letter.line = row->line;
	letter.sqlstate = error->sqlerrcode;
	letter.error = weir_letter_error(error);
	letter.raw = row->raw;
	letter.raw_len = row->raw_len;
	weir_letters_write(&op->letters, &letter);
	pfree((char *) letter.error);
}

static void
flush_sink(WeirOperator *op)
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
flush_rows(WeirOperator *op)
{
	if (op->out)
		weir_sender_flush(op->out);
	else if (op->sink || weir_isolating_full(op->isolating))
		flush_sink(op);
}

void
weir_operator_flush(WeirOperator *op)
{
	if (op->isolating == NULL || weir_isolating_count(op->isolating) == 0)
		return;
	enter_transaction(op);
	refresh(op);
	flush_sink(op);
	leave_transaction(op);
	op->task->line = 0;
}

/* Where each row of the message is. */
static void
find_rows(WeirOperator *op, const WeirMessage *message)
{
	const char *at = (const char *) message + WEIR_MESSAGE_ROWS_AT;

	if (op->max_rows < message->nrows)
	{
		if (op->rows)
			pfree(op->rows);
		op->max_rows = message->nrows;
		op->rows = MemoryContextAlloc(op->task->context, sizeof(WeirRow *) * op->max_rows);
	}
	for (int i = 0; i < message->nrows; i++)
	{
		op->rows[i] = (const WeirRow *) at;
		at += op->rows[i]->size;
	}
}

/* The error of the keyed function for one of these rows, *at; NULL if there was none. */
static ErrorData *
try_rows(WeirOperator *op, int from, int to, int *at)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	int64		clock = weir_store_clock(op->store);
	ErrorData  *volatile error = NULL;
	volatile int i = from;

	weir_store_guard(op->store);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		for (; i < to; i++)
			weir_keyed_step_row(op->step, op->rows[i], emit_row, op);
		ReleaseCurrentSubTransaction();
		weir_store_unguard(op->store);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(op->task->context);
		error = CopyErrorData();
		if (weir_blame(unpack_sql_state(error->sqlerrcode)) == WEIR_BLAME_NONE)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		weir_store_abandon(op->store, clock);
		op->step = weir_keyed_step_reset(op->step);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	*at = i;
	return error;
}

static void
drop_record(WeirOperator *op, const WeirRow *row, ErrorData *error)
{
	WeirRaw		raw = weir_row_raw(row);
	WeirLetter	letter = {0};

	weir_task_check_blame(op->task, error, row->line);
	letter.line = row->line;
	letter.sqlstate = error->sqlerrcode;
	letter.error = weir_letter_error(error);
	letter.raw = raw.data;
	letter.raw_len = raw.len;
	pass_letter(op, &letter);
	pfree((char *) letter.error);
}

/* Output so far is there to stay. */
static void
mark_output(WeirOperator *op)
{
	if (op->out)
		weir_sender_mark(op->out);
}

static void
undo_output(WeirOperator *op, int rows)
{
	if (op->out)
		weir_sender_undo(op->out);
	else
		weir_isolating_truncate(op->isolating, rows);
}

static void
run_guarded(WeirOperator *op, int nrows)
{
	WeirTaskStats *stats = &op->task->slot->stats;
	WeirIsolate iso;
	int			from;
	int			to;
	int			at;

	mark_output(op);
	weir_isolate_begin(&iso, nrows);
	while (weir_isolate_next(&iso, &from, &to))
	{
		int64		records_out = stats->records_out;
		int			waiting = op->isolating ? weir_isolating_count(op->isolating) : 0;
		ErrorData  *error = try_rows(op, from, to, &at);

		if (error == NULL)
			weir_isolate_succeeded(&iso);
		else
		{
			undo_output(op, waiting);
			stats->records_out = records_out;
			if (weir_isolate_failed(&iso, at))
				drop_record(op, op->rows[from], error);
			FreeErrorData(error);
		}
		mark_output(op);
	}
	if (op->out)
		weir_sender_release(op->out);
}

void
weir_operator_rows(WeirOperator *op, const WeirMessage *message)
{
	WeirTask   *task = op->task;

	enter_transaction(op);
	refresh(op);
	find_rows(op, message);
	if (op->stream->dead_letter && weir_keyed_step_calls(op->step))
		run_guarded(op, message->nrows);
	else
	{
		for (int i = 0; i < message->nrows; i++)
			weir_keyed_step_row(op->step, op->rows[i], emit_row, op);
	}
	flush_rows(op);
	leave_transaction(op);
	task->line = 0;
	if (op->store)
		weir_state_memory_note(task, op->store);
	task->slot->stats.records_in += message->nrows;
	for (int i = 0; i < message->nrows; i++)
		task->slot->stats.bytes_in += op->rows[i]->size;
	task->slot->stats.epoch_open = weir_epoch_is_open();
}

void
weir_operator_letter(WeirOperator *op, const WeirMessage *message)
{
	WeirLetter	letter;

	weir_message_letter(message, &letter);
	if (op->out)
	{
		weir_sender_letter(op->out, &letter);
		return;
	}
	op->task->line = letter.line;
	enter_transaction(op);
	pass_letter(op, &letter);
	leave_transaction(op);
	op->task->line = 0;
}
