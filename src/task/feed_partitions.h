/*
 * task/feed_partitions.h
 *		The partitions of a stream that a source's task reads: how far event time has come
 *		in each, which of them are idle.
 */
#ifndef WEIR_TASK_FEED_PARTITIONS_H
#define WEIR_TASK_FEED_PARTITIONS_H

#include "postgres.h"

#include "decide/partition_time.h"
#include "task/feed_rows.h"

/* In CurrentMemoryContext, at a position that must outlive it. */
extern WeirFeedPartitions *weir_feed_partitions_create(const WeirPosition *start, int64 idle_timeout);

/* Has the stream any, as far as it is known? */
extern bool weir_feed_partitions_are(const WeirFeedRows *rows);
/*
 * The source was asked.  came: the batch holds what has come, and is not worked off yet; where it
 * has room left, nothing else was there.
 */
extern void weir_feed_partitions_look(WeirFeedRows *rows, bool came, int64 now);
/* When one of them will be idle, if nothing comes; PG_INT64_MAX: never. */
extern int64 weir_feed_partitions_due(const WeirFeedRows *rows, int64 now);
/* What of them belongs to a position; false: it has no room for that. */
extern bool weir_feed_partitions_position(const WeirFeedRows *rows, WeirPosition *position);

#endif
