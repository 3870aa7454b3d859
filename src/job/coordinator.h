/*
 * job/coordinator.h
 *		The coordinator of a job: one process, many attempts.
 */
#ifndef WEIR_JOB_COORDINATOR_H
#define WEIR_JOB_COORDINATOR_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "postmaster/bgworker.h"

#include "catalog/checkpoint.h"
#include "catalog/job.h"
#include "compile/dataflow.h"
#include "decide/checkpointer.h"
#include "decide/commit.h"
#include "decide/restart.h"
#include "decide/stop.h"
#include "server/registry_int.h"
#include "task/attempt.h"
#include "task/control.h"

/* How an attempt ended. */
typedef enum WeirOutcome
{
	WEIR_OUTCOME_NONE,			/* it goes on */
	WEIR_OUTCOME_FINISHED,		/* the input ended, the final checkpoint is complete */
	WEIR_OUTCOME_STOPPED,
	WEIR_OUTCOME_CANCELLED,
	WEIR_OUTCOME_SHORT,			/* it has not begun: workers are short */
	WEIR_OUTCOME_FAILED,		/* the restart strategy decides what follows */
	WEIR_OUTCOME_HOPELESS		/* failed for good */
} WeirOutcome;

/* A checkpoint under way, as far as the decision code does not hold it. */
typedef struct WeirPendingCheckpoint
{
	int64		id;
	WeirCheckpointKind kind;
	uint64		token;			/* of the request, 0: none */
	char		savepoint[NAMEDATALEN]; /* its name; "": none.  Written in full */
	int64		triggered_at;
	int64		activity;		/* records processed when it was triggered */
	bool		decided;		/* its row is committed */
	WeirPosition *positions;	/* a task each, a source's is set */
	WeirTaskTimes *times;		/* a task each */
} WeirPendingCheckpoint;

/* A task as its coordinator knows it. */
typedef struct WeirTaskHandle
{
	BackgroundWorkerHandle *worker;
	WeirControlPort *port;
	bool		running;
	bool		ended;			/* its input has */
	bool		gone;
	uint64		wait_began;		/* of the lock it waits for, as it says; 0: none */
	int64		wait_seen;		/* when that wait was first seen */
} WeirTaskHandle;

typedef struct WeirCoordinator
{
	MemoryContext context;
	WeirJobSlot *slot;
	WeirJob    *job;
	WeirRestart restart;
	WeirRetry	shortage;		/* of workers: when to try again */
	int64		failures;		/* consecutive failed checkpoints, over attempts */
	int64		failed_checkpoint;	/* the last that did */
	const char *failed_reason;
	int64		doubtful;		/* in doubt when the attempt before ended, 0: none */
	WeirCheckpointKind doubtful_kind;
	uint64		doubtful_token; /* of the request that waits for it, 0: none */
	int64		next_checkpoint;	/* first id never used */
	int			restarts;		/* not yet counted in the job's row */
	char	   *unresolved;		/* why something is still prepared, NULL: nothing is */
	WeirStop	stop;

	/* what recovery found */
	int64		timeline;
	int64		restore;		/* checkpoint, 0: none */
	int64		restore_timeline;
	bool		write_full;
	int			npositions;
	WeirPosition *positions;

	/* the attempt */
	MemoryContext attempt_context;
	dsm_segment *segment;
	WeirAttempt *attempt;
	int			ntasks;
	WeirTaskHandle *tasks;
	WeirCheckpointer *checkpointer;
	List	   *pending;		/* WeirPendingCheckpoint */
	int64		next_look;		/* for deadlocks, us */
	int64		started_at;		/* when all tasks ran */
	int64		steady_at;		/* when to look whether they still do; PG_INT64_MAX: never */
	bool		deciding;		/* the completed row is inserted, not committed */
	int64		committing;		/* decided, its output not all visible; 0: none */
	List	   *to_commit;		/* names still to COMMIT PREPARED */
	WeirRetry	commit_retry;
	bool		started;		/* all tasks run */
	bool		output_waits;	/* lines in the outbox */
	int64		activity_completed; /* records processed at the last completed */
	int			trim_group;		/* where the next trim of chunks begins */

	WeirOutcome outcome;
	char	   *finish_reason;	/* of WEIR_OUTCOME_FINISHED */
	int			error_sqlstate;
	int64		error_line;
	char	   *error;			/* in context */
} WeirCoordinator;

/* coordinator.c: transactions of its own; inside a decision they join it. */
extern void weir_coordinator_begin(WeirCoordinator *co);
/* In such a transaction: its waits for locks end after lock_wait. */
extern void weir_coordinator_limit_waits(WeirCoordinator *co);
extern void weir_coordinator_end(WeirCoordinator *co, bool durable);
extern void weir_coordinator_fail(WeirCoordinator *co, WeirOutcome outcome, int sqlstate,
								  int64 line, const char *fmt,...) pg_attribute_printf(5, 6);
extern void weir_coordinator_status(WeirCoordinator *co, WeirJobStatus status,
									const char *reason, const char *error);
/* The same without an entry in the log. */
extern void weir_coordinator_note(WeirCoordinator *co, WeirJobStatus status,
								  const char *reason, const char *error);

/*
 * crash.c: counts an end of the server in which the job's processes were killed.
 * False if that is a failure of the job, which then is the outcome.
 */
extern bool weir_crash_is_outlived(WeirCoordinator *co);
/* With a completed row: a crash of the server must not bring back what it ends. */
extern void weir_crash_clear(WeirCoordinator *co);

/* recovery.c: false if no attempt is to follow (outcome is set). */
extern bool weir_recover(WeirCoordinator *co);
/* Resolves what is prepared; false if a cancel, a stop or the end of the server came first. */
extern bool weir_resolve(WeirCoordinator *co);

/* commit.c: COMMIT PREPARED of all that a decided checkpoint lists, now and whenever it is due again. */
extern void weir_commit_begin(WeirCoordinator *co, int64 checkpoint, List *names);
extern int64 weir_commit_due(const WeirCoordinator *co);
extern void weir_commit_go_on(WeirCoordinator *co);

/* start_point.c, in recovery: false if the job is failed for good. */
extern bool weir_start_choose(WeirCoordinator *co, List *rows);
/* What the job's timeline stands at: its newest completed, else its base, else NULL. */
extern WeirCompleted *weir_start_reached(const WeirJob *job, List *rows);

/* attempt_start.c: false if what the tasks need is not to be had. */
extern bool weir_attempt_place(WeirCoordinator *co, WeirTopology *topology);
extern void weir_attempt_create(WeirCoordinator *co, int64 id, const WeirTopology *topology);
extern void weir_attempt_start_gang(WeirCoordinator *co);

/* attempt_run.c: one attempt from the start of its tasks until its outcome is known .. */
extern void weir_attempt_run(WeirCoordinator *co);
/* .. and until the last task is gone. */
extern void weir_attempt_end(WeirCoordinator *co);
/* The same after an error in it: no table is touched. */
extern void weir_attempt_abandon(WeirCoordinator *co);
extern void weir_attempt_tell(WeirCoordinator *co, int task, WeirControlKind kind,
							  const WeirControl *content);

/* checkpoint_run.c: carries out what the decision code decides. */
extern void weir_checkpoints_init(WeirCoordinator *co);
extern void weir_checkpoints_message(WeirCoordinator *co, const WeirControl *message);
/* Does a task have an epoch open? */
extern bool weir_checkpoints_open(WeirCoordinator *co);
extern void weir_checkpoints_act(WeirCoordinator *co);
extern bool weir_checkpoints_final_in_doubt(WeirCoordinator *co);
extern void weir_checkpoints_end(WeirCoordinator *co);
/* The same without a word in the tables: recovery settles the rows. */
extern void weir_checkpoints_abandon(WeirCoordinator *co);

/* complete.c: what follows when all of a checkpoint's output is visible. */
extern void weir_complete_tell(WeirCoordinator *co, const WeirPendingCheckpoint *p);
extern void weir_complete_record(WeirCoordinator *co, const WeirPendingCheckpoint *p);
/* Why a job is finished; while its attempt's segment is there. */
extern char *weir_complete_reason(WeirCoordinator *co);
/* Deletes what no recovery can need any more. */
extern void weir_complete_trim(WeirCoordinator *co, int64 retained_from);

/* stop.c: carries out what decide/stop.h decides. */
extern void weir_stop_act(WeirCoordinator *co);
/* The final checkpoint failed, and the attempt goes on. */
extern void weir_stop_goes_on(WeirCoordinator *co, const char *reason);
/* The attempt has ended; where its final checkpoint was in doubt, its row tells. */
extern void weir_stop_leave(WeirCoordinator *co);
extern void weir_stop_settle(WeirCoordinator *co);

/* requests.c: what backends ask for. */
extern void weir_requests_take(WeirCoordinator *co);
extern void weir_request_done(WeirCoordinator *co, uint64 token, bool ok,
							  int64 checkpoint, const char *error);
/* The savepoint's name that a request carries, "" if none. */
extern void weir_request_name(WeirCoordinator *co, uint64 token, char name[NAMEDATALEN]);
/* Answers whoever wants the job to stop. */
extern void weir_stops_answer(WeirCoordinator *co, bool ok, const char *error);
/* While the attempt ends: takes what stops the job, and touches no table. */
extern void weir_requests_take_stops(WeirCoordinator *co);
extern void weir_requests_refuse(WeirCoordinator *co, const char *error);

#endif
