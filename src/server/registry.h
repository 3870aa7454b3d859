/*
 * server/registry.h
 *		The jobs known to this server, in shared memory: how a backend asks for
 *		a coordinator, sends it requests, and waits for what becomes of them.
 */
#ifndef WEIR_SERVER_REGISTRY_H
#define WEIR_SERVER_REGISTRY_H

#include "postgres.h"

#include "storage/dsm.h"

typedef enum WeirRequestKind
{
	WEIR_REQUEST_CHECKPOINT,	/* trigger_checkpoint */
	WEIR_REQUEST_SAVEPOINT,		/* create_savepoint(name) */
	WEIR_REQUEST_STOP,			/* stop_job(savepoint): last checkpoint, then stop */
	WEIR_REQUEST_DRAIN,			/* stop_job(drain => true) */
	WEIR_REQUEST_CANCEL,		/* stop_job(cancel => true), drop_job */
	WEIR_REQUEST_CONFIGURE		/* checkpointing options changed: read them again */
} WeirRequestKind;

typedef struct WeirRequestResult
{
	bool		ok;
	bool		stopping;		/* a stop: it has not come to its end, but will */
	bool		ended;			/* there is no coordinator to ask any more */
	int64		checkpoint;		/* its id, output visible */
	char		error[512];		/* why it failed */
	char		detail[256];	/* "": none */
} WeirRequestResult;

/* Called from _PG_init. */
extern void weir_registry_request_memory(void);

/* Is the library preloaded, so that there is shared memory? */
extern bool weir_registry_available(void);

/* Start this job of the current database, which was claimed, when the current transaction commits. */
extern void weir_registry_start_at_commit(int64 job);
/* Send CONFIGURE / CANCEL to this job's coordinator when the current transaction commits. */
extern void weir_registry_notify_at_commit(int64 job, WeirRequestKind kind);

/* Have the databases looked through for jobs that should run when the current transaction commits. */
extern void weir_registry_scan_at_commit(void);

/* Does this job of the current database have a coordinator, or is one being started? */
extern bool weir_registry_is_active(int64 job);

/*
 * Sends a request and waits for its outcome.  False in result.ok when it failed;
 * an ERROR (object_not_in_prerequisite_state) when the job has no coordinator,
 * but for a CANCEL.  A checkpoint waits for the tasks to run, within a bound.
 */
extern void weir_registry_request(int64 job, WeirRequestKind kind, const char *name,
								  WeirRequestResult *result);

/*
 * Waits until something about any job changes, or the timeout (ms, -1 none).
 * An ERROR if DROP EXTENSION waits for the locks of whoever waits here.
 * Usage: weir_registry_prepare_wait(); look; weir_registry_wait(); ... weir_registry_end_wait().
 */
extern void weir_registry_prepare_wait(void);
extern bool weir_registry_wait(long timeout_ms);	/* true: timed out */
extern void weir_registry_end_wait(void);

/* What jobs take of max_worker_processes, max_prepared_transactions and weir.max_jobs. */
typedef struct WeirResources
{
	int			workers;		/* coordinators and tasks */
	int			prepared;		/* prepared transactions */
	int			jobs;
} WeirResources;

/*
 * Takes what a job of this database needs, if that and what all other jobs of
 * the server take is within the limits; else false.  Waits for jobs that have
 * ended and are about to give back what they took.  Given back at the end of the
 * current (sub)transaction, unless that starts the job.
 */
extern bool weir_registry_claim(int64 job, const char *name, const WeirResources *need,
								const WeirResources *limit, WeirResources *others);
/* Would it be taken?  A job that runs may be asked for: what it has does not count. */
extern bool weir_registry_fits(int64 job, const WeirResources *need,
							   const WeirResources *limit, WeirResources *others);
/* What there is of each for jobs, and how many workers are nobody's job. */
extern void weir_registry_limit(WeirResources *limit);
extern int	weir_registry_foreign_workers(void);

/* Do jobs that should run wait for a place? */
extern bool weir_registry_is_full(void);
/* A job that waits to be started is not to be any more, if this transaction commits; false if it does not wait. */
extern bool weir_registry_withdraw(int64 job);

#endif
