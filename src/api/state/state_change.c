/*
 * api/state/state_change.c
 *		Changing and dropping what was declared: weir.alter_state,
 *		weir.drop_state.  A running job sees it with its next attempt.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/regproc.h"

#include "api/state/access.h"
#include "api/state/state.h"
#include "state/function.h"
#include "state/store.h"

PG_FUNCTION_INFO_V1(weir_alter_state);
PG_FUNCTION_INFO_V1(weir_drop_state);

static void
require_ownership(const WeirDeclaredFound *found, const char *signature, const char *name)
{
	if (!has_privs_of_role(GetUserId(), found->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of state \"%s\" of function %s", name, signature),
				 errhint("Its owner %s may change or drop it.",
						 GetUserNameFromId(found->owner, true))));
}

/* Works for a function that is gone, too, by the signature that stands there. */
void
weir_find_declared(const char *signature, const char *name, WeirDeclaredFound *found)
{
	Oid			function = weir_function_find(signature);

	if ((OidIsValid(function) && weir_declared_find(function, name, found)) ||
		weir_declared_find_left(signature, name, found))
	{
		require_ownership(found, signature, name);
		return;
	}
	function = weir_keyed_function(signature);
	if (!weir_declared_find(function, name, found))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("function %s has no state \"%s\"", format_procedure(function), name),
				 errhint("weir.create_value_state() and its like declare one.")));
}

static void
check_new_default(const WeirDeclaredFound *found, char *name, char *text)
{
	Oid			type;
	int32		typmod;

	if (strcmp(found->kind, weir_state_kind_name(WEIR_STATE_VALUE)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s state \"%s\" cannot have a default_value", found->kind, name),
				 errhint("Only value state has one; leave default_value out.")));
	parseTypeString(found->type, &type, &typmod, 0);
	weir_check_default(name, type, typmod, text);
}

Datum
weir_alter_state(PG_FUNCTION_ARGS)
{
	WeirDeclaredState row = {0};
	WeirDeclaredFound found;
	char	   *name = weir_required_text(fcinfo, 1, "name");
	char	   *default_value = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	int			guc_nest = weir_session_guard();

	weir_prevent_read_only("weir.alter_state()");
	weir_find_declared(weir_required_text(fcinfo, 0, "function"), name, &found);
	row.name = name;
	if (default_value)
		check_new_default(&found, name, default_value);
	row.default_value = default_value;
	weir_fill_ttl(&row, PG_ARGISNULL(2) ? NULL : (WeirTtlType *) PG_GETARG_POINTER(2));
	weir_declared_change(&found, &row);
	weir_session_unguard(guc_nest);
	PG_RETURN_VOID();
}

Datum
weir_drop_state(PG_FUNCTION_ARGS)
{
	WeirDeclaredFound found;
	char	   *signature = weir_required_text(fcinfo, 0, "function");
	char	   *name = weir_required_text(fcinfo, 1, "name");

	weir_prevent_read_only("weir.drop_state()");
	weir_find_declared(signature, name, &found);
	weir_declared_delete(&found, name);
	PG_RETURN_VOID();
}
