/*
 * catalog/retry.h
 *		weir_internal.retry: dead letters on their way into their job again.
 *		All functions need a transaction and an active snapshot.
 *
 * They are handed out in the order of their ids, between the records of their
 * stream.  The transaction that decides about a checkpoint deletes those before
 * its position, so each is in exactly one checkpoint that completes, and after a
 * crash those that are left are handed out again.
 */
#ifndef WEIR_CATALOG_RETRY_H
#define WEIR_CATALOG_RETRY_H

#include "postgres.h"

#include "utils/tuplestore.h"

typedef struct WeirRetried
{
	int64		id;
	int64		line;			/* of the stream */
	int64		stamp;			/* of its arrival this time, us since 2000 */
	char	   *raw;
	int			raw_len;
} WeirRetried;

/* A stream of which a job has letters. */
typedef struct WeirLetterStream
{
	Oid			relid;
	char	   *name;
} WeirLetterStream;

/*
 * The whole letters of a job, as weir.dead_letters shows them to the current user, and
 * behind these their id, column "weir_id".  In CurrentMemoryContext.
 */
extern Tuplestorestate *weir_retry_letters(int64 job, TupleDesc *desc);

/* Streams of those letters, of all that the user may read if ids is NULL; List of WeirLetterStream, by name. */
extern List *weir_retry_streams(int64 job, const int64 *ids, int n);

/*
 * Takes them out of the dead letters; how many these were.  A record that left
 * several of them comes once.  The caller has the job's row locked, so that ids
 * ascend in the order of commits.
 */
extern int64 weir_retry_take(int64 job, const int64 *ids, int n);

/* Those behind this id, at most limit and not many bytes; how many, in the context. */
extern int	weir_retry_read(int64 job, Oid relid, int64 after, int limit, MemoryContext context,
							WeirRetried **records);

/* Those up to this id will not be asked for again. */
extern void weir_retry_forget(int64 job, Oid relid, int64 id);

#endif
