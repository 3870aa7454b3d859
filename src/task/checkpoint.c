/*
 * task/checkpoint.c
 *		A task's side of a checkpoint.
 *
 * A source is told by the coordinator: it notes its position, sees that the journal
 * is durable up to it, sends the barrier down every channel and votes.
 *
 * Any other task acts when a barrier has come on all inputs: it writes its changed
 * state.  Without a sink it commits that at once, passes the barrier on and
 * acknowledges.  With a sink (exactly_once) state and output are in the epoch
 * transaction: it says that it is ready, and takes no input until it is told to
 * prepare and then that the checkpoint is complete, or that it was aborted, when
 * the epoch goes on in the transaction it has open.  One whose inputs have all
 * ended is told by the coordinator, too.
 *
 * A barrier that is due overtakes (decide/align.h): the task works nothing off
 * until it has taken what is before the barrier out of its channels, and then
 * writes its state and, as part of it, what the barrier passed (passed.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/fault.h"
#include "catalog/checkpoint.h"
#include "catalog/snapshot.h"
#include "decide/clock.h"
#include "decide/participant.h"
#include "sink/epoch.h"
#include "sink/output.h"
#include "task/begin.h"
#include "task/checkpoint.h"
#include "task/emission.h"
#include "task/passed.h"
#include "task/reach.h"
#include "task/reached.h"

bool
weir_task_all_ended(const WeirTaskCheckpoints *c)
{
	return c->feed ? c->feed->ended : weir_align_all_ended(c->inputs->align);
}

static void
write_chunk(void *arg, int group, bool is_full, int seq, bytea *payload)
{
	weir_snapshot_add(arg, group, is_full, seq, payload);
}

static void
remember(WeirTaskCheckpoints *c, List **list, int64 checkpoint)
{
	MemoryContext old = MemoryContextSwitchTo(c->task->context);
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
is_full(WeirTaskCheckpoints *c, int64 checkpoint)
{
	ListCell   *lc;

	foreach(lc, c->full)
	{
		if (*(int64 *) lfirst(lc) == checkpoint)
			return true;
	}
	return c->task->attempt->write_full && !c->completed;
}

static void
write_store(WeirTaskCheckpoints *c, const WeirNode *node, WeirStore *store, int64 checkpoint,
			WeirTaskTimes *times)
{
	WeirAttempt *attempt = c->task->attempt;
	WeirSnapshotWriter *writer = weir_snapshot_begin(attempt->job, attempt->timeline, node->number,
													 checkpoint);
	WeirSnapshotStats stats = {0};
	int64		began = weir_now();
	int64		write;
	int64		bytes;

	weir_store_snapshot(store, is_full(c, checkpoint), write_chunk, writer, &stats);
	weir_snapshot_end(writer, &write, &bytes);
	times->write += write;
	times->bytes += bytes;
	times->sync += weir_now() - began - write;
	times->state_bytes += stats.state_bytes;
	times->dirty_keys += stats.dirty_keys;
}

/* In a transaction: the changed state, copied out (sync), as chunks inserted (write). */
static void
write_state(WeirTaskCheckpoints *c, int64 checkpoint, WeirTaskTimes *times)
{
	int			nstores = 0;

	if (c->inputs->passed != NIL)
		times->bytes += weir_passed_write(c->inputs, c->task, checkpoint);
	if (weir_reached_is_kept(c->inputs))
		times->bytes += weir_reached_write(c->inputs, c->task, checkpoint,
										   list_length(c->inputs->passed));
	for (int i = 0; i < weir_task_nnodes(c->task); i++)
	{
		const WeirNode *node = weir_task_node(c->task, i);

		if (weir_node_ops(node->kind)->keyed)
			write_store(c, node, list_nth(c->task->stores, nstores++), checkpoint, times);
	}
}

static bool
must_write(WeirTaskCheckpoints *c, int64 checkpoint)
{
	ListCell   *lc;

	foreach(lc, c->task->stores)
	{
		if (weir_store_is_dirty(lfirst(lc)) || is_full(c, checkpoint))
			return true;
	}
	return c->inputs->passed != NIL || weir_reached_is_kept(c->inputs);
}

static void
hold(WeirTaskCheckpoints *c, int64 checkpoint)
{
	c->held = true;
	c->held_for = checkpoint;
}

/* Into the epoch: the snapshot, and that this checkpoint holds it. */
static void
write_epoch(WeirTaskCheckpoints *c, int64 checkpoint, WeirTaskTimes *times)
{
	WeirTask   *task = c->task;
	WeirAttempt *attempt = task->attempt;

	weir_epoch_enter();
	write_state(c, checkpoint, times);
	weir_letter_box_claim(&c->chain->letters, checkpoint);
	weir_output_end_epoch(checkpoint);
	if (c->marked)
		weir_marker_delete(attempt->job, attempt->attempt, task->index);
	weir_marker_insert(attempt->job, attempt->attempt, checkpoint, task->index);
	c->marked = true;
	weir_epoch_leave();
}

/* Once checkpointing has been disabled, output does not wait for a checkpoint that is still taken. */
static bool
prepares(const WeirTaskCheckpoints *c)
{
	const WeirAttempt *attempt = c->task->attempt;

	return attempt->checkpointing &&
		weir_participant_prepares(&attempt->topology, c->task->index, attempt->mode);
}

/* Snapshot into the epoch, and vote; what follows waits for the answer. */
static void
snapshot_ready(WeirTaskCheckpoints *c, int64 checkpoint, WeirTaskTimes *times)
{
	const WeirAttempt *attempt = c->task->attempt;
	WeirVote	vote = weir_participant_vote(&attempt->topology, c->task->index, attempt->mode,
											 weir_epoch_is_open() || must_write(c, checkpoint));

	hold(c, checkpoint);
	if (vote == WEIR_VOTE_READY)
		write_epoch(c, checkpoint, times);
	weir_task_vote(c->task, checkpoint, vote, NULL, times);
}

void
weir_task_commit_epoch(WeirTaskCheckpoints *c)
{
	weir_chain_flush(c->chain);
	if (c->marked)
	{
		/* of a checkpoint that was aborted before checkpointing was disabled */
		weir_epoch_enter();
		weir_marker_delete(c->task->attempt->job, c->task->attempt->attempt, c->task->index);
		weir_epoch_leave();
		c->marked = false;
	}
	weir_epoch_commit();
	pgstat_report_stat(false);
	c->task->slot->stats.epoch_open = false;
	weir_latency_committed(&c->chain->sinks.latency, c->task->slot);
	weir_task_tell_output(c);
	if (weir_output_peers_wait)
		weir_task_begin_emission(c);
}

static void
pass_barrier(WeirTaskCheckpoints *c, int64 checkpoint)
{
	WeirBarrier barrier = c->barrier;

	barrier.checkpoint = checkpoint;
	barrier.full = is_full(c, checkpoint);
	weir_router_barrier(c->out, &barrier);
}

/* Snapshot and output are committed here and now, then acknowledged. */
static void
snapshot_committed(WeirTaskCheckpoints *c, int64 checkpoint, WeirTaskTimes *times)
{
	bool		writes = must_write(c, checkpoint);
	int64		written = 0;

	if (c->out == NULL &&
		(weir_epoch_is_open() || writes || weir_letter_box_is_open(&c->chain->letters)))
	{
		weir_chain_flush(c->chain);
		weir_epoch_enter();
		write_state(c, checkpoint, times);
		weir_letter_box_claim(&c->chain->letters, checkpoint);
		written = weir_now();
		weir_epoch_leave();
		weir_task_commit_epoch(c);
		weir_letter_box_end_epoch(&c->chain->letters);
	}
	else if (c->out && writes)
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		write_state(c, checkpoint, times);
		written = weir_now();
		PopActiveSnapshot();
		CommitTransactionCommand();
		MemoryContextSwitchTo(c->task->context);
	}
	if (writes)
		times->write += weir_now() - written;
	if (c->out && !weir_task_all_ended(c))
		pass_barrier(c, checkpoint);
	weir_task_vote(c->task, checkpoint, WEIR_VOTE_ACK, NULL, times);
}

/* What operators hold of the rows before the barrier goes on before it. */
static void
snapshot(WeirTaskCheckpoints *c, int64 checkpoint)
{
	WeirTaskTimes times = {0};
	int64		now = weir_now();

	weir_chain_emit(c->chain);
	if (c->first_barrier > 0)
	{
		times.start_delay = Max(c->first_barrier - c->barrier.sent_at, 0);
		times.alignment = now - c->first_barrier;
	}
	c->first_barrier = 0;
	if (prepares(c))
	{
		weir_chain_flush(c->chain);
		weir_task_tell_output(c);
		snapshot_ready(c, checkpoint, &times);
	}
	else
		snapshot_committed(c, checkpoint, &times);
	MemoryContextSwitchTo(c->task->context);
}

static void
align_actions(WeirTaskCheckpoints *c)
{
	WeirAlignAction action;

	while (weir_align_next(c->inputs->align, &action))
	{
		if (action.kind == WEIR_ALIGN_SNAPSHOT && action.overtakes)
		{
			c->overtaking = action.checkpoint;
			continue;
		}
		if (action.kind == WEIR_ALIGN_SNAPSHOT)
		{
			snapshot(c, action.checkpoint);
			forget(&c->full, action.checkpoint);
			continue;
		}
		forget(&c->full, action.checkpoint);
		if (c->out && !weir_task_all_ended(c))
			weir_router_cancel(c->out, action.checkpoint);
		if (action.subsumed)
			weir_task_send(c->task, WEIR_CONTROL_DECLINE, action.checkpoint);
	}
}

static void
prepare(WeirTaskCheckpoints *c, int64 checkpoint)
{
	char		name[WEIR_GID_SIZE];

	weir_attempt_prepared_name(c->task->attempt, c->task->index, checkpoint, name);
	c->task->preparing = true;
	weir_epoch_prepare(name);
	c->task->preparing = false;
	pgstat_report_stat(false);
	c->marked = false;
	weir_letter_box_end_epoch(&c->chain->letters);
	c->task->slot->stats.epoch_open = false;
	weir_task_send(c->task, WEIR_CONTROL_PREPARED, checkpoint);
}

/*
 * A trigger while this task waits to hear of the checkpoint before must wait
 * too: its snapshot would get into that one's epoch.
 */
static void
run_triggers(WeirTaskCheckpoints *c)
{
	while (!c->held && c->triggers != NIL)
	{
		weir_align_trigger(c->inputs->align, *(int64 *) linitial(c->triggers));
		c->triggers = list_delete_first(c->triggers);
		align_actions(c);
	}
}

/* An aborted checkpoint is as if it had never been: the epoch goes on. */
static void
release(WeirTaskCheckpoints *c, int64 checkpoint)
{
	if (c->held && c->held_for == checkpoint)
		c->held = false;
}

/* The epoch is committed, its rows for peers too. */
static void
complete(WeirTaskCheckpoints *c, int64 checkpoint)
{
	bool		own = c->held && c->held_for == checkpoint;

	if (own)
		weir_latency_committed(&c->chain->sinks.latency, c->task->slot);
	release(c, checkpoint);
	if (own && weir_output_peers_wait)
		weir_task_begin_emission(c);
}

/* Position first, journal durable, barrier, vote; behind a final checkpoint nothing is read. */
static void
trigger_feed(WeirTaskCheckpoints *c, const WeirControl *message)
{
	WeirPosition position;
	WeirTaskTimes times = {0};
	WeirBarrier barrier;
	int64		began;

	if (!c->feed->ended)
	{
		weir_feed_flush(c->feed);
		WEIR_FAULT(before_barrier);
		barrier.checkpoint = message->checkpoint;
		barrier.sent_at = weir_now();
		barrier.full = message->full;
		barrier.aligned = message->ckind == WEIR_SAVEPOINT || message->ckind == WEIR_FINAL;
		weir_router_barrier(c->out, &barrier);
		WEIR_FAULT(after_barrier);
	}
	began = weir_now();
	weir_feed_position(c->feed, message->ckind == WEIR_FINAL, &position);
	weir_feed_flush(c->feed);
	times.write = weir_now() - began;
	weir_task_vote(c->task, message->checkpoint, WEIR_VOTE_ACK, &position, &times);
	if (message->ckind == WEIR_FINAL)
		hold(c, message->checkpoint);
}

static void
abort_feed(WeirTaskCheckpoints *c, int64 checkpoint)
{
	if (!c->feed->ended)
		weir_router_cancel(c->out, checkpoint);
	release(c, checkpoint);
}

static void
control_feed(WeirTaskCheckpoints *c, const WeirControl *message)
{
	switch ((WeirControlKind) message->kind)
	{
		case WEIR_CONTROL_TRIGGER:
			trigger_feed(c, message);
			break;
		case WEIR_CONTROL_ABORT:
			abort_feed(c, message->checkpoint);
			break;
		case WEIR_CONTROL_COMPLETE:
			weir_feed_trim(c->feed, &message->position);
			break;
		case WEIR_CONTROL_DRAIN:
			weir_feed_drain(c->feed);
			break;
		case WEIR_CONTROL_REACH:
			weir_reach_begin(c->feed, message->checkpoint);
			break;
		case WEIR_CONTROL_CONFIGURE:
			weir_feed_configure(c->feed);
			break;
		default:
			break;
	}
}

/* What was put aside is worked off as if the barrier had never been. */
static void
stop_overtaking(WeirTaskCheckpoints *c, int64 checkpoint)
{
	if (c->overtaking == checkpoint)
		c->overtaking = 0;
}

static void
control_inputs(WeirTaskCheckpoints *c, const WeirControl *message)
{
	switch ((WeirControlKind) message->kind)
	{
		case WEIR_CONTROL_TRIGGER:
			remember(c, &c->triggers, message->checkpoint);
			if (message->full)
				remember(c, &c->full, message->checkpoint);
			break;
		case WEIR_CONTROL_ABORT:
			forget(&c->triggers, message->checkpoint);
			forget(&c->full, message->checkpoint);
			weir_align_abort(c->inputs->align, message->checkpoint);
			stop_overtaking(c, message->checkpoint);
			release(c, message->checkpoint);
			break;
		case WEIR_CONTROL_PREPARE:
			prepare(c, message->checkpoint);
			break;
		case WEIR_CONTROL_COMPLETE:
			c->completed = true;
			complete(c, message->checkpoint);
			break;
		case WEIR_CONTROL_CONFIGURE:
			weir_task_configure(c->task);
			break;
		default:
			break;
	}
	align_actions(c);
	run_triggers(c);
}

void
weir_task_control(WeirTaskCheckpoints *c)
{
	WeirControl message;

	while (weir_control_receive(c->task->port, &message))
	{
		if (c->feed)
			control_feed(c, &message);
		else
			control_inputs(c, &message);
	}
}

static void
take_barrier(WeirTaskCheckpoints *c, int input, const WeirMessage *message)
{
	if (c->first_barrier == 0)
		c->first_barrier = weir_now();
	if (message->checkpoint >= c->barrier.checkpoint)
	{
		c->barrier.checkpoint = message->checkpoint;
		c->barrier.sent_at = message->sent_at;
		c->barrier.aligned = message->aligned;
	}
	c->inputs->barriers[input] = message->checkpoint;
	if (message->full)
		remember(c, &c->full, message->checkpoint);
	weir_align_barrier(c->inputs->align, input, message->checkpoint);
}

void
weir_task_mark(WeirTaskCheckpoints *c, int input, const WeirMessage *message)
{
	switch ((WeirMessageKind) message->kind)
	{
		case WEIR_MESSAGE_BARRIER:
			take_barrier(c, input, message);
			break;
		case WEIR_MESSAGE_CANCEL:
			weir_align_cancel(c->inputs->align, input, message->checkpoint);
			stop_overtaking(c, message->checkpoint);
			break;
		case WEIR_MESSAGE_END:
			weir_align_end(c->inputs->align, input);
			break;
		default:
			break;
	}
	align_actions(c);
}

void
weir_task_announcements(WeirTaskCheckpoints *c)
{
	WeirInputs *inputs = c->inputs;
	int64		after = c->task->attempt->unaligned_after;

	if (after < 0 || c->held || c->overtaking != 0 || !weir_task_exactly_once(c->task))
		return;
	for (int i = 0; i < inputs->n; i++)
	{
		int64		sent_at;
		int64		checkpoint;

		while ((checkpoint = weir_receiver_announced(inputs->receivers[i], &sent_at)) > 0)
			weir_align_announce(inputs->align, i, checkpoint, weir_time_after(sent_at, after));
	}
	weir_align_clock(inputs->align, weir_now());
	align_actions(c);
}

/* A message before the barrier of an input; the barrier itself; a cancel in its place. */
static void
pass_message(WeirTaskCheckpoints *c, int input, const WeirMessage *message)
{
	if (!weir_passed_put(c->inputs, input, message))
		weir_task_mark(c, input, message);
}

/* Takes what an input has before the barrier; true if the barrier, or its end, has been met. */
static bool
drain_input(WeirTaskCheckpoints *c, int input, bool *progress)
{
	while (c->overtaking != 0 && c->inputs->barriers[input] < c->overtaking &&
		   !weir_align_has_ended(c->inputs->align, input))
	{
		WeirMessage *message = weir_receiver_next(c->inputs->receivers[input]);

		if (message == NULL)
			return false;
		pass_message(c, input, message);
		*progress = true;
	}
	return true;
}

bool
weir_task_overtake(WeirTaskCheckpoints *c)
{
	bool		progress = false;
	bool		all = true;
	int64		checkpoint = c->overtaking;

	for (int i = 0; i < c->inputs->n; i++)
		all = drain_input(c, i, &progress) && all;
	if (all && c->overtaking != 0)
	{
		c->overtaking = 0;
		(void) weir_begin_heard(c);
		snapshot(c, checkpoint);
		forget(&c->full, checkpoint);
		progress = true;
	}
	return progress;
}

void
weir_task_go_on(WeirTaskCheckpoints *c)
{
	c->held = false;
	align_actions(c);
	run_triggers(c);
}
