/*
 * api/prerequisite.c
 *		What a job needs of the server, its streams and its sinks before it can run.
 *
 * Everything that is missing is told in one error, with the lines to run: a
 * server is not restarted three times to start one job.  What is there is taken
 * under one lock, so that two jobs started at the same moment cannot both count
 * on it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/twophase.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "api/state/access.h"
#include "base/settings.h"
#include "graph/kinds/sink.h"
#include "graph/kinds/source.h"
#include "job/resources.h"
#include "server/registry.h"
#include "source/source.h"
#include "source/stream.h"

/* What is missing, and the statements that would mend it. */
typedef struct Missing
{
	StringInfoData detail;
	StringInfoData lines;
	bool		restart;		/* the server has to be restarted */
} Missing;

static void
missing_line(StringInfo to, const char *line)
{
	if (to->len > 0)
		appendStringInfoChar(to, '\n');
	appendStringInfoString(to, line);
}

/* The libraries that are set, and weir, each quoted: a list in one pair of quotes would be one name. */
static char *
preload_list(void)
{
	StringInfoData list;
	char	   *set = pstrdup(GetConfigOption("shared_preload_libraries", true, false));
	List	   *names;
	ListCell   *lc;

	initStringInfo(&list);
	if (SplitDirectoriesString(set, ',', &names))
	{
		foreach(lc, names)
			appendStringInfo(&list, "%s, ", quote_literal_cstr(lfirst(lc)));
	}
	appendStringInfoString(&list, "'weir'");
	return list.data;
}

static void
check_preloaded(Missing *missing)
{
	if (weir_registry_available())
		return;
	missing_line(&missing->detail, "weir is not in shared_preload_libraries.");
	missing_line(&missing->lines,
				 psprintf("ALTER SYSTEM SET shared_preload_libraries = %s;", preload_list()));
	missing->restart = true;
}

static void
miss_workers(Missing *missing, const WeirResources *need, const WeirResources *reserved)
{
	int			others = reserved->workers + weir_registry_foreign_workers();

	if (need->workers + others <= max_worker_processes)
		return;
	missing_line(&missing->detail,
				 psprintf("The job needs %d background workers beside %d others, and max_worker_processes is %d.",
						  need->workers, others, max_worker_processes));
	missing_line(&missing->lines,
				 psprintf("ALTER SYSTEM SET max_worker_processes = %d;", need->workers + others));
	missing->restart = true;
}

static void
miss_prepared(Missing *missing, const WeirResources *need, const WeirResources *others)
{
	if (need->prepared == 0 || need->prepared + others->prepared <= max_prepared_xacts)
		return;
	missing_line(&missing->detail,
				 psprintf("The job needs %d prepared transactions beside %d of other jobs, and max_prepared_transactions is %d.",
						  need->prepared, others->prepared, max_prepared_xacts));
	missing_line(&missing->lines,
				 psprintf("ALTER SYSTEM SET max_prepared_transactions = %d;",
						  need->prepared + others->prepared));
	missing->restart = true;
}

static void
miss_slot(Missing *missing, const WeirResources *need, const WeirResources *others)
{
	if (need->jobs + others->jobs <= weir_max_jobs)
		return;
	missing_line(&missing->detail,
				 psprintf("%d jobs run on the server, and weir.max_jobs is %d.",
						  others->jobs, weir_max_jobs));
	missing_line(&missing->lines,
				 psprintf("ALTER SYSTEM SET weir.max_jobs = %d;", need->jobs + others->jobs));
	missing->restart = true;
}

/* Takes what the job needs, so that no other start_job can, or only looks; says what is missing. */
static void
check_resources(Missing *missing, const WeirJob *job, bool take)
{
	WeirResources need = {job->workers, job->prepared, 1};
	WeirResources limit;
	WeirResources others = {0};

	weir_registry_limit(&limit);
	if (weir_registry_available() &&
		(take ? weir_registry_claim(job->id, job->name, &need, &limit, &others) :
		 weir_registry_fits(job->id, &need, &limit, &others)))
		return;
	miss_workers(missing, &need, &others);
	miss_prepared(missing, &need, &others);
	miss_slot(missing, &need, &others);
}

static bool
role_can_login(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for role %u", role);
	result = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);
	return result;
}

/* A background worker cannot run as a role that could not connect. */
static void
check_owner(Missing *missing, const WeirJob *job)
{
	bool		can_login = role_can_login(job->owner);
	char	   *owner = GetUserNameFromId(job->owner, false);

	if (!can_login)
	{
		missing_line(&missing->detail,
					 psprintf("Its owner, the role \"%s\", cannot log in.", owner));
		missing_line(&missing->lines,
					 psprintf("ALTER ROLE %s LOGIN;", quote_identifier(owner)));
	}
	if (!DatumGetBool(DirectFunctionCall3(has_database_privilege_id_id,
										  ObjectIdGetDatum(job->owner),
										  ObjectIdGetDatum(MyDatabaseId),
										  CStringGetTextDatum("CONNECT"))))
	{
		char	   *database = get_database_name(MyDatabaseId);

		missing_line(&missing->detail,
					 psprintf("Its owner, the role \"%s\", may not connect to database \"%s\".",
							  owner, database));
		missing_line(&missing->lines,
					 psprintf("GRANT CONNECT ON DATABASE %s TO %s;",
							  quote_identifier(database), quote_identifier(owner)));
	}
}

/* Nor does one that runs as anybody connect to a database that nobody may. */
static void
check_database(Missing *missing)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	Form_pg_database form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for database %u", MyDatabaseId);
	form = (Form_pg_database) GETSTRUCT(tuple);
	if (!form->datallowconn)
	{
		missing_line(&missing->detail,
					 psprintf("The database \"%s\" accepts no connections.", NameStr(form->datname)));
		missing_line(&missing->lines,
					 psprintf("ALTER DATABASE %s ALLOW_CONNECTIONS true;",
							  quote_identifier(NameStr(form->datname))));
	}
	ReleaseSysCache(tuple);
}

void
weir_check_prerequisites(WeirJob *job, const WeirDataflow *dataflow, bool take)
{
	Missing		missing = {.restart = false};

	initStringInfo(&missing.detail);
	initStringInfo(&missing.lines);
	weir_count_resources(job, &weir_graph_stages(dataflow->graph, job->parallelism)->topology);
	check_preloaded(&missing);
	check_resources(&missing, job, take);
	check_owner(&missing, job);
	check_database(&missing);
	if (missing.detail.len == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("job \"%s\" cannot be started on this server as it is set up", job->name),
			 errdetail("%s", missing.detail.data),
			 missing.restart ?
			 errhint("Run these statements, then restart the server:\n%s", missing.lines.data) :
			 errhint("Run these statements:\n%s", missing.lines.data)));
}

static void
check_journal(const WeirJob *job, const WeirStream *stream, WeirMode mode)
{
	if (stream->journal || stream->resume != (mode == WEIR_AT_MOST_ONCE))
		return;
	if (stream->resume)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("mode %s in the protocol \"resume\" needs a journal, and stream %s keeps none",
						weir_mode_name(mode), stream->name),
				 errdetail("The sender would be asked again for what was processed since the last checkpoint."),
				 errhint("Set option journal 'on' of the stream's server, or enable checkpointing with mode => 'exactly_once' or 'at_least_once'.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("mode %s needs a journal, and stream %s keeps none",
					weir_mode_name(mode), stream->name),
			 errdetail("What job \"%s\" reads from a socket could not be read again.", job->name),
			 errhint("Set option journal 'on' of the stream's server, or protocol 'resume' if its sender speaks it, or enable checkpointing with mode => 'at_most_once'.")));
}

void
weir_check_journal(const WeirJob *job, const WeirDataflow *dataflow, WeirMode mode)
{
	const WeirNode *source;

	for (int n = 0; (source = weir_graph_source(dataflow->graph, n)) != NULL; n++)
		check_journal(job, weir_stream_get(weir_source_plan(source)->stream), mode);
}

/* Whether its wrapper could be prepared after all is nothing that it tells. */
static void
refuse_unpreparable(const WeirJob *job, Oid table)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("job \"%s\" cannot write foreign table \"%s\" in mode exactly_once",
					job->name, get_rel_name(table)),
			 errdetail("What its wrapper writes cannot be prepared for a commit in two phases."),
			 errhint("Insert into a table of this database, or enable checkpointing with mode => 'at_least_once'.")));
}

static bool
has_epochs(Oid table)
{
	return get_rel_relkind(table) == RELKIND_FOREIGN_TABLE && weir_source_of(table) != NULL &&
		weir_stream_get(table)->epoch;
}

/* Its numbers are those of checkpoints with which output becomes visible. */
static void
check_epochs(const WeirJob *job, Oid table, bool exactly_once)
{
	if (!has_epochs(table) || exactly_once)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the protocol \"epoch\" needs the mode exactly_once"),
			 errdetail("Job \"%s\" sends to foreign table \"%s\", whose server has it.", job->name, get_rel_name(table)),
			 errhint("Enable checkpointing with mode => 'exactly_once', or set the server's option protocol to 'none'.")));
}

static void
check_source(const WeirNode *source)
{
	const WeirStream *stream = weir_stream_get(weir_source_plan(source)->stream);

	if (stream->epoch)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("stream %s cannot be read in the protocol \"epoch\"", stream->name),
				 errdetail("It is one for what a job sends."),
				 errhint("Set the server's option protocol to 'none' or 'resume'.")));
}

void
weir_check_sinks(const WeirJob *job, const WeirDataflow *dataflow, bool checkpointing, WeirMode mode)
{
	bool		exactly_once = checkpointing && mode == WEIR_EXACTLY_ONCE;
	const WeirNode *node;

	for (int n = 0; (node = weir_graph_source(dataflow->graph, n)) != NULL; n++)
		check_source(node);
	for (int n = 0; (node = weir_graph_sink(dataflow->graph, n)) != NULL; n++)
	{
		if (OidIsValid(weir_sink_plan(node)->unpreparable) && exactly_once)
			refuse_unpreparable(job, weir_sink_plan(node)->unpreparable);
		check_epochs(job, weir_sink_plan(node)->target, exactly_once);
	}
}
