/*
 * base/executor_hooks.h
 *		Who stands in the executor's hooks: whoever does counts on what the job does
 *		being a statement that the executor runs.
 */
#ifndef WEIR_BASE_EXECUTOR_HOOKS_H
#define WEIR_BASE_EXECUTOR_HOOKS_H

#include "postgres.h"

#include "executor/executor.h"

/* At module start. */
extern void weir_executor_hooks_init(void);

/* Stands another extension in a hook of this process? */
extern bool weir_executor_is_watched(void);

/* In each process, jobs' tasks too, since the server's start? */
extern bool weir_executor_is_watched_everywhere(void);

/* Stands in them from now on; false if another extension does. */
extern bool weir_executor_hooks_take(ExecutorStart_hook_type start, ExecutorRun_hook_type run,
									 ExecutorFinish_hook_type finish, ExecutorEnd_hook_type end);

#endif
