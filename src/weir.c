/*
 * weir.c
 *		Module start: settings, shared memory, the launcher.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "api/guest.h"
#include "base/clock.h"
#include "base/executor_hooks.h"
#include "base/fault.h"
#include "base/settings.h"
#include "decide/memory.h"
#include "server/launcher.h"
#include "server/registry.h"
#include "sink/output.h"
#include "source/feed/wake.h"
#include "source/handover.h"
#include "source/reader.h"
#include "state/forget.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

/* What the decision code calls when malloc fails. */
static void
out_of_memory(size_t size)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("Failed on request of size %zu.", size)));
}

void
_PG_init(void)
{
	weir_out_of_memory = out_of_memory;
	weir_source_init();
	weir_output_init();
	weir_state_forget_init();
	weir_fault_init();
	weir_settings_define();
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	weir_clock_init();
	weir_executor_hooks_init();
	weir_registry_request_memory();
	weir_guest_init();
	weir_dependent_init();
	weir_handover_init(weir_max_jobs);
	weir_feed_wake_init();
	weir_launcher_register();
}
