/*
 * weir.c
 *		Module start: settings, shared memory, the launcher.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "flow/launcher.h"
#include "flow/registry.h"
#include "settings.h"
#include "source/reader.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	weir_source_init();
	weir_settings_define();
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	weir_registry_request_memory();
	weir_launcher_register();
}
