/*
 * flow/source_task.c
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
#include "executor/executor.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "decide/keygroup.h"
#include "fault.h"
#include "flow/channel.h"
#include "flow/task.h"
#include "source/handover.h"
#include "source/reader.h"
#include "state/store.h"

#define BATCH_RECORDS 4096
#define TRIM_BYTES (1024 * 1024)

typedef struct Source
{
	WeirTask   *task;
	WeirStream *stream;
	WeirReader *reader;
	WeirBatch  *batch;
	int			nout;
	WeirSender **out;
	FmgrInfo   *hash;			/* of the key columns */
	Oid		   *collations;
	bool		ended;			/* end of stream sent on */
	bool		paused;			/* behind the barrier of a final checkpoint */
	int64		paused_for;
	int64		trimmed;		/* offset, once checkpointing was disabled */
} Source;

/* Receives the rows of the scan plan. */
typedef struct RouteReceiver
{
	DestReceiver pub;
	Source	   *source;
} RouteReceiver;

static int
first_consumer(WeirTask *task)
{
	return task->attempt->nsources;
}

static void
open_channels(Source *source)
{
	WeirTask   *task = source->task;
	WeirAttempt *attempt = task->attempt;
	int			first = first_consumer(task);

	source->nout = attempt->nkeyed > 0 ? attempt->nkeyed : attempt->nsinks;
	source->out = palloc(sizeof(WeirSender *) * source->nout);
	for (int i = 0; i < source->nout; i++)
		source->out[i] = weir_sender_create(weir_attempt_channel(attempt, task->index, first + i),
											task->segment, attempt->attempt);
}

static void
look_up_hashes(Source *source)
{
	WeirDataflow *df = source->task->dataflow;
	MemoryContext old;

	/* Beside what the dataflow holds, and gone with it. */
	old = MemoryContextSwitchTo(df->context);
	source->hash = palloc(sizeof(FmgrInfo) * Max(df->nkeys, 1));
	source->collations = palloc(sizeof(Oid) * Max(df->nkeys, 1));
	for (int i = 0; i < df->nkeys; i++)
	{
		fmgr_info_cxt(df->keys[i].hash_function, &source->hash[i], df->context);
		source->collations[i] = df->keys[i].collation;
	}
	MemoryContextSwitchTo(old);
}

static void
open_reader(Source *source)
{
	WeirTask   *task = source->task;
	WeirAttempt *attempt = task->attempt;
	MemoryContext old;
	WeirReaderOptions options = {0};
	Relation	rel;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	old = MemoryContextSwitchTo(task->context);
	source->stream = weir_stream_get(task->dataflow->stream);
	strlcpy(task->slot->stream, source->stream->name, sizeof(task->slot->stream));
	rel = table_open(source->stream->relid, AccessShareLock);
	source->batch = weir_batch_create(source->stream->relid,
									  CreateTupleDescCopy(RelationGetDescr(rel)),
									  BATCH_RECORDS);
	table_close(rel, AccessShareLock);
	MemoryContextSwitchTo(old);
	PopActiveSnapshot();
	CommitTransactionCommand();
	options.job = attempt->job;
	options.ordinal = task->slot->subtask;
	options.checkpointing = attempt->checkpointing;
	options.at_most_once = attempt->mode == WEIR_AT_MOST_ONCE;
	options.pass_end = attempt->pass_end;
	options.allow_gap = attempt->allow_gap;
	weir_handover_begin(attempt->job_slot, attempt->job, task->slot->subtask);
	source->reader = weir_reader_open(source->stream, &options, &task->slot->start,
									  &task->slot->source);
}

/* A row of the scan plan: to the channel of its key's task. */
static bool
route_row(TupleTableSlot *slot, DestReceiver *self)
{
	Source	   *source = ((RouteReceiver *) self)->source;
	WeirTask   *task = source->task;
	WeirDataflow *df = task->dataflow;
	Datum		key[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	uint64		hash = 0;
	int			target = 0;
	int			index;

	slot_getallattrs(slot);
	index = weir_batch_index((ItemPointer) DatumGetPointer(slot->tts_values[df->ordinal - 1]));
	task->line = source->batch->lines[index];
	if (df->nkeys > 0)
	{
		for (int i = 0; i < df->nkeys; i++)
		{
			key[i] = slot->tts_values[df->keys[i].attno - 1];
			isnull[i] = slot->tts_isnull[df->keys[i].attno - 1];
		}
		hash = weir_key_hash(df->nkeys, source->hash, source->collations, key, isnull);
		target = weir_group_task(weir_key_group(hash, task->attempt->max_parallelism),
								 task->attempt->parallelism,
								 task->attempt->max_parallelism);
	}
	weir_sender_row(source->out[target], df->row_desc, slot->tts_values, slot->tts_isnull,
					hash, source->batch->stamps[index], source->batch->lines[index]);
	task->slot->stats.records_out++;
	return true;
}

static void
route_startup(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
route_nothing(DestReceiver *self)
{
}

static DestReceiver *
route_receiver(Source *source)
{
	RouteReceiver *receiver = palloc0(sizeof(RouteReceiver));

	receiver->pub.receiveSlot = route_row;
	receiver->pub.rStartup = route_startup;
	receiver->pub.rShutdown = route_nothing;
	receiver->pub.rDestroy = route_nothing;
	receiver->pub.mydest = DestNone;
	receiver->source = source;
	return &receiver->pub;
}

/* Records are decoded by the stream's columns as they were at the start. */
static void
check_stream(Source *source)
{
	Relation	rel = table_open(source->stream->relid, NoLock);
	bool		same = equalTupleDescs(RelationGetDescr(rel), source->batch->desc);

	table_close(rel, NoLock);
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("stream %s was altered while the job runs", source->stream->name),
				 errdetail("The job restarts with the columns it has now.")));
}

static void
run_scan(Source *source)
{
	QueryDesc  *query = CreateQueryDesc(source->task->dataflow->scan, "weir scan",
										GetActiveSnapshot(), InvalidSnapshot,
										route_receiver(source), NULL, NULL, 0);

	ExecutorStart(query, 0);
	ExecutorRun(query, ForwardScanDirection, 0, true);
	ExecutorFinish(query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
}

/* The stateless part over one batch, in a read-only transaction of its own. */
static void
process_batch(Source *source)
{
	WeirTask   *task = source->task;
	int			n = source->batch->nrecords;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	XactReadOnly = true;
	PushActiveSnapshot(GetTransactionSnapshot());
	if (weir_task_refresh(task, weir_dataflow_lock_scan))
	{
		look_up_hashes(source);
		check_stream(source);
		weir_task_drop_stale(task);
	}
	weir_current_batch = source->batch;
	run_scan(source);
	weir_current_batch = NULL;
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(task->context);
	for (int i = 0; i < source->nout; i++)
		weir_sender_flush(source->out[i]);
	task->line = 0;
	task->slot->stats.records_in += n;
	task->slot->stats.bytes_in = task->slot->source.bytes;
}

static void
vote(Source *source, int64 checkpoint)
{
	WeirPosition position;
	WeirTaskTimes times = {0};
	int64		began = weir_now();

	weir_reader_position(source->reader, &position);
	weir_reader_flush(source->reader, true);
	times.write = weir_now() - began;
	weir_task_vote(source->task, checkpoint, WEIR_VOTE_ACK, &position, &times);
}

/* Position first, journal durable, barrier, vote. */
static void
handle_trigger(Source *source, const WeirControl *message)
{
	if (!source->ended)
	{
		weir_reader_flush(source->reader, true);
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
				weir_reader_trim(source->reader, message.position.offset);
				break;
			case WEIR_CONTROL_DRAIN:
				weir_reader_drain(source->reader);
				break;
			case WEIR_CONTROL_CONFIGURE:
				weir_task_configure(source->task);
				break;
			default:
				break;
		}
	}
}

static void
handle_end(Source *source)
{
	weir_reader_flush(source->reader, true);
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

/* Once checkpointing has been disabled, no checkpoint trims the journal. */
static void
trim_unchecked(Source *source)
{
	WeirPosition position;

	if (source->task->attempt->checkpointing)
		return;
	weir_reader_position(source->reader, &position);
	if (position.offset - source->trimmed < TRIM_BYTES)
		return;
	weir_reader_trim(source->reader, position.offset);
	source->trimmed = position.offset;
}

/* An error is blamed on the record it is about. */
static WeirReadResult
read_batch(Source *source)
{
	WeirReadResult volatile result = WEIR_READ_WAIT;

	PG_TRY();
	{
		result = weir_reader_next(source->reader, source->batch);
	}
	PG_CATCH();
	{
		source->task->line = weir_reader_failed_line(source->reader);
		source->task->hopeless = weir_reader_hopeless(source->reader);
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
		weir_task_wait(task, PGINVALID_SOCKET, 0, weir_reader_due(source->reader), true);
		weir_reader_flush(source->reader, false);
		return;
	}
	if (source->ended || source->paused)
	{
		weir_reader_flush(source->reader, true);
		weir_task_wait(task, PGINVALID_SOCKET, 0, -1, false);
		return;
	}
	switch (read_batch(source))
	{
		case WEIR_READ_BATCH:
			process_batch(source);
			weir_reader_flush(source->reader, false);
			trim_unchecked(source);
			break;
		case WEIR_READ_ENDED:
			handle_end(source);
			break;
		case WEIR_READ_WAIT:
			weir_reader_flush(source->reader, false);
			socket = weir_reader_wait(source->reader, &events, &timeout);
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
	look_up_hashes(source);
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
	weir_reader_close(source->reader);
}
