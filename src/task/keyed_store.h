/*
 * task/keyed_store.h
 *		The keyed state of a task.
 */
#ifndef WEIR_TASK_KEYED_STORE_H
#define WEIR_TASK_KEYED_STORE_H

#include "postgres.h"

#include "state/store.h"
#include "task/task.h"

/* The keyed step that the task runs; NULL: none. */
extern const WeirNode *weir_task_keyed_node(const WeirTask *task);

/*
 * The task's store: created from f's declarations, loaded from the restored
 * checkpoint.  In a transaction.
 */
extern WeirStore *weir_keyed_store_open(WeirTask *task);

#endif
