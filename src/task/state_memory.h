/*
 * task/state_memory.h
 *		What keyed state takes: shown by weir.tasks, limited by the job's
 *		max_state_memory.
 */
#ifndef WEIR_TASK_STATE_MEMORY_H
#define WEIR_TASK_STATE_MEMORY_H

#include "state/store.h"
#include "task/task.h"

/*
 * Notes what this task's stores take; an error once that is more, with the other
 * tasks' stores, than the job may have.
 */
extern void weir_state_memory_note(WeirTask *task);

#endif
