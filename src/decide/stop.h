/*
 * decide/stop.h
 *		How a job comes to its end: stop, drain, cancel, the end of all input,
 *		the final checkpoint.  Without I/O.
 *
 * A stop takes a final checkpoint and ends the job.  If that checkpoint fails,
 * the stop has failed, and the job runs on.
 *
 * A drain first ends the input, as if every stream had ended.  When all input
 * has ended, drained or not, the final checkpoint is taken again until it
 * completes.  A drain's end is in no journal: if its attempt fails the drain
 * has failed, and the next attempt reads on.
 *
 * One final checkpoint is asked for at a time: a stop that comes while that of
 * the end of the input is under way waits for it.
 *
 * A cancel ends the attempt at once, whatever else was asked.
 *
 * A stop or drain asked while no task runs waits for the tasks of the attempt
 * that is starting.  Between two attempts a stop is done by starting none; a drain waits
 * for the next one, since input that has come is still to be worked off.
 *
 * If the attempt ends while the final checkpoint is in doubt, its completed row
 * tells whether the stop has succeeded.
 *
 * The coordinator feeds what happens, and carries out what weir_stop_next
 * returns until that is WEIR_STOP_NOTHING.
 */
#ifndef WEIR_DECIDE_STOP_H
#define WEIR_DECIDE_STOP_H

#include <stdbool.h>
#include <stdint.h>

typedef enum WeirStopKind
{
	WEIR_STOP_CHECKPOINTED,
	WEIR_STOP_DRAINED,
	WEIR_STOP_CANCEL
} WeirStopKind;

/* What becomes of a request. */
typedef enum WeirStopReply
{
	WEIR_STOP_TAKEN,			/* answered when the job has stopped, or the stop failed */
	WEIR_STOP_JOINED,			/* answered with the stop before it */
	WEIR_STOP_WAITS,			/* not taken: ask again when the tasks run */
	WEIR_STOP_BUSY,				/* refused: another stop is under way */
	WEIR_STOP_ENDED				/* refused: the final checkpoint is being taken without its name */
} WeirStopReply;

typedef enum WeirStopAction
{
	WEIR_STOP_NOTHING,
	WEIR_STOP_BEGIN,			/* the job is stopping */
	WEIR_STOP_DRAIN,			/* tell the sources that their input ends here */
	WEIR_STOP_FINAL,			/* request the final checkpoint, for "token" */
	WEIR_STOP_END				/* end the attempt, by "ending" */
} WeirStopAction;

typedef enum WeirEnding
{
	WEIR_ENDING_NONE,
	WEIR_ENDING_CANCELLED,
	WEIR_ENDING_STOPPED,
	WEIR_ENDING_FINISHED
} WeirEnding;

typedef struct WeirStop
{
	/* what is asked of the job */
	bool		cancelled;
	bool		stopping;		/* a stop or a drain */
	bool		draining;
	uint64_t	token;			/* of the request that asked; 0: none */

	/* the attempt */
	bool		checkpointing;	/* else the end of the input needs no checkpoint */
	bool		running;		/* all tasks run */
	bool		ended;			/* all input has ended and is worked off */
	bool		begun;			/* the stop: while tasks ran */
	bool		drained;		/* the sources are told */
	bool		final_pending;
	bool		final_doubtful; /* when the attempt ended; until weir_stop_recovered */
	WeirEnding	ending;
} WeirStop;

/*
 * What becomes of a request; one that is taken is then taken with its token.
 * named: it asks for a savepoint, so that joining another is of no use to it.
 */
extern WeirStopReply weir_stop_reply(const WeirStop *s, WeirStopKind kind, bool named);
extern void weir_stop_take(WeirStop *s, WeirStopKind kind, uint64_t token);

/* Of the attempt: it begins, all of its tasks run, all inputs of all tasks have ended. */
extern void weir_stop_attempt(WeirStop *s, bool checkpointing);
extern void weir_stop_configure(WeirStop *s, bool checkpointing);
extern void weir_stop_running(WeirStop *s);
extern void weir_stop_all_ended(WeirStop *s);

/* The final checkpoint completed; or it was aborted or refused while the attempt goes on. */
extern void weir_stop_final_completed(WeirStop *s);
/* True if a stop has failed with it: answer who asked; the job runs on. */
extern bool weir_stop_final_failed(WeirStop *s);

extern WeirStopAction weir_stop_next(WeirStop *s);

/*
 * The attempt has ended.  failed: not by "ending"; doubtful: a final checkpoint
 * is in doubt.  True if a stop has failed with it: answer who asked.
 */
extern bool weir_stop_attempt_ended(WeirStop *s, bool failed, bool doubtful);

/*
 * Whether the final checkpoint that was in doubt has its completed row: then
 * "ending" is set, if a stop waits for it.  True if a stop has failed.
 */
extern bool weir_stop_recovered(WeirStop *s, bool completed);

/* Between two attempts: is none to follow? */
extern bool weir_stop_ends_job(const WeirStop *s);

/* Is the stop's fate that of a checkpoint in doubt, so that recovery must look? */
extern bool weir_stop_is_doubtful(const WeirStop *s);

#endif
