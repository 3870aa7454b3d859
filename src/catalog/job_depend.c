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
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "catalog/internal.h"
#include "catalog/job.h"
#include "catalog/job_depend.h"

/* Columns of the table. */
#define COLUMN_CLASS_ID 2
#define COLUMN_OBJECT 3

void
weir_job_depend_delete(int64 job)
{
	Oid			type = INT8OID;
	Datum		value = Int64GetDatum(job);

	weir_internal_execute("DELETE FROM weir_internal.job_depend WHERE job = $1",
						  1, &type, &value, NULL);
}

void
weir_job_depend_set(int64 job, List *used)
{
	Oid			types[] = {INT8OID, OIDOID, OIDOID, BOOLOID};
	ListCell   *lc;

	weir_job_depend_delete(job);
	foreach(lc, used)
	{
		WeirUsed   *u = lfirst(lc);
		Datum		values[] = {Int64GetDatum(job), ObjectIdGetDatum(u->class_id),
		ObjectIdGetDatum(u->object), BoolGetDatum(u->keyed)};

		weir_internal_execute("INSERT INTO weir_internal.job_depend VALUES ($1, $2, $3, $4)"
							  " ON CONFLICT DO NOTHING", 4, types, values, NULL);
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
	char	   *word = weir_internal_text(context, row, 4);
	WeirJobStatus status;
	bool		isnull;

	d->job = weir_internal_int64(row, 1);
	d->name = weir_internal_text(context, row, 2);
	d->keyed = DatumGetBool(weir_internal_get(row, 3, &isnull));
	d->owner = DatumGetObjectId(weir_internal_get(row, 5, &isnull));
	if (!weir_job_status_parse(word, &status))
		return d;
	d->active = weir_job_status_is_active(status);
	d->goes_on = d->active || status == WEIR_JOB_STOPPED || status == WEIR_JOB_FAILED;
	return d;
}

/* Read only to SPI: it takes the snapshot pushed here, which sees the newest commits. */
static List *
find_dependents(const char *sql, int nargs, Oid *types, Datum *values)
{
	WeirInternal saved;
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;

	PushActiveSnapshot(GetLatestSnapshot());
	weir_internal_enter(&saved);
	SPI_execute_with_args(sql, nargs, types, values, NULL, true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
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
	Oid			types[] = {OIDOID, OIDOID, INT8OID};
	Datum		values[] = {ObjectIdGetDatum(class_id), ObjectIdGetDatum(object),
	Int64GetDatum((int64) GetSystemIdentifier())};

	if (!is_noted(class_id, object))
		return NIL;
	return find_dependents("SELECT j.id, j.name, d.keyed, r.status, j.owner"
						   " FROM weir_internal.job_depend d"
						   " JOIN weir_internal.job j ON j.id = d.job"
						   " JOIN weir_internal.run r ON r.job = j.id"
						   " WHERE d.class_id = $1 AND d.object = $2 AND r.system_identifier = $3"
						   " ORDER BY j.name", 3, types, values);
}

#define JOBS "SELECT j.id, j.name, false, coalesce(r.status, 'created'), j.owner" \
	" FROM weir_internal.job j LEFT JOIN weir_internal.run r ON r.job = j.id"

List *
weir_jobs_of_extension(void)
{
	return find_dependents(JOBS " ORDER BY j.name", 0, NULL, NULL);
}

List *
weir_jobs_owned(Oid role)
{
	Oid			type = OIDOID;
	Datum		value = ObjectIdGetDatum(role);

	return find_dependents(JOBS " WHERE j.owner = $1 ORDER BY j.name", 1, &type, &value);
}

static bool
has_entry(Oid relation, Oid role)
{
	Oid			types[] = {OIDOID, OIDOID};
	Datum		values[] = {ObjectIdGetDatum(relation), ObjectIdGetDatum(role)};

	return weir_internal_execute("SELECT FROM pg_catalog.pg_shdepend d, pg_catalog.pg_database b"
								 " WHERE b.datname = pg_catalog.current_database() AND d.dbid = b.oid"
								 " AND d.classid = 'pg_catalog.pg_class'::regclass"
								 " AND d.objid = $1 AND d.objsubid = 0 AND d.deptype = 'a'"
								 " AND d.refclassid = 'pg_catalog.pg_authid'::regclass"
								 " AND d.refobjid = $2", 2, types, values, NULL) > 0;
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
	Oid			types[] = {OIDOID, OIDOID};
	Datum		values[] = {ObjectIdGetDatum(role), ObjectIdGetDatum(new_owner)};

	weir_internal_execute("UPDATE weir_internal.job SET owner = $2 WHERE owner = $1",
						  2, types, values, NULL);
	weir_internal_execute("UPDATE weir_internal.state SET owner = $2 WHERE owner = $1",
						  2, types, values, NULL);
}
