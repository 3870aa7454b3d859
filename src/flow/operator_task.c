/*
 * flow/operator_task.c
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
#include "flow/channel.h"
#include "flow/keyed_step.h"
#include "flow/state_memory.h"
#include "flow/task.h"
#include "sink/epoch.h"
#include "sink/output.h"
#include "sink/statement.h"

typedef struct Operator
{
	WeirTask   *task;
	int			nin;
	WeirReceiver **in;
	WeirAlign  *align;
	WeirSender *out;			/* to the sink task; NULL: this task has the sink */
	WeirStore  *store;			/* NULL: no keyed step */
	WeirKeyedStep *step;
	WeirSink   *sink;
	bool		held;			/* voted ready, waits to hear */
	int64		held_for;
	List	   *triggers;		/* checkpoints to trigger once not held (int64 *) */
	List	   *full;			/* checkpoints to write in full (int64 *) */
	bool		marked;			/* a marker is in the open epoch */
	bool		completed;		/* a checkpoint completed in this attempt */
	bool		end_told;
	int64		first_barrier;	/* when the barrier under way came first, us */
	int64		barrier_sent;
} Operator;

static bool
exactly_once(Operator *op)
{
	return op->task->attempt->checkpointing &&
		op->task->attempt->mode == WEIR_EXACTLY_ONCE;
}

static void
open_inputs(Operator *op)
{
	WeirTask   *task = op->task;
	WeirAttempt *attempt = task->attempt;
	bool		from_keyed = task->slot->kind == WEIR_TASK_SINK && attempt->nkeyed > 0;
	int			first = from_keyed ? attempt->nsources : 0;

	op->nin = from_keyed ? attempt->nkeyed : attempt->nsources;
	op->in = palloc(sizeof(WeirReceiver *) * op->nin);
	for (int i = 0; i < op->nin; i++)
		op->in[i] = weir_receiver_create(weir_attempt_channel(attempt, first + i, task->index),
										 task->segment, attempt->attempt);
	op->align = weir_align_create(op->nin, exactly_once(op) ? WEIR_ALIGN_EXACTLY_ONCE :
								  WEIR_ALIGN_AT_LEAST_ONCE);
	if (task->slot->kind == WEIR_TASK_KEYED && attempt->nsinks > 0)
		op->out = weir_sender_create(weir_attempt_channel(attempt, task->index,
														  attempt->nsources + attempt->nkeyed),
									 task->segment, attempt->attempt);
}

/* In a transaction: what depends on the compiled dataflow. */
static void
build_steps(Operator *op)
{
	WeirTask   *task = op->task;
	MemoryContext old = MemoryContextSwitchTo(task->context);
	bool		passthrough = task->slot->kind == WEIR_TASK_SINK && task->attempt->nkeyed > 0;

	if (op->step)
		weir_keyed_step_free(op->step);
	if (op->sink)
		weir_sink_free(op->sink);
	op->sink = NULL;
	op->step = weir_keyed_step_create(task->dataflow, op->store, passthrough, &task->line);
	if (op->out == NULL)
		op->sink = weir_sink_create(task->dataflow, &task->line);
	MemoryContextSwitchTo(old);
}

static void
open_steps(Operator *op)
{
	WeirTask   *task = op->task;
	MemoryContext old;

	weir_task_compile(task);
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (task->slot->kind == WEIR_TASK_KEYED)
	{
		old = MemoryContextSwitchTo(task->context);
		op->store = weir_keyed_store_open(task);
		MemoryContextSwitchTo(old);
	}
	build_steps(op);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* A row for the sink: to the statement, or on to the task that runs it. */
static void
emit_row(void *arg, Datum *values, bool *nulls, const WeirRow *origin)
{
	Operator   *op = arg;

	op->task->slot->stats.records_out++;
	if (op->sink)
		weir_sink_row(op->sink, values, nulls);
	else
		weir_sender_row(op->out, op->task->dataflow->sink_desc, values, nulls,
						origin->hash, origin->stamp, origin->line);
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

/* A transaction for one batch: the epoch's, or a read-only one of its own. */
static void
enter_transaction(Operator *op)
{
	if (op->sink)
	{
		weir_epoch_enter();
		tell_epoch_open(op->task);
	}
	else
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
	}
	XactReadOnly = true;
}

static void
leave_transaction(Operator *op)
{
	XactReadOnly = false;
	if (op->sink)
		weir_epoch_leave();
	else
	{
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	MemoryContextSwitchTo(op->task->context);
}

static void
flush_rows(Operator *op)
{
	int64		began;

	if (op->sink == NULL)
	{
		weir_sender_flush(op->out);
		return;
	}
	began = weir_now();
	weir_sink_flush(op->sink);
	op->task->slot->stats.in_sink_us += weir_now() - began;
}

static void
process_rows(Operator *op, const WeirMessage *message)
{
	WeirTask   *task = op->task;
	const char *at = (const char *) message + WEIR_MESSAGE_ROWS_AT;

	enter_transaction(op);
	if (weir_task_refresh(task, op->sink ? weir_dataflow_lock_sink : weir_dataflow_lock_scan))
	{
		build_steps(op);
		weir_task_drop_stale(task);
	}
	for (int i = 0; i < message->nrows; i++)
	{
		const WeirRow *row = (const WeirRow *) at;

		weir_keyed_step_row(op->step, row, emit_row, op);
		at += row->size;
	}
	flush_rows(op);
	leave_transaction(op);
	task->line = 0;
	if (op->store)
		weir_state_memory_note(task, op->store);
	task->slot->stats.records_in += message->nrows;
	task->slot->stats.bytes_in += at - (const char *) message;
	task->slot->stats.epoch_open = weir_epoch_is_open();
}

/* ---- checkpoints ---- */

static void
write_chunk(void *arg, int group, bool is_full, int seq, bytea *payload)
{
	weir_snapshot_add(arg, group, is_full, seq, payload);
}

static void
remember(Operator *op, List **list, int64 checkpoint)
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
is_full(Operator *op, int64 checkpoint)
{
	ListCell   *lc;

	foreach(lc, op->full)
	{
		if (*(int64 *) lfirst(lc) == checkpoint)
			return true;
	}
	return op->task->attempt->write_full && !op->completed;
}

/* In a transaction: the changed state, copied out (sync), as chunks inserted (write). */
static void
write_state(Operator *op, int64 checkpoint, WeirTaskTimes *times)
{
	WeirAttempt *attempt = op->task->attempt;
	WeirSnapshotWriter *writer;
	WeirSnapshotStats stats = {0};
	int64		began = weir_now();

	if (op->store == NULL)
		return;
	writer = weir_snapshot_begin(attempt->job, attempt->timeline, 0, checkpoint);
	weir_store_snapshot(op->store, is_full(op, checkpoint), write_chunk, writer, &stats);
	weir_snapshot_end(writer, &times->write, &times->bytes);
	times->sync = weir_now() - began - times->write;
	times->state_bytes = stats.state_bytes;
	times->dirty_keys = stats.dirty_keys;
}

static bool
must_write(Operator *op, int64 checkpoint)
{
	return op->store && (weir_store_is_dirty(op->store) || is_full(op, checkpoint));
}

/* Snapshot into the epoch, and vote; what follows waits for the answer. */
static void
snapshot_ready(Operator *op, int64 checkpoint, WeirTaskTimes *times)
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
	if (op->marked)
		weir_marker_delete(attempt->job, attempt->attempt, task->index);
	weir_marker_insert(attempt->job, attempt->attempt, checkpoint, task->index);
	op->marked = true;
	weir_epoch_leave();
	weir_task_vote(task, checkpoint, WEIR_VOTE_READY, NULL, times);
}

static void
commit_epoch(Operator *op)
{
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
snapshot_committed(Operator *op, int64 checkpoint, WeirTaskTimes *times)
{
	bool		writes = must_write(op, checkpoint);
	int64		written;

	if (writes || (op->sink && weir_epoch_is_open()))
	{
		enter_transaction(op);
		XactReadOnly = false;
		write_state(op, checkpoint, times);
		written = weir_now();
		leave_transaction(op);
		if (op->sink)
			commit_epoch(op);
		if (writes)
			times->write += weir_now() - written;
	}
	if (op->out && !weir_align_all_ended(op->align))
		weir_sender_barrier(op->out, checkpoint, op->barrier_sent, is_full(op, checkpoint));
	weir_task_vote(op->task, checkpoint, WEIR_VOTE_ACK, NULL, times);
}

static void
snapshot(Operator *op, int64 checkpoint)
{
	WeirTaskTimes times = {0};
	int64		now = weir_now();

	if (op->first_barrier > 0)
	{
		times.start_delay = Max(op->first_barrier - op->barrier_sent, 0);
		times.alignment = now - op->first_barrier;
	}
	op->first_barrier = 0;
	if (op->sink && exactly_once(op))
	{
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
align_actions(Operator *op)
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
			weir_sender_cancel(op->out, action.checkpoint);
		if (action.subsumed)
			weir_task_send(op->task, WEIR_CONTROL_DECLINE, action.checkpoint);
	}
}

static void
prepare(Operator *op, int64 checkpoint)
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
	op->task->slot->stats.epoch_open = false;
	weir_task_send(op->task, WEIR_CONTROL_PREPARED, checkpoint);
}

/*
 * A trigger while this task waits to hear of the checkpoint before must wait
 * too: its snapshot would get into that one's epoch.
 */
static void
run_triggers(Operator *op)
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
release(Operator *op, int64 checkpoint)
{
	if (op->held && op->held_for == checkpoint)
		op->held = false;
}

static void
handle_control(Operator *op)
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
handle_message(Operator *op, int input, const WeirMessage *message)
{
	switch ((WeirMessageKind) message->kind)
	{
		case WEIR_MESSAGE_ROWS:
			process_rows(op, message);
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
read_inputs(Operator *op)
{
	bool		progress = false;

	for (int i = 0; i < op->nin; i++)
	{
		WeirMessage *message;

		if (op->held || (op->out && !weir_sender_push(op->out)))
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
tell_end(Operator *op)
{
	if (op->end_told || op->held || !weir_align_all_ended(op->align))
		return;
	if (op->sink && !exactly_once(op) && weir_epoch_is_open())
		commit_epoch(op);
	if (op->out)
		weir_sender_end(op->out);
	weir_task_send(op->task, WEIR_CONTROL_ENDED, 0);
	op->end_told = true;
}

/* Where output does not wait for checkpoints, it is committed within sink_flush. */
static long
flush_due(Operator *op)
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
	Operator   *op = palloc0(sizeof(Operator));

	op->task = task;
	open_inputs(op);
	open_steps(op);
	weir_task_send(task, WEIR_CONTROL_RUNNING, 0);
	while (!task->stop)
	{
		bool		blocked = op->out && !weir_sender_push(op->out);
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
