/*
 * decide/partition_time.h
 *		How far event time has come in what a task reads of a stream that has partitions,
 *		each of which is in the order of time by itself, without I/O.
 *
 * A partition's watermark is that of its own records (watermark.h).  That of all is the
 * lowest of those that count, and never goes back:
 *
 *	- one that has said nothing yet holds it where it is;
 *	- one that is idle does not count, until it says something: then it counts at once;
 *	- where all are idle it is the highest of theirs, and so is the whole.
 *
 * Where there are no partitions, nobody is to wait for them.
 */
#ifndef WEIR_DECIDE_PARTITION_TIME_H
#define WEIR_DECIDE_PARTITION_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "decide/watermark.h"

typedef struct WeirPartitionTime WeirPartitionTime; /* malloc'd */

extern WeirPartitionTime *weir_partition_time_create(void);
extern void weir_partition_time_destroy(WeirPartitionTime *t);
/* Makes it what another is. */
extern void weir_partition_time_copy(WeirPartitionTime *t, const WeirPartitionTime *from);

/* A partition that is read from now on, and how far it had come; none if it is there already. */
extern void weir_partition_time_add(WeirPartitionTime *t, int32_t partition, int64_t watermark, bool idle);
/* All but these are read no more. */
extern void weir_partition_time_keep(WeirPartitionTime *t, const int32_t *partitions, int n);

/*
 * A record of a partition, of which a time or WEIR_WATERMARK_NONE is known: the watermark of
 * all before it.  A negative partition is none.
 */
extern int64_t weir_partition_time_pass(WeirPartitionTime *t, int32_t partition, int64_t time, int64_t bound);
extern void weir_partition_time_set_idle(WeirPartitionTime *t, int32_t partition, bool idle);
/* It had come so far before. */
extern void weir_partition_time_resume(WeirPartitionTime *t, int64_t watermark);

/* Of all. */
extern int64_t weir_partition_time_get(const WeirPartitionTime *t);
extern bool weir_partition_time_is_idle(const WeirPartitionTime *t);

typedef struct WeirTimedPartition
{
	int32_t		partition;
	int64_t		watermark;
	bool		idle;
} WeirTimedPartition;

/* Its partitions, in the order in which they were added. */
extern const WeirTimedPartition *weir_partition_time_all(const WeirPartitionTime *t, int *n);

#endif
