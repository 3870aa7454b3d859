/*
 * task/source_task.c
 *		A source: reads its stream in batches, which it works off one by one
 *		(source_rows.c).
 *
 * Between two batches it answers the coordinator: at a trigger it notes its
 * position, sees that the journal is durable up to it, sends the barrier down
 * every channel and votes.  While a channel has something pending it reads
 * nothing, so that pressure travels back to the socket.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/fault.h"
#include "base/text.h"
#include "graph/kinds/source.h"
#include "source/handover.h"
#include "source/source.h"
#include "task/router.h"
#include "task/source_rows.h"
#include "task/task.h"

typedef struct Source
{
	WeirTask   *task;
	WeirStream *stream;
	WeirSource *reader;
	WeirRouter *router;
	WeirSourceRows *rows;
	bool		ended;			/* end of stream sent on */
	bool		paused;			/* behind the barrier of a final checkpoint */
	int64		paused_for;
} Source;

static void
open_reader(Source *source)
{
	WeirTask   *task = source->task;
	WeirAttempt *attempt = task->attempt;
	MemoryContext old;
	WeirSourceOptions options = {0};
	const WeirSourceOps *ops;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	old = MemoryContextSwitchTo(task->context);
	source->stream = weir_stream_get(weir_source_plan(weir_task_node(task, 0))->stream);
	ops = weir_source_of(source->stream->relid);
	weir_text_copy(task->slot->stream, source->stream->name, sizeof(task->slot->stream));
	source->router = weir_router_create(task);
	source->rows = weir_source_rows_create(task, source->stream, source->router);
	task->slot->source.dead_letters = weir_dead_letters_kept(attempt->job, source->stream->relid,
															 PG_INT64_MAX);
	MemoryContextSwitchTo(old);
	PopActiveSnapshot();
	CommitTransactionCommand();
	options.job = attempt->job;
	options.ordinal = task->slot->source_number;
	options.checkpointing = attempt->checkpointing;
	options.at_most_once = attempt->mode == WEIR_AT_MOST_ONCE;
	options.pass_end = attempt->pass_end;
	options.allow_gap = attempt->allow_gap;
	options.suspects = &task->job->suspects;
	weir_handover_begin(attempt->job_slot, attempt->job, options.ordinal);
	source->reader = ops->open(source->stream, &options, &task->slot->start, &task->slot->source);
}

static void
vote(Source *source, int64 checkpoint, bool final)
{
	WeirPosition position;
	WeirTaskTimes times = {0};
	int64		began = weir_now();

	source->reader->ops->position(source->reader, final, &position);
	source->reader->ops->flush(source->reader, true);
	times.write = weir_now() - began;
	weir_task_vote(source->task, checkpoint, WEIR_VOTE_ACK, &position, &times);
}

/* Position first, journal durable, barrier, vote. */
static void
handle_trigger(Source *source, const WeirControl *message)
{
	if (!source->ended)
	{
		source->reader->ops->flush(source->reader, true);
		WEIR_FAULT(before_barrier);
		weir_router_barrier(source->router, message->checkpoint, weir_now(), message->full);
		WEIR_FAULT(after_barrier);
	}
	vote(source, message->checkpoint, message->ckind == WEIR_FINAL);
	if (message->ckind == WEIR_FINAL)
	{
		source->paused = true;
		source->paused_for = message->checkpoint;
	}
}

static void
handle_abort(Source *source, int64 checkpoint)
{
	if (!source->ended)
		weir_router_cancel(source->router, checkpoint);
	if (source->paused && source->paused_for == checkpoint)
		source->paused = false;
}

/* Once checkpointing has been disabled, no checkpoint trims the journal or lets the sender forget. */
static void
trim_unchecked(Source *source)
{
	WeirPosition position;

	if (source->task->attempt->checkpointing)
		return;
	source->reader->ops->position(source->reader, false, &position);
	source->reader->ops->trim(source->reader, &position);
}

static void
handle_control(Source *source)
{
	WeirControl message;

	while (weir_control_receive(source->task->port, &message))
	{
		switch ((WeirControlKind) message.kind)
		{
			case WEIR_CONTROL_TRIGGER:
				handle_trigger(source, &message);
				break;
			case WEIR_CONTROL_ABORT:
				handle_abort(source, message.checkpoint);
				break;
			case WEIR_CONTROL_COMPLETE:
				source->reader->ops->trim(source->reader, &message.position);
				break;
			case WEIR_CONTROL_DRAIN:
				source->reader->ops->drain(source->reader);
				break;
			case WEIR_CONTROL_CONFIGURE:
				weir_task_configure(source->task);
				trim_unchecked(source);
				break;
			default:
				break;
		}
	}
}

static void
handle_end(Source *source)
{
	source->reader->ops->flush(source->reader, true);
	weir_router_end(source->router);
	source->ended = true;
	weir_task_send(source->task, WEIR_CONTROL_ENDED, 0);
}

/* An error is blamed on the record it is about. */
static WeirReadResult
read_batch(Source *source)
{
	WeirReadResult volatile result = WEIR_READ_WAIT;

	PG_TRY();
	{
		result = source->reader->ops->poll(source->reader, source->rows->input);
	}
	PG_CATCH();
	{
		source->task->line = source->reader->ops->failed_line(source->reader);
		source->task->hopeless = source->reader->ops->hopeless(source->reader);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return result;
}

/* One turn: reads and processes a batch, or waits. */
static void
turn(Source *source)
{
	WeirTask   *task = source->task;
	int			events = 0;
	long		timeout = -1;
	pgsocket	socket = PGINVALID_SOCKET;

	if (!weir_router_push(source->router))
	{
		weir_task_wait(task, PGINVALID_SOCKET, 0, source->reader->ops->due(source->reader), true);
		source->reader->ops->flush(source->reader, false);
		return;
	}
	if (source->ended || source->paused)
	{
		source->reader->ops->flush(source->reader, true);
		weir_task_wait(task, PGINVALID_SOCKET, 0, -1, false);
		return;
	}
	switch (read_batch(source))
	{
		case WEIR_READ_BATCH:
			weir_source_rows_run(source->rows);
			source->reader->ops->flush(source->reader, false);
			trim_unchecked(source);
			break;
		case WEIR_READ_ENDED:
			handle_end(source);
			trim_unchecked(source);
			break;
		case WEIR_READ_WAIT:
			source->reader->ops->flush(source->reader, false);
			socket = source->reader->ops->wait(source->reader, &events, &timeout);
			weir_task_wait(task, socket, events, timeout, false);
			break;
	}
}

void
weir_source_task(WeirTask *task)
{
	Source	   *source = palloc0(sizeof(Source));

	source->task = task;
	weir_task_compile(task);
	open_reader(source);
	weir_task_send(task, WEIR_CONTROL_RUNNING, 0);
	while (!task->stop)
	{
		weir_task_tick(task);
		handle_control(source);
		if (!task->stop)
			turn(source);
	}
	source->reader->ops->close(source->reader);
}
