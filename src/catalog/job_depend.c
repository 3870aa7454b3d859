/*
 * catalog/job_depend.c
 *		weir_internal.job_depend: the objects that a job's query uses; and whom
 *		a job belongs to.
 *
 * OIDs as create_job and start_job found them.  They hold for this cluster:
 * after pg_upgrade, which gives functions new ones, the row of
 * weir_internal.run names another system, and nothing is told until the job is
 * started again.  What a dump restores has no rows until then.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "catalog/internal.h"
#include "catalog/job.h"
#include "catalog/job_depend.h"
#include "catalog/row.h"

/* Columns of the table. */
#define COLUMN_CLASS_ID 2
#define COLUMN_OBJECT 3

void
weir_job_depend_delete(int64 job)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_internal_execute("DELETE FROM weir_internal.job_depend WHERE job = $1", &args);
}

void
weir_job_depend_set(int64 job, List *used)
{
	ListCell   *lc;

	weir_job_depend_delete(job);
	foreach(lc, used)
	{
		WeirUsed   *u = lfirst(lc);
		WeirArguments args = {0};

		weir_bind_int64(&args, job);
		weir_bind_oid(&args, u->class_id);
		weir_bind_oid(&args, u->object);
		weir_bind_bool(&args, u->keyed);
		weir_internal_execute("INSERT INTO weir_internal.job_depend VALUES ($1, $2, $3, $4)"
							  " ON CONFLICT DO NOTHING", &args);
	}
}

void
weir_job_depend_broken(int64 job, const char *reason)
{
	weir_job_set_status(job, WEIR_JOB_FAILED, reason, reason);
	weir_job_depend_delete(job);
	CommandCounterIncrement();
}

static WeirDependent *
read_dependent(MemoryContext context, uint64 row)
{
	WeirDependent *d = MemoryContextAllocZero(context, sizeof(WeirDependent));
	char	   *word = weir_row_text(context, row, "status");
	WeirJobStatus status;

	d->job = weir_row_int64(row, "id");
	d->name = weir_row_text(context, row, "name");
	d->keyed = weir_row_bool(row, "keyed");
	d->owner = weir_row_oid(row, "owner");
	if (!weir_job_status_parse(word, &status))
		return d;
	d->active = weir_job_status_is_active(status);
	d->goes_on = d->active || status == WEIR_JOB_STOPPED || status == WEIR_JOB_FAILED;
	return d;
}

/* By a snapshot that sees the newest commits. */
static List *
find_dependents(const char *sql, const WeirArguments *args)
{
	WeirInternal saved;
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	uint64		n;

	PushActiveSnapshot(GetLatestSnapshot());
	weir_internal_enter(&saved);
	n = weir_internal_read(sql, args);
	for (uint64 i = 0; i < n; i++)
	{
		WeirDependent *d = read_dependent(context, i);
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend(result, d);
		MemoryContextSwitchTo(old);
	}
	weir_internal_leave(&saved);
	PopActiveSnapshot();
	return result;
}

/* Without an executor: most of what is dropped has never met a job. */
static bool
is_noted(Oid class_id, Oid object)
{
	Oid			schema = get_namespace_oid("weir_internal", false);
	Relation	rel = table_open(get_relname_relid("job_depend", schema), AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyData key[2];
	SysScanDesc scan;
	bool		found;

	ScanKeyInit(&key[0], COLUMN_CLASS_ID, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(class_id));
	ScanKeyInit(&key[1], COLUMN_OBJECT, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
	scan = systable_beginscan(rel, weir_primary_key_index(rel), true, snapshot, 2, key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	return found;
}

List *
weir_job_dependents(Oid class_id, Oid object)
{
	WeirArguments args = {0};

	weir_bind_oid(&args, class_id);
	weir_bind_oid(&args, object);
	weir_bind_int64(&args, GetSystemIdentifier());
	if (!is_noted(class_id, object))
		return NIL;
	return find_dependents("SELECT j.id, j.name, d.keyed, r.status, j.owner"
						   " FROM weir_internal.job_depend d"
						   " JOIN weir_internal.job j ON j.id = d.job"
						   " JOIN weir_internal.run r ON r.job = j.id"
						   " WHERE d.class_id = $1 AND d.object = $2 AND r.system_identifier = $3"
						   " ORDER BY j.name", &args);
}

#define JOBS "SELECT j.id, j.name, false AS keyed, coalesce(r.status, 'created') AS status, j.owner" \
	" FROM weir_internal.job j LEFT JOIN weir_internal.run r ON r.job = j.id"

List *
weir_jobs_of_extension(void)
{
	return find_dependents(JOBS " ORDER BY j.name", NULL);
}

List *
weir_jobs_owned(Oid role)
{
	WeirArguments args = {0};

	weir_bind_oid(&args, role);
	return find_dependents(JOBS " WHERE j.owner = $1 ORDER BY j.name", &args);
}

static bool
has_entry(Oid relation, Oid role)
{
	WeirArguments args = {0};

	weir_bind_oid(&args, relation);
	weir_bind_oid(&args, role);
	return weir_internal_execute("SELECT FROM pg_catalog.pg_shdepend d, pg_catalog.pg_database b"
								 " WHERE b.datname = pg_catalog.current_database() AND d.dbid = b.oid"
								 " AND d.classid = 'pg_catalog.pg_class'::regclass"
								 " AND d.objid = $1 AND d.objsubid = 0 AND d.deptype = 'a'"
								 " AND d.refclassid = 'pg_catalog.pg_authid'::regclass"
								 " AND d.refobjid = $2", &args) > 0;
}

/*
 * The entry is that of a privilege on weir_internal.job: the only kind that any
 * number of roles can have on one object, and that DROP ROLE, also one in
 * another database, looks for.
 */
void
weir_job_owner_changed(Oid role)
{
	Oid			job = get_relname_relid("job", get_namespace_oid("weir_internal", false));
	bool		owns = weir_jobs_owned(role) != NIL;
	Oid		   *roles;

	if (owns == has_entry(job, role))
		return;
	roles = memcpy(palloc(sizeof(Oid)), &role, sizeof(Oid));	/* freed by the callee */
	updateAclDependencies(RelationRelationId, job, 0, InvalidOid,
						  owns ? 0 : 1, owns ? NULL : roles,
						  owns ? 1 : 0, owns ? roles : NULL);
	CommandCounterIncrement();
}

void
weir_jobs_reassign(Oid role, Oid new_owner)
{
	WeirArguments args = {0};

	weir_bind_oid(&args, role);
	weir_bind_oid(&args, new_owner);
	weir_internal_execute("UPDATE weir_internal.job SET owner = $2 WHERE owner = $1", &args);
	weir_internal_execute("UPDATE weir_internal.state SET owner = $2 WHERE owner = $1", &args);
}
