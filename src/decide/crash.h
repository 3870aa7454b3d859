/*
 * decide/crash.h
 *		What an end of the server means for a job that ran: whose fault was it,
 *		and is another attempt worth it?
 */
#ifndef WEIR_DECIDE_CRASH_H
#define WEIR_DECIDE_CRASH_H

#include <stdbool.h>
#include <stdint.h>

/* How the server ended last, by what its launcher has left behind. */
typedef enum WeirServerEnd
{
	WEIR_SERVER_STOPPED,		/* in order, or because the postmaster was killed */
	WEIR_SERVER_CRASHED,		/* the postmaster saw a process crash, and sent all others away */
	WEIR_SERVER_KILLED			/* everything at once: power cut, SIGKILL of all */
} WeirServerEnd;

/* Ends of the server in a row, without progress of the job between them. */
typedef struct WeirCrashes
{
	int			ours;			/* a process of the job was the one that crashed */
	int			unknown;		/* its processes were killed, with others */
} WeirCrashes;

typedef enum WeirCrashVerdict
{
	WEIR_CRASH_GO_ON,			/* as after any restart of the server */
	WEIR_CRASH_FAILURE,			/* a failure of the job: its restart strategy says what follows */
	WEIR_CRASH_HOPELESS			/* failed, whatever the strategy */
} WeirCrashVerdict;

#define WEIR_CRASH_OURS_LIMIT 3
#define WEIR_CRASH_UNKNOWN_LIMIT 5

/*
 * The job should be running and the server has started.  killed: a process of
 * the job ended without being able to say so.
 */
extern WeirCrashVerdict weir_crash_count(WeirCrashes *c, WeirServerEnd end, bool killed);

/* Is something counted?  Then the job takes its next periodic checkpoint even if it is idle. */
extern bool weir_crash_is_suspect(const WeirCrashes *c);

/* A checkpoint of the job has completed. */
extern void weir_crash_progress(WeirCrashes *c);

/*
 * All its tasks run since "ran" microseconds.  True if that shows as much as a
 * checkpoint would: then the counts have changed.  *due is after how long to
 * ask again, INT64_MAX: never.
 */
extern bool weir_crash_steady(WeirCrashes *c, bool checkpointing, int64_t ran, int64_t *due);

#endif
