/*
 * task/loop.c
 *		What a task does, turn by turn: takes what comes, from its stream or from
 *		other tasks, and has it worked off.
 *
 *	feed (a source)  ---- scan ----------------> channels to the next tasks
 *	inputs -> align ----- chain of operators --> channels, or the sink
 *
 * Between two turns it answers the coordinator (checkpoint.c).  While a channel
 * has something pending, or the task is held by a checkpoint, it takes nothing.
 */
#include "postgres.h"

#include "sink/epoch.h"
#include "task/advance.h"
#include "task/begin.h"
#include "task/emission.h"
#include "task/passed.h"
#include "task/reach.h"
#include "task/reached.h"

static void
handle_message(WeirTaskCheckpoints *c, int input, const WeirMessage *message)
{
	int			rows;

	switch ((WeirMessageKind) message->kind)
	{
		case WEIR_MESSAGE_ROWS:
			rows = weir_chain_rows(c->chain, c->inputs, input, false, message);
			weir_inputs_worked(c->inputs, input, rows);
			break;
		case WEIR_MESSAGE_LETTER:
			weir_chain_letter(c->chain, message);
			break;
		case WEIR_MESSAGE_WATERMARK:
			weir_watermark_merge_set(c->inputs->watermarks, input, message->watermark, message->idle);
			weir_advance_chain(c->chain, c->inputs);
			break;
		case WEIR_MESSAGE_END:
			weir_watermark_merge_end(c->inputs->watermarks, input);
			weir_advance_chain(c->chain, c->inputs);
			weir_task_mark(c, input, message);
			break;
		case WEIR_MESSAGE_BARRIER:
		case WEIR_MESSAGE_CANCEL:
			weir_task_mark(c, input, message);
			break;
	}
}

static bool
is_blocked(WeirTaskCheckpoints *c)
{
	return c->out && !weir_router_push(c->out);
}

/* A message of each input. */
static bool
read_inputs(WeirTaskCheckpoints *c)
{
	bool		progress = false;

	for (int i = 0; i < c->inputs->n && !c->held && !is_blocked(c); i++)
	{
		WeirMessage *message = weir_inputs_next(c->inputs, i);

		if (message == NULL)
			continue;
		handle_message(c, i, message);
		progress = true;
	}
	return progress;
}

/* What barriers have passed comes first. */
static bool
take_passed(WeirTaskCheckpoints *c)
{
	WeirPassed *passed;
	int			rows;

	if (c->held || is_blocked(c))
		return false;
	passed = weir_passed_take(c->inputs);
	if (passed->message->kind != WEIR_MESSAGE_ROWS)
		handle_message(c, passed->input, passed->message);
	else
	{
		rows = weir_chain_rows(c->chain, c->inputs, passed->input, passed->restored, passed->message);
		if (!passed->restored)
			weir_inputs_worked(c->inputs, passed->input, rows);
	}
	if (passed->restored)
		weir_begin_restored(c);
	weir_passed_free(passed);
	return true;
}

static bool
take(WeirTaskCheckpoints *c)
{
	if (c->feed == NULL)
	{
		weir_task_announcements(c);
		if (c->overtaking != 0)
			return weir_task_overtake(c);
		if (!c->inputs->begun)
			return weir_begin_inputs(c);
		return c->inputs->passed != NIL ? take_passed(c) : read_inputs(c);
	}
	return !c->feed->ended && !c->held && !is_blocked(c) && weir_feed_turn(c->feed);
}

/* All input has ended: pass it on, tell the coordinator. */
static void
tell_end(WeirTaskCheckpoints *c)
{
	if (c->chain)
		weir_chain_emit(c->chain);
	if (c->out == NULL && !weir_task_exactly_once(c->task) && weir_epoch_is_open())
		weir_task_commit_epoch(c);
	if (c->out)
		weir_router_end(c->out);
	weir_task_send(c->task, WEIR_CONTROL_ENDED, 0);
}

/* Since when is there what must go its way within sink_flush?  0: there is nothing. */
static int64
waits_since(WeirTaskCheckpoints *c)
{
	int64		held = c->chain ? c->chain->held_since : 0;

	if (!weir_epoch_is_open())
		return held;
	return held == 0 ? weir_epoch_began() : Min(held, weir_epoch_began());
}

/* Where output does not wait for checkpoints, it is committed, and rows that are held go on, within sink_flush. */
static long
flush_due(WeirTaskCheckpoints *c)
{
	int64		since = waits_since(c);
	int64		due;

	if (since == 0 || weir_task_exactly_once(c->task) || c->held)
		return -1;
	due = since + c->task->attempt->sink_flush - weir_now();
	if (due > 0)
		return due / 1000 + 1;
	weir_chain_emit(c->chain);
	if (c->out == NULL)
		weir_task_commit_epoch(c);
	return 0;					/* the commit may have taken a wake-up */
}

/* A barrier may be due sooner. */
static long
until_overtaking(WeirTaskCheckpoints *c, long timeout)
{
	int64		deadline = weir_align_deadline(c->inputs->align);
	long		left;

	if (deadline == PG_INT64_MAX || c->held || c->overtaking != 0)
		return timeout;
	left = weir_ms_until(deadline);
	return timeout < 0 ? left : Min(timeout, left);
}

static void
wait_for_more(WeirTaskCheckpoints *c, long timeout, bool blocked)
{
	if (c->feed)
	{
		weir_feed_wait(c->feed, !c->feed->ended && !c->held, blocked);
		return;
	}
	if (weir_task_is_emitting(c))
	{
		weir_task_wait_for_peer(c);
		return;
	}
	weir_task_wait(c->task, PGINVALID_SOCKET, 0, until_overtaking(c, timeout), blocked);
	if (!blocked)
		weir_inputs_idle(c->inputs);
}

static WeirTaskCheckpoints *
open_task(WeirTask *task)
{
	WeirTaskCheckpoints *c = palloc0(sizeof(WeirTaskCheckpoints));

	weir_task_compile(task);
	c->task = task;
	c->out = weir_router_create(task);
	c->inputs = weir_inputs_open(task);
	if (c->inputs)
	{
		c->chain = weir_chain_open(task, c->out);
		weir_passed_restore(c->inputs, task);
		c->inputs->begins = task->attempt->begins;
		c->inputs->begun = !c->inputs->begins;
		if (c->inputs->begins)
			weir_reached_restore(c->inputs, task);
		if (weir_task_may_emit(task))	/* what an attempt before has left */
			weir_task_begin_emission(c);
	}
	else
	{
		c->feed = weir_feed_open(task, c->out);
		weir_begin_feed(c->feed);
	}
	return c;
}

/* Nothing waits that a barrier has passed. */
static bool
is_empty(WeirTaskCheckpoints *c)
{
	return c->inputs == NULL || (c->inputs->begun && c->inputs->passed == NIL && c->overtaking == 0);
}

void
weir_task_loop(WeirTask *task)
{
	WeirTaskCheckpoints *c = open_task(task);
	bool		end_told = false;

	weir_task_send(task, WEIR_CONTROL_RUNNING, 0);
	while (!task->stop)
	{
		bool		blocked = is_blocked(c);
		bool		progress;
		long		timeout;

		weir_task_tick(task);
		weir_task_control(c);
		if (task->stop)
			break;
		progress = take(c);
		progress = weir_task_emit(c) || progress;
		if (c->feed)
			weir_reach_tell(c->feed);
		if (!end_told && !c->held && weir_task_all_ended(c) && is_empty(c))
		{
			tell_end(c);
			end_told = true;
			progress = true;
		}
		timeout = flush_due(c);
		if (!progress)
			wait_for_more(c, timeout, blocked);
	}
	if (c->feed)
		weir_feed_close(c->feed);
}
