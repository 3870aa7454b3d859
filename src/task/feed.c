/*
 * task/feed.c
 *		What comes to a source's task: the records of its stream, in batches, which
 *		are worked off one by one (feed_rows.c).
 *
 * While a channel has something pending nothing is read, so that pressure travels
 * back to the socket.
 *
 * Dead letters that come again have precedence between two batches; how far they
 * were handed out is part of the position.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/text.h"
#include "graph/kinds/source.h"
#include "source/handover.h"
#include "task/feed.h"
#include "task/feed_partitions.h"

#define TICK_MS	200				/* between steps of a time that no record moves */

static const WeirSourceOps *
open_stream(WeirFeed *feed, WeirRouter *out)
{
	WeirTask   *task = feed->task;
	const WeirSourceOps *ops;
	MemoryContext old;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	old = MemoryContextSwitchTo(task->context);
	feed->stream = weir_stream_get(weir_source_plan(weir_task_node(task, 0))->stream);
	weir_text_copy(task->slot->stream, feed->stream->name, sizeof(task->slot->stream));
	task->slot->relid = feed->stream->relid;
	feed->stream->by_arrival = weir_source_plan(weir_task_node(task, 0))->by_arrival;
	feed->rows = weir_feed_rows_create(task, feed->stream, out);
	weir_feed_rows_begin(feed->rows, &task->slot->start);
	if (task->subtask == 0)
		feed->again = weir_again_open(feed->stream, task->attempt->job, &task->job->suspects);
	feed->idleness.timeout = feed->stream->idle_timeout;
	feed->again_waits = feed->again != NULL;
	task->slot->source.dead_letters = weir_dead_letters_kept(task->attempt->job, feed->stream->relid);
	MemoryContextSwitchTo(old);
	ops = weir_source_of(feed->stream->relid);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(task->context);
	return ops;
}

WeirFeed *
weir_feed_open(WeirTask *task, WeirRouter *out)
{
	WeirAttempt *attempt = task->attempt;
	WeirSourceOptions options = {0};
	const WeirSourceOps *ops;
	WeirFeed   *feed;

	if (!task->stage->source)
		return NULL;
	feed = palloc0(sizeof(WeirFeed));
	feed->task = task;
	ops = open_stream(feed, out);
	options.job = attempt->job;
	options.job_name = task->job->name;
	options.owner = attempt->owner;
	options.ordinal = task->slot->source_number;
	options.subtask = task->subtask;
	options.ntasks = task->stage->parallelism;
	options.partitions = attempt->grouped ? attempt->read : NULL;
	options.checkpointing = attempt->checkpointing;
	options.at_most_once = attempt->mode == WEIR_AT_MOST_ONCE;
	options.pass_end = attempt->pass_end;
	options.allow_gap = attempt->allow_gap;
	options.suspects = &task->job->suspects;
	task->slot->reaches = ops->committed != NULL;
	if (options.ntasks == 1)
		weir_handover_begin(attempt->job_slot, attempt->job, options.ordinal);
	feed->source = ops->open(feed->stream, &options, &task->slot->start, &task->slot->source);
	return feed;
}

void
weir_feed_close(WeirFeed *feed)
{
	feed->source->ops->close(feed->source);
}

/* An error is blamed on the record it is about. */
static void
blame(WeirFeed *feed)
{
	feed->task->line = feed->source->ops->failed_line(feed->source);
	feed->task->hopeless = feed->source->ops->hopeless(feed->source);
}

static void
flush(WeirFeed *feed, bool force)
{
	PG_TRY();
	{
		feed->source->ops->flush(feed->source, force);
	}
	PG_CATCH();
	{
		blame(feed);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
weir_feed_flush(WeirFeed *feed)
{
	flush(feed, true);
}

void
weir_feed_position(WeirFeed *feed, bool final, WeirPosition *position)
{
	memset(position, 0, sizeof(*position));
	feed->source->ops->position(feed->source, final, position);
	if (feed->again)
		position->retried = weir_again_position(feed->again);
	weir_feed_rows_position(feed->rows, position);
}

void
weir_feed_trim(WeirFeed *feed, const WeirPosition *position)
{
	feed->source->ops->trim(feed->source, position);
	if (feed->again)
		weir_again_settled(feed->again, position->retried);
}

void
weir_feed_trim_unchecked(WeirFeed *feed)
{
	WeirPosition position;

	if (feed->task->attempt->checkpointing)
		return;
	if (feed->again)
		weir_again_forget(feed->again);
	weir_feed_position(feed, false, &position);
	weir_feed_trim(feed, &position);
}

void
weir_feed_configure(WeirFeed *feed)
{
	weir_task_configure(feed->task);
	weir_feed_trim_unchecked(feed);
	feed->again_waits = feed->again != NULL;
}

void
weir_feed_drain(WeirFeed *feed)
{
	feed->source->ops->drain(feed->source);
}

static WeirReadResult
read_batch(WeirFeed *feed)
{
	WeirReadResult volatile result = WEIR_READ_WAIT;

	PG_TRY();
	{
		feed->rows->input->limit = weir_router_batch(feed->rows->router,
													 feed->rows->input->batch->capacity);
		feed->rows->input->again = false;
		result = feed->source->ops->poll(feed->source, feed->rows->input);
	}
	PG_CATCH();
	{
		blame(feed);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return result;
}

/* Of records that come again nobody knows it. */
static void
forget_partitions(WeirBatch *batch)
{
	for (int i = 0; batch->partitions && i < batch->nrows; i++)
		batch->partitions[i] = -1;
}

/* Nothing is kept of what nobody would come back to. */
static bool
read_again(WeirFeed *feed)
{
	const WeirAttempt *attempt = feed->task->attempt;
	int64		line = 0;
	bool volatile some = false;

	PG_TRY();
	{
		feed->rows->input->limit = weir_router_batch(feed->rows->router,
													 feed->rows->input->batch->capacity);
		feed->rows->input->again = true;
		some = weir_again_next(feed->again, feed->rows->input,
							   !attempt->checkpointing || attempt->mode == WEIR_AT_MOST_ONCE, &line);
		forget_partitions(feed->rows->input->batch);
	}
	PG_CATCH();
	{
		feed->task->line = line;
		PG_RE_THROW();
	}
	PG_END_TRY();
	return some;
}

/* It was asked, and something has come, or nothing; how long nothing must come is on the task's clock. */
static void
note_idleness(WeirFeed *feed, bool waits)
{
	weir_feed_partitions_look(feed->rows, !waits, weir_now());
	if (weir_feed_partitions_are(feed->rows))
		return;
	if (!waits)
		weir_idleness_end(&feed->idleness);
	feed->rows->input->idle = waits &&
		(weir_idleness_look(&feed->idleness, weir_now()) || feed->rows->input->idle);
}

/*
 * Nothing has come.  Where the watermark is the arrival of records, time goes on without
 * them.  No record need tell of that in a replay: before each one is done what is due
 * when that arrives, now or then.
 */
static void
tick(WeirFeed *feed)
{
	WeirScanInput *input = feed->rows->input;
	int64		now = weir_now();

	if (!feed->stream->by_arrival || now < feed->tick_due)
		return;
	feed->tick_due = now + TICK_MS * INT64CONST(1000);
	input->watermark = Max(input->watermark, feed->source->ops->tick(feed->source));
}

bool
weir_feed_turn(WeirFeed *feed)
{
	if (feed->again_waits && read_again(feed))
	{
		weir_feed_rows_run(feed->rows);
		flush(feed, false);
		return true;
	}
	feed->again_waits = false;
	switch (read_batch(feed))
	{
		case WEIR_READ_BATCH:
			note_idleness(feed, false);
			weir_feed_rows_run(feed->rows);
			flush(feed, false);
			break;
		case WEIR_READ_ENDED:
			weir_feed_flush(feed);
			feed->ended = true;
			break;
		case WEIR_READ_WAIT:
			note_idleness(feed, true);
			tick(feed);
			weir_feed_rows_watermark(feed->rows);
			flush(feed, false);
			return false;
	}
	weir_feed_trim_unchecked(feed);
	return true;
}

/* Who waits is to be woken when it is idle, or time is to go on. */
static long
until_due(const WeirFeed *feed, long timeout)
{
	int64		now = weir_now();
	int64		due = Min(weir_idleness_due(&feed->idleness, now), weir_feed_partitions_due(feed->rows, now));
	long		ms;

	if (feed->stream->by_arrival)
		due = Min(due, feed->tick_due);
	if (due == INT64_MAX)
		return timeout;
	ms = weir_ms_until(due);
	return timeout < 0 || ms < timeout ? ms : timeout;
}

void
weir_feed_wait(WeirFeed *feed, bool reads, bool blocked)
{
	int			events = 0;
	long		timeout = -1;
	pgsocket	socket = PGINVALID_SOCKET;

	if (blocked)
	{
		weir_task_wait(feed->task, socket, events, feed->source->ops->due(feed->source), true);
		flush(feed, false);
		return;
	}
	if (reads)
	{
		socket = feed->source->ops->wait(feed->source, &events, &timeout);
		timeout = until_due(feed, timeout);
	}
	else
		weir_feed_flush(feed);
	weir_task_wait(feed->task, socket, events, timeout, false);
}
