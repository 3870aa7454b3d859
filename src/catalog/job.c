/*
 * catalog/job.c
 *		weir_internal.job and weir_internal.run: reading them, and the status
 *		that coordinators keep.  What users change is in job_define.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
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

#define JOB_QUERY \
	"SELECT j.id, j.name, j.owner, j.query, j.parallelism, j.max_parallelism," \
	" j.settings->>'search_path', j.settings->>'TimeZone'," \
	" j.settings->>'DateStyle', j.settings->>'IntervalStyle'," \
	" j.checkpointing, j.mode, j.every, j.timeout, j.min_pause, j.max_concurrent," \
	" coalesce(j.tolerable_failures, CASE WHEN j.fail_on_errors THEN 0 ELSE -1 END)," \
	" j.retain, j.history, j.sink_flush, j.lock_wait," \
	" " JOB_STATUS ", r.status_reason," \
	" coalesce(r.wanted AND weir_internal.is_here(r.system_identifier, r.database), false)," \
	" coalesce(r.attempt, 0), coalesce(r.restarts, 0), coalesce(r.timeline, 0)," \
	" coalesce(r.fresh, false), coalesce(r.was_finished, false)," \
	" j.restart_strategy, j.restart_attempts, j.restart_delay, j.restart_max_failures, j.restart_within," \
	" j.restart_initial_delay, j.restart_max_delay, j.restart_multiplier," \
	" j.restart_reset_after, j.restart_jitter," \
	" coalesce(r.start_from, 0), coalesce(r.allow_gap, false), j.max_state_memory," \
	" r.stream, r.step, coalesce(r.altered, false), coalesce(r.leave_state, false)," \
	" coalesce(r.drop_state, false), r.migrate," \
	" coalesce(r.failed_line, 0), coalesce(r.failed_sqlstate, '')," \
	" coalesce(r.crashes, 0), coalesce(r.kills, 0), coalesce(r.workers, 0), coalesce(r.prepared, 0)" \
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
row_int(int row, int column)
{
	bool		isnull;

	return DatumGetInt32(weir_internal_get(row, column, &isnull));
}

static double
row_float(int row, int column)
{
	bool		isnull;

	return DatumGetFloat8(weir_internal_get(row, column, &isnull));
}

static Oid
row_oid(int row, int column)
{
	bool		isnull;
	Datum		value = weir_internal_get(row, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

static bool
row_bool(int row, int column)
{
	bool		isnull;

	return DatumGetBool(weir_internal_get(row, column, &isnull));
}

/* Microseconds of an interval, which has no months. */
static int64
row_interval(int row, int column)
{
	bool		isnull;
	Interval   *i = DatumGetIntervalP(weir_internal_get(row, column, &isnull));

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
	char	   *mode = weir_internal_text(context, row, 12);

	job->checkpointing = row_bool(row, 11);
	job->checkpoint.periodic = job->checkpointing;
	if (!weir_mode_parse(mode, &job->checkpoint.mode))
		unknown_word("mode", mode);
	job->checkpoint.every = row_interval(row, 13);
	job->checkpoint.timeout = row_interval(row, 14);
	job->checkpoint.min_pause = row_interval(row, 15);
	job->checkpoint.max_concurrent = row_int(row, 16);
	job->checkpoint.tolerable = row_int(row, 17);
	job->checkpoint.retain = row_int(row, 18);
	job->history = row_int(row, 19);
	job->sink_flush = row_interval(row, 20);
	job->lock_wait = row_interval(row, 21);
}

static void
read_restart(MemoryContext context, WeirJob *job, int row)
{
	WeirRestartConfig *restart = &job->restart;
	char	   *strategy = weir_internal_text(context, row, 30);

	WeirRestartStrategy given;

	weir_restart_defaults(restart, weir_restart_default_strategy(job->checkpointing));
	if (strategy == NULL)
		return;
	if (!weir_restart_strategy_parse(strategy, &given))
		unknown_word("restart strategy", strategy);
	restart->strategy = given;
	restart->attempts = row_int(row, 31);
	restart->delay = row_interval(row, 32);
	restart->max_failures = row_int(row, 33);
	restart->within = row_interval(row, 34);
	restart->initial_delay = row_interval(row, 35);
	restart->max_delay = row_interval(row, 36);
	restart->multiplier = row_float(row, 37);
	restart->reset_after = row_interval(row, 38);
	restart->jitter = row_float(row, 39);
}

static void
read_run(MemoryContext context, WeirJob *job, int row)
{
	char	   *status = weir_internal_text(context, row, 22);

	if (!weir_job_status_parse(status, &job->status))
		unknown_word("status", status);
	job->status_reason = weir_internal_text(context, row, 23);
	job->wanted = row_bool(row, 24);
	job->attempt = weir_internal_int64(row, 25);
	job->restarts = weir_internal_int64(row, 26);
	job->timeline = weir_internal_int64(row, 27);
	job->fresh = row_bool(row, 28);
	job->was_finished = row_bool(row, 29);
	job->start_from = weir_internal_int64(row, 40);
	job->allow_gap = row_bool(row, 41);
	job->stream = row_oid(row, 43);
	job->step = weir_internal_text(context, row, 44);
	job->altered = row_bool(row, 45);
	job->leave_state = row_bool(row, 46);
	job->drop_state = row_bool(row, 47);
	job->migrate = weir_internal_text(context, row, 48);
	job->record_failure.line = weir_internal_int64(row, 49);
	strlcpy(job->record_failure.sqlstate, weir_internal_text(context, row, 50),
			sizeof(job->record_failure.sqlstate));
	job->crashes.ours = row_int(row, 51);
	job->crashes.unknown = row_int(row, 52);
	job->workers = row_int(row, 53);
	job->prepared = row_int(row, 54);
}

/* A row of JOB_QUERY, in the caller's memory context. */
static WeirJob *
read_job(MemoryContext context, int row)
{
	WeirJob    *job = MemoryContextAllocZero(context, sizeof(WeirJob));
	bool		isnull;

	job->id = weir_internal_int64(row, 1);
	job->name = weir_internal_text(context, row, 2);
	job->owner = DatumGetObjectId(weir_internal_get(row, 3, &isnull));
	job->query = weir_internal_text(context, row, 4);
	job->parallelism = row_int(row, 5);
	job->max_parallelism = row_int(row, 6);
	job->max_state_memory = weir_internal_int64(row, 42);
	job->search_path = weir_internal_text(context, row, 7);
	job->timezone = weir_internal_text(context, row, 8);
	job->datestyle = weir_internal_text(context, row, 9);
	job->intervalstyle = weir_internal_text(context, row, 10);
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
weir_job_set_record_failure(int64 id, const WeirRecordFailure *failure)
{
	Oid			types[] = {INT8OID, INT8OID, TEXTOID};
	Datum		values[3];

	values[0] = Int64GetDatum(id);
	values[1] = Int64GetDatum(failure->line);
	values[2] = CStringGetTextDatum(failure->sqlstate);
	weir_internal_execute("UPDATE weir_internal.run SET failed_line = $2, failed_sqlstate = $3"
						  " WHERE job = $1", 3, types, values, NULL);
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
weir_job_set_attempt(int64 id, Oid stream, const char *step, int workers, int prepared)
{
	Oid			types[] = {INT8OID, OIDOID, TEXTOID, INT4OID, INT4OID};
	Datum		values[5];

	values[0] = Int64GetDatum(id);
	values[1] = ObjectIdGetDatum(stream);
	values[2] = step ? CStringGetTextDatum(step) : (Datum) 0;
	values[3] = Int32GetDatum(workers);
	values[4] = Int32GetDatum(prepared);
	weir_internal_execute("UPDATE weir_internal.run SET stream = $2, step = $3, workers = $4, prepared = $5"
						  " WHERE job = $1 AND (stream, step, workers, prepared)"
						  " IS DISTINCT FROM ($2, $3, $4, $5)",
						  5, types, values, step ? NULL : "  n  ");
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
