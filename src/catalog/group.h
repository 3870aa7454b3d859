/*
 * catalog/group.h
 *		weir_internal.group_job and group_partition: what this server knows of
 *		the partitions that the servers of a group share.  All functions need a transaction
 *		and an active snapshot.
 */
#ifndef WEIR_CATALOG_GROUP_H
#define WEIR_CATALOG_GROUP_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "decide/ownership.h"
#include "decide/position.h"

/* A row of group_partition. */
typedef struct WeirPartition
{
	int			partition;
	WeirOwned	state;
	int64		epoch;
	char	   *to;				/* given: the member */
	bool		taking;
	char	   *from;			/* taking: the member, NULL: nobody */
	bool		certain;
	bool		reading;
	char	   *waits_for;		/* NULL: for nobody */
} WeirPartition;

/* What whoever takes a partition begins with. */
typedef struct WeirGiven
{
	int64		checkpoint;
	int64		timeline;
	int			npositions;
	WeirPosition *positions;
} WeirGiven;

/* False: the job is of no group.  In CurrentMemoryContext. */
extern bool weir_group_get(int64 job, char **group, char **member);
extern bool weir_group_is_of(int64 job);
/* The name stays once it is given: who is known by it has partitions. */
extern void weir_group_set(int64 job, const char *group, const char *member);

extern const char *weir_owned_name(WeirOwned state);
extern bool weir_owned_parse(const char *word, WeirOwned *out);

/* All rows of a job, by number; in CurrentMemoryContext. */
extern List *weir_partitions(int64 job);
/* One, locked against others who would change it; one that is not there is none, and locked too. */
extern WeirPartition *weir_partition_lock(int64 job, int partition);
/* Writes a row; certain is what it is from now on.  What was kept beside it stays while it is given. */
extern void weir_partition_put(int64 job, const WeirPartition *row);

/* Which partitions are read, now that an attempt begins: others are not. */
extern void weir_partitions_set_reading(int64 job, List *partitions);

/*
 * Are these partitions owned, with these epochs?  Those that are stay so until the end of
 * the transaction.
 */
extern bool weir_partitions_hold(int64 job, int n, const int32 *partitions, const int64 *epochs);

/* Beside a row that is given. */
extern void weir_given_put(int64 job, int partition, const WeirGiven *given);
/* NULL: nothing is kept.  In CurrentMemoryContext. */
extern WeirGiven *weir_given_get(int64 job, int partition);
/* Its positions as they go to another server. */
extern Datum weir_given_positions(int64 job, int partition, bool *isnull);

/* .. and there; in CurrentMemoryContext. */
extern WeirPosition *weir_positions_parse(const char *json, int *n);

/* The job's sources and keyed steps, as a text that is the same where the query is. */
extern char *weir_group_nodes(int64 job);

#endif
