/*
 * api/savepoint.h
 *		Savepoints, as stop_job and start_job name them.
 */
#ifndef WEIR_API_SAVEPOINT_H
#define WEIR_API_SAVEPOINT_H

#include "postgres.h"

#include "catalog/checkpoint.h"
#include "catalog/job.h"

/* Error where no savepoint of the job could have this name, or one of the job has it. */
extern void weir_savepoint_check_new(const WeirJob *job, const char *name);

/* The savepoint of this name; an error if the job has none. */
extern WeirCompleted *weir_savepoint_require(const WeirJob *job, const char *name);

/*
 * The job's next start is from the savepoint.  Error if there is none, or if
 * the journal no longer holds what followed it, unless job->allow_gap.
 */
extern void weir_savepoint_start_from(WeirJob *job, const char *name);

#endif
