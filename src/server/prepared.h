/*
 * server/prepared.h
 *		What is prepared of a job: found by name, resolved.
 */
#ifndef WEIR_SERVER_PREPARED_H
#define WEIR_SERVER_PREPARED_H

#include "postgres.h"

#include "catalog/checkpoint.h"
#include "decide/recovery.h"

/* The job's completed rows (WeirCompleted), in this context; in a transaction of its own. */
extern List *weir_completed_rows(int64 job, MemoryContext context);
extern WeirCompletedRef *weir_completed_refs(List *rows);

/* COMMIT or ROLLBACK PREPARED of one, in a transaction of its own; its error or NULL. */
extern ErrorData *weir_finish_prepared(const char *gid, bool commit);

/*
 * Commits or rolls back every prepared transaction of the job, found by name,
 * until none is left.  Before it waits to try again it asks give_up, if that is
 * not NULL, and returns what went wrong when the answer is true; else NULL.
 */
extern char *weir_resolve_prepared(int64 job, bool (*give_up) (void *), void *arg);

/* What a dropped job has left: resolved, then deleted. */
extern void weir_purge_dropped(int64 job);

#endif
