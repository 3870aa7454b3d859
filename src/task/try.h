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
#include "graph/graph.h"

typedef struct WeirTryInput
{
	char	  **lines;			/* NULL: the line's stream becomes idle */
	int			nlines;
	const char *stream;			/* that they are for; NULL: the job's only one */
	char	  **streams;		/* by line; NULL: "stream" says it for all */
	bool		has_at;
	TimestampTz at;				/* when they arrive; else the clock */
	bool		finish;			/* behind the last of them every stream ends */
} WeirTryInput;

/* Where the rows that a sink writes go; they are of this description. */
typedef DestReceiver *(*WeirTryReceiver) (void *arg, const WeirGraph *graph, const WeirNode *sink,
										  TupleDesc written);

/*
 * Runs as the current user, the job's owner, with its settings, constraints
 * being checked at once.
 */
extern void weir_try_run(const WeirJob *job, const WeirTryInput *input,
						 WeirTryReceiver receiver, void *arg);

#endif
