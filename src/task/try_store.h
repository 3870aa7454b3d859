/*
 * task/try_store.h
 *		The keyed state of weir.try_job, from call to call of a transaction.
 */
#ifndef WEIR_TASK_TRY_STORE_H
#define WEIR_TASK_TRY_STORE_H

#include "postgres.h"

#include "catalog/job.h"
#include "compile/dataflow.h"
#include "state/store.h"

/*
 * The store of a keyed step of the job in this transaction, empty at first; NULL
 * if the node is none.  The dataflow that it was made for is kept with it.
 */
extern WeirStore *weir_try_store(const WeirJob *job, WeirDataflow *dataflow, const WeirNode *step);

#endif
