/*
 * compile/foreign.c
 *		Whose foreign table is it?
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/wrapper.h"
#include "compile/compile.h"
#include "source/source.h"

WeirForeignKind
weir_foreign_kind(Oid relid)
{
	char	   *handler;

	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE)
		return WEIR_FOREIGN_NONE;
	handler = weir_wrapper_handler(relid);
	if (handler == NULL)
		return WEIR_FOREIGN_OTHER;
	if (weir_source_of(relid) != NULL)
		return WEIR_FOREIGN_STREAM;
	if (weir_foreign_writer(relid) != WEIR_WRITER_EXECUTOR)
		return WEIR_FOREIGN_SINK;
	return strcmp(handler, "postgres_fdw_handler") == 0 ? WEIR_FOREIGN_POSTGRES : WEIR_FOREIGN_OTHER;
}

bool
weir_foreign_takes_rows(Oid relid)
{
	ForeignServer *server = GetForeignServer(GetForeignTable(relid)->serverid);
	FdwRoutine *routine;
	Relation	rel;
	bool		takes;

	if (!OidIsValid(GetForeignDataWrapper(server->fdwid)->fdwhandler))
		return false;
	rel = table_open(relid, AccessShareLock);
	routine = GetFdwRoutineForRelation(rel, false);
	takes = routine->ExecForeignInsert != NULL &&
		(routine->IsForeignRelUpdatable == NULL ||
		 (routine->IsForeignRelUpdatable(rel) & (1 << CMD_INSERT)) != 0);
	table_close(rel, NoLock);
	return takes;
}
