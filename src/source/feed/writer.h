/*
 * source/feed/writer.h
 *		What INSERT and COPY do with the rows of a stream fed from SQL.
 */
#ifndef WEIR_SOURCE_FEED_WRITER_H
#define WEIR_SOURCE_FEED_WRITER_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/relcache.h"

typedef struct WeirFeedWriter WeirFeedWriter;

/* For a statement, in CurrentMemoryContext; an error if no job reads the stream. */
extern WeirFeedWriter *weir_feed_writer_open(Relation stream);
extern void weir_feed_writer_add(WeirFeedWriter *w, TupleTableSlot *row);
/* Writes what is left. */
extern void weir_feed_writer_close(WeirFeedWriter *w);

#endif
