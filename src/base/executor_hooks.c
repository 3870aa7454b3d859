/*
 * base/executor_hooks.c
 *		Who stands in the executor's hooks.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"

#include "base/executor_hooks.h"

static shmem_startup_hook_type previous_startup_hook = NULL;
static bool watched_everywhere = false;

/* Weir's own, in a process where it stands in them. */
static ExecutorStart_hook_type own_start = NULL;
static ExecutorRun_hook_type own_run = NULL;
static ExecutorFinish_hook_type own_finish = NULL;
static ExecutorEnd_hook_type own_end = NULL;

bool
weir_executor_is_watched(void)
{
	return ExecutorStart_hook != own_start || ExecutorRun_hook != own_run ||
		ExecutorFinish_hook != own_finish || ExecutorEnd_hook != own_end ||
		ExecutorCheckPerms_hook != NULL;
}

bool
weir_executor_is_watched_everywhere(void)
{
	return watched_everywhere;
}

bool
weir_executor_hooks_take(ExecutorStart_hook_type start, ExecutorRun_hook_type run,
						 ExecutorFinish_hook_type finish, ExecutorEnd_hook_type end)
{
	if (weir_executor_is_watched())
		return false;
	ExecutorStart_hook = own_start = start;
	ExecutorRun_hook = own_run = run;
	ExecutorFinish_hook = own_finish = finish;
	ExecutorEnd_hook = own_end = end;
	return true;
}

/* The libraries that are preloaded have been. */
static void
note_watchers(void)
{
	if (previous_startup_hook)
		previous_startup_hook();
	watched_everywhere = weir_executor_is_watched();
}

void
weir_executor_hooks_init(void)
{
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = note_watchers;
}
