/*
 * task/chain.c
 *		What a task does with the rows and letters that come to it.
 *
 *	rows -> operator -> .. -> sink in the epoch transaction
 *							\-> channels to the next tasks
 *	rows -> the sink that they are for, of several in a task of their own
 *
 * Where the stream has dead letters, the keyed function runs over a message in a
 * subtransaction, so that a record for which it errs leaves neither state nor
 * output behind; the others of the message run again without it.  Rows for the
 * sink statement wait until they are written (sink/isolating.c), so that what the
 * sink refuses never touches state.  With on_error 'stop' there is no
 * subtransaction: an error ends the attempt.
 *
 * Behind the rows of a message the watermark goes through the operators, one after the
 * other, and on to the next tasks.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/blame.h"
#include "graph/kinds/sink.h"
#include "sink/epoch.h"
#include "task/advance.h"
#include "task/chain.h"
#include "task/guarded.h"
#include "task/keyed_store.h"
#include "task/late.h"
#include "task/state_memory.h"

static void run_link(WeirLink *link, WeirBatch *batch, int from, int to);

/* What a link's operator hands to the next one. */
static void
pass_on(WeirOutput *output, WeirBatch *batch)
{
	run_link((WeirLink *) output + 1, batch, 0, batch->nrows);
}

/* Where the rows of a node go. */
static WeirOutput *
output_of(WeirChain *chain, WeirLink *link, const WeirNode *node)
{
	const WeirEdge *edge = weir_node_output(chain->task->dataflow->graph, node, 0);

	return edge->kind == WEIR_EDGE_FORWARD ? &link->output :
		weir_router_output(chain->out, chain->task, node);
}

static void
build_operator(WeirLink *link, const WeirNode *node, WeirStore *store)
{
	WeirTask   *task = link->chain->task;

	WeirOperator *before = link->op;

	link->op = weir_operator_open(node, task->dataflow->text, store, &task->line);
	if (before)
	{
		link->op->watermark = before->watermark;
		link->op->passed = before->passed;
		weir_operator_close(before);
	}
	link->op->waits = link->chain->waits;
	weir_late_watch(link->chain, link->op);
	link->to = output_of(link->chain, link, node);
}

/* The n-th of the task's keyed steps has its n-th store, and so do its sinks. */
static void
build_links(WeirChain *chain)
{
	WeirTask   *task = chain->task;
	WeirTaskSink *sink = chain->sinks.sinks;
	int			nstores = 0;

	for (int i = 0; i < chain->nlinks; i++)
	{
		const WeirNode *node = weir_task_node(task, i);
		const WeirNodeOps *ops = weir_node_ops(node->kind);
		WeirLink   *link = &chain->links[i];

		link->output.rows = pass_on;
		link->chain = chain;
		if (ops->sink)
			link->sink = sink++;
		else
			build_operator(link, node, ops->keyed ? list_nth(task->stores, nstores++) : NULL);
	}
}

static void
find_entries(WeirChain *chain)
{
	WeirTask   *task = chain->task;
	const WeirTopology *topology = &task->attempt->topology;

	for (int i = 0; i < topology->nexchanges; i++)
	{
		if (&topology->stages[topology->exchanges[i].to] != task->stage)
			continue;
		for (int n = 0; n < chain->nlinks; n++)
		{
			if (weir_task_edge(task, i)->to == weir_task_node(task, n)->id)
				chain->entries[i] = &chain->links[n];
		}
	}
}

static void
build(WeirChain *chain)
{
	WeirTask   *task = chain->task;
	MemoryContext old = MemoryContextSwitchTo(task->context);

	build_links(chain);
	if (chain->out)
		weir_router_set_keys(chain->out, task, &task->line);
	weir_task_sinks_build(&chain->sinks, chain->letters.kept);
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

void
weir_chain_pass_letter(WeirChain *chain, const WeirLetter *letter)
{
	if (chain->out)
		weir_router_letter(chain->out, letter);
	else
		weir_letter_box_write(&chain->letters, letter);
}

static bool
has_dead_letters(const WeirChain *chain, int source)
{
	return chain->letters.streams[weir_letter_box_source(&chain->letters, source)]->dead_letter;
}

/* Raises the error again, unless the stream has dead letters and the record is at fault. */
static void
check_letter(WeirChain *chain, int source, int64 line, ErrorData *error)
{
	if (!has_dead_letters(chain, source))
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
	letter.source = weir_letter_box_source(&chain->letters, record->source);
	letter.line = record->line;
	letter.stamp = record->stamp;
	letter.sqlstate = error->sqlerrcode;
	letter.error = weir_letter_error(error);
	letter.raw = record->raw;
	letter.raw_len = record->raw_len;
	weir_chain_pass_letter(chain, &letter);
	pfree((char *) letter.error);
}

static void
flush_rows(WeirChain *chain)
{
	weir_late_settle(chain);
	if (chain->out)
		weir_router_flush(chain->out);
	else
		weir_task_sinks_settle(&chain->sinks);
}

static bool
holds(const WeirLink *link)
{
	return link->op && link->op->ops->holds && link->op->ops->holds(link->op);
}

static bool
any_holds(const WeirChain *chain)
{
	for (int i = 0; i < chain->nlinks; i++)
	{
		if (holds(&chain->links[i]))
			return true;
	}
	return false;
}

void
weir_chain_flush(WeirChain *chain)
{
	if (!weir_task_sinks_wait(&chain->sinks))
		return;
	enter_transaction(chain);
	refresh(chain);
	weir_task_sinks_flush(&chain->sinks);
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
		WeirOperator *op = chain->links[i].op;

		if (op && op->ops->may_fail(op))
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
	if (is_guarded(chain) || !has_dead_letters(chain, batch->source))
		weir_operator_raise(link->op);
	error.elevel = ERROR;
	error.sqlerrcode = refused->sqlstate;
	error.message = (char *) refused->message;
	drop_row(chain, batch, refused->row, &error);
}

/* A sink gets whole batches. */
static void
run_link(WeirLink *link, WeirBatch *batch, int from, int to)
{
	if (link->sink)
	{
		Assert(from == 0 && to == batch->nrows);
		weir_task_sink_rows(&link->chain->sinks, link->sink, batch);
		return;
	}
	link->op->ops->rows(link->op, batch, from, to, link->to);
	while (link->op->refused.message)
	{
		int			next = link->op->refused.row + 1;

		drop_refused(link, batch);
		link->op->ops->rows(link->op, batch, next, to, link->to);
	}
}

/* Does the sink behind the operators have a statement a row? */
static bool
writes_by_row(const WeirChain *chain)
{
	const WeirSink *sink = chain->sinks.n > 0 ? chain->sinks.sinks[0].sink : NULL;

	return sink && weir_sink_plan(sink->node)->batching == WEIR_SINK_BY_RECORD;
}

/* What a statement for a row does is seen by the steps for the next row. */
static void
run_unguarded(WeirLink *entry, WeirBatch *batch)
{
	bool		by_row = may_fail(entry->chain) && writes_by_row(entry->chain);
	int			step = by_row ? 1 : batch->nrows;

	for (int i = 0; i < batch->nrows; i += step)
		run_link(entry, batch, i, i + step);
}

/* After the operators have had rows, or their time. */
static void
note_work(WeirChain *chain)
{
	chain->task->line = 0;
	if (chain->held_since == 0 && any_holds(chain))
		chain->held_since = weir_now();
	if (chain->task->stores != NIL)
		weir_state_memory_note(chain->task);
	chain->task->slot->stats.epoch_open = weir_epoch_is_open();
}

void
weir_chain_enter(WeirChain *chain)
{
	enter_transaction(chain);
	refresh(chain);
}

void
weir_chain_leave(WeirChain *chain)
{
	flush_rows(chain);
	leave_transaction(chain);
	note_work(chain);
}

static void
run_entry(WeirLink *entry, WeirBatch *batch, int port)
{
	if (entry->op)
		entry->op->port = port;
	if (is_guarded(entry->chain))
		weir_guarded_run(entry, run_link, batch, drop_row);
	else
		run_unguarded(entry, batch);
}

int
weir_chain_rows(WeirChain *chain, WeirInputs *inputs, int input, bool restored,
				const WeirMessage *message)
{
	WeirTask   *task = chain->task;
	int			exchange = inputs->exchanges[input];
	WeirReceiver *from = inputs->receivers[input];
	WeirBatch  *batch;

	weir_chain_enter(chain);
	batch = weir_receiver_rows(from, message, weir_task_input(task, exchange));
	if (restored)
		weir_advance_judge(chain, inputs, message, batch);
	else
		weir_advance_merge(inputs, input, message, batch);
	run_entry(chain->entries[exchange], batch, weir_task_edge(task, exchange)->port);
	weir_advance_behind_rows(chain, inputs);
	weir_chain_leave(chain);
	task->slot->stats.records_in += batch->nrows;
	task->slot->stats.bytes_in += weir_receiver_bytes(from);
	return batch->nrows;
}

static void
emit_rows(WeirLink *link, WeirBatch *held, int from, int to)
{
	link->op->ops->emit(link->op, held, from, to, link->to);
}

static void
emit_link(WeirLink *link)
{
	const WeirOperatorOps *ops = link->op->ops;
	WeirBatch  *held;

	while ((held = ops->held(link->op)) != NULL)
	{
		if (is_guarded(link->chain))
			weir_guarded_run(link, emit_rows, held, drop_row);
		else
			emit_rows(link, held, 0, held->nrows);
		ops->forget(link->op, held);
		weir_batch_free(held);
		flush_rows(link->chain);
	}
}

void
weir_chain_emit(WeirChain *chain)
{
	if (chain->held_since == 0)
		return;
	enter_transaction(chain);
	refresh(chain);
	for (int i = 0; i < chain->nlinks; i++)
	{
		if (holds(&chain->links[i]))
			emit_link(&chain->links[i]);
	}
	leave_transaction(chain);
	chain->held_since = 0;
	chain->task->line = 0;
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
	weir_chain_pass_letter(chain, &letter);
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
	chain->watermark = PG_INT64_MIN;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	old = MemoryContextSwitchTo(task->context);
	open_stores(task);
	weir_letter_box_open(&chain->letters, task);
	weir_late_open(chain);
	weir_task_sinks_init(&chain->sinks, task, drop_record, chain);
	chain->nlinks = weir_task_nnodes(task);
	chain->links = palloc0(sizeof(WeirLink) * chain->nlinks);
	chain->entries = palloc0(sizeof(WeirLink *) * WEIR_MAX_EXCHANGES);
	find_entries(chain);
	MemoryContextSwitchTo(old);
	build(chain);
	if (any_holds(chain))
		chain->held_since = weir_now();
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(task->context);
	return chain;
}
