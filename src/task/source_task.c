/*
 * task/source_task.c
 *		A source: reads its stream, runs the stateless part of the query over
 *		each batch, and sends the rows on by their keys.
 *
 *	reader -> batch -> scan plan -> row -> key group -> channel of its task
 *
 * Between two batches it answers the coordinator: at a trigger it notes its
 * position, sees that the journal is durable up to it, sends the barrier down
 * every channel and votes.  While a channel has something pending it reads
 * nothing, so that pressure travels back to the socket.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/fault.h"
#include "base/text.h"
#include "decide/isolate.h"
#include "decide/keygroup.h"
#include "decide/poison.h"
#include "operator/scan_step.h"
#include "record/channel.h"
#include "sink/epoch.h"
#include "source/handover.h"
#include "source/source.h"
#include "task/task.h"

#define BATCH_RECORDS 4096

typedef struct Source
{
	WeirTask   *task;
	WeirStream *stream;
	WeirSource *reader;
	WeirScanInput *scan;
	int			nout;
	WeirSender **out;
	WeirScanStep *step;
	bool		searching;		/* for the record at fault: rows go nowhere */
	ErrorData  *first_error;	/* for which it is */
	bool		ended;			/* end of stream sent on */
	bool		paused;			/* behind the barrier of a final checkpoint */
	int64		paused_for;
} Source;

static void
open_channels(Source *source)
{
	WeirTask   *task = source->task;
	WeirAttempt *attempt = task->attempt;
	int		   *channels = palloc(sizeof(int) * attempt->topology.nchannels);

	source->nout = weir_task_outputs(&attempt->topology, task->index, channels);
	source->out = palloc(sizeof(WeirSender *) * source->nout);
	for (int i = 0; i < source->nout; i++)
		source->out[i] = weir_sender_create(weir_attempt_channel(attempt, channels[i]),
											task->segment, attempt->attempt);
	pfree(channels);
}

static void
open_reader(Source *source)
{
	WeirTask   *task = source->task;
	WeirAttempt *attempt = task->attempt;
	MemoryContext old;
	WeirSourceOptions options = {0};
	const WeirSourceOps *ops;
	Relation	rel;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	old = MemoryContextSwitchTo(task->context);
	source->step = weir_scan_step_create(task->dataflow);
	source->stream = weir_stream_get(task->dataflow->stream);
	ops = weir_source_of(source->stream->relid);
	weir_text_copy(task->slot->stream, source->stream->name, sizeof(task->slot->stream));
	rel = table_open(source->stream->relid, AccessShareLock);
	source->scan = weir_scan_input_create(source->stream->relid, RelationGetDescr(rel),
										  BATCH_RECORDS);
	table_close(rel, AccessShareLock);
	if (source->stream->dead_letter)
		weir_scan_input_keep_letters(source->scan);
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

/* A row of the scan plan: to the channel of its key's task. */
static void
route_row(void *arg, Datum *values, bool *nulls, uint64 hash, int index)
{
	Source	   *source = arg;
	WeirTask   *task = source->task;
	WeirDataflow *df = task->dataflow;
	WeirBatch  *batch = source->scan->batch;
	int			target = 0;

	if (source->searching)
		return;
	if (df->nkeys > 0)
		target = weir_group_task(weir_key_group(hash, task->attempt->max_parallelism),
								 source->nout,
								 task->attempt->max_parallelism);
	weir_sender_row(source->out[target], df->row_desc, values, nulls,
					hash, batch->stamps[index], batch->lines[index],
					weir_batch_raw(batch, index));
	task->slot->stats.records_out++;
}

/* Records are decoded by the stream's columns as they were at the start. */
static void
check_stream(Source *source)
{
	Relation	rel = table_open(source->stream->relid, NoLock);
	bool		same = equalTupleDescs(RelationGetDescr(rel), source->scan->batch->desc);

	table_close(rel, NoLock);
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("stream %s was altered while the job runs", source->stream->name),
				 errdetail("The job restarts with the columns it has now.")));
}

/* The stateless part over the batch's range, in a read-only transaction of its own. */
static void
process_range(Source *source)
{
	WeirTask   *task = source->task;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	weir_epoch_be_owner();
	XactReadOnly = true;
	PushActiveSnapshot(GetTransactionSnapshot());
	if (weir_task_refresh(task, weir_dataflow_lock_scan))
	{
		source->step = weir_scan_step_create(task->dataflow);
		check_stream(source);
		weir_task_drop_stale(task);
	}
	weir_scan_step_run(source->step, source->scan, route_row, source);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(task->context);
}

/*
 * An error before any record was read is not a record's; nor is one whose class
 * says so.
 */
static bool
blames_record(Source *source, const ErrorData *error)
{
	return source->scan->at >= 0 &&
		weir_blame(unpack_sql_state(error->sqlerrcode)) != WEIR_BLAME_NONE;
}

/* The error of a range, if it is about a record; NULL if there was none. */
static ErrorData *
try_range(Source *source, int from, int to)
{
	ErrorData  *volatile error = NULL;

	weir_scan_input_range(source->scan, from, to);
	PG_TRY();
	{
		process_range(source);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(source->scan->batch->context);
		error = CopyErrorData();
		weir_current_scan = NULL;
		if (source->scan->at >= 0)
			source->task->line = source->scan->batch->lines[source->scan->at];
		if (!blames_record(source, error))
			PG_RE_THROW();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(source->task->context);
	}
	PG_END_TRY();
	return error;
}

/* A record without a key may go to any of the next tasks. */
static void
send_letter(Source *source, int index, const WeirRecordError *error)
{
	WeirRaw		raw = weir_batch_raw(source->scan->batch, index);
	WeirLetter	letter = {0};

	letter.line = source->scan->batch->lines[index];
	letter.sqlstate = error->sqlstate;
	letter.error = error->error;
	letter.raw = raw.data;
	letter.raw_len = raw.len;
	weir_sender_letter(source->out[letter.line % source->nout], &letter);
}

/* A record for which the query errs: a dead letter, or the end of the attempt. */
static void
drop_record(Source *source, int index, ErrorData *error)
{
	WeirScanInput *scan = source->scan;
	MemoryContext old;

	if (scan->errors == NULL)
	{
		source->task->line = scan->batch->lines[index];
		ReThrowError(error);
	}
	weir_task_check_blame(source->task, error, scan->batch->lines[index]);
	old = MemoryContextSwitchTo(scan->batch->context);
	weir_scan_input_fail(scan, index, error->sqlerrcode, weir_letter_error(error));
	MemoryContextSwitchTo(old);
}

/* The rows of the range that was run stay, or are taken back. */
static void
keep_rows(Source *source, bool keep)
{
	for (int i = 0; source->stream->dead_letter && i < source->nout; i++)
	{
		if (!keep)
			weir_sender_undo(source->out[i]);
		weir_sender_mark(source->out[i]);
	}
}

/*
 * Without dead letters the attempt ends, but with the record to blame: it is
 * looked for with rows going nowhere.  If it is not met again, the first error
 * must do.
 */
static void
search(Source *source, ErrorData *error)
{
	if (source->first_error == NULL)
		source->first_error = error;
	source->searching = true;
}

static void
send_letters(Source *source)
{
	WeirScanInput *scan = source->scan;

	for (int i = 0; scan->nerrors > 0 && i < scan->batch->nrows; i++)
	{
		if (scan->errors[i])
			send_letter(source, i, scan->errors[i]);
	}
}

/*
 * The whole batch at once; where that fails, the records at fault are found by
 * running parts of it.  Rows wait in the senders until their range is through.
 */
static void
process_batch(Source *source)
{
	WeirTask   *task = source->task;
	WeirScanInput *scan = source->scan;
	WeirIsolate iso;
	int			from;
	int			to;

	keep_rows(source, true);
	weir_isolate_begin(&iso, scan->batch->nrows);
	while (weir_isolate_next(&iso, &from, &to))
	{
		int64		rows = task->slot->stats.records_out;
		ErrorData  *error = try_range(source, from, to);

		keep_rows(source, error == NULL);
		if (error == NULL)
		{
			weir_isolate_succeeded(&iso);
			continue;
		}
		task->slot->stats.records_out = rows;
		if (weir_isolate_failed(&iso, scan->at))
			drop_record(source, from, error);
		else if (scan->errors == NULL)
			search(source, error);
	}
	if (source->first_error)
		ReThrowError(source->first_error);
	send_letters(source);
	for (int i = 0; i < source->nout; i++)
		weir_sender_release(source->out[i]);
	task->line = 0;
	task->slot->stats.records_in += scan->batch->nrows;
	task->slot->stats.bytes_in = task->slot->source.bytes;
}

static void
vote(Source *source, int64 checkpoint)
{
	WeirPosition position;
	WeirTaskTimes times = {0};
	int64		began = weir_now();

	source->reader->ops->position(source->reader, &position);
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
		for (int i = 0; i < source->nout; i++)
			weir_sender_barrier(source->out[i], message->checkpoint, weir_now(), message->full);
		WEIR_FAULT(after_barrier);
	}
	vote(source, message->checkpoint);
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
	{
		for (int i = 0; i < source->nout; i++)
			weir_sender_cancel(source->out[i], checkpoint);
	}
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
	source->reader->ops->position(source->reader, &position);
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
	for (int i = 0; i < source->nout; i++)
		weir_sender_end(source->out[i]);
	source->ended = true;
	weir_task_send(source->task, WEIR_CONTROL_ENDED, 0);
}

static bool
push_all(Source *source)
{
	bool		free = true;

	for (int i = 0; i < source->nout; i++)
		free = weir_sender_push(source->out[i]) && free;
	return free;
}

/* An error is blamed on the record it is about. */
static WeirReadResult
read_batch(Source *source)
{
	WeirReadResult volatile result = WEIR_READ_WAIT;

	PG_TRY();
	{
		result = source->reader->ops->poll(source->reader, source->scan);
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

	if (!push_all(source))
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
			process_batch(source);
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
	open_channels(source);
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
