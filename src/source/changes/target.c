/*
 * source/changes/target.c
 *		Where the changes of a stream come from, and what Weir has there.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/syscache.h"

#include "source/changes/option.h"
#include "source/changes/target.h"
#include "source/source.h"

/* Options that were accepted once, of one object. */
static void
apply(WeirStream *stream, List *options, Oid catalog)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (catalog == UserMappingRelationId && strcmp(def->defname, "password_required") == 0)
			weir_changes_options(stream)->password_not_needed = !defGetBoolean(def);
		else if (weir_conninfo_knows(def->defname))
			weir_changes_options(stream)->connection = lappend(weir_changes_options(stream)->connection, def);
	}
}

/* A server without one is connected to as the user himself. */
static List *
mapping_options(Oid user, Oid server)
{
	if (!SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(user), ObjectIdGetDatum(server)) &&
		!SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid), ObjectIdGetDatum(server)))
		return NIL;
	return GetUserMapping(user, server)->options;
}

/*
 * Values come in a form that every session reads alike.  Where row security would
 * leave rows out of the copy, that is an error: changes come of all of them.
 */
static void
set_options(WeirConninfo *info)
{
	const char *given = weir_conninfo_get(info, "options");

	weir_conninfo_set(info, "options",
					  psprintf("%s -c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c row_security=off", given ? given : ""));
}

WeirChangesServer *
weir_changes_server(Oid server, Oid user)
{
	WeirChangesServer *result = palloc0(sizeof(WeirChangesServer));
	WeirChangesOptions options = {0};
	WeirStream	stream = {0};
	ListCell   *lc;

	stream.own = &options;
	apply(&stream, GetForeignServer(server)->options, ForeignServerRelationId);
	apply(&stream, mapping_options(user, server), UserMappingRelationId);
	result->server = server;
	result->user = user;
	result->info = weir_conninfo_create();
	foreach(lc, options.connection)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		weir_conninfo_set(result->info, def->defname, defGetString(def));
	}
	set_options(result->info);
	weir_conninfo_default_here(result->info, user);
	result->needs_password = !superuser_arg(user) && !options.password_not_needed;
	return result;
}

static void
refuse_without_password(const WeirChangesServer *server, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_S_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED),
			 errmsg("password is required"),
			 errdetail("%s", detail),
			 errhint("Give the job's owner a user mapping with a password: CREATE USER MAPPING FOR %s SERVER .. OPTIONS (user '..', password '..').",
					 weir_conninfo_get(server->info, "user"))));
}

void
weir_changes_server_check(const WeirChangesServer *server)
{
	const char *password = weir_conninfo_get(server->info, "password");

	if (server->needs_password && (password == NULL || password[0] == '\0'))
		refuse_without_password(server, "Users that are not superusers must give a password in the user mapping.");
}

void
weir_changes_server_check_connected(const WeirChangesServer *server, WeirRemote *remote)
{
	if (server->needs_password && !weir_remote_used_password(remote))
		refuse_without_password(server, "The other server did not ask for the password; it would have let in whoever asks from here.");
}

char *
weir_changes_slot_name(int64 job, Oid stream)
{
	return psprintf("weir_" UINT64_FORMAT "_%u_" INT64_FORMAT "_%u", GetSystemIdentifier(), MyDatabaseId, job, stream);
}
