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
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "decide/checkpointer.h"
#include "decide/crash.h"
#include "decide/poison.h"
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
	int64		max_state_memory;	/* bytes of keyed state; 0: unlimited */
	Jsonb	   *settings;		/* of create_job, see session.h */
	bool		emit_updates;	/* windows that are open are written, too */
	/* checkpointing */
	bool		checkpointing;
	WeirCheckpointConfig checkpoint;	/* periodic = checkpointing */
	int			history;
	int64		sink_flush;		/* us */
	int64		lock_wait;		/* us */
	int64		unaligned_after;	/* us, after which a barrier overtakes; -1: never */
	WeirRestartConfig restart;	/* the default one where none was set */
	/* run */
	WeirJobStatus status;
	char	   *status_reason;	/* NULL: none */
	bool		wanted;			/* should be running */
	int64		attempt;		/* last attempt's id */
	int64		restarts;
	int64		timeline;
	bool		fresh;			/* the next start begins a new timeline, empty */
	bool		was_finished;	/* the start passes the end of stream */
	int64		start_from;		/* the next start begins a new timeline from this
								 * savepoint; 0: none */
	bool		allow_gap;		/* it goes on where the journal lacks bytes */
	bool		altered;		/* the next start begins a new timeline from the
								 * last completed checkpoint */
	bool		leave_state;	/* which is empty */
	bool		drop_state;		/* of that timeline, or of one from a savepoint */
	char	   *migrate;
	WeirRecordFailure record_failure;	/* that ended an attempt, since start_job */
	WeirSuspects suspects;		/* likewise */
	int			workers;		/* that its last attempt took */
	int			prepared;		/* transactions, likewise */
	WeirCrashes crashes;		/* ends of the server, since start_job */
} WeirJob;

/* What alter_job names; what it leaves out stays as it is. */
typedef struct WeirJobChange
{
	const char *query;			/* NULL: unchanged */
	int			parallelism;	/* -1: unchanged */
	int			max_parallelism;
	int64		max_state_memory;	/* bytes, 0: no limit */
	bool		new_timeline;	/* with the four below; else they are not read */
	bool		leave_state;
	bool		drop_state;
	const char *migrate;		/* NULL: none */
} WeirJobChange;

/* What enable_checkpointing names; what it leaves out stays as it is. */
typedef struct WeirCheckpointChange
{
	const char *mode;			/* NULL: unchanged; so for the intervals */
	Interval   *every;
	Interval   *timeout;
	Interval   *min_pause;
	Interval   *sink_flush;
	Interval   *lock_wait;
	Interval   *unaligned_after;
	int			max_concurrent; /* -1: unchanged; so for all below */
	int			fail_on_errors;
	int			tolerable_failures;
	int			retain;
	int			history;
} WeirCheckpointChange;

/* NULL if there is none.  In CurrentMemoryContext. */
extern WeirJob *weir_job_by_name(const char *name);
extern WeirJob *weir_job_by_id(int64 id);

extern const char *weir_job_status_name(WeirJobStatus s);
extern bool weir_job_status_parse(const char *word, WeirJobStatus *out);
extern const char *weir_mode_name(WeirMode m);
extern bool weir_mode_parse(const char *word, WeirMode *out);

/* Starting, running, restarting or stopping. */
extern bool weir_job_status_is_active(WeirJobStatus s);

/*
 * The job's row is locked against others who would change, start or drop it,
 * until the end of the transaction; NULL if there is none.  Coordinators never
 * need that lock.
 */
extern WeirJob *weir_job_lock(const char *name);

/* The status as of now, whatever snapshot the caller has; false if the job is gone. */
extern bool weir_job_latest_status(int64 id, WeirJobStatus *status);

/* Ids of all jobs of this database. */
extern List *weir_jobs_all(void);	/* of WeirJob */

/*
 * create_job: stores the settings of this session; 0 if there is a job of that
 * name (status, attempt and the rest of *job are not read).
 */
extern int64 weir_job_create(const WeirJob *job);
/* alter_job */
extern void weir_job_alter(int64 id, const WeirJobChange *change);
/* enable_checkpointing, disable_checkpointing */
extern void weir_job_configure(int64 id, const WeirCheckpointChange *change);
extern void weir_job_disable_checkpointing(int64 id);
/* set_restart_strategy */
extern void weir_job_set_restart_strategy(int64 id, const WeirRestartConfig *config);
/*
 * start_job: status starting, bound to this database, wanted; as fresh,
 * was_finished, start_from and allow_gap of *job say.
 */
extern void weir_job_start(const WeirJob *job);
/* drop_job, in two steps: what defines it, then what it has left. */
extern void weir_job_delete(int64 id);
/*
 * Run status, state, checkpoints and outbox of a job that is gone.  Its
 * completed rows and markers stay while something of it is prepared: then the
 * result is false, and it is to be called again.
 */
extern bool weir_job_purge(int64 id);
/* Ids of jobs that were dropped and have left something. */
extern int64 *weir_jobs_dropped(int *n);

/*
 * A new status; reason and last_error may be NULL (last_error NULL keeps what
 * is there).  Stopped, finished and failed jobs are no longer wanted.  Nothing
 * happens if the job was dropped.
 */
extern void weir_job_set_status(int64 id, WeirJobStatus status, const char *reason,
								const char *last_error);
/* The record that ended an attempt, for the next one that fails. */
extern void weir_job_set_record_failure(const WeirJob *job);
/* Ends of the server without progress of the job between. */
extern void weir_job_set_crashes(int64 id, const WeirCrashes *crashes);
/* Takes a new attempt id, never used before; counts the restarts that led to it. */
extern int64 weir_job_next_attempt(int64 id, int restarts);
/* What an attempt takes of the server. */
extern void weir_job_set_resources(int64 id, int workers, int prepared);
/* Also ends "fresh", "start_from", and what alter_job left for the next start. */
extern void weir_job_set_timeline(int64 id, int64 timeline);
/* A checkpoint behind the end that a finished job passed has completed. */
extern void weir_job_clear_finished(int64 id);

/* Ids of jobs of this very database (system identifier, OID) that should be running. */
extern int64 *weir_jobs_wanted(int *n);

#endif
