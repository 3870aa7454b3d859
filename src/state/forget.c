/*
 * state/forget.c
 *		Declarations go with their function: a function that is dropped takes
 *		its rows of weir_internal.state along, so that one of the same name
 *		can declare its state anew.  A running job is not told; a function that
 *		comes back with the same declarations finds the state kept for it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "catalog/declared_state.h"
#include "state/forget.h"

static object_access_hook_type previous_hook = NULL;

/*
 * A type's own input and output functions go after their type: they have no
 * name any more, and never had state.
 */
static bool
has_name(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	oidvector  *types;
	bool		result = true;

	if (!HeapTupleIsValid(tuple))
		return false;
	types = &((Form_pg_proc) GETSTRUCT(tuple))->proargtypes;
	for (int i = 0; i < types->dim1; i++)
		result = result && SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(types->values[i]));
	ReleaseSysCache(tuple);
	return result;
}

static void
forget_dropped(ObjectAccessType access, Oid class_id, Oid object, int sub_id, void *arg)
{
	if (previous_hook)
		previous_hook(access, class_id, object, sub_id, arg);
	if (access != OAT_DROP || class_id != ProcedureRelationId || !weir_declared_table_exists() ||
		!has_name(object))
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	weir_declared_delete_all(object);
	PopActiveSnapshot();
}

void
weir_state_forget_init(void)
{
	previous_hook = object_access_hook;
	object_access_hook = forget_dropped;
}
