/*
 * job/attempts.h
 *		The running attempts of this database, one after the other, for those who
 *		show what is in their shared memory.
 */
#ifndef WEIR_JOB_ATTEMPTS_H
#define WEIR_JOB_ATTEMPTS_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "server/registry_int.h"
#include "task/attempt.h"

typedef struct WeirRunningJob
{
	int64		job;
	int			pid;			/* of the coordinator */
	dsm_handle	attempt;		/* DSM_HANDLE_INVALID: it has none now */
} WeirRunningJob;

/*
 * Each job that has a coordinator (NULL: nothing is done for these), and each
 * attempt that the current user may see.
 */
extern void weir_for_each_attempt(ReturnSetInfo *rsinfo,
								  void (*coordinator) (ReturnSetInfo *, const WeirRunningJob *),
								  void (*attempt) (ReturnSetInfo *, const WeirAttempt *));

/* Has this stream of the job come to its end in the attempt that runs? */
extern bool weir_stream_has_ended(int64 job, const char *stream);

#endif
