/*
 * decide/checkpointer.h
 *		The coordinator's decisions about checkpoints: when to trigger, what an
 *		acknowledgement, a decline, a timeout or a late message means, when to
 *		prepare, decide, commit and tell.  No I/O; the clock is an argument
 *		(microseconds).
 *
 * The coordinator feeds events and carries out the actions that come back,
 * oldest first, and ticks after every event.  trigger.c, pending.c,
 * tolerance.c and retention.c hold the parts and their rules.
 */
#ifndef WEIR_DECIDE_CHECKPOINTER_H
#define WEIR_DECIDE_CHECKPOINTER_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_REQUEST_LIMIT 1000 /* requests that wait */

typedef enum WeirMode
{
	WEIR_EXACTLY_ONCE,
	WEIR_AT_LEAST_ONCE,
	WEIR_AT_MOST_ONCE
} WeirMode;

typedef enum WeirCheckpointKind
{
	WEIR_PERIODIC,
	WEIR_MANUAL,
	WEIR_SAVEPOINT,
	WEIR_FINAL					/* of a stop or of the end of the stream; ignores
								 * pause and max_concurrent; nothing starts while
								 * it is pending or after it completed; its
								 * failure never counts as the job's */
} WeirCheckpointKind;

typedef struct WeirCheckpointConfig
{
	bool		periodic;		/* false: no checkpointing; only requests */
	WeirMode	mode;
	int64_t		every;			/* us */
	int64_t		timeout;		/* us, from the trigger to prepare */
	int64_t		min_pause;		/* us, from the last completion */
	int			max_concurrent;
	int64_t		tolerable;		/* consecutive failures; -1 unlimited */
	int			retain;
} WeirCheckpointConfig;

typedef enum WeirVote
{
	WEIR_VOTE_ACK,				/* snapshot is durable; nothing to prepare */
	WEIR_VOTE_READY,			/* ready to prepare */
	WEIR_VOTE_READY_EMPTY		/* a sink with neither output nor changes */
} WeirVote;

typedef enum WeirActionKind
{
	WEIR_DO_TRIGGER,			/* tell sources (and ended tasks): checkpoint, kind, token */
	WEIR_DO_ABORT,				/* tell all tasks; reason; request (if token) failed */
	WEIR_DO_PREPARE,			/* insert the completed row, tell tasks in need_prepare */
	WEIR_DO_DECIDE,				/* commit the completed row; then call _decided */
	WEIR_DO_COMMIT,				/* COMMIT PREPARED of all listed; then call _committed */
	WEIR_DO_COMPLETE,			/* tell tasks and waiters; trim.  retained_from is the
								 * oldest completed id that retention keeps */
	WEIR_DO_REFUSE,				/* a request with token is refused; reason */
	WEIR_DO_FAIL_ATTEMPT,		/* the decision failed: end the attempt */
	WEIR_DO_FAIL_JOB			/* tolerable failures exceeded */
} WeirActionKind;

typedef enum WeirCheckpointFailure
{
	WEIR_FAILURE_NONE,
	WEIR_FAILURE_DECLINED,
	WEIR_FAILURE_EXPIRED,
	WEIR_FAILURE_SUBSUMED,
	WEIR_FAILURE_TASKS_NOT_RUNNING,
	WEIR_FAILURE_RESTART,		/* the attempt ended */
	WEIR_FAILURE_COMPLETING,	/* the decision could not be written */
	WEIR_FAILURE_TOO_MANY_REQUESTS,
	WEIR_FAILURE_STOPPED
} WeirCheckpointFailure;

extern const char *weir_checkpoint_failure_text(WeirCheckpointFailure f);

typedef struct WeirAction
{
	WeirActionKind kind;
	int64_t		checkpoint;
	WeirCheckpointKind ckind;
	uint64_t	token;			/* of the request; 0 for periodic */
	WeirCheckpointFailure reason;
	int			acknowledged;	/* votes so far; after an abort the only place */
	int64_t		retained_from;
} WeirAction;

typedef struct WeirCheckpointer WeirCheckpointer;	/* malloc'd */

/* attempt: messages of others are dropped.  next_id: first id never used before. */
extern WeirCheckpointer *weir_checkpointer_create(const WeirCheckpointConfig *config,
												  int ntasks, int64_t attempt,
												  int64_t next_id, int64_t now);
extern void weir_checkpointer_destroy(WeirCheckpointer *c);

/* The mode stays: it changes only on a job that does not run. */
extern void weir_checkpointer_configure(WeirCheckpointer *c,
										const WeirCheckpointConfig *config, int64_t now);

/*
 * What is known from the attempt before: its completed checkpoints, for
 * retention; for min_pause the date at which the last of them completed, and
 * what both clocks show (see decide/clock.h); the count of consecutive failures.
 */
extern void weir_checkpointer_completed_before(WeirCheckpointer *c, int64_t id, bool savepoint);
extern void weir_checkpointer_completion_before(WeirCheckpointer *c, int64_t date,
												int64_t now, int64_t wall);
extern int64_t weir_checkpointer_failures(const WeirCheckpointer *c);
extern void weir_checkpointer_set_failures(WeirCheckpointer *c, int64_t n);

/*
 * Recovery found no row of the checkpoint that was in doubt when the attempt
 * before ended: counted like any other failure.  One too many does not end
 * this attempt: its job failure was the end of the attempt before.
 */
extern void weir_checkpointer_completing_failed(WeirCheckpointer *c, int64_t checkpoint,
												WeirCheckpointKind kind);

/* A task runs (ended inputs count as running) or does not. */
extern void weir_checkpointer_task_running(WeirCheckpointer *c, int task, bool running);

/*
 * Something was processed since the last completed barrier, or output is open.
 * Level, set by the loop before each tick; a periodic trigger is skipped while false.
 */
extern void weir_checkpointer_set_active(WeirCheckpointer *c, bool active);

/* A request of a user or of the coordinator; token != 0 comes back in the actions. */
extern void weir_checkpointer_request(WeirCheckpointer *c, WeirCheckpointKind kind,
									  uint64_t token, int64_t now);

/* Messages of tasks. Dropped when late, foreign, unknown or duplicate: returns false. */
extern bool weir_checkpointer_vote(WeirCheckpointer *c, int64_t attempt, int task,
								   int64_t checkpoint, WeirVote vote, int64_t now);
extern bool weir_checkpointer_decline(WeirCheckpointer *c, int64_t attempt, int task,
									  int64_t checkpoint, int64_t now);
extern bool weir_checkpointer_prepared(WeirCheckpointer *c, int64_t attempt, int task,
									   int64_t checkpoint, int64_t now);

/* Outcomes of actions. */
extern void weir_checkpointer_decided(WeirCheckpointer *c, int64_t checkpoint, bool ok,
									  int64_t now);
extern void weir_checkpointer_committed(WeirCheckpointer *c, int64_t checkpoint, int64_t now);

/* The clock moved; expiry and periodic triggers. */
extern void weir_checkpointer_tick(WeirCheckpointer *c, int64_t now);
/* When tick must be called next; INT64_MAX if only events matter. */
extern int64_t weir_checkpointer_deadline(const WeirCheckpointer *c);

/*
 * The attempt ends: all that is pending before prepare is aborted, waiting
 * requests refused.  What is in doubt stays so, for recovery to resolve.
 */
extern void weir_checkpointer_end(WeirCheckpointer *c, WeirCheckpointFailure reason, int64_t now);

extern bool weir_checkpointer_next(WeirCheckpointer *c, WeirAction *action);

/*
 * Looking in: which tasks of a pending checkpoint have something to prepare,
 * counts, which one is in doubt (from PREPARE until committed).
 */
extern bool weir_checkpointer_need_prepare(const WeirCheckpointer *c, int64_t checkpoint, int task);
extern int	weir_checkpointer_acknowledged(const WeirCheckpointer *c, int64_t checkpoint);
extern int	weir_checkpointer_pending(const WeirCheckpointer *c);
/* Of a pending one: its kind, and the token of its request.  False if it is not pending. */
extern bool weir_checkpointer_find(const WeirCheckpointer *c, int64_t checkpoint,
								   WeirCheckpointKind *kind, uint64_t *token);
extern bool weir_checkpointer_in_doubt(const WeirCheckpointer *c);
extern int64_t weir_checkpointer_doubtful(const WeirCheckpointer *c);	/* its id; 0: none */
extern int64_t weir_checkpointer_last_completed(const WeirCheckpointer *c);

#endif
