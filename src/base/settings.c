/*
 * base/settings.c
 *		Weir's configuration parameters.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/settings.h"

int			weir_max_jobs = 32;
int			weir_channel_size = 512;
bool		weir_autostart = true;

void
weir_settings_define(void)
{
	/* Too late for it in a session that loads the library itself. */
	if (process_shared_preload_libraries_in_progress)
		DefineCustomIntVariable("weir.max_jobs",
								"Sets how many jobs can run at once, over all databases.",
								NULL, &weir_max_jobs, 32, 1, 1024,
								PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("weir.channel_size",
							"Sets the size of the queue between two tasks of a job.",
							"A full queue holds the sender back, up to the stream's socket.",
							&weir_channel_size, 512, 64, 65536,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable("weir.autostart",
							 "Starts the jobs that were running when the server starts.",
							 NULL, &weir_autostart, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("weir");
}
