/*
 * decide/keygroup.h
 *		Which key group a key belongs to, and which task owns a group.
 *
 * A job has max_parallelism key groups for life.  Task t of p owns the groups
 * g with g * p / max_parallelism = t, a contiguous range, so that a job can
 * restart at another parallelism from snapshots written group by group.
 */
#ifndef WEIR_DECIDE_KEYGROUP_H
#define WEIR_DECIDE_KEYGROUP_H

#include <stdint.h>

#define WEIR_MIN_MAX_PARALLELISM 1
#define WEIR_MAX_MAX_PARALLELISM 32768

/* The group of a key, from the 64-bit hash of its columns. */
extern int weir_key_group(uint64_t hash, int max_parallelism);
/* Those of many keys. */
extern void weir_key_groups(const uint64_t *hashes, int n, int max_parallelism, int *groups);

/*
 * A hash of the same key whose group is this one, where something else than the key
 * says which it is: the partition of a stream.  What is equal stays equal, and
 * hashes that differ spread over what the group has of them.
 */
extern uint64_t weir_hash_in_group(uint64_t hash, int group, int max_parallelism);

/* The task that owns a group. */
extern int weir_group_task(int group, int parallelism, int max_parallelism);

/* The groups task owns: first .. end-1 (empty if first == end). */
extern void weir_task_groups(int task, int parallelism, int max_parallelism,
							 int *first, int *end);

#endif
