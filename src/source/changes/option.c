/*
 * source/changes/option.c
 *		The options of servers, user mappings, tables and columns of weir_changes.
 *
 * Of a server and of a user mapping nearly all are libpq's, by its names.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "replication/slot.h"
#include "utils/acl.h"

#include "remote/conninfo.h"
#include "source/changes/option.h"

#define MAX_RECORD	(1024 * 1024 * 1024)	/* a value's limit is the source's */

/* libpq's, that are Weir's to say. */
static const char *const own[] = {"replication", "client_encoding", "fallback_application_name", NULL};
/* That say who connects: of a user mapping alone. */
static const char *const of_user[] = {"user", "password", "sslpassword", NULL};
/* That may stand in either. */
static const char *const of_both[] = {"sslcert", "sslkey", NULL};
/* That name files of this server. */
static const char *const files[] = {"sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir", "passfile", "service", NULL};

static bool
is_among(const char *name, const char *const *names)
{
	while (*names != NULL && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

static char *
name_of(DefElem *def)
{
	char	   *name = defGetString(def);

	if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
		weir_stream_option_refuse(def, "Give a name of 1 to 63 bytes.");
	return name;
}

static void
set_schema_name(WeirStream *stream, DefElem *def)
{
	weir_changes_options(stream)->schema_name = name_of(def);
}

static void
set_table_name(WeirStream *stream, DefElem *def)
{
	weir_changes_options(stream)->table_name = name_of(def);
}

static void
set_slot(WeirStream *stream, DefElem *def)
{
	char	   *name = name_of(def);

	for (const char *c = name; *c; c++)
	{
		if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_'))
			weir_stream_option_refuse(def, "A replication slot's name has lower case letters, digits and underscores.");
	}
	weir_changes_options(stream)->slot = name;
}

static void
set_publication(WeirStream *stream, DefElem *def)
{
	weir_changes_options(stream)->publication = name_of(def);
}

static void
set_max_slot_lag(WeirStream *stream, DefElem *def)
{
	const char *hint = "Give a size of at least 1MB, such as \"10GB\", or 0 for no limit.";
	int64		bytes = weir_stream_option_bytes(def, 0, (double) (PG_INT64_MAX / 2), hint);

	if (bytes > 0 && bytes < 1024 * 1024)
		weir_stream_option_refuse(def, hint);
	weir_changes_options(stream)->max_slot_lag = bytes;
}

static void
set_copy(WeirStream *stream, DefElem *def)
{
	weir_changes_options(stream)->copy = weir_stream_option_boolean(def);
}

static void
set_updates(WeirStream *stream, DefElem *def)
{
	weir_changes_options(stream)->pair = weir_stream_option_word(def, "pair", "row");
}

static void
set_failover(WeirStream *stream, DefElem *def)
{
	weir_changes_options(stream)->failover = weir_stream_option_boolean(def);
}

static void
set_on_truncate(WeirStream *stream, DefElem *def)
{
	weir_changes_options(stream)->pass_truncate = weir_stream_option_word(def, "ignore", "stop");
}

/* Of a column; what it says is read where columns are matched. */
static void
check_column_name(WeirStream *stream, DefElem *def)
{
	(void) name_of(def);
}

const WeirStreamOption weir_changes_server_options[] = {
	{"idle_timeout", weir_set_idle_timeout, "0"},
	{NULL, NULL, NULL},
};

const WeirStreamOption weir_changes_table_options[] = {
	{"schema_name", set_schema_name, NULL},
	{"table_name", set_table_name, NULL},
	{"slot", set_slot, NULL},
	{"publication", set_publication, NULL},
	{"max_slot_lag", set_max_slot_lag, "10GB"},
	{"copy", set_copy, "on"},
	{"updates", set_updates, "row"},
	{"failover", set_failover, "off"},
	{"on_truncate", set_on_truncate, "stop"},
	{"on_error", weir_set_on_error, "stop"},
	{"max_dead_letters", weir_set_max_dead_letters, "1000"},
	{"late", weir_set_late, "drop"},
	{"idle_timeout", weir_set_idle_timeout, NULL},	/* instead of the server's */
	{NULL, NULL, NULL},
};

const WeirStreamOption weir_changes_column_options[] = {
	{"column_name", check_column_name, NULL},
	{"old", check_column_name, NULL},
	{NULL, NULL, NULL},
};

void
weir_changes_complete(WeirStream *stream)
{
	stream->journal = true;		/* the slot is one */
	stream->max_retries = -1;
	stream->retry_delay = USECS_PER_SEC;
	stream->connect_timeout = 30 * USECS_PER_SEC;
	stream->max_record = MAX_RECORD;
}

/* The operating system's user of the server reads them, whoever made the server. */
void
weir_changes_authorize(const WeirStream *stream)
{
	ListCell   *lc;

	if (has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		return;
	foreach(lc, weir_changes_options(stream)->connection)
	{
		const char *name = lfirst_node(DefElem, lc)->defname;

		if (is_among(name, files))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to make or alter a server that names files"),
					 errdetail("Option \"%s\" names a file of the database server.", name),
					 errhint("Only superusers and members of pg_read_server_files may.")));
	}
}

/* Who may connect without a password connects as the server itself. */
static void
set_password_required(WeirStream *stream, DefElem *def)
{
	bool		required = defGetBoolean(def);

	if (!required && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("password_required=false is superuser-only"),
				 errdetail("Weir would connect with the rights of the server's operating system user."),
				 errhint("Give the user mapping a password.")));
	weir_changes_options(stream)->password_not_needed = !required;
}

static bool
takes_libpq_option(const char *name, Oid catalog)
{
	if (!weir_conninfo_knows(name) || is_among(name, own))
		return false;
	if (catalog == ForeignServerRelationId)
		return !is_among(name, of_user);
	return catalog == UserMappingRelationId && (is_among(name, of_user) || is_among(name, of_both));
}

bool
weir_changes_other_option(WeirStream *stream, DefElem *def, Oid catalog)
{
	if (catalog == UserMappingRelationId && strcmp(def->defname, "password_required") == 0)
	{
		set_password_required(stream, def);
		return true;
	}
	if (!takes_libpq_option(def->defname, catalog))
		return false;
	if (catalog == UserMappingRelationId && is_among(def->defname, files) && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("\"%s\" of a user mapping is superuser-only", def->defname),
				 errdetail("It names a file of the database server."),
				 errhint("Have a superuser make the user mapping.")));
	weir_changes_options(stream)->connection = lappend(weir_changes_options(stream)->connection, def);
	return true;
}
