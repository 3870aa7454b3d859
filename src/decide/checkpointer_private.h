/*
 * decide/checkpointer_private.h
 *		What the files of the checkpointer share; nobody else includes it.
 *
 * checkpointer.c	one object: configuration, the tick, the end, the queue of
 *					actions, looking in
 * trigger.c		requests, the periodic timer, when a checkpoint may start
 * pending.c		from the trigger to the end: votes, prepare, decide, commit
 * tolerance.c		counting failures
 * retention.c		which completed checkpoints are kept
 */
#ifndef WEIR_DECIDE_CHECKPOINTER_PRIVATE_H
#define WEIR_DECIDE_CHECKPOINTER_PRIVATE_H

#include "decide/checkpointer.h"
#include "decide/clock.h"

typedef enum WeirPendingState
{
	WEIR_PENDING_VOTING,		/* not every task has voted */
	WEIR_PENDING_VOTED,			/* all have; another one is in doubt */
	WEIR_PENDING_PREPARING,		/* prepare said; from here no way back */
	WEIR_PENDING_DECIDING,		/* the completed row is being committed */
	WEIR_PENDING_COMMITTING		/* decided; output becomes visible */
} WeirPendingState;

#define WEIR_TASK_VOTED		1
#define WEIR_TASK_READY		2	/* has something to prepare */
#define WEIR_TASK_PREPARED	4

typedef struct WeirPending
{
	int64_t		checkpoint;
	WeirCheckpointKind kind;
	uint64_t	token;
	WeirPendingState state;
	int64_t		deadline;		/* binds until prepare */
	int			nvoted;
	int			nunprepared;	/* ready and not yet prepared */
	unsigned char *tasks;		/* ntasks sets of WEIR_TASK_ bits */
} WeirPending;

typedef struct WeirRequest
{
	WeirCheckpointKind kind;
	uint64_t	token;
} WeirRequest;

/* Consecutive failures; see tolerance.c. */
typedef struct WeirTolerance
{
	int64_t		failures;
	int64_t		last_success;	/* highest id that completed; 0: none */
} WeirTolerance;

/* Completed checkpoints that retention may keep; see retention.c. */
typedef struct WeirRetention
{
	int64_t    *ids;			/* ascending, no savepoints */
	int			nids;
	int			capacity;
	int64_t		last;			/* highest completed id, savepoints too */
} WeirRetention;

struct WeirCheckpointer
{
	WeirCheckpointConfig config;
	int			ntasks;
	int64_t		attempt;
	int64_t		next_id;
	bool		active;
	bool	   *running;		/* per task */
	int			nrunning;

	bool		stopped;		/* the attempt is over: nothing starts, nothing is heard */
	WeirCheckpointFailure stop_reason;

	int64_t		next_periodic;	/* when the periodic trigger is due */
	bool		has_completion;
	int64_t		last_completion;

	WeirRequest *requests;		/* waiting, in order of arrival */
	int			nrequests;
	int			request_capacity;

	WeirPending *pending;		/* ascending ids */
	int			npending;
	int			pending_capacity;

	WeirTolerance tolerance;
	WeirRetention retention;

	WeirAction *actions;		/* not yet handed out from next_action on */
	int			nactions;
	int			action_capacity;
	int			next_action;
};

/* checkpointer.c */
extern void weir_checkpointer_emit(WeirCheckpointer *c, const WeirAction *action);
extern void weir_checkpointer_stop(WeirCheckpointer *c, WeirCheckpointFailure reason);

/* trigger.c */
extern bool weir_trigger_all_running(const WeirCheckpointer *c);
extern void weir_trigger_reset_timer(WeirCheckpointer *c, int64_t now);
extern void weir_trigger_requests(WeirCheckpointer *c, int64_t now);
extern void weir_trigger_periodic(WeirCheckpointer *c, int64_t now);
extern void weir_trigger_refuse_waiting(WeirCheckpointer *c, WeirCheckpointFailure reason);
extern int64_t weir_trigger_deadline(const WeirCheckpointer *c);

/* pending.c */
extern WeirPending *weir_pending_find(const WeirCheckpointer *c, int64_t checkpoint);
extern bool weir_pending_in_doubt(const WeirPending *p);
extern void weir_pending_add(WeirCheckpointer *c, WeirCheckpointKind kind,
							 uint64_t token, int64_t now);
extern void weir_pending_expire(WeirCheckpointer *c, int64_t now);
extern void weir_pending_abort_all(WeirCheckpointer *c, WeirCheckpointFailure reason);
extern int64_t weir_pending_deadline(const WeirCheckpointer *c);

/* tolerance.c */
extern void weir_tolerance_success(WeirTolerance *t, int64_t checkpoint);
extern bool weir_tolerance_failure(WeirTolerance *t, int64_t checkpoint,
								   WeirCheckpointKind kind,
								   WeirCheckpointFailure reason, int64_t tolerable);

/* retention.c */
extern void weir_retention_add(WeirRetention *r, int64_t checkpoint, bool savepoint);
extern int64_t weir_retention_from(WeirRetention *r, int retain);

#endif
