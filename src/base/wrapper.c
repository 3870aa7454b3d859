/*
 * base/wrapper.c
 *		What is behind a name, by C symbol.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/wrapper.h"

char *
weir_c_symbol(Oid function)
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
	char	   *found = weir_c_symbol(function);

	return found != NULL && strcmp(found, symbol) == 0;
}

static Oid
handler_of(Oid relid)
{
	return GetForeignDataWrapper(GetForeignServer(GetForeignServerIdByRelId(relid))->fdwid)->fdwhandler;
}

char *
weir_wrapper_handler(Oid relid)
{
	if (get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE)
		return NULL;
	return weir_c_symbol(handler_of(relid));
}

void
weir_wrapper_load(Oid relid)
{
	FmgrInfo	handler;

	fmgr_info(handler_of(relid), &handler);
}
