/*
 * task/feed.h
 *		What comes to a source's task: the records of its stream, in batches.
 */
#ifndef WEIR_TASK_FEED_H
#define WEIR_TASK_FEED_H

#include "postgres.h"

#include "decide/watermark.h"
#include "source/again.h"
#include "source/source.h"
#include "task/feed_rows.h"
#include "task/output.h"
#include "task/task.h"

typedef struct WeirFeed
{
	WeirTask   *task;
	WeirStream *stream;
	WeirSource *source;
	WeirFeedRows *rows;
	WeirIdleness idleness;		/* of the stream */
	int64		tick_due;		/* where the watermark is the arrival of records */
	WeirAgain  *again;			/* the first of several tasks of a stream reads them; NULL */
	bool		again_waits;	/* records that come again may wait */
	bool		ended;
	List	   *marks;			/* see reach.c */
} WeirFeed;

/* Compiled before; NULL: the task is no source's.  Outside a transaction. */
extern WeirFeed *weir_feed_open(WeirTask *task, WeirRouter *out);
extern void weir_feed_close(WeirFeed *feed);

/* Reads and works off a batch, or meets the end; false if there is nothing now. */
extern bool weir_feed_turn(WeirFeed *feed);
/* Waits until there is something; reads: else for the latch alone, with what was read made durable. */
extern void weir_feed_wait(WeirFeed *feed, bool reads, bool blocked);

/* Everything that was read is durable. */
extern void weir_feed_flush(WeirFeed *feed);
/* final: of a final checkpoint, behind which nothing follows in this attempt. */
extern void weir_feed_position(WeirFeed *feed, bool final, WeirPosition *position);
/* A checkpoint with this position has completed. */
extern void weir_feed_trim(WeirFeed *feed, const WeirPosition *position);
/* Once checkpointing has been disabled, no checkpoint trims the journal or lets the sender forget. */
extern void weir_feed_trim_unchecked(WeirFeed *feed);
/* Options of the job have changed, or dead letters are to come again. */
extern void weir_feed_configure(WeirFeed *feed);
/* The input ends where it has been read to. */
extern void weir_feed_drain(WeirFeed *feed);

#endif
