/*
 * catalog/snapshot.h
 *		weir_internal.snapshot: chunks of keyed state.  All functions need a
 *		transaction and an active snapshot.
 *
 * Groups are numbered 0 .. max_parallelism - 1 in a job.
 */
#ifndef WEIR_CATALOG_SNAPSHOT_H
#define WEIR_CATALOG_SNAPSHOT_H

#include "postgres.h"

/*
 * Writing chunks of one checkpoint; begin and end frame many adds.  Rows are
 * collected and inserted together; end says the microseconds spent inserting, and
 * the bytes of all payloads as they were stored.
 */
typedef struct WeirSnapshotWriter WeirSnapshotWriter;

extern WeirSnapshotWriter *weir_snapshot_begin(int64 job, int64 timeline, int step,
											   int64 checkpoint);
extern void weir_snapshot_add(WeirSnapshotWriter *writer, int group, bool is_full,
							  int seq, bytea *payload);
extern void weir_snapshot_end(WeirSnapshotWriter *writer, int64 *inserting, int64 *bytes);

/*
 * Reads, for the groups first .. end-1, what restoring the checkpoint needs:
 * per group the newest full chunk <= checkpoint of the timeline and what came
 * after it, whether or not the checkpoints between completed.
 */
typedef void (*WeirSnapshotReader) (void *arg, int group, bool is_full, bytea *payload);
extern void weir_snapshot_read(int64 job, int64 timeline, int step, int64 checkpoint,
							   int first, int end, WeirSnapshotReader reader, void *arg);

/* The highest checkpoint that has chunks in any timeline, 0: none. */
extern int64 weir_snapshot_newest(int64 job, int ngroups);

/* Recovery: chunks of the timeline newer than the checkpoint are gone. */
extern void weir_snapshot_delete_newer(int64 job, int64 timeline, int64 checkpoint,
									   int ngroups);

/* Whatever was ever written of a group goes. */
extern void weir_snapshot_delete_group(int64 job, int group);

/*
 * Deletes, of the groups first .. end-1, what restoring "oldest" of the
 * timeline, or anything later, or a savepoint, cannot reach.  A savepoint's chunks
 * are full ones with its own id.
 */
extern void weir_snapshot_trim(int64 job, int64 timeline, int64 oldest, int first, int end);

#endif
