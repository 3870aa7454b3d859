/*
 * record/channel.c
 *		Runs of rows, letters, barriers and ends over a shm_mq.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "decide/credit.h"
#include "record/channel.h"

#define SPARE_BYTES (256 * 1024)	/* a larger buffer is not kept */

/* What the receiver will know of the watermark. */
typedef struct Told
{
	int64		watermark;
	bool		idle;
} Told;

struct WeirSender
{
	shm_mq_handle *queue;
	WeirGauge  *gauge;
	int64		attempt;
	StringInfo	message;		/* under way; len 0: none */
	bool		in_run;			/* it is of rows */
	int			source;			/* of the rows */
	int			nrows;			/* in it */
	WeirRunWriter *run;
	Told		told;
	Told		marked_told;	/* by the last mark */
	List	   *pending;		/* StringInfos, oldest first; the first may be
								 * half sent, so it must not move */
	int			marked;			/* of pending, up to the last mark; -1: not held */
	uint64		marked_sent;	/* rows handed over by then */
	List	   *spare;			/* StringInfos to use again */
	MemoryContext context;
};

struct WeirReceiver
{
	shm_mq_handle *queue;
	WeirGauge  *gauge;
	int64		attempt;
	Size		bytes;			/* of the last message */
	uint64		heard;			/* announcements */
	WeirRunReader *run;
	MemoryContext context;
};

WeirSender *
weir_sender_create(shm_mq *queue, WeirGauge *gauge, dsm_segment *segment, int64 attempt)
{
	WeirSender *sender = palloc0(sizeof(WeirSender));

	shm_mq_set_sender(queue, MyProc);
	sender->queue = shm_mq_attach(queue, segment, NULL);
	sender->gauge = gauge;
	sender->attempt = attempt;
	sender->context = CurrentMemoryContext;
	sender->message = makeStringInfo();
	sender->run = weir_run_writer_create();
	sender->told.watermark = PG_INT64_MIN;
	sender->marked = -1;
	return sender;
}

static WeirMessage *
begin_message(WeirSender *sender, WeirMessageKind kind, int64 checkpoint)
{
	WeirMessage message = {0};

	message.attempt = sender->attempt;
	message.kind = kind;
	message.checkpoint = checkpoint;
	message.watermark = PG_INT64_MIN;
	resetStringInfo(sender->message);
	enlargeStringInfo(sender->message, WEIR_MESSAGE_DATA_AT);
	memcpy(sender->message->data, &message, sizeof(message));
	sender->message->len = WEIR_MESSAGE_DATA_AT;
	return (WeirMessage *) sender->message->data;
}

/* Hands pending messages to the queue as long as it takes them. */
static void
push_pending(WeirSender *sender)
{
	MemoryContext old = MemoryContextSwitchTo(sender->context);

	while (sender->pending != NIL && sender->marked < 0)
	{
		StringInfo	first = linitial(sender->pending);
		shm_mq_result result;

		result = shm_mq_send(sender->queue, first->len, first->data, true, true);
		if (result == SHM_MQ_WOULD_BLOCK)
			break;
		if (result == SHM_MQ_DETACHED)
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("the next task of the job is gone")));
		sender->pending = list_delete_first(sender->pending);
		if (list_length(sender->spare) < 4 && first->maxlen <= SPARE_BYTES)
			sender->spare = lappend(sender->spare, first);
		else
		{
			pfree(first->data);
			pfree(first);
		}
	}
	MemoryContextSwitchTo(old);
}

int64
weir_sender_allowed(const WeirSender *sender)
{
	return pg_atomic_read_u64(&sender->gauge->allowed);
}

/*
 * Who finds no room says so and looks again, who makes room looks whether
 * somebody said so: one of the two sees what the other wrote.
 */
static bool
has_room(WeirSender *sender)
{
	if (weir_gauge_room(sender->gauge) > 0)
		return true;
	pg_atomic_write_u32(&sender->gauge->waiting, 1);
	pg_memory_barrier();
	return weir_gauge_room(sender->gauge) > 0;
}

bool
weir_sender_push(WeirSender *sender)
{
	push_pending(sender);
	return sender->pending == NIL && has_room(sender);
}

/* The message under way becomes pending, and is sent if there is room. */
static void
enqueue(WeirSender *sender)
{
	MemoryContext old = MemoryContextSwitchTo(sender->context);

	if (sender->in_run)
		weir_run_end(sender->run);
	sender->in_run = false;
	sender->pending = lappend(sender->pending, sender->message);
	if (sender->spare != NIL)
	{
		sender->message = llast(sender->spare);
		sender->spare = list_delete_last(sender->spare);
		resetStringInfo(sender->message);
	}
	else
		sender->message = makeStringInfo();
	MemoryContextSwitchTo(old);
	push_pending(sender);
}

void
weir_sender_flush(WeirSender *sender)
{
	if (sender->message->len > 0)
		enqueue(sender);
}

static void
send_mark(WeirSender *sender, WeirMessageKind kind, int64 checkpoint)
{
	weir_sender_flush(sender);
	begin_message(sender, kind, checkpoint);
	enqueue(sender);
}

/* The receiver hears of it at once, whatever is before it. */
static void
announce(WeirSender *sender, const WeirBarrier *barrier)
{
	PGPROC	   *receiver = shm_mq_get_receiver(shm_mq_get_queue(sender->queue));
	WeirGauge  *gauge = sender->gauge;
	uint64		n = pg_atomic_read_u64(&gauge->nannounced);

	pg_atomic_write_u64(&gauge->sent_at[n % WEIR_ANNOUNCED],
						barrier->aligned ? PG_INT64_MAX : barrier->sent_at);
	pg_atomic_write_u64(&gauge->announced[n % WEIR_ANNOUNCED], barrier->checkpoint);
	pg_write_barrier();
	pg_atomic_write_u64(&gauge->nannounced, n + 1);
	if (receiver)
		SetLatch(&receiver->procLatch);
}

void
weir_sender_barrier(WeirSender *sender, const WeirBarrier *barrier)
{
	WeirMessage *message;

	weir_sender_flush(sender);
	message = begin_message(sender, WEIR_MESSAGE_BARRIER, barrier->checkpoint);
	message->sent_at = barrier->sent_at;
	message->full = barrier->full;
	message->aligned = barrier->aligned;
	enqueue(sender);
	announce(sender, barrier);
}

void
weir_sender_cancel(WeirSender *sender, int64 checkpoint)
{
	send_mark(sender, WEIR_MESSAGE_CANCEL, checkpoint);
}

void
weir_sender_end(WeirSender *sender)
{
	send_mark(sender, WEIR_MESSAGE_END, 0);
}

static void
send_watermark(WeirSender *sender, bool ended)
{
	WeirMessage *message;

	weir_sender_flush(sender);
	message = begin_message(sender, WEIR_MESSAGE_WATERMARK, 0);
	message->watermark = sender->told.watermark;
	message->idle = sender->told.idle;
	message->ended = ended;
	enqueue(sender);
}

void
weir_sender_watermark(WeirSender *sender, int64 watermark, bool idle)
{
	WeirMessage *message;

	watermark = Max(watermark, sender->told.watermark);
	if (watermark == sender->told.watermark && idle == sender->told.idle)
		return;
	sender->told.watermark = watermark;
	sender->told.idle = idle;
	if (sender->in_run && !idle)
	{
		message = (WeirMessage *) sender->message->data;
		message->watermark = watermark;
		enqueue(sender);
	}
	else
		send_watermark(sender, false);
}

void
weir_sender_begin(WeirSender *sender, int64 watermark, bool idle, bool ended)
{
	sender->told.watermark = watermark;
	sender->told.idle = idle;
	send_watermark(sender, ended);
}

static void
begin_run(WeirSender *sender, const WeirBatch *batch)
{
	begin_message(sender, WEIR_MESSAGE_ROWS, 0);
	weir_run_begin(sender->run, sender->message, batch);
	sender->in_run = true;
	sender->nrows = 0;
	sender->source = batch->source;
}

/* Rows of a run: so many that a slow receiver is not at one for long. */
static int
run_limit(const WeirSender *sender)
{
	return (int) weir_credit_batch(weir_sender_allowed(sender), WEIR_RUN_ROWS);
}

/* The rows say it themselves. */
static void
note_rows(WeirSender *sender, const WeirBatch *batch, int last)
{
	sender->told.idle = false;
	if (batch->watermarks)
		sender->told.watermark = Max(sender->told.watermark, batch->watermarks[last]);
}

static void
count_sent(WeirSender *sender, int rows)
{
	pg_atomic_write_u64(&sender->gauge->sent, pg_atomic_read_u64(&sender->gauge->sent) + rows);
}

void
weir_sender_rows(WeirSender *sender, const WeirBatch *batch, const int *selection, int first,
				 int n)
{
	int			limit = run_limit(sender);

	if (sender->in_run && (sender->source != batch->source || !weir_run_fits(sender->run, batch)))
		enqueue(sender);
	count_sent(sender, n);
	if (n > 0)
		note_rows(sender, batch, selection ? selection[n - 1] : first + n - 1);
	while (n > 0)
	{
		int			taken;

		if (!sender->in_run)
			begin_run(sender, batch);
		taken = weir_run_add(sender->run, batch, selection, first,
							 Min(n, Max(limit - sender->nrows, 1)));
		sender->nrows += taken;
		first += taken;
		selection = selection ? selection + taken : NULL;
		n -= taken;
		if (n > 0 || sender->nrows >= limit || weir_run_is_full(sender->run))
			enqueue(sender);
	}
}

/* Its letter, the error with its end, the record's bytes. */
void
weir_sender_letter(WeirSender *sender, const WeirLetter *letter)
{
	weir_sender_flush(sender);
	begin_message(sender, WEIR_MESSAGE_LETTER, 0);
	appendBinaryStringInfo(sender->message, (const char *) letter, sizeof(WeirLetter));
	appendBinaryStringInfo(sender->message, letter->error, strlen(letter->error) + 1);
	if (letter->raw)
		appendBinaryStringInfo(sender->message, letter->raw, letter->raw_len);
	enqueue(sender);
}

void
weir_message_letter(const WeirMessage *message, WeirLetter *letter)
{
	const char *at = (const char *) message + WEIR_MESSAGE_DATA_AT;

	memcpy(letter, at, sizeof(WeirLetter));
	letter->error = at + sizeof(WeirLetter);
	if (letter->raw)
		letter->raw = letter->error + strlen(letter->error) + 1;
}

void
weir_sender_mark(WeirSender *sender)
{
	weir_sender_flush(sender);
	sender->marked = list_length(sender->pending);
	sender->marked_sent = pg_atomic_read_u64(&sender->gauge->sent);
	sender->marked_told = sender->told;
}

void
weir_sender_undo(WeirSender *sender)
{
	while (list_length(sender->pending) > sender->marked)
	{
		StringInfo	last = llast(sender->pending);

		sender->pending = list_delete_last(sender->pending);
		pfree(last->data);
		pfree(last);
	}
	resetStringInfo(sender->message);
	sender->in_run = false;
	pg_atomic_write_u64(&sender->gauge->sent, sender->marked_sent);
	sender->told = sender->marked_told;
}

void
weir_sender_release(WeirSender *sender)
{
	weir_sender_flush(sender);
	sender->marked = -1;
	push_pending(sender);
}

WeirReceiver *
weir_receiver_create(shm_mq *queue, WeirGauge *gauge, dsm_segment *segment, int64 attempt)
{
	WeirReceiver *receiver = palloc0(sizeof(WeirReceiver));

	shm_mq_set_receiver(queue, MyProc);
	receiver->queue = shm_mq_attach(queue, segment, NULL);
	receiver->gauge = gauge;
	receiver->attempt = attempt;
	receiver->context = CurrentMemoryContext;
	return receiver;
}

WeirMessage *
weir_receiver_next(WeirReceiver *receiver)
{
	for (;;)
	{
		Size		size;
		void	   *data;

		if (shm_mq_receive(receiver->queue, &size, &data, true) != SHM_MQ_SUCCESS)
			return NULL;
		receiver->bytes = size;
		if (((WeirMessage *) data)->attempt == receiver->attempt)
			return data;
	}
}

WeirBatch *
weir_receiver_rows(WeirReceiver *receiver, const WeirMessage *message, TupleDesc desc)
{
	if (receiver->run == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(receiver->context);

		receiver->run = weir_run_reader_create(desc);
		MemoryContextSwitchTo(old);
	}
	return weir_run_read(receiver->run, (const char *) message + WEIR_MESSAGE_DATA_AT);
}

void
weir_receiver_done(WeirReceiver *receiver, int rows, int64 allowed)
{
	WeirGauge  *gauge = receiver->gauge;
	PGPROC	   *sender;

	pg_atomic_write_u64(&gauge->done, pg_atomic_read_u64(&gauge->done) + rows);
	pg_atomic_write_u64(&gauge->allowed, allowed);
	pg_memory_barrier();
	if (pg_atomic_read_u32(&gauge->waiting) == 0 || weir_gauge_room(gauge) == 0)
		return;
	pg_atomic_write_u32(&gauge->waiting, 0);
	sender = shm_mq_get_sender(shm_mq_get_queue(receiver->queue));
	if (sender)
		SetLatch(&sender->procLatch);
}

int64
weir_receiver_announced(WeirReceiver *receiver, int64 *sent_at)
{
	WeirGauge  *gauge = receiver->gauge;
	uint64		n = pg_atomic_read_u64(&gauge->nannounced);
	int			at;

	if (receiver->heard == n)
		return 0;
	pg_read_barrier();
	if (n - receiver->heard >= WEIR_ANNOUNCED)
		receiver->heard = n - (WEIR_ANNOUNCED - 1);	/* the next to be written is the oldest */
	at = receiver->heard++ % WEIR_ANNOUNCED;
	*sent_at = pg_atomic_read_u64(&gauge->sent_at[at]);
	return pg_atomic_read_u64(&gauge->announced[at]);
}

Size
weir_receiver_bytes(const WeirReceiver *receiver)
{
	return receiver->bytes;
}
