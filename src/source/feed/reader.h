/*
 * source/feed/reader.h
 *		Reads a stream fed from SQL: the rows of its journal that are committed,
 *		in the order of their places.
 */
#ifndef WEIR_SOURCE_FEED_READER_H
#define WEIR_SOURCE_FEED_READER_H

#include "postgres.h"

#include "decide/feed_position.h"
#include "source/source.h"

typedef struct WeirFeedReader WeirFeedReader;

/* As the functions of WeirSourceOps. */
extern WeirFeedReader *weir_feed_reader_open(const WeirStream *stream, const WeirSourceOptions *options,
											 const WeirPosition *start, WeirSourceStats *stats);
extern void weir_feed_reader_close(WeirFeedReader *r);
extern WeirReadResult weir_feed_reader_next(WeirFeedReader *r, WeirScanInput *scan);
extern bool weir_feed_reader_began_ended(const WeirFeedReader *r);
extern long weir_feed_reader_timeout(const WeirFeedReader *r);
extern void weir_feed_reader_position(const WeirFeedReader *r, bool final, WeirFeedPosition *position);
extern void weir_feed_reader_trim(WeirFeedReader *r, const WeirFeedPosition *position);
extern int64 weir_feed_reader_tick(WeirFeedReader *r);
extern void weir_feed_reader_drain(WeirFeedReader *r);

#endif
