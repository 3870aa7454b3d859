/*
 * record/channel.h
 *		A channel carries, in order and bounded, runs of rows, dead letters,
 *		watermarks, barriers, cancels and the end of the stream from one task to another.
 *
 * Sends never wait: what does not fit stays pending in the sender, which
 * takes no input until it is gone, so that pressure travels back to the
 * socket.  A message carries the attempt's id; one of another is dropped.
 */
#ifndef WEIR_RECORD_CHANNEL_H
#define WEIR_RECORD_CHANNEL_H

#include "postgres.h"

#include "storage/dsm.h"
#include "storage/shm_mq.h"

#include "catalog/dead_letter.h"
#include "record/gauge.h"
#include "record/run.h"

typedef enum WeirMessageKind
{
	WEIR_MESSAGE_ROWS,
	WEIR_MESSAGE_BARRIER,
	WEIR_MESSAGE_CANCEL,
	WEIR_MESSAGE_END,
	WEIR_MESSAGE_LETTER,		/* a record that could not be processed */
	WEIR_MESSAGE_WATERMARK		/* it has come so far, behind what was sent before */
} WeirMessageKind;

typedef struct WeirMessage
{
	int64		attempt;
	int64		checkpoint;		/* barrier, cancel */
	int64		sent_at;		/* barrier: when the source sent it, us */
	int64		watermark;		/* rows: reached behind them, PG_INT64_MIN: no further than their own */
	int32		kind;			/* WeirMessageKind */
	bool		full;			/* barrier: state is to be written in full */
	bool		aligned;		/* barrier: it never overtakes */
	bool		idle;			/* watermark: nobody is to wait for it until rows or the next one come */
	bool		ended;			/* a first watermark: nothing follows but the end */
	bool		alone;			/* rows that are part of a checkpoint: their input was the task's only one .. */
	int64		kept_at;		/* .. and that is how far the task's watermark had come */
	/* a run of rows follows (record/run.h); or a letter */
} WeirMessage;

#define WEIR_MESSAGE_DATA_AT (MAXALIGN(sizeof(WeirMessage)))

/* The letter of such a message; it points into it. */
extern void weir_message_letter(const WeirMessage *message, WeirLetter *letter);

/* A barrier, as it goes from task to task. */
typedef struct WeirBarrier
{
	int64		checkpoint;
	int64		sent_at;		/* by the source, us */
	bool		full;
	bool		aligned;
} WeirBarrier;

/* Sending end. */
typedef struct WeirSender WeirSender;

extern WeirSender *weir_sender_create(shm_mq *queue, WeirGauge *gauge, dsm_segment *segment,
									  int64 attempt);

/*
 * Adds rows to the run under way, those selected or, without a selection, n from
 * first on; sends runs that are full.  All batches are of one description.
 */
extern void weir_sender_rows(WeirSender *sender, const WeirBatch *batch, const int *selection,
							 int first, int n);
/* Flushes, then sends this. */
extern void weir_sender_letter(WeirSender *sender, const WeirLetter *letter);
/*
 * The watermark has come so far, behind all rows up to now; idle: nobody is to wait for it.
 * It goes with the run under way, or alone; not at all if the receiver knows it already.
 */
extern void weir_sender_watermark(WeirSender *sender, int64 watermark, bool idle);
/* The same, ahead of all rows, and in any case; ended: nothing follows but the end. */
extern void weir_sender_begin(WeirSender *sender, int64 watermark, bool idle, bool ended);
/* Sends the run under way, if any. */
extern void weir_sender_flush(WeirSender *sender);
/* Flushes, then sends this. */
extern void weir_sender_barrier(WeirSender *sender, const WeirBarrier *barrier);
extern void weir_sender_cancel(WeirSender *sender, int64 checkpoint);
extern void weir_sender_end(WeirSender *sender);
/* Tries to get rid of what is pending; true when nothing is, and rows may follow. */
extern bool weir_sender_push(WeirSender *sender);
/* Rows that may be under way to the receiver at a time. */
extern int64 weir_sender_allowed(const WeirSender *sender);

/*
 * From a mark on, what is sent stays here, and undo takes it back to the last
 * mark; release lets go of what there is.
 */
extern void weir_sender_mark(WeirSender *sender);
extern void weir_sender_undo(WeirSender *sender);
extern void weir_sender_release(WeirSender *sender);

/* Receiving end. */
typedef struct WeirReceiver WeirReceiver;

extern WeirReceiver *weir_receiver_create(shm_mq *queue, WeirGauge *gauge, dsm_segment *segment,
										  int64 attempt);

/* The next message, valid until the next call; NULL if there is none now. */
extern WeirMessage *weir_receiver_next(WeirReceiver *receiver);
/* Its rows, of this description, as long as it is valid. */
extern WeirBatch *weir_receiver_rows(WeirReceiver *receiver, const WeirMessage *message,
									 TupleDesc desc);
/* So many rows have been worked off, and so many may be under way from here on. */
extern void weir_receiver_done(WeirReceiver *receiver, int rows, int64 allowed);
/* The next barrier of those on their way here, 0: no further one; sent_at is PG_INT64_MAX for one that never overtakes. */
extern int64 weir_receiver_announced(WeirReceiver *receiver, int64 *sent_at);
/* How many bytes the last message had. */
extern Size weir_receiver_bytes(const WeirReceiver *receiver);

#endif
