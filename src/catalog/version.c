/*
 * catalog/version.c
 *		Which version of the extension the database has.
 *
 * A new library comes with the server's start, the tables and functions that go
 * with it when somebody says ALTER EXTENSION weir UPDATE, database by database.
 * In between the library keeps its hands off: jobs wait, and what reads or
 * changes them says what to do.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "catalog/version.h"

/* NULL: the extension is not here. */
static char *
installed_version(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("weir"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, Anum_pg_extension_extversion,
										 RelationGetDescr(rel), &isnull);

		version = isnull ? NULL : TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return version;
}

bool
weir_version_is_current(char **installed)
{
	char	   *version = installed_version();

	if (installed)
		*installed = version;
	return version && strcmp(version, WEIR_SQL_VERSION) == 0;
}

void
weir_version_require(void)
{
	char	   *installed;

	if (!weir_version_is_current(&installed) && installed)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension weir is not of the version of its library"),
				 errdetail("The database has version %s, the server has loaded version %s.",
						   installed, WEIR_SQL_VERSION),
				 errhint("Run ALTER EXTENSION weir UPDATE; if that does not help, restart the server, which then loads the library that is installed.")));
}
