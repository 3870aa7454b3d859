/*
 * compile/privilege.c
 *		May the current user do what the job's statements do?
 *
 * PostgreSQL asks when a statement starts (ExecCheckRTPerms in execMain.c), and
 * lets other extensions have a say there: they count on an executor that runs,
 * and would take a question asked before for a statement.  So the rights are
 * looked up here, by the same rules, and those extensions are asked by the
 * executor when the job runs.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "compile/compile.h"

static bool
may_use_column(Oid relid, AttrNumber attno, Oid user, AclMode mode)
{
	if (attno == InvalidAttrNumber) /* the row needs all columns */
		return pg_attribute_aclcheck_all(relid, user, mode, ACLMASK_ALL) == ACLCHECK_OK;
	return pg_attribute_aclcheck(relid, attno, user, mode) == ACLCHECK_OK;
}

/* A statement that names no column needs the right to any. */
static bool
may_use_columns(Oid relid, const Bitmapset *columns, Oid user, AclMode mode)
{
	int			column = -1;

	if (bms_is_empty(columns))
		return pg_attribute_aclcheck_all(relid, user, mode, ACLMASK_ANY) == ACLCHECK_OK;
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		if (!may_use_column(relid, column + FirstLowInvalidHeapAttributeNumber, user, mode))
			return false;
	}
	return true;
}

/* What the relation does not grant, each column that is used must. */
static bool
may_use(const WeirPermissions *needed)
{
	Oid			user = OidIsValid(needed->checkAsUser) ? needed->checkAsUser : GetUserId();
	AclMode		missing = needed->requiredPerms &
		~pg_class_aclmask(needed->relid, user, needed->requiredPerms, ACLMASK_ALL);

	if (missing & ~(ACL_SELECT | ACL_INSERT | ACL_UPDATE))
		return false;
	if ((missing & ACL_SELECT) &&
		!may_use_columns(needed->relid, needed->selectedCols, user, ACL_SELECT))
		return false;
	if ((missing & ACL_INSERT) &&
		!may_use_columns(needed->relid, needed->insertedCols, user, ACL_INSERT))
		return false;
	return (missing & ACL_UPDATE) == 0 ||
		may_use_columns(needed->relid, needed->updatedCols, user, ACL_UPDATE);
}

static void
check_relations(PlannedStmt *statement)
{
	ListCell   *lc;

	foreach(lc, weir_permissions(statement))
	{
		const WeirPermissions *needed = lfirst_node(WeirPermissions, lc);

		if (needed->requiredPerms != 0 && OidIsValid(needed->relid) && !may_use(needed))
			aclcheck_error(ACLCHECK_NO_PRIV,
						   get_relkind_objtype(get_rel_relkind(needed->relid)),
						   get_rel_name(needed->relid));
	}
}

static void
check_function(Oid function, ObjectType type)
{
	AclResult	result = weir_function_aclcheck(function, GetUserId(), ACL_EXECUTE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, type, get_func_name(function));
}

static bool
check_called(Oid function, void *arg)
{
	check_function(function, OBJECT_FUNCTION);
	return false;
}

static bool
check_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	(void) check_functions_in_node(node, check_called, arg);
	return expression_tree_walker(node, check_walker, arg);
}

static void
check_window_function(const WindowFunc *function)
{
	check_function(function->winfnoid, function->winagg ? OBJECT_AGGREGATE : OBJECT_FUNCTION);
}

static void
check_level(WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, level->scans)
		check_relations(((WeirBranch *) lfirst(lc))->plan->statement);
	if (level->function_plan)
		check_function(level->function_plan->function, OBJECT_FUNCTION);
	(void) check_walker(level->join_condition, NULL);
	foreach(lc, level->cut_aggregates)
		check_function(lfirst_node(Aggref, lc)->aggfnoid, OBJECT_AGGREGATE);
	foreach(lc, level->rank_functions)
		check_window_function(lfirst_node(WindowFunc, lc));
}

void
weir_compile_check_privileges(WeirCompile *c)
{
	ListCell   *lc;

	foreach(lc, c->levels)
		check_level(lfirst(lc));
	check_relations(c->sink_plan->statement);
}
