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

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "catalog/internal.h"
#include "catalog/name.h"
#include "state/declaration.h"
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

static bool
has_declarations(void)
{
	Oid			schema = get_namespace_oid("weir_internal", true);

	return OidIsValid(schema) && OidIsValid(get_relname_relid("state", schema));
}

void
weir_state_before_rename(void)
{
	WeirInternal saved;
	MemoryContext caller = CurrentMemoryContext;
	char	  **signatures;
	uint64		n;

	if (!has_declarations())
		return;
	weir_internal_enter(&saved);
	n = weir_internal_run("SELECT DISTINCT function FROM weir_internal.state"
						  " WHERE NOT (" WEIR_STATE_BY_OID ")", NULL);
	signatures = MemoryContextAlloc(caller, sizeof(char *) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
		signatures[i] = weir_internal_text(caller, i, 1);
	weir_internal_leave(&saved);
	for (uint64 i = 0; i < n; i++)
	{
		Oid			function = weir_function_find(signatures[i]);

		if (OidIsValid(function))
			weir_state_adopt(signatures[i], function);
	}
}

static void
set_signature(Oid function, const char *signature)
{
	WeirArguments args = {0};

	weir_bind_oid(&args, function);
	weir_bind_text(&args, signature);
	(void) weir_internal_execute("UPDATE weir_internal.state SET function = $2"
								 " WHERE function_oid = $1 AND function <> $2"
								 " AND " WEIR_STATE_BY_OID, &args);
}

static void
set_signatures(void)
{
	WeirInternal saved;
	MemoryContext caller = CurrentMemoryContext;
	Oid		   *functions;
	uint64		n;
	bool		isnull;

	weir_internal_enter(&saved);
	n = weir_internal_run("SELECT DISTINCT function_oid FROM weir_internal.state"
						  " WHERE " WEIR_STATE_BY_OID, NULL);
	functions = MemoryContextAlloc(caller, sizeof(Oid) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
		functions[i] = DatumGetObjectId(weir_internal_get(i, 1, &isnull));
	weir_internal_leave(&saved);
	for (uint64 i = 0; i < n; i++)
		set_signature(functions[i], weir_function_name(functions[i]));
}

/* Whoever owns a function, or declared for its owner, owns its declarations. */
static void
set_owners(void)
{
	(void) weir_internal_execute("UPDATE weir_internal.state SET owner = p.proowner"
								 " FROM pg_catalog.pg_proc p WHERE p.oid = function_oid"
								 " AND " WEIR_STATE_BY_OID
								 " AND NOT pg_catalog.pg_has_role(owner::oid, p.proowner, 'USAGE')", NULL);
}

void
weir_state_after_rename(void)
{
	if (!has_declarations())
		return;
	set_signatures();
	set_owners();
}
