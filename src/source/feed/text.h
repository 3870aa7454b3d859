/*
 * source/feed/text.h
 *		Rows in COPY's text format: what a dead letter shows of one that was never
 *		a line.
 */
#ifndef WEIR_SOURCE_FEED_TEXT_H
#define WEIR_SOURCE_FEED_TEXT_H

#include "postgres.h"

#include "record/batch.h"
#include "source/stream.h"

typedef struct WeirFeedText WeirFeedText;

/* In CurrentMemoryContext, in a transaction. */
extern WeirFeedText *weir_feed_text_create(const WeirStream *stream, TupleDesc desc);
/* A row of the batch, in its context.  In a transaction. */
extern WeirRaw weir_feed_text(WeirFeedText *text, const WeirBatch *batch, int row);

#endif
