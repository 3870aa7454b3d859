/*
 * catalog/role.c
 *		The SQL type weir_internal.role: an owner as Weir's tables hold it.
 *
 * It is a role's OID, so that it follows a rename, and its text is the role's
 * name, so that a dump can be restored where that role has another OID.
 * regrole would do both, but its input fails where there is no such role, and
 * takes all jobs of the dump with it: here that job is left without an owner.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"

PG_FUNCTION_INFO_V1(weir_role_in);
PG_FUNCTION_INFO_V1(weir_role_out);

Datum
weir_role_in(PG_FUNCTION_ARGS)
{
	char	   *name = PG_GETARG_CSTRING(0);
	Oid			role = name[0] == '\0' ? InvalidOid : get_role_oid(name, true);

	if (!OidIsValid(role))
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist", name),
				 errdetail("What it owned in weir has no owner."),
				 errhint("A superuser can drop it.")));
	PG_RETURN_OID(role);
}

/* Nothing, which is no role's name, for one that does not exist any more. */
Datum
weir_role_out(PG_FUNCTION_ARGS)
{
	char	   *name = GetUserNameFromId(PG_GETARG_OID(0), true);

	PG_RETURN_CSTRING(name ? name : pstrdup(""));
}
