/*
 * api/guest.c
 *		Commands that need the jobs out of the way.
 *
 *	DROP DATABASE, ALTER DATABASE ... RENAME or SET TABLESPACE,
 *	CREATE DATABASE ... TEMPLATE		need a database without sessions and
 *										prepared transactions
 *	DROP EXTENSION weir, or DROP SCHEMA ... CASCADE of the schema it is in
 *										drops jobs and all they have kept
 *	DROP OWNED BY						drops the jobs of the roles
 *	REASSIGN OWNED BY					gives them to another
 *	CREATE PUBLICATION					needs a word (api/publication.h)
 *	ALTER ... RENAME, SET SCHEMA, OWNER	may concern declared state (state/follow.h)
 *
 * Whoever may not run the command gets PostgreSQL's error, and the jobs hear
 * nothing of it.  Else they are held (server/hold.h) until the transaction ends:
 * what is still there then goes on, whether the command succeeded or not.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "commands/user.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "api/guest.h"
#include "api/publication.h"
#include "api/state/access.h"
#include "catalog/internal.h"
#include "catalog/job_depend.h"
#include "catalog/row.h"
#include "server/hold.h"
#include "server/registry.h"
#include "source/feed/wake.h"
#include "state/follow.h"

#define MAX_LINES 100			/* of a message, as PostgreSQL has it */

static ProcessUtility_hook_type previous_hook = NULL;

static bool
owns_database(Oid database)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	bool		owns;

	if (!HeapTupleIsValid(tuple))
		return false;
	owns = has_privs_of_role(GetUserId(), ((Form_pg_database) GETSTRUCT(tuple))->datdba);
	ReleaseSysCache(tuple);
	return owns;
}

static bool
is_template(Oid database)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
	ReleaseSysCache(tuple);
	return result;
}

static bool
may_create_databases(void)
{
	HeapTuple	tuple;
	bool		result;

	if (superuser())
		return true;
	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
	ReleaseSysCache(tuple);
	return result;
}

static void
before_drop_database(DropdbStmt *stmt, bool top_level)
{
	Oid			database = get_database_oid(stmt->dbname, true);

	PreventInTransactionBlock(top_level, "DROP DATABASE");
	if (!OidIsValid(database) || database == MyDatabaseId ||
		!owns_database(database) || is_template(database))
		return;
	weir_hold(database, 0, "DROP DATABASE");
	weir_hold_drop(database);
}

static void
before_rename_database(RenameStmt *stmt)
{
	Oid			database = get_database_oid(stmt->subname, true);

	if (OidIsValid(database) && database != MyDatabaseId &&
		owns_database(database) && may_create_databases() &&
		!OidIsValid(get_database_oid(stmt->newname, true)))
		weir_hold(database, 0, "ALTER DATABASE ... RENAME");
}

static DefElem *
find_option(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, name) == 0)
			return option;
	}
	return NULL;
}

static void
before_alter_database(AlterDatabaseStmt *stmt, bool top_level)
{
	Oid			database = get_database_oid(stmt->dbname, true);

	if (find_option(stmt->options, "tablespace") == NULL)
		return;
	PreventInTransactionBlock(top_level, "ALTER DATABASE SET TABLESPACE");
	if (OidIsValid(database) && database != MyDatabaseId && owns_database(database))
		weir_hold(database, 0, "ALTER DATABASE ... SET TABLESPACE");
}

static void
before_create_database(CreatedbStmt *stmt, bool top_level)
{
	DefElem    *option = find_option(stmt->options, "template");
	Oid			database;

	PreventInTransactionBlock(top_level, "CREATE DATABASE");
	if (OidIsValid(get_database_oid(stmt->dbname, true)))
		return;
	database = get_database_oid(option && option->arg ? defGetString(option) : "template1", true);
	if (OidIsValid(database) && may_create_databases() &&
		(is_template(database) || owns_database(database)))
		weir_hold(database, 0, "CREATE DATABASE ... TEMPLATE");
}

/* Who owns the extension and in which schema it is; false if it is not here. */
static bool
find_extension(Oid *owner, Oid *schema)
{
	WeirInternal internal;

	if (!OidIsValid(get_extension_oid("weir", true)))
		return false;
	weir_internal_enter(&internal);
	weir_internal_run("SELECT extowner, extnamespace FROM pg_catalog.pg_extension"
					  " WHERE extname = 'weir'", NULL);
	*owner = weir_row_oid(0, "extowner");
	*schema = weir_row_oid(0, "extnamespace");
	weir_internal_leave(&internal);
	return true;
}

static void
hold_extension(const char *command)
{
	weir_hold(MyDatabaseId, 0, command);
	weir_hold_drop(MyDatabaseId);
}

static bool
names(List *objects, const char *name)
{
	ListCell   *lc;

	foreach(lc, objects)
	{
		Node	   *object = lfirst(lc);

		if (IsA(object, String) && strcmp(strVal(object), name) == 0)
			return true;
	}
	return false;
}

/* Jobs as PostgreSQL lists what depends, a line each. */
static char *
job_lines(List *jobs, const char *format)
{
	StringInfoData lines;
	ListCell   *lc;

	initStringInfo(&lines);
	foreach(lc, jobs)
	{
		if (foreach_current_index(lc) == MAX_LINES)
		{
			appendStringInfo(&lines, "\nand %d other jobs", list_length(jobs) - MAX_LINES);
			break;
		}
		if (lines.len > 0)
			appendStringInfoChar(&lines, '\n');
		appendStringInfo(&lines, format, ((WeirDependent *) lfirst(lc))->name);
	}
	return lines.data;
}

/* Every job reads somebody's stream, which keeps the extension: no job needs to stand still for that. */
static void
refuse_drop(List *jobs)
{
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop extension weir because other objects depend on it"),
			 errdetail_internal("%s", job_lines(jobs, "job \"%s\" depends on extension weir")),
			 errhint("Use DROP ... CASCADE to drop the dependent objects too.")));
}

static void
before_drop_extension(DropStmt *stmt)
{
	Oid			owner;
	Oid			schema;
	List	   *jobs;

	if (!names(stmt->objects, "weir") || !find_extension(&owner, &schema) ||
		!has_privs_of_role(GetUserId(), owner))
		return;
	jobs = weir_jobs_of_extension();
	if (jobs != NIL && stmt->behavior != DROP_CASCADE)
		refuse_drop(jobs);
	if (jobs != NIL)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg_plural("drop cascades to %d job", "drop cascades to %d jobs",
							   list_length(jobs), list_length(jobs)),
				 errdetail_internal("%s", job_lines(jobs, "drop cascades to job \"%s\""))));
	hold_extension("DROP EXTENSION");
}

static bool
owns_schema(Oid schema)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	bool		owns;

	if (!HeapTupleIsValid(tuple))
		return false;
	owns = has_privs_of_role(GetUserId(), ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner);
	ReleaseSysCache(tuple);
	return owns;
}

/* The schemas of the extension itself PostgreSQL does not let go without it. */
static void
before_drop_schema(DropStmt *stmt)
{
	Oid			owner;
	Oid			schema;
	char	   *name;

	if (stmt->behavior != DROP_CASCADE || !find_extension(&owner, &schema))
		return;
	name = get_namespace_name(schema);
	if (name != NULL && names(stmt->objects, name) && owns_schema(schema))
		hold_extension("DROP SCHEMA");
}

/* May the caller act on what these roles own?  Nothing of pinned roles can be. */
static bool
has_roles(List *roles)
{
	ListCell   *lc;

	foreach(lc, roles)
	{
		if (lfirst_oid(lc) == BOOTSTRAP_SUPERUSERID ||
			!has_privs_of_role(GetUserId(), lfirst_oid(lc)))
			return false;
	}
	return true;
}

/* Their jobs, all held; WeirDependents. */
static List *
hold_jobs_of(List *roles, const char *command)
{
	List	   *jobs = NIL;
	ListCell   *lc;

	foreach(lc, roles)
		jobs = list_concat(jobs, weir_jobs_owned(lfirst_oid(lc)));
	foreach(lc, jobs)
		weir_hold(MyDatabaseId, ((WeirDependent *) lfirst(lc))->job, command);
	return jobs;
}

static void
before_drop_owned(DropOwnedStmt *stmt)
{
	List	   *roles = roleSpecsToIds(stmt->roles);
	Oid			owner;
	Oid			schema;
	ListCell   *lc;

	if (!find_extension(&owner, &schema) || !has_roles(roles))
		return;
	if (list_member_oid(roles, owner))
	{
		hold_extension("DROP OWNED");
		return;
	}
	foreach(lc, hold_jobs_of(roles, "DROP OWNED"))
		weir_job_drop(((WeirDependent *) lfirst(lc))->job);
	foreach(lc, roles)
		weir_job_owner_changed(lfirst_oid(lc));
	CommandCounterIncrement();
}

/* What is prepared belongs to the old owner: it must be resolved before. */
static void
before_reassign_owned(ReassignOwnedStmt *stmt)
{
	List	   *roles = roleSpecsToIds(stmt->roles);
	Oid			new_owner = get_rolespec_oid(stmt->newrole, false);
	ListCell   *lc;

	if (!OidIsValid(get_extension_oid("weir", true)) || !has_roles(roles) ||
		!has_privs_of_role(GetUserId(), new_owner))
		return;
	(void) hold_jobs_of(roles, "REASSIGN OWNED");
	foreach(lc, roles)
	{
		weir_jobs_reassign(lfirst_oid(lc), new_owner);
		weir_job_owner_changed(lfirst_oid(lc));
	}
	weir_job_owner_changed(new_owner);
	CommandCounterIncrement();
}

static void
before(Node *stmt, bool top_level)
{
	switch (nodeTag(stmt))
	{
		case T_DropdbStmt:
			before_drop_database((DropdbStmt *) stmt, top_level);
			break;
		case T_RenameStmt:
			if (((RenameStmt *) stmt)->renameType == OBJECT_DATABASE)
				before_rename_database((RenameStmt *) stmt);
			break;
		case T_AlterDatabaseStmt:
			before_alter_database((AlterDatabaseStmt *) stmt, top_level);
			break;
		case T_CreatedbStmt:
			before_create_database((CreatedbStmt *) stmt, top_level);
			break;
		case T_DropStmt:
			if (((DropStmt *) stmt)->removeType == OBJECT_EXTENSION)
				before_drop_extension((DropStmt *) stmt);
			else if (((DropStmt *) stmt)->removeType == OBJECT_SCHEMA)
				before_drop_schema((DropStmt *) stmt);
			else
				weir_dependent_before_drop((DropStmt *) stmt);
			break;
		case T_DropOwnedStmt:
			before_drop_owned((DropOwnedStmt *) stmt);
			break;
		case T_ReassignOwnedStmt:
			before_reassign_owned((ReassignOwnedStmt *) stmt);
			break;
		case T_CreatePublicationStmt:
			weir_publication_check((CreatePublicationStmt *) stmt);
			break;
		default:
			break;
	}
}

/* A column goes with the views of it, as a type's attribute does. */
static bool
drops_with_cascade(const AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		if (lfirst_node(AlterTableCmd, lc)->behavior == DROP_CASCADE)
			return true;
	}
	return false;
}

/* Does it drop what depends on what it drops? */
static WeirCascade
cascades(Node *stmt)
{
	if (IsA(stmt, DropStmt) && ((DropStmt *) stmt)->behavior == DROP_CASCADE)
		return WEIR_CASCADE_DROP;
	if (IsA(stmt, AlterTableStmt) && drops_with_cascade((AlterTableStmt *) stmt))
		return WEIR_CASCADE_DROP;
	if (IsA(stmt, DropOwnedStmt) && ((DropOwnedStmt *) stmt)->behavior == DROP_CASCADE)
		return WEIR_CASCADE_OWNED;
	return WEIR_CASCADE_NONE;
}

static bool
concerns(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_DropdbStmt:
		case T_RenameStmt:
		case T_AlterDatabaseStmt:
		case T_CreatedbStmt:
		case T_DropStmt:
		case T_DropOwnedStmt:
		case T_ReassignOwnedStmt:
		case T_CreatePublicationStmt:
		case T_AlterObjectSchemaStmt:
		case T_AlterOwnerStmt:
		case T_AlterExtensionStmt:
			return !RecoveryInProgress() && !XactReadOnly;
		case T_AlterTableStmt:
			return cascades(stmt) != WEIR_CASCADE_NONE && !RecoveryInProgress() && !XactReadOnly;
		default:
			return false;
	}
}

static void
run(PlannedStmt *pstmt, const char *text, bool read_only_tree, ProcessUtilityContext context,
	ParamListInfo params, QueryEnvironment *environment, DestReceiver *dest,
	QueryCompletion *completion)
{
	if (previous_hook)
		previous_hook(pstmt, text, read_only_tree, context, params, environment, dest, completion);
	else
		standard_ProcessUtility(pstmt, text, read_only_tree, context, params, environment, dest,
								completion);
}

static void
after_rename(const List *noted)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	weir_state_after_rename(noted);
	PopActiveSnapshot();
}

/* Sources hear of it by nobody else. */
static bool
ends_prepared(Node *stmt)
{
	return IsA(stmt, TransactionStmt) &&
		(((TransactionStmt *) stmt)->kind == TRANS_STMT_COMMIT_PREPARED ||
		 ((TransactionStmt *) stmt)->kind == TRANS_STMT_ROLLBACK_PREPARED);
}

/* Jobs that waited for the tables of their library's version. */
static bool
updates_extension(Node *stmt)
{
	return IsA(stmt, AlterExtensionStmt) &&
		strcmp(((AlterExtensionStmt *) stmt)->extname, "weir") == 0;
}

static void
utility(PlannedStmt *pstmt, const char *text, bool read_only_tree, ProcessUtilityContext context,
		ParamListInfo params, QueryEnvironment *environment, DestReceiver *dest,
		QueryCompletion *completion)
{
	WeirCascade cascade;
	bool		renames = weir_state_concerns(pstmt->utilityStmt);
	bool		prepared = ends_prepared(pstmt->utilityStmt);
	List	   *noted = NIL;

	if (!concerns(pstmt->utilityStmt))
	{
		run(pstmt, text, read_only_tree, context, params, environment, dest, completion);
		if (prepared)
			weir_feed_wake_all();
		return;
	}
	PushActiveSnapshot(GetTransactionSnapshot());
	before(pstmt->utilityStmt, context == PROCESS_UTILITY_TOPLEVEL);
	if (renames)
		noted = weir_state_before_rename();
	PopActiveSnapshot();
	cascade = weir_dependent_cascade(cascades(pstmt->utilityStmt));
	PG_TRY();
	{
		run(pstmt, text, read_only_tree, context, params, environment, dest, completion);
	}
	PG_FINALLY();
	{
		(void) weir_dependent_cascade(cascade);
	}
	PG_END_TRY();
	if (renames)
		after_rename(noted);
	if (updates_extension(pstmt->utilityStmt))
		weir_registry_scan_at_commit();
}

void
weir_guest_init(void)
{
	previous_hook = ProcessUtility_hook;
	ProcessUtility_hook = utility;
}
