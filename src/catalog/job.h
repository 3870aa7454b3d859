/*
 * catalog/job.h
 *		weir_internal.job and weir_internal.run: what a job is, what became of
 *		it.  Read and written only here.  All functions need a transaction and
 *		use the current user's rights switched to the extension's owner.
 */
#ifndef WEIR_CATALOG_JOB_H
#define WEIR_CATALOG_JOB_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "decide/checkpointer.h"
#include "decide/restart.h"

typedef enum WeirJobStatus
{
	WEIR_JOB_CREATED,
	WEIR_JOB_STARTING,
	WEIR_JOB_RUNNING,
	WEIR_JOB_RESTARTING,
	WEIR_JOB_STOPPING,
	WEIR_JOB_STOPPED,
	WEIR_JOB_FINISHED,
	WEIR_JOB_FAILED
} WeirJobStatus;

typedef struct WeirJob
{
	int64		id;
	char	   *name;
	Oid			owner;
	char	   *query;
	int			parallelism;
	int			max_parallelism;
	/* settings at create_job */
	char	   *search_path;
	char	   *timezone;
	char	   *datestyle;
	char	   *intervalstyle;
	/* checkpointing */
	bool		checkpointing;
	WeirCheckpointConfig checkpoint;	/* periodic = checkpointing */
	int			history;
	int64		sink_flush;		/* us */
	int64		lock_wait;		/* us */
	/* run */
	WeirJobStatus status;
	int64		attempt;		/* last attempt's id */
	int64		restarts;
	int64		timeline;
	bool		fresh;			/* the next start begins a new timeline, empty */
	bool		was_finished;	/* the start passes the end of stream */
} WeirJob;

/* NULL if there is none.  In CurrentMemoryContext. */
extern WeirJob *weir_job_by_name(const char *name);
extern WeirJob *weir_job_by_id(int64 id);

extern const char *weir_job_status_name(WeirJobStatus s);
extern bool weir_job_status_parse(const char *word, WeirJobStatus *out);
extern const char *weir_mode_name(WeirMode m);
extern bool weir_mode_parse(const char *word, WeirMode *out);

/* A new status; reason and last_error may be NULL (last_error NULL keeps what is there). */
extern void weir_job_set_status(int64 id, WeirJobStatus status, const char *reason,
								const char *last_error);
/* Takes a new attempt id, never used before; counts a restart if asked. */
extern int64 weir_job_next_attempt(int64 id, bool restart);
extern void weir_job_set_timeline(int64 id, int64 timeline);

/* Ids of jobs of this very database (system identifier, OID) that should be running. */
extern int64 *weir_jobs_wanted(int *n);

#endif
