/*
 * api/job.c
 *		weir.create_job, start_job, stop_job, drop_job, wait_for_job.
 *
 * create, start and drop act at the caller's commit and roll back with it;
 * stop_job acts at once and waits.
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "api/consumer.h"
#include "api/kept_state.h"
#include "api/option.h"
#include "api/savepoint.h"
#include "api/state/access.h"
#include "base/clock.h"
#include "base/interval.h"
#include "catalog/declared_state.h"
#include "catalog/job.h"
#include "catalog/job_depend.h"
#include "catalog/job_node.h"
#include "compile/dataflow.h"
#include "decide/clock.h"
#include "graph/kinds/source.h"
#include "job/coordinator.h"
#include "job/group.h"
#include "server/mark.h"
#include "server/registry.h"
#include "source/source.h"
#include "source/stream.h"

#define MAX_JOB_NAME 63			/* bytes */
#define MAX_PARALLELISM 32768

PG_FUNCTION_INFO_V1(weir_create_job);
PG_FUNCTION_INFO_V1(weir_start_job);
PG_FUNCTION_INFO_V1(weir_stop_job);
PG_FUNCTION_INFO_V1(weir_drop_job);
PG_FUNCTION_INFO_V1(weir_wait_for_job);

void
weir_check_unrestricted(const char *function)
{
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot call %s within security-restricted operation", function)));
}

static void
check_name(const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("job name must not be empty")));
	if (strlen(name) > MAX_JOB_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("job name is too long"),
				 errdetail("\"%s\" has %zu bytes; at most %d are allowed.",
						   name, strlen(name), MAX_JOB_NAME),
				 errhint("Choose a shorter name.")));
}

void
weir_check_parallelism(int parallelism, int max_parallelism)
{
	if (max_parallelism < 1 || max_parallelism > MAX_PARALLELISM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_parallelism %d is out of range", max_parallelism),
				 errhint("Choose max_parallelism between 1 and %d.", MAX_PARALLELISM)));
	if (parallelism < 1 || parallelism > max_parallelism)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parallelism %d is out of range", parallelism),
				 errdetail("max_parallelism is %d.", max_parallelism),
				 errhint("Choose parallelism between 1 and max_parallelism.")));
}

static int
required_int(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	return PG_GETARG_INT32(n);
}

static void
duplicate_job(const char *name, bool if_not_exists)
{
	if (!if_not_exists)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("job \"%s\" already exists", name),
				 errhint("Choose another name, or drop it with weir.drop_job.")));
	ereport(NOTICE,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("job \"%s\" already exists, skipping", name)));
}

/* State belongs to a key, and only the keyed step has one: elsewhere the first record would fail. */
void
weir_check_calls(const WeirDataflow *dataflow, const char *query)
{
	ListCell   *lc;

	foreach(lc, dataflow->calls)
	{
		WeirCall   *call = lfirst(lc);

		if (!weir_declared_any(call->function))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function \"%s\" has declared state and is called without a key",
						get_func_name(call->function)),
				 errdetail("Only the function that is joined ON weir.key_by(...) has a key."),
				 errhint("Write JOIN LATERAL %s(...) ON weir.key_by(...).",
						 quote_identifier(get_func_name(call->function))),
				 call->position > 0 ? internalerrposition(call->position) : 0,
				 internalerrquery(query)));
	}
}

WeirDataflow *
weir_job_compile_new(const WeirJob *job)
{
	WeirDataflow *dataflow = weir_job_compile(job);

	weir_check_calls(dataflow, job->query);
	return dataflow;
}

static bool
emits_updates(const char *emit)
{
	if (strcmp(emit, "final") != 0 && strcmp(emit, "update") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown emit \"%s\"", emit),
				 errhint("Set emit to 'final', or to 'update' for rows of windows that are open, too, at each checkpoint.")));
	return strcmp(emit, "update") == 0;
}

Datum
weir_create_job(PG_FUNCTION_ARGS)
{
	WeirJob		job = {0};
	WeirDataflow *dataflow;
	const WeirNode *source;
	bool		if_not_exists = weir_arg_bool(fcinfo, 4);

	weir_check_unrestricted("weir.create_job");
	weir_prevent_read_only("weir.create_job()");
	job.name = weir_arg_required(fcinfo, 0, "job name");
	job.query = weir_arg_required(fcinfo, 1, "query");
	job.parallelism = required_int(fcinfo, 2, "parallelism");
	job.max_parallelism = required_int(fcinfo, 3, "max_parallelism");
	job.max_state_memory = weir_option_bytes(fcinfo, 5, "max_state_memory", WEIR_MIN_STATE_MEMORY);
	job.emit_updates = emits_updates(weir_arg_required(fcinfo, 6, "emit"));
	job.owner = GetUserId();
	check_name(job.name);
	weir_check_parallelism(job.parallelism, job.max_parallelism);
	if (weir_job_by_name(job.name) != NULL)
	{
		duplicate_job(job.name, if_not_exists);
		PG_RETURN_VOID();
	}
	dataflow = weir_compile(job.query, job.emit_updates, true);
	weir_check_calls(dataflow, job.query);
	for (int n = 0; (source = weir_graph_source(dataflow->graph, n)) != NULL; n++)
		(void) weir_stream_get(weir_source_plan(source)->stream);	/* its options fit its columns */
	job.id = weir_job_create(&job);
	if (job.id == 0)
		duplicate_job(job.name, if_not_exists);
	else
	{
		weir_job_depend_set(job.id, dataflow->graph->uses);
		weir_job_keep_streams(job.id, dataflow->graph);
		weir_job_owner_changed(job.owner);
	}
	weir_dataflow_free(dataflow);
	PG_RETURN_VOID();
}

/* Nothing may fail of it, and yet the values be others. */
static void
warn_of_escapes(const WeirJob *job, const WeirStream *stream)
{
	if (weir_stream_escapes_json(stream))
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("backslashes in the JSON of stream %s are escapes of format text", stream->name),
				 errhint("Set the stream's option format to 'jsonl', unless its peer escapes them as COPY does.")));
}

static void
warn_of_end(const WeirJob *job, const WeirStream *stream)
{
	if (stream->max_retries == 0 && !stream->listen)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("job \"%s\" finishes when its peer closes: stream %s has max_retries 0",
						job->name, stream->name),
				 errhint("Set option max_retries of the stream's server to connect again, -1 for ever.")));
}

/* The group and the key's own order of partitions cannot be seen from here. */
static void
notice_group(const WeirJob *job, const WeirGraph *graph)
{
	WeirGroupOptions group;

	if (weir_group_source(job, graph, &group) == NULL || weir_graph_nkeyed(graph) == 0)
		return;
	ereport(NOTICE,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("servers of group \"%s\" keep the state of job \"%s\" by partition", group.group, job->name),
			 errhint("The topic's messages must be partitioned by what the job's keyed steps go by: a key whose records are in several partitions is several keys.")));
}

static void
for_each_stream(const WeirJob *job, const WeirGraph *graph,
				void (*warn) (const WeirJob *job, const WeirStream *stream))
{
	const WeirNode *source;

	for (int n = 0; (source = weir_graph_source(graph, n)) != NULL; n++)
		warn(job, weir_stream_get(weir_source_plan(source)->stream));
}

/* What the user may not have thought of. */
static void
start_notices(const WeirJob *job, const WeirGraph *graph)
{
	for_each_stream(job, graph, warn_of_escapes);
	if (!job->checkpointing)
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("job \"%s\" runs without checkpointing: a failure ends it and loses its state",
						job->name),
				 errhint("Call weir.enable_checkpointing before weir.start_job.")));
	for_each_stream(job, graph, warn_of_end);
	notice_group(job, graph);
}

static void
check_startable(const WeirJob *job)
{
	if (weir_job_is_running(job))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job \"%s\" is already running", job->name),
				 errdetail("Its status is \"%s\".", weir_job_status_name(job->status)),
				 errhint("Stop it with weir.stop_job first.")));
}

static void
exclude(bool first, bool second, const char *names, const char *hint)
{
	if (first && second)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s exclude each other", names),
				 errhint("%s", hint)));
}

/* A savepoint may be older than an alter_job. */
static void
check_start_state(const WeirJob *job, const WeirGraph *graph)
{
	const WeirCompleted *row;
	const WeirStoredNode *left;

	if (job->start_from == 0 || job->drop_state)
		return;
	row = weir_completed_find(weir_completed_all(job->id), job->start_from);
	left = row ? weir_kept_unknown(job, row, graph, weir_job_nodes(job->id)) : NULL;
	if (left)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("savepoint \"%s\" of job \"%s\" holds state that does not belong to its query",
						row->savepoint, job->name),
				 errdetail("It was kept by %s.", weir_kept_by(left)),
				 errhint("Give the job the query it had then with weir.alter_job, or call that with drop_state => true.")));
}

static WeirDataflow *
check_begin(WeirJob *job, bool take)
{
	WeirDataflow *dataflow = weir_job_compile_new(job);
	WeirGroupOptions group;

	(void) weir_group_source(job, dataflow->graph, &group);
	check_start_state(job, dataflow->graph);
	weir_check_prerequisites(job, dataflow, take);
	weir_check_consumers(job->id, dataflow->graph);
	if (job->checkpointing)
		weir_check_journal(job, dataflow, job->checkpoint.mode);
	weir_check_sinks(job, dataflow, job->checkpointing, job->checkpoint.mode);
	return dataflow;
}

void
weir_job_check_begin(WeirJob *job)
{
	weir_dataflow_free(check_begin(job, false));
}

void
weir_job_begin(WeirJob *job)
{
	WeirDataflow *dataflow = check_begin(job, true);

	job->was_finished = job->was_finished || job->status == WEIR_JOB_FINISHED;
	start_notices(job, dataflow->graph);
	weir_job_depend_set(job->id, dataflow->graph->uses);
	weir_job_keep_streams(job->id, dataflow->graph);
	weir_job_owner_changed(job->owner);
	weir_dataflow_free(dataflow);
	weir_job_start(job);
	weir_mark_forget(MyDatabaseId, job->id);
	weir_registry_start_at_commit(job->id);
}

Datum
weir_start_job(PG_FUNCTION_ARGS)
{
	char	   *name = weir_arg_required(fcinfo, 0, "job name");
	char	   *savepoint = weir_arg_text(fcinfo, 1);
	bool		fresh = weir_arg_bool(fcinfo, 2);
	WeirJob    *job;

	weir_check_unrestricted("weir.start_job");
	exclude(savepoint != NULL, fresh, "from_savepoint and fresh",
			"Name one of them, or none to go on from the last completed checkpoint.");
	job = weir_job_for_change(name, "weir.start_job()");
	check_startable(job);
	job->fresh = fresh;
	job->allow_gap = weir_arg_bool(fcinfo, 3);
	job->start_from = 0;
	if (savepoint)
		weir_savepoint_start_from(job, savepoint);
	if (fresh)
		weir_kept_check_in_flight(job, weir_start_reached(job, weir_completed_all(job->id)),
								  "begin with empty state", "start it with fresh => true");
	weir_job_begin(job);
	PG_RETURN_VOID();
}

/* A job that should be running but does not: it finds no place, or autostart was off. */
static void
stop_absent(const WeirJob *job, bool cancel)
{
	bool		waits = weir_registry_is_full();

	if ((!cancel && !waits) || !weir_job_status_is_active(job->status))
		weir_job_must_run(job, "weir.stop_job()");
	weir_job_set_status(job->id, WEIR_JOB_STOPPED,
						waits ? "it was waiting to be started" : "cancelled", NULL);
}

static void
stop(const WeirJob *job, const char *function, WeirRequestKind kind, const char *savepoint)
{
	WeirRequestResult result;

	weir_check_can_wait(job, function);
	weir_registry_request(job->id, kind, savepoint, &result);
	if (!result.ok)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not stop job \"%s\": %s", job->name, result.error),
				 result.stopping ?
				 errdetail("The job stops as soon as that process has left.") :
				 result.ended ? errdetail("The job has come to another end before.") :
				 errdetail("The job goes on."),
				 result.stopping ?
				 errhint("See what keeps the process; then weir.wait_for_job tells when the job has stopped.") :
				 result.ended ? errhint("See status and status_reason of weir.jobs.") :
				 errhint("Call it again, or weir.stop_job with cancel => true to stop without a checkpoint.")));
}

void
weir_job_stop(const WeirJob *job, const char *function)
{
	stop(job, function, WEIR_REQUEST_STOP, NULL);
}

Datum
weir_stop_job(PG_FUNCTION_ARGS)
{
	char	   *name = weir_arg_required(fcinfo, 0, "job name");
	char	   *savepoint = weir_arg_text(fcinfo, 1);
	bool		drain = weir_arg_bool(fcinfo, 2);
	bool		cancel = weir_arg_bool(fcinfo, 3);
	WeirJob    *job;

	exclude(drain, cancel, "drain and cancel",
			"Name one of them, or none to take a last checkpoint and stop.");
	exclude(savepoint != NULL, cancel, "savepoint and cancel",
			"A savepoint is the last checkpoint; cancel takes none.");
	job = weir_job_for_owner(name);
	weir_prevent_read_only("weir.stop_job()");
	if (savepoint)
	{
		weir_job_must_run(job, "weir.stop_job()");
		weir_savepoint_check_new(job, savepoint);
	}
	if (!weir_job_is_running(job))
	{
		stop_absent(job, cancel);
		PG_RETURN_VOID();
	}
	if (savepoint == NULL && weir_registry_withdraw(job->id))
	{
		weir_job_set_status(job->id, WEIR_JOB_STOPPED, "it was waiting to be started", NULL);
		PG_RETURN_VOID();
	}
	stop(job, "weir.stop_job",
		 cancel ? WEIR_REQUEST_CANCEL : drain ? WEIR_REQUEST_DRAIN : WEIR_REQUEST_STOP, savepoint);
	PG_RETURN_VOID();
}

/*
 * The definition goes with the caller's commit.  What a running job has left
 * is purged by its coordinator once it is cancelled, else here and now; what
 * is prepared of one that does not run, by a coordinator that finds it gone.
 */
void
weir_job_drop(int64 id)
{
	bool		purged = false;

	weir_job_delete(id);
	if (!weir_registry_is_active(id))
	{
		weir_source_forget(id);
		purged = weir_job_purge(id);
	}
	if (!purged)
		weir_registry_notify_at_commit(id, WEIR_REQUEST_CANCEL);
}

Datum
weir_drop_job(PG_FUNCTION_ARGS)
{
	char	   *name = weir_arg_required(fcinfo, 0, "job name");
	WeirJob    *job;

	if (weir_arg_bool(fcinfo, 1) && weir_job_by_name(name) == NULL)
	{
		ereport(NOTICE,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job \"%s\" does not exist, skipping", name)));
		PG_RETURN_VOID();
	}
	job = weir_job_for_change(name, "weir.drop_job()");
	weir_job_drop(job->id);
	weir_job_owner_changed(job->owner);
	PG_RETURN_VOID();
}

/* When to stop waiting, by weir_now(); 0: never. */
static int64
wait_deadline(FunctionCallInfo fcinfo, int n)
{
	TimestampTz now = weir_date();
	TimestampTz deadline;

	if (PG_ARGISNULL(n))
		return 0;
	deadline = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													   TimestampTzGetDatum(now),
													   PG_GETARG_DATUM(n)));
	if (deadline < now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("timeout must not be negative"),
				 errhint("Use 0 to look without waiting, or null to wait without limit.")));
	return weir_time_after(weir_now(), deadline - now);
}

/* Has the job reached what is waited for (*reached), or ended otherwise? */
static bool
wait_is_over(const WeirJob *job, WeirJobStatus wanted, bool *reached)
{
	WeirJobStatus status;

	*reached = false;
	if (!weir_job_latest_status(job->id, &status))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job \"%s\" was dropped", job->name)));
	*reached = status == wanted;
	return *reached || status == WEIR_JOB_STOPPED || status == WEIR_JOB_FINISHED ||
		status == WEIR_JOB_FAILED;
}

static bool
wait_for_status(const WeirJob *job, WeirJobStatus wanted, int64 deadline)
{
	bool		reached;

	weir_registry_prepare_wait();
	while (!wait_is_over(job, wanted, &reached))
	{
		long		timeout = -1;

		if (deadline != 0)
			timeout = weir_ms_until(deadline);
		if (timeout == 0)
			break;
		(void) weir_registry_wait(timeout);
		CHECK_FOR_INTERRUPTS();
	}
	weir_registry_end_wait();
	return reached;
}

Datum
weir_wait_for_job(PG_FUNCTION_ARGS)
{
	char	   *name = weir_arg_required(fcinfo, 0, "job name");
	char	   *word = weir_arg_required(fcinfo, 1, "status");
	int64		deadline = wait_deadline(fcinfo, 2);
	WeirJobStatus wanted;
	WeirJob    *job;
	bool		reached;

	if (!weir_job_status_parse(word, &wanted))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown job status \"%s\"", word),
				 errhint("A job's status is created, starting, running, restarting, stopping, stopped, finished or failed.")));
	job = weir_job_for_reading(name);
	if (wait_is_over(job, wanted, &reached))
		PG_RETURN_BOOL(reached);
	if (deadline != 0 && deadline <= weir_now())
		PG_RETURN_BOOL(false);
	PreventCommandDuringRecovery("weir.wait_for_job()");
	weir_check_can_wait(job, "weir.wait_for_job");
	if (!weir_registry_available())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no job runs on this server"),
				 errdetail("weir is not in shared_preload_libraries."),
				 errhint("weir.start_job tells what to set.")));
	PG_RETURN_BOOL(wait_for_status(job, wanted, deadline));
}
