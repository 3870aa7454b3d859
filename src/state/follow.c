/*
 * state/follow.c
 *		Declarations stay with a function that gets another name or owner.
 *
 * A row knows its function by the OID, which neither changes.  What stands
 * beside it, the signature and the owner, is for other databases: for a dump
 * that is restored, a copy, a cluster that pg_upgrade fills.  It is brought up to
 * date after a command that may have changed it, in the same transaction.
 *
 * A row that came from such a place has only the signature, and is given the OID
 * of the function that has it before the command takes it away.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"

#include "catalog/declared_state.h"
#include "catalog/name.h"
#include "state/follow.h"
#include "state/function.h"

/* A signature holds names of types, row types among them, and of schemas. */
static bool
renames_part(ObjectType type)
{
	switch (type)
	{
		case OBJECT_FUNCTION:
		case OBJECT_ROUTINE:
		case OBJECT_SCHEMA:
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_EXTENSION:
			return true;
		default:
			return false;
	}
}

bool
weir_state_concerns(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_RenameStmt:
			return renames_part(((RenameStmt *) stmt)->renameType);
		case T_AlterObjectSchemaStmt:
			return renames_part(((AlterObjectSchemaStmt *) stmt)->objectType);
		case T_AlterOwnerStmt:
			return renames_part(((AlterOwnerStmt *) stmt)->objectType);
		default:
			return false;
	}
}

/* A timer's handler before the command. */
typedef struct Handler
{
	char	   *signature;
	Oid			function;
} Handler;

/* All of them; what they are called afterwards is told after the command. */
static List *
find_handlers(void)
{
	int			n;
	char	  **signatures = weir_declared_handlers(&n);
	List	   *handlers = NIL;

	for (int i = 0; i < n; i++)
	{
		Handler    *handler = palloc(sizeof(Handler));

		handler->signature = signatures[i];
		handler->function = weir_function_find(signatures[i]);
		if (OidIsValid(handler->function))
			handlers = lappend(handlers, handler);
	}
	return handlers;
}

static void
set_handlers(const List *handlers)
{
	ListCell   *lc;

	foreach(lc, handlers)
	{
		const Handler *handler = lfirst(lc);
		const char *signature = weir_function_name(handler->function);

		if (strcmp(signature, handler->signature) != 0)
			weir_declared_set_handler(handler->signature, signature);
	}
}

List *
weir_state_before_rename(void)
{
	char	  **signatures;
	int			n;

	if (!weir_declared_table_exists())
		return NIL;
	signatures = weir_declared_signatures_left(&n);
	for (int i = 0; i < n; i++)
	{
		Oid			function = weir_function_find(signatures[i]);

		if (OidIsValid(function))
			weir_declared_adopt(signatures[i], function);
	}
	return find_handlers();
}

static void
set_signatures(void)
{
	int			n;
	Oid		   *functions = weir_declared_functions(&n);

	for (int i = 0; i < n; i++)
		weir_declared_set_signature(functions[i], weir_function_name(functions[i]));
}

void
weir_state_after_rename(const List *noted)
{
	if (!weir_declared_table_exists())
		return;
	set_signatures();
	set_handlers(noted);
	weir_declared_set_owners();
}
