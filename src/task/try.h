/*
 * task/try.h
 *		A job's query over lines that are given, in the calling backend and
 *		transaction.
 */
#ifndef WEIR_TASK_TRY_H
#define WEIR_TASK_TRY_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "tcop/dest.h"

#include "catalog/job.h"

typedef struct WeirTryInput
{
	char	  **lines;
	int			nlines;
	const char *stream;			/* that they are for; NULL: the job's only one */
	Oid			target;			/* whose rows are wanted, if the job writes it; else all are */
	bool		has_at;
	TimestampTz at;				/* when they arrive; else the clock */
} WeirTryInput;

/* Where the rows that an INSERT of the job writes go; they are of this description. */
typedef DestReceiver *(*WeirTryReceiver) (void *arg, TupleDesc written);

/*
 * Runs as the current user, the job's owner, with its settings, constraints
 * being checked at once.
 */
extern void weir_try_run(const WeirJob *job, const WeirTryInput *input,
						 WeirTryReceiver receiver, void *arg);

#endif
