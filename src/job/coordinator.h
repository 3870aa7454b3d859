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
#include "job/failure.h"
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
	WEIR_OUTCOME_REGROUP,		/* another follows, with other partitions (group.h) */
	WEIR_OUTCOME_FAILED,		/* the restart strategy decides what follows */
	WEIR_OUTCOME_HOPELESS		/* failed for good */
} WeirOutcome;

/* A checkpoint under way, as far as the decision code does not hold it. */
typedef struct WeirPendingCheckpoint
{
	int64		id;
	char		savepoint[NAMEDATALEN]; /* its name; "": none.  Written in full */
	int64		triggered_at;
	int64		activity;		/* records processed when it was triggered */
	WeirPosition **positions;	/* a task each; NULL: it is no source's, or has not voted */
	WeirTaskTimes *times;		/* a task each */
} WeirPendingCheckpoint;

/* A task as its coordinator knows it. */
typedef struct WeirTaskHandle
{
	BackgroundWorkerHandle *worker;
	WeirControlPort *port;
	const WeirSourceOps *source;	/* that it reads; NULL: none */
	bool		running;
	bool		ended;			/* its input has */
	bool		gone;
	uint64		wait_began;		/* of the lock it waits for, as it says; 0: none */
	int64		wait_seen;		/* when that wait was first seen */
} WeirTaskHandle;

/* Where an attempt begins, as recovery found it. */
typedef struct WeirStartPoint
{
	int64		timeline;
	int64		restore;		/* checkpoint, 0: none */
	int64		restore_timeline;
	bool		write_full;		/* no checkpoint of the timeline has completed */
	int			npositions;
	WeirPosition *positions;	/* by the sources' numbers; where one has none, at its oldest byte */
} WeirStartPoint;

/* Which tasks an attempt has. */
typedef struct WeirShape
{
	WeirTopology topology;
	bool		event_time;		/* some operator goes by it */
	int			sources[WEIR_MAX_STAGES];	/* the number of each stage's source; -1: it has none */
	const WeirSourceOps *source_ops[WEIR_MAX_STAGES];
	char		steps[WEIR_MAX_STAGES][WEIR_STEPS_SIZE];
} WeirShape;

/* The attempt under way. */
typedef struct WeirRun
{
	MemoryContext context;		/* reset for the next */
	dsm_segment *segment;
	WeirAttempt *attempt;
	int			ntasks;
	WeirTaskHandle *tasks;
	int64		began_at;
	bool		started;		/* all tasks run */
	int64		started_at;
	int64		steady_at;		/* when to look whether they still do; PG_INT64_MAX: never */
	int64		next_look;		/* for deadlocks, us */
} WeirRun;

/* Checkpoints of the attempt, and what is kept of them from one to the next. */
typedef struct WeirCheckpoints
{
	WeirCheckpointer *checkpointer;
	List	   *pending;		/* WeirPendingCheckpoint */
	List	   *reaching;		/* requests that wait for sources, see reach.c */
	bool		deciding;		/* the completed row is inserted, not committed */
	bool		output_waits;	/* lines in the outbox */
	int64		activity;		/* records processed at the last completed */
	int64		next_id;		/* first never used */
	int64		failures;		/* consecutive failed ones, over attempts */
	int64		failed;			/* the last that did */
	const char *failed_reason;
	uint64		unanswered;		/* token of the request for the one being aborted; 0: none */
	int			trim_group;		/* where the next trim of chunks begins */
} WeirCheckpoints;

/* A decided checkpoint whose output is not all visible. */
typedef struct WeirCommit
{
	int64		checkpoint;		/* 0: none */
	List	   *names;			/* still to COMMIT PREPARED */
	WeirRetry	retry;
} WeirCommit;

/*
 * The checkpoint whose completed row tells, if the attempt ends now, whether it
 * completed: decided, but not all is done that follows; or, once the attempt has
 * ended, the one that was about to be.
 */
typedef struct WeirDoubt
{
	int64		checkpoint;		/* 0: none */
	WeirCheckpointKind kind;
	uint64		token;			/* of the request that waits for it, 0: none */
} WeirDoubt;

typedef struct WeirCoordinator
{
	MemoryContext context;
	WeirJobSlot *slot;
	WeirJob    *job;
	WeirRestart restart;
	int			restarts;		/* not yet counted in the job's row */
	WeirRetry	shortage;		/* of workers: when to try again */
	char	   *unresolved;		/* why something is still prepared, NULL: nothing is */

	WeirStop	stop;
	WeirStartPoint start;
	WeirRun		run;
	WeirCheckpoints checkpoints;
	WeirCommit	commit;
	WeirDoubt	doubt;
	struct WeirServerGroup *group;	/* the stream is shared by several servers; NULL: it is not */

	WeirOutcome outcome;
	char	   *finish_reason;	/* of WEIR_OUTCOME_FINISHED */
	WeirFailure failure;		/* of WEIR_OUTCOME_FAILED and _HOPELESS */
} WeirCoordinator;

/* coordinator.c: transactions of its own; inside a decision they join it. */
extern void weir_coordinator_begin(WeirCoordinator *co);
/* In such a transaction: its waits for locks end after lock_wait. */
extern void weir_coordinator_limit_waits(WeirCoordinator *co);
extern void weir_coordinator_end(WeirCoordinator *co, bool durable);
/* The first failure of an attempt is its outcome.  It is copied. */
extern void weir_coordinator_fail(WeirCoordinator *co, WeirOutcome outcome,
								  const WeirFailure *failure);
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
extern bool weir_attempt_place(WeirCoordinator *co, WeirShape *shape);
extern void weir_attempt_create(WeirCoordinator *co, int64 id, const WeirShape *shape);
extern void weir_attempt_start_gang(WeirCoordinator *co);

/* attempt_run.c: one attempt from the start of its tasks until its outcome is known .. */
extern void weir_attempt_run(WeirCoordinator *co);
/* .. and until the last task is gone. */
extern void weir_attempt_end(WeirCoordinator *co);
/* The same after an error in it: no table is touched. */
extern void weir_attempt_abandon(WeirCoordinator *co);
extern void weir_attempt_tell(WeirCoordinator *co, int task, WeirControlKind kind,
							  const WeirControl *content);

/*
 * positions.c: where the sources stood at a checkpoint, by their numbers; several tasks of one
 * stood where the position says that merges theirs.  Returns how many.
 */
extern int	weir_positions_merge(const WeirCoordinator *co, const WeirPendingCheckpoint *p,
								 WeirPosition **positions);

/*
 * Sources that have no position, of those that do not begin at the same place for ever, are given
 * one, which the timeline keeps.  In a transaction; true if it is to be committed for certain.
 */
extern bool weir_positions_begin(WeirCoordinator *co, const WeirGraph *graph);

/* checkpoint_run.c: carries out what the decision code decides. */
extern void weir_checkpoints_init(WeirCoordinator *co);
extern void weir_checkpoints_message(WeirCoordinator *co, const WeirControl *message);
/* Does a task have an epoch open? */
extern bool weir_checkpoints_open(WeirCoordinator *co);
extern void weir_checkpoints_act(WeirCoordinator *co);
/* The attempt ends: sets "doubt". */
extern void weir_checkpoints_note_doubt(WeirCoordinator *co);
/* An open decision is rolled back, what is pending failed. */
extern void weir_checkpoints_end(WeirCoordinator *co);
/* The same without a word in the tables: recovery settles the rows. */
extern void weir_checkpoints_abandon(WeirCoordinator *co);

/*
 * reach.c: a request for a checkpoint, which waits until the sources have handed
 * out what was committed before.
 */
extern void weir_reach_request(WeirCoordinator *co, WeirCheckpointKind kind, uint64 token);
/* A source has. */
extern void weir_reach_message(WeirCoordinator *co, uint64 token);
extern int64 weir_reach_due(const WeirCoordinator *co);
extern void weir_reach_tick(WeirCoordinator *co);
/* The attempt ends. */
extern void weir_reach_end(WeirCoordinator *co);

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
/* The attempt has ended, and "doubt" is set; where that is its final checkpoint, its row tells. */
extern void weir_stop_leave(WeirCoordinator *co);
extern void weir_stop_settle(WeirCoordinator *co);

/* requests.c: what backends ask for. */
extern void weir_requests_take(WeirCoordinator *co);
extern void weir_request_done(WeirCoordinator *co, uint64 token, bool ok,
							  int64 checkpoint, const char *error);
/* What the answer that follows says beside the error. */
extern void weir_request_detail(WeirCoordinator *co, uint64 token, const char *detail);
/* The savepoint's name that a request carries, "" if none. */
extern void weir_request_name(WeirCoordinator *co, uint64 token, char name[NAMEDATALEN]);
/* Answers whoever wants the job to stop that it does not. */
extern void weir_stops_refuse(WeirCoordinator *co, const char *error);
/* The job has ended, as those wanted who asked it to stop (ok), or by an error. */
extern void weir_requests_end(WeirCoordinator *co, bool ok, const char *error);
/* While the attempt ends: takes what stops the job, and touches no table. */
extern void weir_requests_take_stops(WeirCoordinator *co);
extern void weir_requests_refuse(WeirCoordinator *co, const char *error);

#endif
