/*
 * record/channel.h
 *		A channel carries, in order and bounded, batches of rows, dead letters,
 *		barriers, cancels and the end of the stream from one task to another.
 *
 * Sends never wait: what does not fit stays pending in the sender, which
 * takes no input until it is gone, so that pressure travels back to the
 * socket.  A message carries the attempt's id; one of another is dropped.
 */
#ifndef WEIR_RECORD_CHANNEL_H
#define WEIR_RECORD_CHANNEL_H

#include "postgres.h"

#include "access/htup_details.h"
#include "lib/stringinfo.h"
#include "storage/dsm.h"
#include "storage/shm_mq.h"

#include "catalog/dead_letter.h"
#include "record/batch.h"

typedef enum WeirMessageKind
{
	WEIR_MESSAGE_ROWS,
	WEIR_MESSAGE_BARRIER,
	WEIR_MESSAGE_CANCEL,
	WEIR_MESSAGE_END,
	WEIR_MESSAGE_LETTER			/* a record that could not be processed */
} WeirMessageKind;

typedef struct WeirMessage
{
	int64		attempt;
	int64		checkpoint;		/* barrier, cancel */
	int64		sent_at;		/* barrier: when the source sent it, us */
	int32		kind;			/* WeirMessageKind */
	int32		nrows;
	bool		full;			/* barrier: state is to be written in full */
	/* rows follow, each at a MAXALIGNed offset; or a letter */
} WeirMessage;

/* A row on its way. */
typedef struct WeirRow
{
	uint64		hash;			/* of its key */
	int64		stamp;			/* arrival, us */
	int64		line;			/* of its record */
	Size		size;			/* of all of this, MAXALIGNed */
	uint32		raw_at;			/* where the record's bytes begin, 0: not kept */
	int32		raw_len;
	MinimalTupleData tuple;		/* follows; variable */
} WeirRow;

#define WEIR_ROW_TUPLE(row) \
	((MinimalTuple) ((char *) (row) + MAXALIGN(offsetof(WeirRow, tuple))))
#define WEIR_MESSAGE_ROWS_AT (MAXALIGN(sizeof(WeirMessage)))

/*
 * Forms a row in place, behind what the buffer holds.  True if that took memory
 * of the current context.
 */
extern bool weir_row_append(StringInfo batch, TupleDesc desc, Datum *values, bool *nulls,
							uint64 hash, int64 stamp, int64 line, WeirRaw raw);
extern WeirRaw weir_row_raw(const WeirRow *row);
/* The letter of such a message; it points into it. */
extern void weir_message_letter(const WeirMessage *message, WeirLetter *letter);

/* Sending end. */
typedef struct WeirSender WeirSender;

extern WeirSender *weir_sender_create(shm_mq *queue, dsm_segment *segment, int64 attempt);

/* Adds a row to the batch under way; sends the batch when it is full. */
extern void weir_sender_row(WeirSender *sender, TupleDesc desc, Datum *values,
							bool *nulls, uint64 hash, int64 stamp, int64 line, WeirRaw raw);
/* Flushes, then sends this. */
extern void weir_sender_letter(WeirSender *sender, const WeirLetter *letter);
/* Sends the batch under way, if any. */
extern void weir_sender_flush(WeirSender *sender);
/* Flushes, then sends this. */
extern void weir_sender_barrier(WeirSender *sender, int64 checkpoint, int64 sent_at,
								bool full);
extern void weir_sender_cancel(WeirSender *sender, int64 checkpoint);
extern void weir_sender_end(WeirSender *sender);
/* Tries to get rid of what is pending; true when nothing is. */
extern bool weir_sender_push(WeirSender *sender);

/*
 * From a mark on, what is sent stays here, and undo takes it back to the last
 * mark; release lets go of what there is.
 */
extern void weir_sender_mark(WeirSender *sender);
extern void weir_sender_undo(WeirSender *sender);
extern void weir_sender_release(WeirSender *sender);

/* Receiving end. */
typedef struct WeirReceiver WeirReceiver;

extern WeirReceiver *weir_receiver_create(shm_mq *queue, dsm_segment *segment, int64 attempt);

/* The next message, valid until the next call; NULL if there is none now. */
extern WeirMessage *weir_receiver_next(WeirReceiver *receiver);

#endif
