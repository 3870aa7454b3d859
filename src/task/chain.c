/*
 * task/chain.c
 *		What a task does with the rows and letters that come to it.
 *
 *	rows -> operator -> .. -> sink in the epoch transaction
 *							\-> channels to the next tasks
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
#include "task/chain.h"
#include "task/keyed_store.h"
#include "task/state_memory.h"

static void
build_sink(WeirChain *chain, const WeirNode *node)
{
	WeirTask   *task = chain->task;
	const char *text = task->dataflow->text;

	if (chain->sink)
		weir_sink_close(chain->sink);
	chain->sink = NULL;
	if (!chain->letters.kept || (chain->isolating == NULL && !weir_sink_may_refuse(node)))
		chain->sink = weir_sink_open(node, text, &task->line);
	else if (chain->isolating)
		weir_isolating_rebuild(chain->isolating, node, text);
	else
		chain->isolating = weir_isolating_create(node, text, &task->line);
}

static void
write_rows(WeirChain *chain, const WeirBatch *batch)
{
	if (chain->sink)
	{
		/* whoever the user's code has become */
		weir_epoch_be_owner();
		weir_sink_rows(chain->sink, batch, 0, batch->nrows);
	}
	else
		weir_isolating_rows(chain->isolating, batch);
	chain->task->slot->stats.records_out += batch->nrows;
}

/* Rows that have gone through all of the task's operators: to its sink, or on. */
static void
end_rows(WeirChain *chain, WeirBatch *batch)
{
	if (chain->out)
		chain->out->output.rows(&chain->out->output, batch);
	else
		write_rows(chain, batch);
}

static void run_link(WeirLink *link, WeirBatch *batch, int from, int to);

/* What a link's operator hands on. */
static void
pass_on(WeirOutput *output, WeirBatch *batch)
{
	WeirLink   *link = (WeirLink *) output;
	WeirChain *chain = link->chain;
	WeirLink   *next = link + 1;

	if (next == chain->links + chain->nlinks)
		end_rows(chain, batch);
	else
		run_link(next, batch, 0, batch->nrows);
}

/* The n-th of the task's keyed steps has its n-th store. */
static void
build_links(WeirChain *chain)
{
	WeirTask   *task = chain->task;
	int			nstores = 0;

	for (int i = 0; i < chain->nlinks; i++)
		weir_operator_close(chain->links[i].op);
	chain->nlinks = 0;
	for (int i = 0; i < weir_task_nnodes(task); i++)
	{
		const WeirNode *node = weir_task_node(task, i);
		WeirLink   *link = &chain->links[chain->nlinks];
		WeirStore  *store = NULL;

		if (!weir_node_is_operator(node))
			continue;
		if (weir_node_ops(node->kind)->keyed)
			store = list_nth(task->stores, nstores++);
		link->output.rows = pass_on;
		link->chain = chain;
		link->op = weir_operator_open(node, task->dataflow->text, store, &task->line);
		chain->nlinks++;
	}
}

static void
build(WeirChain *chain)
{
	WeirTask   *task = chain->task;
	const WeirNode *sink = weir_task_sink(task);
	MemoryContext old = MemoryContextSwitchTo(task->context);

	if (chain->links == NULL)
		chain->links = palloc0(sizeof(WeirLink) * weir_task_nnodes(task));
	build_links(chain);
	chain->in_desc = weir_task_node(task, 0)->in;
	if (chain->out)
		weir_router_set_keys(chain->out, task, &task->line);
	if (sink)
		build_sink(chain, sink);
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
refresh(WeirChain *chain)
{
	WeirTask   *task = chain->task;

	if (weir_task_refresh(task))
	{
		build(chain);
		weir_task_drop_stale(task);
	}
}

/* A transaction for one batch: the epoch's, or a read-only one of its own. */
static void
enter_transaction(WeirChain *chain)
{
	if (chain->out == NULL)
	{
		weir_epoch_enter();
		tell_epoch_open(chain->task);
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
leave_transaction(WeirChain *chain)
{
	XactReadOnly = false;
	if (chain->out == NULL)
		weir_epoch_leave();
	else
	{
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	MemoryContextSwitchTo(chain->task->context);
}

/* In the epoch's transaction, or on to the task that has one. */
static void
pass_letter(WeirChain *chain, const WeirLetter *letter)
{
	if (chain->out)
		weir_router_letter(chain->out, letter);
	else
		weir_letter_box_write(&chain->letters, letter);
}

/* Raises the error again, unless the stream has dead letters and the record is at fault. */
static void
check_letter(WeirChain *chain, int source, int64 line, ErrorData *error)
{
	if (!chain->letters.streams[source]->dead_letter)
	{
		chain->task->line = line;
		ReThrowError(error);
	}
	weir_task_check_blame(chain->task, error, line);
}

/* A record that an operator or the sink refuses: a letter, or the end of the attempt. */
static void
drop_record(void *arg, const WeirWaitingRow *record, ErrorData *error)
{
	WeirChain *chain = arg;
	WeirLetter	letter = {0};

	check_letter(chain, record->source, record->line, error);
	letter.source = record->source;
	letter.line = record->line;
	letter.stamp = record->stamp;
	letter.sqlstate = error->sqlerrcode;
	letter.error = weir_letter_error(error);
	letter.raw = record->raw;
	letter.raw_len = record->raw_len;
	pass_letter(chain, &letter);
	pfree((char *) letter.error);
}

static void
flush_sink(WeirChain *chain)
{
	int64		began = weir_now();

	weir_epoch_be_owner();
	if (chain->sink)
		weir_sink_flush(chain->sink);
	else
		weir_isolating_flush(chain->isolating, drop_record, chain);
	chain->task->slot->stats.in_sink_us += weir_now() - began;
}

static void
flush_rows(WeirChain *chain)
{
	if (chain->out)
		weir_router_flush(chain->out);
	else if (chain->sink || weir_isolating_full(chain->isolating))
		flush_sink(chain);
}

void
weir_chain_flush(WeirChain *chain)
{
	if (chain->isolating == NULL || weir_isolating_count(chain->isolating) == 0)
		return;
	enter_transaction(chain);
	refresh(chain);
	flush_sink(chain);
	leave_transaction(chain);
	chain->task->line = 0;
}

static void
drop_row(WeirChain *chain, const WeirBatch *batch, int row, ErrorData *error)
{
	WeirRaw		raw = weir_batch_raw(batch, row);
	WeirWaitingRow record = {batch->source, batch->lines[row], batch->stamps[row], raw.data, raw.len};

	drop_record(chain, &record, error);
}

static bool
may_fail(const WeirChain *chain)
{
	for (int i = 0; i < chain->nlinks; i++)
	{
		if (chain->links[i].op->ops->may_fail(chain->links[i].op))
			return true;
	}
	return false;
}

/* Do rows go through the operators in a subtransaction? */
static bool
is_guarded(const WeirChain *chain)
{
	return chain->letters.kept && may_fail(chain);
}

/* A row that an operator refused: a letter, or an error. */
static void
drop_refused(WeirLink *link, const WeirBatch *batch)
{
	const WeirRefused *refused = &link->op->refused;
	WeirChain  *chain = link->chain;
	ErrorData	error = {0};

	chain->task->line = batch->lines[refused->row];
	if (is_guarded(chain) || !chain->letters.streams[batch->source]->dead_letter)
		weir_operator_raise(link->op);
	error.elevel = ERROR;
	error.sqlerrcode = refused->sqlstate;
	error.message = (char *) refused->message;
	drop_row(chain, batch, refused->row, &error);
}

static void
run_link(WeirLink *link, WeirBatch *batch, int from, int to)
{
	link->op->ops->rows(link->op, batch, from, to, &link->output);
	while (link->op->refused.message)
	{
		int			next = link->op->refused.row + 1;

		drop_refused(link, batch);
		link->op->ops->rows(link->op, batch, next, to, &link->output);
	}
}

/* Rows that come as the sink's go on as they are. */
static void
run_rows(WeirChain *chain, WeirBatch *batch, int from, int to)
{
	if (chain->nlinks > 0)
		run_link(chain->links, batch, from, to);
	else
		end_rows(chain, batch);
}

static void
guard_stores(WeirChain *chain, bool guard)
{
	ListCell   *lc;

	foreach(lc, chain->task->stores)
	{
		if (guard)
			weir_store_guard(lfirst(lc));
		else
			weir_store_unguard(lfirst(lc));
	}
}

/* After an error: state and clocks are what they were, and operators as new. */
static void
abandon_rows(WeirChain *chain, const int64 *clocks)
{
	ListCell   *lc;

	foreach(lc, chain->task->stores)
		weir_store_abandon(lfirst(lc), clocks[foreach_current_index(lc)]);
	for (int i = 0; i < chain->nlinks; i++)
		weir_operator_reset(chain->links[i].op);
}

static int64 *
store_clocks(WeirChain *chain)
{
	int64	   *clocks = palloc(sizeof(int64) * Max(list_length(chain->task->stores), 1));
	ListCell   *lc;

	foreach(lc, chain->task->stores)
		clocks[foreach_current_index(lc)] = weir_store_clock(lfirst(lc));
	return clocks;
}

/* The error of an operator for one of these rows, chain->task->line; NULL if there was none. */
static ErrorData *
try_rows(WeirChain *chain, WeirBatch *batch, int from, int to)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	int64	   *clocks = store_clocks(chain);
	ErrorData  *volatile error = NULL;

	guard_stores(chain, true);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		run_rows(chain, batch, from, to);
		ReleaseCurrentSubTransaction();
		guard_stores(chain, false);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(chain->task->context);
		error = CopyErrorData();
		if (weir_blame(unpack_sql_state(error->sqlerrcode)) == WEIR_BLAME_NONE)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		abandon_rows(chain, clocks);
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

/* Output so far is there to stay. */
static void
mark_output(WeirChain *chain)
{
	if (chain->out)
		weir_router_mark(chain->out);
}

static void
undo_output(WeirChain *chain, int rows)
{
	if (chain->out)
		weir_router_undo(chain->out);
	else if (chain->isolating)
		weir_isolating_truncate(chain->isolating, rows);
}

static void
run_guarded(WeirChain *chain, WeirBatch *batch)
{
	WeirTaskStats *stats = &chain->task->slot->stats;
	WeirIsolate iso;
	int			from;
	int			to;

	mark_output(chain);
	weir_isolate_begin(&iso, batch->nrows);
	while (weir_isolate_next(&iso, &from, &to))
	{
		int64		records_out = stats->records_out;
		int			waiting = chain->isolating ? weir_isolating_count(chain->isolating) : 0;
		ErrorData  *error = try_rows(chain, batch, from, to);

		if (error == NULL)
			weir_isolate_succeeded(&iso);
		else
		{
			undo_output(chain, waiting);
			stats->records_out = records_out;
			if (weir_isolate_failed(&iso, row_of_line(batch, from, to, chain->task->line)))
				drop_row(chain, batch, from, error);
			FreeErrorData(error);
		}
		mark_output(chain);
	}
	if (chain->out)
		weir_router_release(chain->out);
}

/*
 * Where the sink has a statement a row, what it does is seen by the step for the
 * next row.
 */
static void
run_unguarded(WeirChain *chain, WeirBatch *batch)
{
	const WeirNode *sink = weir_task_sink(chain->task);
	bool		by_row = may_fail(chain) && chain->sink &&
		weir_sink_plan(sink)->batching == WEIR_SINK_BY_RECORD;
	int			step = by_row ? 1 : batch->nrows;

	for (int i = 0; i < batch->nrows; i += step)
		run_rows(chain, batch, i, i + step);
}

int
weir_chain_rows(WeirChain *chain, WeirReceiver *from, const WeirMessage *message)
{
	WeirTask   *task = chain->task;
	WeirBatch  *batch;

	enter_transaction(chain);
	refresh(chain);
	batch = weir_receiver_rows(from, message, chain->in_desc);
	if (is_guarded(chain))
		run_guarded(chain, batch);
	else
		run_unguarded(chain, batch);
	flush_rows(chain);
	leave_transaction(chain);
	task->line = 0;
	if (task->stores != NIL)
		weir_state_memory_note(task);
	task->slot->stats.records_in += batch->nrows;
	task->slot->stats.bytes_in += weir_receiver_bytes(from);
	task->slot->stats.epoch_open = weir_epoch_is_open();
	return batch->nrows;
}

void
weir_chain_letter(WeirChain *chain, const WeirMessage *message)
{
	WeirLetter	letter;

	weir_message_letter(message, &letter);
	if (chain->out)
	{
		weir_router_letter(chain->out, &letter);
		return;
	}
	chain->task->line = letter.line;
	enter_transaction(chain);
	pass_letter(chain, &letter);
	leave_transaction(chain);
	chain->task->line = 0;
}

static void
open_stores(WeirTask *task)
{
	for (int i = 0; i < weir_task_nnodes(task); i++)
	{
		const WeirNode *node = weir_task_node(task, i);

		if (weir_node_ops(node->kind)->keyed)
			(void) weir_keyed_store_open(task, node);
	}
}

WeirChain *
weir_chain_open(WeirTask *task, WeirRouter *out)
{
	WeirChain  *chain = palloc0(sizeof(WeirChain));
	MemoryContext old;

	chain->task = task;
	chain->out = out;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	old = MemoryContextSwitchTo(task->context);
	open_stores(task);
	weir_letter_box_open(&chain->letters, task);
	MemoryContextSwitchTo(old);
	build(chain);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(task->context);
	return chain;
}
