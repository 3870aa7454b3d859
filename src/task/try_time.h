/*
 * task/try_time.h
 *		How far event time has come in weir.try_job, from call to call of a
 *		transaction.
 */
#ifndef WEIR_TASK_TRY_TIME_H
#define WEIR_TASK_TRY_TIME_H

#include "postgres.h"

#include "catalog/job.h"
#include "decide/watermark_merge.h"
#include "graph/graph.h"

/* Of a node. */
typedef struct WeirTryClock
{
	WeirWatermarkMerge *merge;	/* of its inputs, by edge; NULL: a source */
	int64		watermark;		/* a source's; else of what has come to the node */
	int64		passed;			/* on to the next nodes */
	bool		idle;
	bool		ended;
} WeirTryClock;

/*
 * The clocks of the job's nodes, at first without a watermark.  What is done to them is
 * taken back with the subtransaction.
 */
extern WeirTryClock *weir_try_clocks(const WeirJob *job, const WeirGraph *graph);

#endif
