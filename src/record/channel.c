/*
 * record/channel.c
 *		Batches of rows, letters, barriers and ends over a shm_mq.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/expandeddatum.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "record/channel.h"

#define BATCH_BYTES (32 * 1024) /* a batch under way is sent at this size */

struct WeirSender
{
	shm_mq_handle *queue;
	int64		attempt;
	StringInfo	batch;			/* under way; len 0: none */
	List	   *pending;		/* StringInfos, oldest first; the first may be
								 * half sent, so it must not move */
	int			marked;			/* of pending, up to the last mark; -1: not held */
	List	   *spare;			/* StringInfos to use again */
	MemoryContext context;
	MemoryContext scratch;		/* detoasted values of one row */
};

struct WeirReceiver
{
	shm_mq_handle *queue;
	int64		attempt;
};

WeirSender *
weir_sender_create(shm_mq *queue, dsm_segment *segment, int64 attempt)
{
	WeirSender *sender = palloc0(sizeof(WeirSender));

	shm_mq_set_sender(queue, MyProc);
	sender->queue = shm_mq_attach(queue, segment, NULL);
	sender->attempt = attempt;
	sender->context = CurrentMemoryContext;
	sender->scratch = AllocSetContextCreate(CurrentMemoryContext, "weir row",
											ALLOCSET_SMALL_SIZES);
	sender->batch = makeStringInfo();
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
	resetStringInfo(sender->batch);
	enlargeStringInfo(sender->batch, WEIR_MESSAGE_ROWS_AT);
	memcpy(sender->batch->data, &message, sizeof(message));
	sender->batch->len = WEIR_MESSAGE_ROWS_AT;
	return (WeirMessage *) sender->batch->data;
}

bool
weir_sender_push(WeirSender *sender)
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
		if (list_length(sender->spare) < 4)
			sender->spare = lappend(sender->spare, first);
		else
		{
			pfree(first->data);
			pfree(first);
		}
	}
	MemoryContextSwitchTo(old);
	return sender->pending == NIL;
}

/* The batch under way becomes pending, and is sent if there is room. */
static void
enqueue(WeirSender *sender)
{
	MemoryContext old = MemoryContextSwitchTo(sender->context);

	sender->pending = lappend(sender->pending, sender->batch);
	if (sender->spare != NIL)
	{
		sender->batch = llast(sender->spare);
		sender->spare = list_delete_last(sender->spare);
		resetStringInfo(sender->batch);
	}
	else
		sender->batch = makeStringInfo();
	MemoryContextSwitchTo(old);
	(void) weir_sender_push(sender);
}

void
weir_sender_flush(WeirSender *sender)
{
	if (sender->batch->len > 0)
		enqueue(sender);
}

static void
send_mark(WeirSender *sender, WeirMessageKind kind, int64 checkpoint, int64 sent_at,
		  bool full)
{
	WeirMessage *message;

	weir_sender_flush(sender);
	message = begin_message(sender, kind, checkpoint);
	message->sent_at = sent_at;
	message->full = full;
	enqueue(sender);
}

void
weir_sender_barrier(WeirSender *sender, int64 checkpoint, int64 sent_at, bool full)
{
	send_mark(sender, WEIR_MESSAGE_BARRIER, checkpoint, sent_at, full);
}

void
weir_sender_cancel(WeirSender *sender, int64 checkpoint)
{
	send_mark(sender, WEIR_MESSAGE_CANCEL, checkpoint, 0, false);
}

void
weir_sender_end(WeirSender *sender)
{
	send_mark(sender, WEIR_MESSAGE_END, 0, 0, false);
}

/*
 * A value that lives outside its tuple would be read by the next task when
 * its owner may be gone: bring it in.
 */
static bool
flatten(TupleDesc desc, Datum *values, bool *nulls)
{
	bool		changed = false;

	for (int i = 0; i < desc->natts; i++)
	{
		struct varlena *value;

		if (nulls[i] || TupleDescAttr(desc, i)->attlen != -1)
			continue;
		value = (struct varlena *) DatumGetPointer(values[i]);
		if (!VARATT_IS_EXTERNAL(value))
			continue;
		values[i] = PointerGetDatum(detoast_external_attr(value));
		changed = true;
	}
	return changed;
}

static bool
has_nulls(TupleDesc desc, const bool *nulls)
{
	for (int i = 0; i < desc->natts; i++)
	{
		if (nulls[i])
			return true;
	}
	return false;
}

/* Forms the row in place, behind what the batch holds. */
static void
append_row(StringInfo batch, TupleDesc desc, Datum *values, bool *nulls,
		   uint64 hash, int64 stamp, int64 line, WeirRaw raw)
{
	bool		hasnull = has_nulls(desc, nulls);
	Size		data_size = heap_compute_data_size(desc, values, nulls);
	Size		header = SizeofMinimalTupleHeader +
		(hasnull ? BITMAPLEN(desc->natts) : 0);
	int			hoff = MAXALIGN(header + MINIMAL_TUPLE_OFFSET);
	Size		length = hoff - MINIMAL_TUPLE_OFFSET + data_size;
	Size		at = MAXALIGN(offsetof(WeirRow, tuple));
	Size		size = MAXALIGN(at + length + raw.len);
	WeirRow    *row;
	MinimalTuple tuple;

	enlargeStringInfo(batch, size);
	row = (WeirRow *) (batch->data + batch->len);
	memset(row, 0, size);
	row->hash = hash;
	row->stamp = stamp;
	row->line = line;
	row->size = size;
	if (raw.data)
	{
		row->raw_at = at + length;
		row->raw_len = raw.len;
		memcpy((char *) row + row->raw_at, raw.data, raw.len);
	}
	tuple = WEIR_ROW_TUPLE(row);
	tuple->t_len = length;
	HeapTupleHeaderSetNatts(tuple, desc->natts);
	tuple->t_hoff = hoff;
	heap_fill_tuple(desc, values, nulls,
					(char *) tuple + hoff - MINIMAL_TUPLE_OFFSET, data_size,
					&tuple->t_infomask, hasnull ? tuple->t_bits : NULL);
	batch->len += size;
}

bool
weir_row_append(StringInfo batch, TupleDesc desc, Datum *values, bool *nulls,
				uint64 hash, int64 stamp, int64 line, WeirRaw raw)
{
	bool		flattened = flatten(desc, values, nulls);

	append_row(batch, desc, values, nulls, hash, stamp, line, raw);
	return flattened;
}

void
weir_sender_row(WeirSender *sender, TupleDesc desc, Datum *values, bool *nulls,
				uint64 hash, int64 stamp, int64 line, WeirRaw raw)
{
	MemoryContext old = MemoryContextSwitchTo(sender->scratch);
	bool		scratched;

	if (sender->batch->len == 0)
		begin_message(sender, WEIR_MESSAGE_ROWS, 0);
	scratched = weir_row_append(sender->batch, desc, values, nulls, hash, stamp, line, raw);
	((WeirMessage *) sender->batch->data)->nrows++;
	MemoryContextSwitchTo(old);
	if (scratched)
		MemoryContextReset(sender->scratch);
	if (sender->batch->len >= BATCH_BYTES)
		enqueue(sender);
}

WeirRaw
weir_row_raw(const WeirRow *row)
{
	WeirRaw		raw = {NULL, 0};

	if (row->raw_at > 0)
	{
		raw.data = (const char *) row + row->raw_at;
		raw.len = row->raw_len;
	}
	return raw;
}

/* Its letter, the error with its end, the record's bytes. */
void
weir_sender_letter(WeirSender *sender, const WeirLetter *letter)
{
	weir_sender_flush(sender);
	begin_message(sender, WEIR_MESSAGE_LETTER, 0);
	appendBinaryStringInfo(sender->batch, (const char *) letter, sizeof(WeirLetter));
	appendBinaryStringInfo(sender->batch, letter->error, strlen(letter->error) + 1);
	if (letter->raw)
		appendBinaryStringInfo(sender->batch, letter->raw, letter->raw_len);
	enqueue(sender);
}

void
weir_message_letter(const WeirMessage *message, WeirLetter *letter)
{
	const char *at = (const char *) message + WEIR_MESSAGE_ROWS_AT;

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
	resetStringInfo(sender->batch);
}

void
weir_sender_release(WeirSender *sender)
{
	weir_sender_flush(sender);
	sender->marked = -1;
	(void) weir_sender_push(sender);
}

WeirReceiver *
weir_receiver_create(shm_mq *queue, dsm_segment *segment, int64 attempt)
{
	WeirReceiver *receiver = palloc0(sizeof(WeirReceiver));

	shm_mq_set_receiver(queue, MyProc);
	receiver->queue = shm_mq_attach(queue, segment, NULL);
	receiver->attempt = attempt;
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
		if (((WeirMessage *) data)->attempt == receiver->attempt)
			return data;
	}
}
