/*
 * task/operator_task.c
 *		A keyed task, or the sink task: takes batches from its channels, aligns
 *		barriers, runs the keyed step (if it has one), and either runs the sink
 *		statement or sends the rows to the task that does.
 *
 *	channels -> align -> keyed step -> sink statement in the epoch transaction
 *									\-> channel to the sink task
 *
 * At a complete barrier it writes its changed state.  Without a sink it
 * commits that at once, passes the barrier on and acknowledges.  With a sink
 * (exactly_once) state and output are in the epoch transaction: it says that
 * it is ready, and takes no input until it is told to prepare and then that
 * the checkpoint is complete, or that it was aborted, when the epoch goes on
 * in the transaction it has open.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog/checkpoint.h"
#include "catalog/snapshot.h"
#include "decide/align.h"
#include "graph/kinds/source.h"
#include "sink/epoch.h"
#include "sink/output.h"
#include "task/keyed_store.h"
#include "task/operator_task.h"

static bool
exactly_once(WeirOperatorTask *op)
{
	return op->task->attempt->checkpointing &&
		op->task->attempt->mode == WEIR_EXACTLY_ONCE;
}

static void
open_inputs(WeirOperatorTask *op)
{
	WeirTask   *task = op->task;
	WeirAttempt *attempt = task->attempt;
	int		   *channels = palloc(sizeof(int) * attempt->topology.nchannels);

	op->nin = weir_task_inputs(&attempt->topology, task->index, channels);
	op->in = palloc(sizeof(WeirReceiver *) * op->nin);
	for (int i = 0; i < op->nin; i++)
		op->in[i] = weir_receiver_create(weir_attempt_channel(attempt, channels[i]),
										 task->segment, attempt->attempt);
	op->align = weir_align_create(op->nin, exactly_once(op) ? WEIR_ALIGN_EXACTLY_ONCE :
								  WEIR_ALIGN_AT_LEAST_ONCE);
	op->out = weir_router_create(task);
	pfree(channels);
}

/* The streams whose records come: by their nodes. */
static void
open_streams(WeirOperatorTask *op)
{
	WeirTask   *task = op->task;
	const WeirGraph *graph = task->dataflow->graph;

	op->streams = palloc0(sizeof(WeirStream *) * graph->nnodes);
	op->letters = palloc0(sizeof(WeirLetters *) * graph->nnodes);
	for (int i = 0; i < graph->nnodes; i++)
	{
		const WeirNode *node = graph->nodes[i];

		if (!weir_node_ops(node->kind)->source ||
			!weir_graph_reaches(graph, node, weir_task_node(task, 0)))
			continue;
		op->streams[i] = weir_stream_get(weir_source_plan(node)->stream);
		op->letters[i] = palloc0(sizeof(WeirLetters));
		weir_letters_init(op->letters[i], task, op->streams[i]);
		op->keeps_letters = op->keeps_letters || op->streams[i]->dead_letter;
	}
}

static void
open_steps(WeirOperatorTask *op)
{
	WeirTask   *task = op->task;
	MemoryContext old;

	weir_task_compile(task);
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	old = MemoryContextSwitchTo(task->context);
	for (int i = 0; i < weir_task_nnodes(task); i++)
	{
		const WeirNode *node = weir_task_node(task, i);

		if (weir_node_ops(node->kind)->keyed)
			(void) weir_keyed_store_open(task, node);
	}
	open_streams(op);
	MemoryContextSwitchTo(old);
	weir_operator_build(op);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* ---- checkpoints ---- */

static void
write_chunk(void *arg, int group, bool is_full, int seq, bytea *payload)
{
	weir_snapshot_add(arg, group, is_full, seq, payload);
}

static void
remember(WeirOperatorTask *op, List **list, int64 checkpoint)
{
	MemoryContext old = MemoryContextSwitchTo(op->task->context);
	int64	   *id = palloc(sizeof(int64));

	*id = checkpoint;
	*list = lappend(*list, id);
	MemoryContextSwitchTo(old);
}

static void
forget(List **list, int64 checkpoint)
{
	ListCell   *lc;

	foreach(lc, *list)
	{
		if (*(int64 *) lfirst(lc) == checkpoint)
			*list = foreach_delete_current(*list, lc);
	}
}

/* Savepoints are written in full, and all until one of the timeline has completed. */
static bool
is_full(WeirOperatorTask *op, int64 checkpoint)
{
	ListCell   *lc;

	foreach(lc, op->full)
	{
		if (*(int64 *) lfirst(lc) == checkpoint)
			return true;
	}
	return op->task->attempt->write_full && !op->completed;
}

static void
write_store(WeirOperatorTask *op, const WeirNode *node, WeirStore *store, int64 checkpoint,
			WeirTaskTimes *times)
{
	WeirAttempt *attempt = op->task->attempt;
	WeirSnapshotWriter *writer = weir_snapshot_begin(attempt->job, attempt->timeline, node->number,
													 checkpoint);
	WeirSnapshotStats stats = {0};
	int64		began = weir_now();
	int64		write;
	int64		bytes;

	weir_store_snapshot(store, is_full(op, checkpoint), write_chunk, writer, &stats);
	weir_snapshot_end(writer, &write, &bytes);
	times->write += write;
	times->bytes += bytes;
	times->sync += weir_now() - began - write;
	times->state_bytes += stats.state_bytes;
	times->dirty_keys += stats.dirty_keys;
}

/* In a transaction: the changed state, copied out (sync), as chunks inserted (write). */
static void
write_state(WeirOperatorTask *op, int64 checkpoint, WeirTaskTimes *times)
{
	int			nstores = 0;

	for (int i = 0; i < weir_task_nnodes(op->task); i++)
	{
		const WeirNode *node = weir_task_node(op->task, i);

		if (weir_node_ops(node->kind)->keyed)
			write_store(op, node, list_nth(op->task->stores, nstores++), checkpoint, times);
	}
}

static bool
must_write(WeirOperatorTask *op, int64 checkpoint)
{
	ListCell   *lc;

	foreach(lc, op->task->stores)
	{
		if (weir_store_is_dirty(lfirst(lc)) || is_full(op, checkpoint))
			return true;
	}
	return false;
}

static void
claim_letters(WeirOperatorTask *op, int64 checkpoint)
{
	for (int i = 0; i < op->task->dataflow->graph->nnodes; i++)
	{
		if (op->letters[i])
			weir_letters_claim(op->letters[i], checkpoint);
	}
}

static void
end_letters(WeirOperatorTask *op)
{
	for (int i = 0; i < op->task->dataflow->graph->nnodes; i++)
	{
		if (op->letters[i])
			weir_letters_end_epoch(op->letters[i]);
	}
}

static bool
has_letters(WeirOperatorTask *op)
{
	for (int i = 0; i < op->task->dataflow->graph->nnodes; i++)
	{
		if (op->letters[i] && op->letters[i]->first > 0)
			return true;
	}
	return false;
}

/* Snapshot into the epoch, and vote; what follows waits for the answer. */
static void
snapshot_ready(WeirOperatorTask *op, int64 checkpoint, WeirTaskTimes *times)
{
	WeirTask   *task = op->task;
	WeirAttempt *attempt = task->attempt;

	op->held = true;
	op->held_for = checkpoint;
	if (!weir_epoch_is_open() && !must_write(op, checkpoint))
	{
		weir_task_vote(task, checkpoint, WEIR_VOTE_READY_EMPTY, NULL, times);
		return;
	}
	weir_epoch_enter();
	write_state(op, checkpoint, times);
	claim_letters(op, checkpoint);
	if (op->marked)
		weir_marker_delete(attempt->job, attempt->attempt, task->index);
	weir_marker_insert(attempt->job, attempt->attempt, checkpoint, task->index);
	op->marked = true;
	weir_epoch_leave();
	weir_task_vote(task, checkpoint, WEIR_VOTE_READY, NULL, times);
}

static void
commit_epoch(WeirOperatorTask *op)
{
	weir_operator_flush(op);
	if (op->marked)
	{
		/* of a checkpoint that was aborted before checkpointing was disabled */
		weir_epoch_enter();
		weir_marker_delete(op->task->attempt->job, op->task->attempt->attempt, op->task->index);
		weir_epoch_leave();
		op->marked = false;
	}
	weir_epoch_commit();
	pgstat_report_stat(false);
	op->task->slot->stats.epoch_open = false;
	if (weir_output_waits)
	{
		weir_output_waits = false;
		weir_task_send(op->task, WEIR_CONTROL_OUTPUT, 0);
	}
}

/* Snapshot and output are committed here and now, then acknowledged. */
static void
snapshot_committed(WeirOperatorTask *op, int64 checkpoint, WeirTaskTimes *times)
{
	bool		writes = must_write(op, checkpoint);
	int64		written = 0;

	if (op->out == NULL && (weir_epoch_is_open() || writes || has_letters(op)))
	{
		weir_operator_flush(op);
		weir_epoch_enter();
		write_state(op, checkpoint, times);
		claim_letters(op, checkpoint);
		written = weir_now();
		weir_epoch_leave();
		commit_epoch(op);
		end_letters(op);
	}
	else if (op->out && writes)
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		write_state(op, checkpoint, times);
		written = weir_now();
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	if (writes)
		times->write += weir_now() - written;
	if (op->out && !weir_align_all_ended(op->align))
		weir_router_barrier(op->out, checkpoint, op->barrier_sent, is_full(op, checkpoint));
	weir_task_vote(op->task, checkpoint, WEIR_VOTE_ACK, NULL, times);
}

static void
snapshot(WeirOperatorTask *op, int64 checkpoint)
{
	WeirTaskTimes times = {0};
	int64		now = weir_now();

	if (op->first_barrier > 0)
	{
		times.start_delay = Max(op->first_barrier - op->barrier_sent, 0);
		times.alignment = now - op->first_barrier;
	}
	op->first_barrier = 0;
	if (op->out == NULL && exactly_once(op))
	{
		weir_operator_flush(op);
		if (weir_output_waits)
			weir_task_send(op->task, WEIR_CONTROL_OUTPUT, 0);
		weir_output_waits = false;
		snapshot_ready(op, checkpoint, &times);
	}
	else
		snapshot_committed(op, checkpoint, &times);
	MemoryContextSwitchTo(op->task->context);
}

static void
align_actions(WeirOperatorTask *op)
{
	WeirAlignAction action;

	while (weir_align_next(op->align, &action))
	{
		if (action.kind == WEIR_ALIGN_SNAPSHOT)
		{
			snapshot(op, action.checkpoint);
			forget(&op->full, action.checkpoint);
			continue;
		}
		forget(&op->full, action.checkpoint);
		if (op->out && !weir_align_all_ended(op->align))
			weir_router_cancel(op->out, action.checkpoint);
		if (action.subsumed)
			weir_task_send(op->task, WEIR_CONTROL_DECLINE, action.checkpoint);
	}
}

static void
prepare(WeirOperatorTask *op, int64 checkpoint)
{
	WeirAttempt *attempt = op->task->attempt;
	char		name[WEIR_GID_SIZE];
	WeirGid		gid;

	gid.database = MyDatabaseId;
	gid.job = attempt->job;
	gid.attempt = attempt->attempt;
	gid.checkpoint = checkpoint;
	gid.task = op->task->index;
	weir_gid_format(name, &gid);
	op->task->preparing = true;
	weir_epoch_prepare(name);
	op->task->preparing = false;
	pgstat_report_stat(false);
	op->marked = false;
	end_letters(op);
	op->task->slot->stats.epoch_open = false;
	weir_task_send(op->task, WEIR_CONTROL_PREPARED, checkpoint);
}

/*
 * A trigger while this task waits to hear of the checkpoint before must wait
 * too: its snapshot would get into that one's epoch.
 */
static void
run_triggers(WeirOperatorTask *op)
{
	while (!op->held && op->triggers != NIL)
	{
		weir_align_trigger(op->align, *(int64 *) linitial(op->triggers));
		op->triggers = list_delete_first(op->triggers);
		align_actions(op);
	}
}

/* An aborted checkpoint is as if it had never been: the epoch goes on. */
static void
release(WeirOperatorTask *op, int64 checkpoint)
{
	if (op->held && op->held_for == checkpoint)
		op->held = false;
}

static void
handle_control(WeirOperatorTask *op)
{
	WeirControl message;

	while (weir_control_receive(op->task->port, &message))
	{
		switch ((WeirControlKind) message.kind)
		{
			case WEIR_CONTROL_TRIGGER:
				remember(op, &op->triggers, message.checkpoint);
				if (message.full)
					remember(op, &op->full, message.checkpoint);
				break;
			case WEIR_CONTROL_ABORT:
				forget(&op->triggers, message.checkpoint);
				forget(&op->full, message.checkpoint);
				weir_align_abort(op->align, message.checkpoint);
				release(op, message.checkpoint);
				break;
			case WEIR_CONTROL_PREPARE:
				prepare(op, message.checkpoint);
				break;
			case WEIR_CONTROL_COMPLETE:
				op->completed = true;
				release(op, message.checkpoint);
				break;
			case WEIR_CONTROL_CONFIGURE:
				weir_task_configure(op->task);
				break;
			default:
				break;
		}
		align_actions(op);
		run_triggers(op);
	}
}

/* ---- the loop ---- */

static void
handle_message(WeirOperatorTask *op, int input, const WeirMessage *message)
{
	switch ((WeirMessageKind) message->kind)
	{
		case WEIR_MESSAGE_ROWS:
			weir_operator_rows(op, op->in[input], message);
			break;
		case WEIR_MESSAGE_LETTER:
			weir_operator_letter(op, message);
			break;
		case WEIR_MESSAGE_BARRIER:
			if (op->first_barrier == 0)
				op->first_barrier = weir_now();
			op->barrier_sent = message->sent_at;
			if (message->full)
				remember(op, &op->full, message->checkpoint);
			weir_align_barrier(op->align, input, message->checkpoint);
			break;
		case WEIR_MESSAGE_CANCEL:
			weir_align_cancel(op->align, input, message->checkpoint);
			break;
		case WEIR_MESSAGE_END:
			weir_align_end(op->align, input);
			break;
	}
	align_actions(op);
}

static bool
read_inputs(WeirOperatorTask *op)
{
	bool		progress = false;

	for (int i = 0; i < op->nin; i++)
	{
		WeirMessage *message;

		if (op->held || (op->out && !weir_router_push(op->out)))
			break;
		if (!weir_align_may_read(op->align, i))
			continue;
		message = weir_receiver_next(op->in[i]);
		if (message == NULL)
			continue;
		handle_message(op, i, message);
		progress = true;
	}
	return progress;
}

/* All input has ended: pass it on, tell the coordinator, once. */
static void
tell_end(WeirOperatorTask *op)
{
	if (op->end_told || op->held || !weir_align_all_ended(op->align))
		return;
	if (op->out == NULL && !exactly_once(op) && weir_epoch_is_open())
		commit_epoch(op);
	if (op->out)
		weir_router_end(op->out);
	weir_task_send(op->task, WEIR_CONTROL_ENDED, 0);
	op->end_told = true;
}

/* Where output does not wait for checkpoints, it is committed within sink_flush. */
static long
flush_due(WeirOperatorTask *op)
{
	int64		due;

	if (!weir_epoch_is_open() || exactly_once(op) || op->held)
		return -1;
	due = weir_epoch_began() + op->task->attempt->sink_flush - weir_now();
	if (due > 0)
		return due / 1000 + 1;
	commit_epoch(op);
	return -1;
}

void
weir_operator_task(WeirTask *task)
{
	WeirOperatorTask *op = palloc0(sizeof(WeirOperatorTask));

	op->task = task;
	open_inputs(op);
	open_steps(op);
	weir_task_send(task, WEIR_CONTROL_RUNNING, 0);
	while (!task->stop)
	{
		bool		blocked = op->out && !weir_router_push(op->out);
		long		timeout;

		weir_task_tick(task);
		handle_control(op);
		if (task->stop)
			break;
		if (read_inputs(op))
		{
			(void) flush_due(op);
			continue;
		}
		tell_end(op);
		timeout = flush_due(op);
		weir_task_wait(task, PGINVALID_SOCKET, 0, timeout, blocked);
	}
}
