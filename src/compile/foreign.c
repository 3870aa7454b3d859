/*
 * compile/foreign.c
 *		Whose foreign table is it?
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "utils/lsyscache.h"

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
	if (weir_source_by_handler(handler) != NULL)
		return WEIR_FOREIGN_STREAM;
	if (weir_foreign_writer(handler) != WEIR_WRITER_EXECUTOR)
		return WEIR_FOREIGN_SINK;
	return strcmp(handler, "postgres_fdw_handler") == 0 ? WEIR_FOREIGN_POSTGRES : WEIR_FOREIGN_OTHER;
}
