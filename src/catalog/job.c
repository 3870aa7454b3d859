/*
 * catalog/job.c
 *		weir_internal.job and weir_internal.run: reading them, and the status
 *		that coordinators keep.  What users change is in job_define.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog/internal.h"
#include "catalog/job.h"
#include "catalog/row.h"
#include "catalog/version.h"

#define JOB_STATUS \
	"CASE WHEN weir_internal.is_copied(r) THEN 'stopped' ELSE coalesce(r.status, 'created') END"

/* As weir.jobs shows it. */
#define JOB_STATUS_NOW \
	"CASE WHEN weir_internal.is_copied(r) OR r.status NOT IN ('starting', 'running', 'restarting', 'stopping')" \
	" THEN " JOB_STATUS \
	" ELSE coalesce((weir_internal.whereabouts(r.job, r.status)).status, r.status, 'created') END"

/* Its columns are read by name. */
#define JOB_QUERY \
	"SELECT j.*, r.*, " JOB_STATUS " AS job_status," \
	" coalesce(j.tolerable_failures, CASE WHEN j.fail_on_errors THEN 0 ELSE -1 END) AS tolerable," \
	" coalesce(r.wanted AND weir_internal.is_here(r.system_identifier, r.database), false) AS wanted_here" \
	" FROM weir_internal.job j LEFT JOIN weir_internal.run r ON r.job = j.id "

static const char *const status_names[] = {
	[WEIR_JOB_CREATED] = "created",
	[WEIR_JOB_STARTING] = "starting",
	[WEIR_JOB_RUNNING] = "running",
	[WEIR_JOB_RESTARTING] = "restarting",
	[WEIR_JOB_STOPPING] = "stopping",
	[WEIR_JOB_STOPPED] = "stopped",
	[WEIR_JOB_FINISHED] = "finished",
	[WEIR_JOB_FAILED] = "failed",
};

static const char *const mode_names[] = {
	[WEIR_EXACTLY_ONCE] = "exactly_once",
	[WEIR_AT_LEAST_ONCE] = "at_least_once",
	[WEIR_AT_MOST_ONCE] = "at_most_once",
};

const char *
weir_job_status_name(WeirJobStatus s)
{
	return status_names[s];
}

bool
weir_job_status_parse(const char *word, WeirJobStatus *out)
{
	for (int i = 0; i < lengthof(status_names); i++)
	{
		if (strcmp(word, status_names[i]) == 0)
		{
			*out = (WeirJobStatus) i;
			return true;
		}
	}
	return false;
}

bool
weir_job_status_is_active(WeirJobStatus s)
{
	return s == WEIR_JOB_STARTING || s == WEIR_JOB_RUNNING ||
		s == WEIR_JOB_RESTARTING || s == WEIR_JOB_STOPPING;
}

const char *
weir_mode_name(WeirMode m)
{
	return mode_names[m];
}

bool
weir_mode_parse(const char *word, WeirMode *out)
{
	for (int i = 0; i < lengthof(mode_names); i++)
	{
		if (strcmp(word, mode_names[i]) == 0)
		{
			*out = (WeirMode) i;
			return true;
		}
	}
	return false;
}

static void
unknown_word(const char *column, const char *word)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("unknown %s \"%s\" in weir's tables", column, word)));
}

static void
read_checkpointing(MemoryContext context, WeirJob *job, int row)
{
	char	   *mode = weir_row_text(context, row, "mode");

	job->checkpointing = weir_row_bool(row, "checkpointing");
	job->checkpoint.periodic = job->checkpointing;
	if (!weir_mode_parse(mode, &job->checkpoint.mode))
		unknown_word("mode", mode);
	job->checkpoint.every = weir_row_interval(row, "every");
	job->checkpoint.timeout = weir_row_interval(row, "timeout");
	job->checkpoint.min_pause = weir_row_interval(row, "min_pause");
	job->checkpoint.max_concurrent = weir_row_int32(row, "max_concurrent");
	job->checkpoint.tolerable = weir_row_int32(row, "tolerable");
	job->checkpoint.retain = weir_row_int32(row, "retain");
	job->history = weir_row_int32(row, "history");
	job->sink_flush = weir_row_interval(row, "sink_flush");
	job->lock_wait = weir_row_interval(row, "lock_wait");
	job->unaligned_after = weir_row_is_null(row, "unaligned_after") ? -1 :
		weir_row_interval(row, "unaligned_after");
}

static void
read_restart(MemoryContext context, WeirJob *job, int row)
{
	WeirRestartConfig *restart = &job->restart;
	char	   *strategy = weir_row_text(context, row, "restart_strategy");
	WeirRestartStrategy given;

	weir_restart_defaults(restart, weir_restart_default_strategy(job->checkpointing));
	if (strategy == NULL)
		return;
	if (!weir_restart_strategy_parse(strategy, &given))
		unknown_word("restart strategy", strategy);
	restart->strategy = given;
	restart->attempts = weir_row_int32(row, "restart_attempts");
	restart->delay = weir_row_interval(row, "restart_delay");
	restart->max_failures = weir_row_int32(row, "restart_max_failures");
	restart->within = weir_row_interval(row, "restart_within");
	restart->initial_delay = weir_row_interval(row, "restart_initial_delay");
	restart->max_delay = weir_row_interval(row, "restart_max_delay");
	restart->multiplier = weir_row_float8(row, "restart_multiplier");
	restart->reset_after = weir_row_interval(row, "restart_reset_after");
	restart->jitter = weir_row_float8(row, "restart_jitter");
}

static void
read_suspects(WeirSuspects *suspects, Datum lines)
{
	Datum	   *elements;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(lines), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		weir_suspect(suspects, DatumGetInt64(elements[i]));
}

static void
read_run(MemoryContext context, WeirJob *job, int row)
{
	char	   *status = weir_row_text(context, row, "job_status");
	char	   *sqlstate;
	Datum		lines;
	bool		isnull;

	if (!weir_job_status_parse(status, &job->status))
		unknown_word("status", status);
	job->status_reason = weir_row_text(context, row, "status_reason");
	job->wanted = weir_row_bool(row, "wanted_here");
	job->attempt = weir_row_int64(row, "attempt");
	job->restarts = weir_row_int64(row, "restarts");
	job->timeline = weir_row_int64(row, "timeline");
	job->fresh = weir_row_bool(row, "fresh");
	job->was_finished = weir_row_bool(row, "was_finished");
	job->start_from = weir_row_int64(row, "start_from");
	job->allow_gap = weir_row_bool(row, "allow_gap");
	job->altered = weir_row_bool(row, "altered");
	job->leave_state = weir_row_bool(row, "leave_state");
	job->drop_state = weir_row_bool(row, "drop_state");
	job->migrate = weir_row_text(context, row, "migrate");
	job->record_failure.line = weir_row_int64(row, "failed_line");
	sqlstate = weir_row_text(context, row, "failed_sqlstate");
	strlcpy(job->record_failure.sqlstate, sqlstate ? sqlstate : "",
			sizeof(job->record_failure.sqlstate));
	job->crashes.ours = weir_row_int32(row, "crashes");
	job->crashes.unknown = weir_row_int32(row, "kills");
	job->workers = weir_row_int32(row, "workers");
	job->prepared = weir_row_int32(row, "prepared");
	lines = weir_row_datum(row, "suspect_lines", &isnull);
	if (!isnull)
		read_suspects(&job->suspects, lines);
}

/* A row of JOB_QUERY, in the caller's memory context. */
static WeirJob *
read_job(MemoryContext context, int row)
{
	WeirJob    *job = MemoryContextAllocZero(context, sizeof(WeirJob));

	job->id = weir_row_int64(row, "id");
	job->name = weir_row_text(context, row, "name");
	job->owner = weir_row_oid(row, "owner");
	job->query = weir_row_text(context, row, "query");
	job->parallelism = weir_row_int32(row, "parallelism");
	job->max_parallelism = weir_row_int32(row, "max_parallelism");
	job->max_state_memory = weir_row_int64(row, "max_state_memory");
	job->settings = weir_row_jsonb(context, row, "settings");
	job->emit_updates = strcmp(weir_row_text(context, row, "emit"), "update") == 0;
	read_checkpointing(context, job, row);
	read_run(context, job, row);
	read_restart(context, job, row);
	return job;
}

static WeirJob *
get_job(const char *query, const WeirArguments *args)
{
	WeirInternal internal;
	MemoryContext context = CurrentMemoryContext;
	WeirJob    *job = NULL;

	weir_version_require();
	weir_internal_enter(&internal);
	if (weir_internal_run(query, args) > 0)
		job = read_job(context, 0);
	weir_internal_leave(&internal);
	return job;
}

WeirJob *
weir_job_by_name(const char *name)
{
	WeirArguments args = {0};

	weir_bind_text(&args, name);
	return get_job(JOB_QUERY "WHERE j.name = $1", &args);
}

WeirJob *
weir_job_by_id(int64 id)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	return get_job(JOB_QUERY "WHERE j.id = $1", &args);
}

WeirJob *
weir_job_lock(const char *name)
{
	WeirArguments args = {0};

	weir_bind_text(&args, name);
	weir_version_require();
	/* Lock first: the row that is read next has what others committed meanwhile. */
	weir_internal_execute("SELECT FROM weir_internal.job WHERE name = $1 FOR UPDATE", &args);
	return weir_job_by_name(name);
}

List *
weir_jobs_all(void)
{
	WeirInternal internal;
	MemoryContext context = CurrentMemoryContext;
	List	   *jobs = NIL;
	uint64		n;

	weir_version_require();
	weir_internal_enter(&internal);
	n = weir_internal_run(JOB_QUERY "ORDER BY j.name", NULL);
	for (uint64 i = 0; i < n; i++)
	{
		WeirJob    *job = read_job(context, i);
		MemoryContext old = MemoryContextSwitchTo(context);

		jobs = lappend(jobs, job);
		MemoryContextSwitchTo(old);
	}
	weir_internal_leave(&internal);
	return jobs;
}

bool
weir_job_latest_status(int64 id, WeirJobStatus *status)
{
	WeirInternal internal;
	MemoryContext context = CurrentMemoryContext;
	WeirArguments args = {0};
	char	   *word = NULL;
	bool		found;

	weir_bind_int64(&args, id);
	PushActiveSnapshot(GetLatestSnapshot());
	weir_internal_enter(&internal);
	found = weir_internal_read("SELECT " JOB_STATUS_NOW " AS status FROM weir_internal.job j"
							   " LEFT JOIN weir_internal.run r ON r.job = j.id WHERE j.id = $1",
							   &args) > 0;
	if (found)
		word = weir_row_text(context, 0, "status");
	weir_internal_leave(&internal);
	PopActiveSnapshot();
	if (found && !weir_job_status_parse(word, status))
		unknown_word("status", word);
	return found;
}

void
weir_job_set_status(int64 id, WeirJobStatus status, const char *reason, const char *last_error)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	weir_bind_text(&args, status_names[status]);
	weir_bind_text(&args, reason);
	weir_bind_text(&args, last_error);
	weir_bind_bool(&args, weir_job_status_is_active(status));
	weir_internal_execute("UPDATE weir_internal.run SET status = $2, status_reason = $3,"
						  " last_error = coalesce($4, last_error), wanted = wanted AND $5"
						  " WHERE job = $1", &args);
}

void
weir_job_set_record_failure(const WeirJob *job)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job->id);
	weir_bind_int64(&args, job->record_failure.line);
	weir_bind_text(&args, job->record_failure.sqlstate);
	weir_bind_int64_array(&args, job->suspects.lines, job->suspects.n);
	weir_internal_execute("UPDATE weir_internal.run SET failed_line = $2, failed_sqlstate = $3,"
						  " suspect_lines = $4 WHERE job = $1", &args);
}

void
weir_job_set_crashes(int64 id, const WeirCrashes *crashes)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	weir_bind_int32(&args, crashes->ours);
	weir_bind_int32(&args, crashes->unknown);
	weir_internal_execute("UPDATE weir_internal.run SET crashes = $2, kills = $3 WHERE job = $1", &args);
}

int64
weir_job_next_attempt(int64 id, int restarts)
{
	WeirArguments args = {0};
	WeirInternal internal;
	int64		attempt;

	weir_bind_int64(&args, id);
	weir_bind_int64(&args, restarts);
	weir_internal_enter(&internal);
	if (weir_internal_run("UPDATE weir_internal.run SET attempt = attempt + 1,"
						  " restarts = restarts + $2 WHERE job = $1 RETURNING attempt", &args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " does not exist any more", id)));
	attempt = weir_row_int64(0, "attempt");
	weir_internal_leave(&internal);
	return attempt;
}

void
weir_job_set_timeline(int64 id, int64 timeline)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	weir_bind_int64(&args, timeline);
	weir_internal_execute("UPDATE weir_internal.run SET timeline = $2, fresh = false,"
						  " start_from = 0, altered = false, leave_state = false,"
						  " drop_state = false, migrate = NULL WHERE job = $1", &args);
}

void
weir_job_set_resources(int64 id, int workers, int prepared)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	weir_bind_int32(&args, workers);
	weir_bind_int32(&args, prepared);
	weir_internal_execute("UPDATE weir_internal.run SET workers = $2, prepared = $3"
						  " WHERE job = $1 AND (workers, prepared) IS DISTINCT FROM ($2, $3)", &args);
}

void
weir_job_clear_finished(int64 id)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	weir_internal_execute("UPDATE weir_internal.run SET was_finished = false"
						  " WHERE job = $1 AND was_finished", &args);
}

/* Column "id" of a query's result, in the caller's memory context. */
static int64 *
query_ids(const char *query, int *n)
{
	WeirInternal internal;
	MemoryContext context = CurrentMemoryContext;
	int64	   *ids;

	weir_internal_enter(&internal);
	*n = (int) weir_internal_run(query, NULL);
	ids = MemoryContextAlloc(context, sizeof(int64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		ids[i] = weir_row_int64(i, "id");
	weir_internal_leave(&internal);
	return ids;
}

int64 *
weir_jobs_wanted(int *n)
{
	return query_ids("SELECT j.id FROM weir_internal.job j"
					 " JOIN weir_internal.run r ON r.job = j.id"
					 " WHERE r.wanted AND weir_internal.is_here(r.system_identifier, r.database)"
					 " ORDER BY j.id", n);
}

int64 *
weir_jobs_dropped(int *n)
{
	return query_ids("SELECT job AS id FROM"
					 " (SELECT job FROM weir_internal.run"
					 "  UNION SELECT job FROM weir_internal.timeline"
					 "  UNION SELECT job FROM weir_internal.completed"
					 "  UNION SELECT job FROM weir_internal.marker"
					 "  UNION SELECT job FROM weir_internal.checkpoint"
					 "  UNION SELECT job FROM weir_internal.dead_letter"
					 "  UNION SELECT job FROM weir_internal.retry"
					 "  UNION SELECT job FROM weir_internal.group_job"
					 "  UNION SELECT job FROM weir_internal.journal_segment) x"
					 " WHERE NOT EXISTS (SELECT FROM weir_internal.job j WHERE j.id = x.job)", n);
}
