/*
 * source/own_table.c
 *		Tables of weir_internal that are made and dropped with what they keep.
 *
 * Made by no command: event triggers, which may refuse what has no primary key,
 * and hooks of other modules are for tables that users make.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/session.h"
#include "catalog/internal.h"
#include "source/own_table.h"

static List *
columns_of(const char *like)
{
	Oid			relid = get_relname_relid(like, get_namespace_oid("weir_internal", false));
	Relation	rel = table_open(relid, AccessShareLock);
	List	   *result = NIL;

	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);
		ColumnDef  *column = makeColumnDef(NameStr(att->attname), att->atttypid,
										   att->atttypmod, att->attcollation);

		column->storage = att->attstorage;
		result = lappend(result, column);
	}
	table_close(rel, AccessShareLock);
	return result;
}

static ObjectAddress
create_table(const char *name, const char *like)
{
	CreateStmt *create = makeNode(CreateStmt);
	ObjectAddress table;

	create->relation = makeRangeVar("weir_internal", pstrdup(name), -1);
	create->tableElts = columns_of(like);
	create->options = list_make1(makeDefElem("autovacuum_enabled", (Node *) makeString("off"), -1));
	create->oncommit = ONCOMMIT_NOOP;
	create->accessMethod = "heap";
	table = DefineRelation(create, RELKIND_RELATION, GetUserId(), NULL, NULL);
	CommandCounterIncrement();
	return table;
}

static void
create_index(Oid relid, const char *table, List *columns)
{
	IndexStmt  *create = makeNode(IndexStmt);
	ListCell   *lc;

	create->idxname = psprintf("%s_key", table);
	create->relation = makeRangeVar("weir_internal", pstrdup(table), -1);
	create->accessMethod = "btree";
	create->transformed = true;
	foreach(lc, columns)
	{
		IndexElem  *element = makeNode(IndexElem);

		element->name = lfirst(lc);
		create->indexParams = lappend(create->indexParams, element);
	}
	(void) weir_define_index(relid, create);
	CommandCounterIncrement();
}

Oid
weir_own_table_create(const char *name, const char *like, List *index)
{
	WeirInternal saved;
	ObjectAddress table;
	ObjectAddress extension;

	weir_internal_enter(&saved);
	weir_session_own_tables();
	table = create_table(name, like);
	if (index != NIL)
		create_index(table.objectId, name, index);
	ObjectAddressSet(extension, ExtensionRelationId, get_extension_oid("weir", false));
	recordDependencyOn(&table, &extension, DEPENDENCY_EXTENSION);
	weir_internal_leave(&saved);
	return table.objectId;
}

void
weir_own_table_drop(Oid relid)
{
	ObjectAddress table;

	if (!OidIsValid(relid))
		return;
	ObjectAddressSet(table, RelationRelationId, relid);
	performDeletion(&table, DROP_RESTRICT,
					PERFORM_DELETION_INTERNAL | PERFORM_DELETION_SKIP_EXTENSIONS);
}
