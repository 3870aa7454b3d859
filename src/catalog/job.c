/*
 * catalog/job.c
 *		weir_internal.job and weir_internal.run: reading them, and the status
 *		that coordinators keep.  What users change is in job_define.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog/internal.h"
#include "catalog/job.h"

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
	" CASE WHEN weir_internal.is_here(r.system_identifier, r.database)" \
	" THEN (SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.oid = r.step_function) END AS step_here," \
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

static int
number_of(const char *column)
{
	int			number = SPI_fnumber(SPI_tuptable->tupdesc, column);

	if (number <= 0)
		elog(ERROR, "a job has no column \"%s\"", column);
	return number;
}

/* A column of a row of JOB_QUERY; null is 0, false, InvalidOid or NULL. */
static Datum
row_datum(int row, const char *column, bool *isnull)
{
	Datum		value = weir_internal_get(row, number_of(column), isnull);

	return *isnull ? (Datum) 0 : value;
}

static int
row_int(int row, const char *column)
{
	bool		isnull;

	return DatumGetInt32(row_datum(row, column, &isnull));
}

static int64
row_int64(int row, const char *column)
{
	bool		isnull;
	Datum		value = row_datum(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static double
row_float(int row, const char *column)
{
	bool		isnull;

	return DatumGetFloat8(row_datum(row, column, &isnull));
}

static Oid
row_oid(int row, const char *column)
{
	bool		isnull;

	return DatumGetObjectId(row_datum(row, column, &isnull));
}

static bool
row_bool(int row, const char *column)
{
	bool		isnull;

	return DatumGetBool(row_datum(row, column, &isnull));
}

static char *
row_text(MemoryContext context, int row, const char *column)
{
	return weir_internal_text(context, row, number_of(column));
}

static Jsonb *
row_jsonb(MemoryContext context, int row, const char *column)
{
	bool		isnull;
	Datum		value = row_datum(row, column, &isnull);
	MemoryContext old = MemoryContextSwitchTo(context);
	Jsonb	   *copy = DatumGetJsonbPCopy(value);

	MemoryContextSwitchTo(old);
	return copy;
}

/* Microseconds of an interval, which has no months. */
static int64
row_interval(int row, const char *column)
{
	bool		isnull;
	Interval   *i = DatumGetIntervalP(row_datum(row, column, &isnull));

	return (int64) i->day * USECS_PER_DAY + i->time;
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
	char	   *mode = row_text(context, row, "mode");

	job->checkpointing = row_bool(row, "checkpointing");
	job->checkpoint.periodic = job->checkpointing;
	if (!weir_mode_parse(mode, &job->checkpoint.mode))
		unknown_word("mode", mode);
	job->checkpoint.every = row_interval(row, "every");
	job->checkpoint.timeout = row_interval(row, "timeout");
	job->checkpoint.min_pause = row_interval(row, "min_pause");
	job->checkpoint.max_concurrent = row_int(row, "max_concurrent");
	job->checkpoint.tolerable = row_int(row, "tolerable");
	job->checkpoint.retain = row_int(row, "retain");
	job->history = row_int(row, "history");
	job->sink_flush = row_interval(row, "sink_flush");
	job->lock_wait = row_interval(row, "lock_wait");
}

static void
read_restart(MemoryContext context, WeirJob *job, int row)
{
	WeirRestartConfig *restart = &job->restart;
	char	   *strategy = row_text(context, row, "restart_strategy");

	WeirRestartStrategy given;

	weir_restart_defaults(restart, weir_restart_default_strategy(job->checkpointing));
	if (strategy == NULL)
		return;
	if (!weir_restart_strategy_parse(strategy, &given))
		unknown_word("restart strategy", strategy);
	restart->strategy = given;
	restart->attempts = row_int(row, "restart_attempts");
	restart->delay = row_interval(row, "restart_delay");
	restart->max_failures = row_int(row, "restart_max_failures");
	restart->within = row_interval(row, "restart_within");
	restart->initial_delay = row_interval(row, "restart_initial_delay");
	restart->max_delay = row_interval(row, "restart_max_delay");
	restart->multiplier = row_float(row, "restart_multiplier");
	restart->reset_after = row_interval(row, "restart_reset_after");
	restart->jitter = row_float(row, "restart_jitter");
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
	char	   *status = row_text(context, row, "job_status");
	char	   *sqlstate;
	Datum		lines;
	bool		isnull;

	if (!weir_job_status_parse(status, &job->status))
		unknown_word("status", status);
	job->status_reason = row_text(context, row, "status_reason");
	job->wanted = row_bool(row, "wanted_here");
	job->attempt = row_int64(row, "attempt");
	job->restarts = row_int64(row, "restarts");
	job->timeline = row_int64(row, "timeline");
	job->fresh = row_bool(row, "fresh");
	job->was_finished = row_bool(row, "was_finished");
	job->start_from = row_int64(row, "start_from");
	job->allow_gap = row_bool(row, "allow_gap");
	job->stream = row_oid(row, "stream");
	job->step = row_text(context, row, "step");
	job->step_function = row_oid(row, "step_here");
	job->altered = row_bool(row, "altered");
	job->leave_state = row_bool(row, "leave_state");
	job->drop_state = row_bool(row, "drop_state");
	job->migrate = row_text(context, row, "migrate");
	job->record_failure.line = row_int64(row, "failed_line");
	sqlstate = row_text(context, row, "failed_sqlstate");
	strlcpy(job->record_failure.sqlstate, sqlstate ? sqlstate : "",
			sizeof(job->record_failure.sqlstate));
	job->crashes.ours = row_int(row, "crashes");
	job->crashes.unknown = row_int(row, "kills");
	job->workers = row_int(row, "workers");
	job->prepared = row_int(row, "prepared");
	lines = row_datum(row, "suspect_lines", &isnull);
	if (!isnull)
		read_suspects(&job->suspects, lines);
}

/* A row of JOB_QUERY, in the caller's memory context. */
static WeirJob *
read_job(MemoryContext context, int row)
{
	WeirJob    *job = MemoryContextAllocZero(context, sizeof(WeirJob));

	job->id = row_int64(row, "id");
	job->name = row_text(context, row, "name");
	job->owner = row_oid(row, "owner");
	job->query = row_text(context, row, "query");
	job->parallelism = row_int(row, "parallelism");
	job->max_parallelism = row_int(row, "max_parallelism");
	job->max_state_memory = row_int64(row, "max_state_memory");
	job->settings = row_jsonb(context, row, "settings");
	read_checkpointing(context, job, row);
	read_run(context, job, row);
	read_restart(context, job, row);
	return job;
}

static WeirJob *
get_job(const char *condition, Oid type, Datum value)
{
	WeirInternal internal;
	MemoryContext context = CurrentMemoryContext;
	WeirJob    *job = NULL;
	char	   *query = psprintf("%s%s", JOB_QUERY, condition);

	weir_internal_enter(&internal);
	if (weir_internal_run(query, 1, &type, &value, NULL) > 0)
		job = read_job(context, 0);
	weir_internal_leave(&internal);
	pfree(query);
	return job;
}

WeirJob *
weir_job_by_name(const char *name)
{
	return get_job("WHERE j.name = $1", TEXTOID, CStringGetTextDatum(name));
}

WeirJob *
weir_job_by_id(int64 id)
{
	return get_job("WHERE j.id = $1", INT8OID, Int64GetDatum(id));
}

WeirJob *
weir_job_lock(const char *name)
{
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(name);

	/* Lock first: the row that is read next has what others committed meanwhile. */
	weir_internal_execute("SELECT FROM weir_internal.job WHERE name = $1 FOR UPDATE",
						  1, &type, &value, NULL);
	return weir_job_by_name(name);
}

List *
weir_jobs_all(void)
{
	WeirInternal internal;
	MemoryContext context = CurrentMemoryContext;
	List	   *jobs = NIL;
	uint64		n;

	weir_internal_enter(&internal);
	n = weir_internal_run(JOB_QUERY "ORDER BY j.name", 0, NULL, NULL, NULL);
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
	Oid			type = INT8OID;
	Datum		value = Int64GetDatum(id);
	char	   *word = NULL;
	bool		found;

	PushActiveSnapshot(GetLatestSnapshot());
	weir_internal_enter(&internal);
	/* read only to SPI: it takes the snapshot just pushed */
	SPI_execute_with_args("SELECT " JOB_STATUS_NOW " FROM weir_internal.job j"
						  " LEFT JOIN weir_internal.run r ON r.job = j.id WHERE j.id = $1",
						  1, &type, &value, NULL, true, 1);
	found = SPI_processed > 0;
	if (found)
		word = weir_internal_text(context, 0, 1);
	weir_internal_leave(&internal);
	PopActiveSnapshot();
	if (found && !weir_job_status_parse(word, status))
		unknown_word("status", word);
	return found;
}

void
weir_job_set_status(int64 id, WeirJobStatus status, const char *reason, const char *last_error)
{
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, BOOLOID};
	Datum		values[5];
	char		nulls[] = "     ";

	values[0] = Int64GetDatum(id);
	values[1] = CStringGetTextDatum(status_names[status]);
	values[2] = reason ? CStringGetTextDatum(reason) : (Datum) 0;
	values[3] = last_error ? CStringGetTextDatum(last_error) : (Datum) 0;
	values[4] = BoolGetDatum(weir_job_status_is_active(status));
	nulls[2] = reason ? ' ' : 'n';
	nulls[3] = last_error ? ' ' : 'n';
	weir_internal_execute("UPDATE weir_internal.run SET status = $2, status_reason = $3,"
						  " last_error = coalesce($4, last_error), wanted = wanted AND $5"
						  " WHERE job = $1", 5, types, values, nulls);
}

void
weir_job_set_record_failure(const WeirJob *job)
{
	Oid			types[] = {INT8OID, INT8OID, TEXTOID, INT8ARRAYOID};
	Datum		values[4];
	Datum		lines[WEIR_SUSPECTS];

	for (int i = 0; i < job->suspects.n; i++)
		lines[i] = Int64GetDatum(job->suspects.lines[i]);
	values[0] = Int64GetDatum(job->id);
	values[1] = Int64GetDatum(job->record_failure.line);
	values[2] = CStringGetTextDatum(job->record_failure.sqlstate);
	values[3] = PointerGetDatum(construct_array(lines, job->suspects.n, INT8OID, sizeof(int64),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	weir_internal_execute("UPDATE weir_internal.run SET failed_line = $2, failed_sqlstate = $3,"
						  " suspect_lines = $4 WHERE job = $1", 4, types, values, NULL);
}

void
weir_job_set_crashes(int64 id, const WeirCrashes *crashes)
{
	Oid			types[] = {INT8OID, INT4OID, INT4OID};
	Datum		values[3];

	values[0] = Int64GetDatum(id);
	values[1] = Int32GetDatum(crashes->ours);
	values[2] = Int32GetDatum(crashes->unknown);
	weir_internal_execute("UPDATE weir_internal.run SET crashes = $2, kills = $3 WHERE job = $1",
						  3, types, values, NULL);
}

int64
weir_job_next_attempt(int64 id, int restarts)
{
	Oid			types[] = {INT8OID, INT8OID};
	Datum		values[2];
	WeirInternal internal;
	int64		attempt;

	values[0] = Int64GetDatum(id);
	values[1] = Int64GetDatum(restarts);
	weir_internal_enter(&internal);
	if (weir_internal_run("UPDATE weir_internal.run SET attempt = attempt + 1,"
						  " restarts = restarts + $2 WHERE job = $1 RETURNING attempt",
						  2, types, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " does not exist any more", id)));
	attempt = weir_internal_int64(0, 1);
	weir_internal_leave(&internal);
	return attempt;
}

void
weir_job_set_timeline(int64 id, int64 timeline)
{
	Oid			types[] = {INT8OID, INT8OID};
	Datum		values[2];

	values[0] = Int64GetDatum(id);
	values[1] = Int64GetDatum(timeline);
	weir_internal_execute("UPDATE weir_internal.run SET timeline = $2, fresh = false,"
						  " start_from = 0, altered = false, leave_state = false,"
						  " drop_state = false, migrate = NULL WHERE job = $1",
						  2, types, values, NULL);
}

void
weir_job_set_attempt(int64 id, Oid stream, Oid step_function, const char *step, int workers,
					 int prepared)
{
	Oid			types[] = {INT8OID, OIDOID, TEXTOID, INT4OID, INT4OID, OIDOID};
	Datum		values[6];

	values[0] = Int64GetDatum(id);
	values[1] = ObjectIdGetDatum(stream);
	values[2] = step ? CStringGetTextDatum(step) : (Datum) 0;
	values[3] = Int32GetDatum(workers);
	values[4] = Int32GetDatum(prepared);
	values[5] = ObjectIdGetDatum(step_function);
	weir_internal_execute("UPDATE weir_internal.run SET stream = $2, step = $3, workers = $4, prepared = $5,"
						  " step_function = $6"
						  " WHERE job = $1 AND (stream, step, workers, prepared, step_function)"
						  " IS DISTINCT FROM ($2, $3, $4, $5, $6)",
						  6, types, values, step ? NULL : "  n   ");
}

void
weir_job_clear_finished(int64 id)
{
	Oid			types[] = {INT8OID};
	Datum		value = Int64GetDatum(id);

	weir_internal_execute("UPDATE weir_internal.run SET was_finished = false"
						  " WHERE job = $1 AND was_finished", 1, types, &value, NULL);
}

/* The one column of a query's result, in the caller's memory context. */
static int64 *
query_ids(const char *query, int *n)
{
	WeirInternal internal;
	MemoryContext context = CurrentMemoryContext;
	int64	   *ids;

	weir_internal_enter(&internal);
	*n = (int) weir_internal_run(query, 0, NULL, NULL, NULL);
	ids = MemoryContextAlloc(context, sizeof(int64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		ids[i] = weir_internal_int64(i, 1);
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
	return query_ids("SELECT job FROM"
					 " (SELECT job FROM weir_internal.run"
					 "  UNION SELECT job FROM weir_internal.timeline"
					 "  UNION SELECT job FROM weir_internal.completed"
					 "  UNION SELECT job FROM weir_internal.marker"
					 "  UNION SELECT job FROM weir_internal.checkpoint"
					 "  UNION SELECT job FROM weir_internal.dead_letter"
					 "  UNION SELECT job FROM weir_internal.journal_segment) x"
					 " WHERE NOT EXISTS (SELECT FROM weir_internal.job j WHERE j.id = x.job)", n);
}
