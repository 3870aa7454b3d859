/*
 * task/guarded.h
 *		Rows through a task's operators in subtransactions, so that one for which an
 *		operator errs leaves neither state nor output behind.
 */
#ifndef WEIR_TASK_GUARDED_H
#define WEIR_TASK_GUARDED_H

#include "postgres.h"

#include "task/chain.h"

/* What is done with the rows from .. to - 1; an error tells the record, task->line. */
typedef void (*WeirGuardedRun) (WeirLink *link, WeirBatch *batch, int from, int to);
/* The row is at fault: it has left no trace. */
typedef void (*WeirGuardedDrop) (WeirChain *chain, const WeirBatch *batch, int row, ErrorData *error);

/* In a transaction; an error that is no row's is raised. */
extern void weir_guarded_run(WeirLink *entry, WeirGuardedRun run, WeirBatch *batch, WeirGuardedDrop drop);

#endif
