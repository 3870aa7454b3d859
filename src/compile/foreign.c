/*
 * compile/foreign.c
 *		Whose foreign table is it?  Told by the C symbol of its wrapper's
 *		handler, which no other name of an object can hide.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compile/compile.h"

/* The symbol of a C function; NULL if it is none. */
static char *
c_symbol(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	char	   *symbol = NULL;
	bool		isnull;
	Datum		prosrc;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	prosrc = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId && !isnull)
		symbol = TextDatumGetCString(prosrc);
	ReleaseSysCache(tuple);
	return symbol;
}

bool
weir_is_c_function(Oid function, const char *symbol)
{
	char	   *found = c_symbol(function);

	return found != NULL && strcmp(found, symbol) == 0;
}

WeirForeignKind
weir_foreign_kind(Oid relid)
{
	ForeignServer *server;
	char	   *handler;

	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE)
		return WEIR_FOREIGN_NONE;
	server = GetForeignServer(GetForeignTable(relid)->serverid);
	handler = c_symbol(GetForeignDataWrapper(server->fdwid)->fdwhandler);
	if (handler == NULL)
		return WEIR_FOREIGN_OTHER;
	if (strcmp(handler, "weir_socket_handler") == 0)
		return WEIR_FOREIGN_STREAM;
	if (strncmp(handler, "weir_", 5) == 0)
		return WEIR_FOREIGN_SINK;
	if (strcmp(handler, "postgres_fdw_handler") == 0)
		return WEIR_FOREIGN_POSTGRES;
	return WEIR_FOREIGN_OTHER;
}
