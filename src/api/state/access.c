/*
 * api/state/access.c
 *		What the functions on jobs have in common.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "api/state/access.h"
#include "catalog/internal.h"
#include "catalog/row.h"
#include "graph/number.h"
#include "server/registry.h"

char *
weir_arg_text(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

char *
weir_arg_required(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(n));
}

bool
weir_arg_bool(FunctionCallInfo fcinfo, int n)
{
	return !PG_ARGISNULL(n) && PG_GETARG_BOOL(n);
}

static WeirJob *
must_exist(WeirJob *job, const char *name)
{
	if (job == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job \"%s\" does not exist", name),
				 errhint("The view weir.jobs lists the jobs of this database.")));
	return job;
}

static WeirJob *
must_own(WeirJob *job)
{
	if (!has_privs_of_role(GetUserId(), job->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of job \"%s\"", job->name)));
	return job;
}

WeirJob *
weir_job_for_owner(const char *name)
{
	return must_own(must_exist(weir_job_by_name(name), name));
}

void
weir_prevent_read_only(const char *function)
{
	PreventCommandDuringRecovery(function);
	PreventCommandIfReadOnly(function);
}

WeirJob *
weir_job_for_change(const char *name, const char *function)
{
	weir_prevent_read_only(function);
	/* The right first: nobody else shall be able to hold the lock. */
	(void) weir_job_for_owner(name);
	return must_own(must_exist(weir_job_lock(name), name));
}

WeirJob *
weir_job_for_reading(const char *name)
{
	WeirJob    *job = must_exist(weir_job_by_name(name), name);

	if (has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS))
		return job;
	return must_own(job);
}

/*
 * The registry knows which jobs run here, and keeps one for a moment after it
 * has ended; a status that says "running" may be that of another server, of
 * which this database is a copy.
 */
bool
weir_job_is_running(const WeirJob *job)
{
	return weir_job_status_is_active(job->status) && weir_registry_is_active(job->id);
}

void
weir_job_must_run(const WeirJob *job, const char *function)
{
	const char *status = weir_job_status_name(job->status);

	weir_prevent_read_only(function);
	if (weir_job_is_running(job))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("job \"%s\" is not running", job->name),
			 weir_job_status_is_active(job->status) ?
			 errdetail("Its status is \"%s\", but nothing of it runs on this server.", status) :
			 errdetail("Its status is \"%s\".", status),
			 errhint("Start it with weir.start_job.")));
}

static bool
owner_exists(const WeirJob *job)
{
	return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(job->owner));
}

static void
owner_must_exist(const WeirJob *job)
{
	if (!owner_exists(job))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the owner of job \"%s\" does not exist", job->name),
				 errdetail("The role was dropped, or did not exist where a dump was restored."),
				 errhint("Drop the job, and create it as another role.")));
}

void
weir_job_become_owner(const WeirJob *job, WeirSession *before)
{
	owner_must_exist(job);
	weir_session_enter(before, job->owner, job->settings);
}

void
weir_job_become_caller(const WeirSession *before)
{
	weir_session_leave(before);
}

WeirDataflow *
weir_job_compile(const WeirJob *job)
{
	WeirSession before;
	WeirDataflow *dataflow;

	weir_job_become_owner(job, &before);
	dataflow = weir_compile(job->query, job->emit_updates, true);
	weir_job_become_caller(&before);
	weir_graph_number(dataflow->graph, job->id);
	return dataflow;
}

/* The target as the query names it; NULL: it names none. */
static RangeVar *
target_name(const char *query)
{
	List	   *parsed = raw_parser(query, RAW_PARSE_DEFAULT);
	Node	   *statement;

	if (list_length(parsed) != 1)
		return NULL;
	statement = linitial_node(RawStmt, parsed)->stmt;
	return IsA(statement, InsertStmt) ? castNode(InsertStmt, statement)->relation : NULL;
}

Oid
weir_job_target(const WeirJob *job)
{
	WeirSession before;
	RangeVar   *name;
	Oid			target = InvalidOid;

	if (!owner_exists(job))
		return InvalidOid;
	weir_job_become_owner(job, &before);
	name = target_name(job->query);
	if (name)
		target = RangeVarGetRelid(name, NoLock, true);
	weir_job_become_caller(&before);
	return target;
}

/*
 * A mode this session holds that conflicts with writing to the table, one of
 * its partitions, or what a view is over; NULL if none.
 */
static char *
conflicting_lock(Oid target)
{
	WeirInternal internal;
	MemoryContext context = CurrentMemoryContext;
	WeirArguments args = {0};
	char	   *mode = NULL;

	weir_bind_oid(&args, target);
	weir_internal_enter(&internal);
	if (weir_internal_run("WITH RECURSIVE written(relid) AS (SELECT $1"
						  "  UNION SELECT d.refobjid FROM written w"
						  "  JOIN pg_rewrite r ON r.ev_class = w.relid"
						  "  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid"
						  "   AND d.refclassid = 'pg_class'::regclass)"
						  " SELECT l.mode FROM pg_locks l"
						  " WHERE l.pid = pg_backend_pid() AND l.granted"
						  " AND l.locktype = 'relation' AND l.database ="
						  " (SELECT oid FROM pg_database WHERE datname = current_database())"
						  " AND (l.relation IN (SELECT relid FROM written) OR l.relation IN"
						  "      (SELECT t.relid FROM written w, pg_partition_tree(w.relid) t))"
						  " AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock',"
						  "                'ExclusiveLock', 'AccessExclusiveLock')", &args) > 0)
		mode = weir_row_text(context, 0, "mode");
	weir_internal_leave(&internal);
	return mode;
}

void
weir_check_can_wait(const WeirJob *job, const char *function)
{
	Oid			target;
	char	   *mode;

	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot wait in a transaction that has written", function),
				 errdetail("Job \"%s\" sees nothing of what this transaction did, and may wait for it.",
						   job->name),
				 errhint("COMMIT first, and call it in a transaction of its own.")));
	target = weir_job_target(job);
	if (!OidIsValid(target))
		return;
	mode = conflicting_lock(target);
	if (mode != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot wait while this transaction keeps job \"%s\" from writing",
						function, job->name),
				 errdetail("It holds %s on \"%s\".", mode, get_rel_name(target)),
				 errhint("COMMIT first, and call it in a transaction of its own.")));
}
