/*
 * server/worker.c
 *		Weir's processes that are started as they are needed.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/text.h"
#include "server/worker.h"

bool
weir_worker_start(const WeirWorker *what, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {0};

	Assert(what->extra_size <= BGW_EXTRALEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = what->arg;
	strlcpy(worker.bgw_library_name, "weir", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, what->function, BGW_MAXLEN);
	weir_text_copy(worker.bgw_name, what->name, BGW_MAXLEN);
	strlcpy(worker.bgw_type, what->type, BGW_MAXLEN);
	if (what->extra)
		memcpy(worker.bgw_extra, what->extra, what->extra_size);
	return RegisterDynamicBackgroundWorker(&worker, handle);
}
