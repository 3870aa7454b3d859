/*
 * task/keyed_store.h
 *		The keyed state of a task.
 */
#ifndef WEIR_TASK_KEYED_STORE_H
#define WEIR_TASK_KEYED_STORE_H

#include "postgres.h"

#include "state/store.h"
#include "task/task.h"

/*
 * The task's store of a keyed step: created from what that declares, loaded from
 * the restored checkpoint, and one of the task's.  In a transaction, in the task's
 * context.
 */
extern WeirStore *weir_keyed_store_open(WeirTask *task, const WeirNode *node);

#endif
