/*
 * base/session.c
 *		The settings of a session that compiles or runs a job's code.
 *
 *	kept		by create_job: what a query's text means, what values are as text
 *				and text as values; the same wherever the job's code runs
 *	job			forced wherever a job's code is compiled or run
 *	process		forced in Weir's own processes, beside those of a job
 *
 * A process of Weir's own sets them for good, above whatever ALTER ROLE, ALTER
 * DATABASE and the configuration say.  A user's session sets them in a level
 * that ends as that of an aborted subtransaction does: nothing stays that the
 * job's code has set meanwhile.  docs/reference.md lists them all.
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/json.h"

#include "base/session.h"

typedef struct Setting
{
	const char *name;
	const char *value;
} Setting;

/* With PostgreSQL's default, which need not be kept; NULL: always kept. */
static const Setting kept[] = {
	{"search_path", NULL},
	{"TimeZone", NULL},
	{"DateStyle", NULL},
	{"IntervalStyle", NULL},
	{"array_nulls", "on"},
	{"backslash_quote", "safe_encoding"},
	{"bytea_output", "hex"},
	{"default_text_search_config", "pg_catalog.simple"},
	{"extra_float_digits", "1"},
	{"lc_monetary", "C"},
	{"lc_numeric", "C"},
	{"lc_time", "C"},
	{"row_security", "on"},
	{"standard_conforming_strings", "on"},
	{"timezone_abbreviations", "Default"},
	{"transform_null_equals", "off"},
	{"xmlbinary", "base64"},
	{"xmloption", "content"},
};

static const Setting job[] = {
	{"enable_memoize", "off"},
	{"escape_string_warning", "off"},
	{"jit", "off"},
	{"max_parallel_workers_per_gather", "0"},
	{"quote_all_identifiers", "off"},
	{"session_replication_role", "origin"},
};

static const Setting process[] = {
	{"role", "none"},
	{"default_transaction_deferrable", "off"},
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"exit_on_error", "off"},
	{"idle_in_transaction_session_timeout", "0"},
	{"idle_session_timeout", "0"},
	{"lock_timeout", "0"},
	{"restrict_nonsystem_relation_kind", ""},
	{"statement_timeout", "0"},
	{"transaction_timeout", "0"},
};

/* What one server has and another has not is not an error. */
static bool
exists(const char *name)
{
	return GetConfigOption(name, true, false) != NULL;
}

Jsonb *
weir_session_kept(void)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < lengthof(kept); i++)
	{
		const char *value = GetConfigOption(kept[i].name, true, false);

		if (value == NULL || (kept[i].value && strcmp(value, kept[i].value) == 0))
			continue;
		appendStringInfoString(&text, text.len > 0 ? ", " : "{");
		escape_json(&text, kept[i].name);
		appendStringInfoString(&text, ": ");
		escape_json(&text, value);
	}
	appendStringInfoChar(&text, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
}

/* NULL: it was not kept. */
static char *
kept_value(Jsonb *settings, const char *name)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&settings->root, name, strlen(name), NULL);

	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* ---- in a level of a session ---- */

static void
set_in_level(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

static void
set_all(const Setting *settings, int n, void (*set) (const char *name, const char *value))
{
	for (int i = 0; i < n; i++)
	{
		if (exists(settings[i].name))
			set(settings[i].name, settings[i].value);
	}
}

static void
setting_context(void *arg)
{
	errcontext("setting of create_job \"%s\"", (const char *) arg);
	errhint("Where the server does not know the value, create the job again.");
}

static void
set_kept(Jsonb *settings, void (*set) (const char *name, const char *value))
{
	ErrorContextCallback context = {error_context_stack, setting_context};

	error_context_stack = &context;
	for (int i = 0; i < lengthof(kept); i++)
	{
		const char *value = kept_value(settings, kept[i].name);

		if (value == NULL)
			value = kept[i].value;
		context.arg = unconstify(char *, kept[i].name);
		if (value && exists(kept[i].name))
			set(kept[i].name, value);
	}
	error_context_stack = context.previous;
}

int
weir_session_guard(void)
{
	int			guc_nest = NewGUCNestLevel();

	set_all(job, lengthof(job), set_in_level);
	return guc_nest;
}

void
weir_session_unguard(int guc_nest)
{
	AtEOXact_GUC(false, guc_nest);
}

void
weir_session_enter(WeirSession *before, Oid owner, Jsonb *settings)
{
	GetUserIdAndSecContext(&before->user, &before->security);
	SetUserIdAndSecContext(owner, before->security |
						   SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	before->guc_nest = weir_session_guard();
	set_kept(settings, set_in_level);
}

void
weir_session_leave(const WeirSession *before)
{
	weir_session_unguard(before->guc_nest);
	SetUserIdAndSecContext(before->user, before->security);
}

void
weir_session_own_tables(void)
{
	set_in_level("default_tablespace", "");
}

/* ---- in a process of Weir's own ---- */

void
weir_session_force(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

/* Whatever is configured, what the two phases rest on is flushed. */
static void
commit_durably(void)
{
	if (synchronous_commit < SYNCHRONOUS_COMMIT_ON)
		weir_session_force("synchronous_commit", "on");
}

void
weir_session_begin_process(void)
{
	set_all(job, lengthof(job), weir_session_force);
	set_all(process, lengthof(process), weir_session_force);
	weir_session_force("client_encoding", GetDatabaseEncodingName());
	commit_durably();
}

void
weir_session_begin_task(Jsonb *settings)
{
	weir_session_begin_process();
	set_kept(settings, weir_session_force);
}

void
weir_session_reload(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	commit_durably();
}
