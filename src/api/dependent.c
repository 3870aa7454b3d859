/*
 * api/dependent.c
 *		Nobody drops what a job uses, nor its owner.
 *
 * Asked for each object that is dropped, by name or by a cascade.  The keyed
 * function may go while the job does not run: one that comes back with the same
 * declarations finds its state.  Where the job goes too, as with DROP EXTENSION,
 * it is not asked.
 *
 * A job keeps what is its owner's.  What belongs to somebody else goes with
 * CASCADE, as it would if a view of the job's owner used it: such a job is stopped
 * and failed, by the transaction that drops.
 *
 * By then PostgreSQL has locked what it will drop, and has waited for the jobs'
 * epochs, which in turn have waited behind it.  A drop of a relation by its name
 * is therefore refused before.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "api/guest.h"
#include "catalog/job_depend.h"
#include "server/hold.h"
#include "server/registry.h"

static object_access_hook_type previous_hook = NULL;
static WeirCascade cascading = WEIR_CASCADE_NONE;

/* Relations of a kind that a query can name. */
static bool
is_usable(Oid relid)
{
	switch (get_rel_relkind(relid))
	{
		case RELKIND_RELATION:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_PARTITIONED_TABLE:
			return get_rel_persistence(relid) != RELPERSISTENCE_TEMP;
		default:
			return false;
	}
}

/* A table's row type goes with the table, an array with its element. */
static bool
is_type_of_its_own(Oid type)
{
	Oid			relid = get_typ_typrelid(type);

	if (OidIsValid(relid))
		return get_rel_relkind(relid) == RELKIND_COMPOSITE_TYPE;
	return !OidIsValid(get_element_type(type));
}

static bool
can_be_used(Oid class_id, Oid object)
{
	switch (class_id)
	{
		case RelationRelationId:
			return is_usable(object);
		case TypeRelationId:
			return is_type_of_its_own(object);
		case ProcedureRelationId:
		case OperatorRelationId:
		case ForeignServerRelationId:
		case AuthIdRelationId:
			return true;
		default:
			return false;
	}
}

/* Are there jobs in this database, and not just going with the extension? */
static bool
has_jobs(void)
{
	static const char *const tables[] = {"job_depend", "job", "run"};
	Oid			schema = get_namespace_oid("weir_internal", true);

	if (!OidIsValid(schema) || creating_extension || weir_hold_drops(MyDatabaseId))
		return false;
	for (int i = 0; i < lengthof(tables); i++)
	{
		if (!OidIsValid(get_relname_relid(tables[i], schema)))
			return false;
	}
	return true;
}

/* Those that keep the object from being dropped. */
static List *
standing_in_the_way(Oid class_id, Oid object)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, weir_job_dependents(class_id, object))
	{
		WeirDependent *d = lfirst(lc);

		if (!d->keyed || (d->active && weir_registry_is_active(d->job)))
			result = lappend(result, d);
	}
	return result;
}

WeirCascade
weir_dependent_cascade(WeirCascade cascade)
{
	WeirCascade before = cascading;

	cascading = cascade;
	return before;
}

/* Whose object is it?  InvalidOid: nobody's that can be told. */
static Oid
owner_of(Oid class_id, Oid object)
{
	Relation	rel = table_open(class_id, AccessShareLock);
	HeapTuple	tuple = get_catalog_object_by_oid(rel, get_object_attnum_oid(class_id), object);
	Oid			owner = InvalidOid;
	bool		isnull;

	if (HeapTupleIsValid(tuple))
		owner = DatumGetObjectId(heap_getattr(tuple, get_object_attnum_owner(class_id),
											  RelationGetDescr(rel), &isnull));
	table_close(rel, AccessShareLock);
	return owner;
}

/* Those of the jobs that the object's owner need not mind. */
static List *
of_others(List *jobs, Oid class_id, Oid object)
{
	Oid			owner = owner_of(class_id, object);
	List	   *others = NIL;
	ListCell   *lc;

	if (cascading == WEIR_CASCADE_OWNED)
		return jobs;
	foreach(lc, jobs)
	{
		WeirDependent *d = lfirst(lc);

		if (d->owner != owner || !has_privs_of_role(GetUserId(), d->owner))
			others = lappend(others, d);
	}
	return others;
}

/* Stops and fails them: what they use goes. */
static void
break_jobs(List *jobs, Oid class_id, Oid object)
{
	ObjectAddress address;
	char	   *what;
	ListCell   *lc;

	ObjectAddressSet(address, class_id, object);
	what = getObjectDescription(&address, false);
	foreach(lc, jobs)
	{
		WeirDependent *d = lfirst(lc);

		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("drop cascades to job \"%s\", which is failed", d->name)));
		weir_hold(MyDatabaseId, d->job, "DROP ... CASCADE");
		weir_job_depend_broken(d->job, psprintf("%s, which the job uses, was dropped", what));
	}
}

static void
refuse_drop(List *jobs, Oid class_id, Oid object)
{
	ObjectAddress address;
	WeirDependent *first = linitial(jobs);
	char	   *what;
	StringInfoData detail;
	ListCell   *lc;

	ObjectAddressSet(address, class_id, object);
	what = getObjectDescription(&address, false);
	initStringInfo(&detail);
	foreach(lc, jobs)
		appendStringInfo(&detail, "%sjob \"%s\" depends on %s", detail.len > 0 ? "\n" : "",
						 ((WeirDependent *) lfirst(lc))->name, what);
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop %s because a job depends on it", what),
			 errdetail_internal("%s", detail.data),
			 of_others(jobs, class_id, object) != NIL ?
			 errhint("Drop the jobs first with weir.drop_job, or use DROP ... CASCADE to stop and fail those of other roles.") :
			 first->keyed ?
			 errhint("Stop the job first with weir.stop_job, or change the function with CREATE OR REPLACE FUNCTION.") :
			 errhint("Drop the job first with weir.drop_job.")));
}

static void
refuse_drop_role(List *jobs, Oid role)
{
	StringInfoData detail;
	ListCell   *lc;

	initStringInfo(&detail);
	foreach(lc, jobs)
		appendStringInfo(&detail, "%sowner of job \"%s\"", detail.len > 0 ? "\n" : "",
						 ((WeirDependent *) lfirst(lc))->name);
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("role \"%s\" cannot be dropped because some objects depend on it",
					GetUserNameFromId(role, false)),
			 errdetail_internal("%s", detail.data),
			 errhint("Give the jobs to another role with REASSIGN OWNED, or drop them with weir.drop_job or DROP OWNED.")));
}

/* Before the drop is sure to come, the jobs that go with it are only stopped. */
static void
make_way(Oid class_id, Oid object, bool cascade, bool sure)
{
	List	   *jobs = standing_in_the_way(class_id, object);
	List	   *others;
	ListCell   *lc;

	if (jobs == NIL)
		return;
	others = cascade ? of_others(jobs, class_id, object) : NIL;
	if (list_length(others) < list_length(jobs))
		refuse_drop(list_difference_ptr(jobs, others), class_id, object);
	if (sure)
		break_jobs(others, class_id, object);
	foreach(lc, sure ? NIL : others)
		weir_hold(MyDatabaseId, ((WeirDependent *) lfirst(lc))->job, "DROP ... CASCADE");
}

/* What DROP of this type takes; else it says so itself. */
static bool
has_kind(Oid relid, ObjectType type)
{
	switch (get_rel_relkind(relid))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			return type == OBJECT_TABLE;
		case RELKIND_VIEW:
			return type == OBJECT_VIEW;
		case RELKIND_MATVIEW:
			return type == OBJECT_MATVIEW;
		case RELKIND_FOREIGN_TABLE:
			return type == OBJECT_FOREIGN_TABLE;
		default:
			return false;
	}
}

static bool
may_drop(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		owns;

	if (!HeapTupleIsValid(tuple))
		return false;
	owns = has_privs_of_role(GetUserId(), ((Form_pg_class) GETSTRUCT(tuple))->relowner);
	ReleaseSysCache(tuple);
	return owns;
}

void
weir_dependent_before_drop(DropStmt *stmt)
{
	ListCell   *lc;

	if ((stmt->removeType != OBJECT_TABLE && stmt->removeType != OBJECT_VIEW &&
		 stmt->removeType != OBJECT_MATVIEW && stmt->removeType != OBJECT_FOREIGN_TABLE) ||
		!has_jobs())
		return;
	foreach(lc, stmt->objects)
	{
		Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(lfirst(lc)), NoLock, true);

		if (!OidIsValid(relid) || !has_kind(relid, stmt->removeType) || !may_drop(relid))
			continue;
		make_way(RelationRelationId, relid, stmt->behavior == DROP_CASCADE, false);
	}
}

static void
object_dropped(ObjectAccessType access, Oid class_id, Oid object, int sub_id, void *arg)
{
	List	   *jobs;

	if (previous_hook)
		previous_hook(access, class_id, object, sub_id, arg);
	if (access != OAT_DROP || sub_id != 0 || !can_be_used(class_id, object) || !has_jobs())
		return;
	if (class_id == AuthIdRelationId)
	{
		jobs = weir_jobs_owned(object);
		if (jobs != NIL)
			refuse_drop_role(jobs, object);
		return;
	}
	make_way(class_id, object, cascading != WEIR_CASCADE_NONE, true);
}

void
weir_dependent_init(void)
{
	previous_hook = object_access_hook;
	object_access_hook = object_dropped;
}
