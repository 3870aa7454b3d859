/*
 * catalog/job_define.c
 *		weir_internal.job and weir_internal.run: what users change.
 *
 * Everything here is part of the user's transaction.  Dropping a job deletes
 * its definition only: a running job may still write under its id, until its
 * coordinator has seen the cancellation and purges what is left.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/session.h"
#include "catalog/internal.h"
#include "catalog/job.h"
#include "catalog/job_depend.h"

/* The run row of a new job; a dumped and restored one gets it from start_job. */
static void
create_run(int64 id)
{
	Oid			types[] = {INT8OID, INT8OID, OIDOID};
	Datum		values[3];

	values[0] = Int64GetDatum(id);
	values[1] = Int64GetDatum((int64) GetSystemIdentifier());
	values[2] = ObjectIdGetDatum(MyDatabaseId);
	weir_internal_execute("INSERT INTO weir_internal.run (job, system_identifier, database)"
			" VALUES ($1, $2, $3) ON CONFLICT (job) DO NOTHING", 3, types, values, NULL);
}

int64
weir_job_create(const WeirJob *job)
{
	Oid			types[] = {TEXTOID, OIDOID, TEXTOID, INT4OID, INT4OID, JSONBOID, INT8OID};
	Datum		values[7];
	WeirInternal internal;
	int64		id = 0;

	values[0] = CStringGetTextDatum(job->name);
	values[1] = ObjectIdGetDatum(job->owner);
	values[2] = CStringGetTextDatum(job->query);
	values[3] = Int32GetDatum(job->parallelism);
	values[4] = Int32GetDatum(job->max_parallelism);
	values[5] = JsonbPGetDatum(weir_session_kept());
	values[6] = Int64GetDatum(job->max_state_memory);
	weir_internal_enter(&internal);
	if (weir_internal_run("INSERT INTO weir_internal.job"
						  " (name, owner, query, parallelism, max_parallelism, settings, max_state_memory)"
						  " VALUES ($1, $2, $3, $4, $5, $6, nullif($7, 0))"
						  " ON CONFLICT (name) DO NOTHING RETURNING id",
						  7, types, values, NULL) > 0)
		id = weir_internal_int64(0, 1);
	weir_internal_leave(&internal);
	if (id != 0)
		create_run(id);
	return id;
}

static void
set_int(int given, Datum *value, char *null)
{
	*value = Int32GetDatum(given);
	*null = given >= 0 ? ' ' : 'n';
}

/* What the next start does with the state that is kept. */
static void
alter_run(int64 id, const WeirJobChange *change)
{
	Oid			types[] = {INT8OID, BOOLOID, BOOLOID, TEXTOID};
	Datum		values[4];

	values[0] = Int64GetDatum(id);
	values[1] = BoolGetDatum(change->leave_state);
	values[2] = BoolGetDatum(change->drop_state);
	values[3] = change->migrate ? CStringGetTextDatum(change->migrate) : (Datum) 0;
	weir_internal_execute("UPDATE weir_internal.run SET altered = true, leave_state = $2,"
						  " drop_state = $3, migrate = $4 WHERE job = $1",
						  4, types, values, change->migrate ? NULL : "   n");
}

void
weir_job_alter(int64 id, const WeirJobChange *change)
{
	Oid			types[] = {INT8OID, TEXTOID, INT4OID, INT4OID, INT8OID};
	Datum		values[5];
	char		nulls[] = "     ";

	values[0] = Int64GetDatum(id);
	values[1] = change->query ? CStringGetTextDatum(change->query) : (Datum) 0;
	nulls[1] = change->query ? ' ' : 'n';
	set_int(change->parallelism, &values[2], &nulls[2]);
	set_int(change->max_parallelism, &values[3], &nulls[3]);
	values[4] = Int64GetDatum(change->max_state_memory);
	nulls[4] = change->max_state_memory >= 0 ? ' ' : 'n';
	weir_internal_execute("UPDATE weir_internal.job SET query = coalesce($2, query),"
						  " parallelism = coalesce($3, parallelism),"
						  " max_parallelism = coalesce($4, max_parallelism),"
						  " max_state_memory = CASE WHEN $5 IS NULL THEN max_state_memory"
						  " ELSE nullif($5, 0) END"
						  " WHERE id = $1", 5, types, values, nulls);
	if (change->new_timeline)
		alter_run(id, change);
}

static void
set_interval(const Interval *interval, Datum *value, char *null)
{
	*value = PointerGetDatum(interval);
	*null = interval ? ' ' : 'n';
}

void
weir_job_configure(int64 id, const WeirCheckpointChange *change)
{
	Oid			types[] = {INT8OID, TEXTOID, INTERVALOID, INTERVALOID, INTERVALOID,
		INTERVALOID, INTERVALOID, INT4OID, BOOLOID, INT4OID, INT4OID, INT4OID};
	Datum		values[12];
	char		nulls[] = "            ";

	values[0] = Int64GetDatum(id);
	values[1] = change->mode ? CStringGetTextDatum(change->mode) : (Datum) 0;
	nulls[1] = change->mode ? ' ' : 'n';
	set_interval(change->every, &values[2], &nulls[2]);
	set_interval(change->timeout, &values[3], &nulls[3]);
	set_interval(change->min_pause, &values[4], &nulls[4]);
	set_interval(change->sink_flush, &values[5], &nulls[5]);
	set_interval(change->lock_wait, &values[6], &nulls[6]);
	set_int(change->max_concurrent, &values[7], &nulls[7]);
	values[8] = BoolGetDatum(change->fail_on_errors > 0);
	nulls[8] = change->fail_on_errors >= 0 ? ' ' : 'n';
	set_int(change->tolerable_failures, &values[9], &nulls[9]);
	set_int(change->retain, &values[10], &nulls[10]);
	set_int(change->history, &values[11], &nulls[11]);
	/* The number wins over the boolean of the same call, not over that of a later one. */
	weir_internal_execute("UPDATE weir_internal.job SET checkpointing = true,"
			" mode = coalesce($2, mode), every = coalesce($3, every),"
			" timeout = coalesce($4, timeout), min_pause = coalesce($5, min_pause),"
			" sink_flush = coalesce($6, sink_flush), lock_wait = coalesce($7, lock_wait),"
			" max_concurrent = coalesce($8, max_concurrent),"
			" fail_on_errors = coalesce($9, fail_on_errors),"
			" tolerable_failures = CASE WHEN $10 IS NOT NULL OR $9 IS NOT NULL"
			" THEN $10 ELSE tolerable_failures END,"
			" retain = coalesce($11, retain), history = coalesce($12, history)"
			" WHERE id = $1", 12, types, values, nulls);
}

void
weir_job_disable_checkpointing(int64 id)
{
	Oid			types[] = {INT8OID};
	Datum		value = Int64GetDatum(id);

	weir_internal_execute("UPDATE weir_internal.job SET checkpointing = false WHERE id = $1",
			1, types, &value, NULL);
}

void
weir_job_set_restart_strategy(int64 id, const WeirRestartConfig *config)
{
	Oid			types[] = {INT8OID, TEXTOID, INT8OID, INT8OID, INT4OID, INT8OID,
	INT8OID, INT8OID, FLOAT8OID, INT8OID, FLOAT8OID};
	Datum		values[11];

	values[0] = Int64GetDatum(id);
	values[1] = CStringGetTextDatum(weir_restart_strategy_name(config->strategy));
	values[2] = Int64GetDatum(config->attempts);
	values[3] = Int64GetDatum(config->delay);
	values[4] = Int32GetDatum(config->max_failures);
	values[5] = Int64GetDatum(config->within);
	values[6] = Int64GetDatum(config->initial_delay);
	values[7] = Int64GetDatum(config->max_delay);
	values[8] = Float8GetDatum(config->multiplier);
	values[9] = Int64GetDatum(config->reset_after);
	values[10] = Float8GetDatum(config->jitter);
	weir_internal_execute("UPDATE weir_internal.job SET restart_strategy = $2,"
			" restart_attempts = $3, restart_delay = $4 * interval '1 us',"
			" restart_max_failures = $5, restart_within = $6 * interval '1 us',"
			" restart_initial_delay = $7 * interval '1 us',"
			" restart_max_delay = $8 * interval '1 us', restart_multiplier = $9,"
			" restart_reset_after = $10 * interval '1 us', restart_jitter = $11"
			" WHERE id = $1", 11, types, values, NULL);
}

void
weir_job_start(const WeirJob *job)
{
	Oid			types[] = {INT8OID, INT8OID, OIDOID, BOOLOID, BOOLOID, INT8OID, BOOLOID,
	INT4OID, INT4OID};
	Datum		values[9];

	create_run(job->id);
	values[0] = Int64GetDatum(job->id);
	values[1] = Int64GetDatum((int64) GetSystemIdentifier());
	values[2] = ObjectIdGetDatum(MyDatabaseId);
	values[3] = BoolGetDatum(job->fresh);
	values[4] = BoolGetDatum(job->was_finished);
	values[5] = Int64GetDatum(job->start_from);
	values[6] = BoolGetDatum(job->allow_gap);
	values[7] = Int32GetDatum(job->workers);
	values[8] = Int32GetDatum(job->prepared);
	weir_internal_execute("UPDATE weir_internal.run SET system_identifier = $2, database = $3,"
			" fresh = $4, was_finished = $5, start_from = $6, allow_gap = $7,"
			" wanted = true, status = 'starting',"
			" status_reason = NULL, last_error = NULL, restarts = 0,"
			" failed_line = NULL, failed_sqlstate = NULL, suspect_lines = NULL, crashes = 0, kills = 0,"
			" workers = $8, prepared = $9,"
			" started_at = clock_timestamp() WHERE job = $1", 9, types, values, NULL);
}

void
weir_job_delete(int64 id)
{
	Oid			types[] = {INT8OID};
	Datum		value = Int64GetDatum(id);

	weir_internal_execute("DELETE FROM weir_internal.job WHERE id = $1", 1, types, &value, NULL);
	weir_job_depend_delete(id);
}

/* Is a transaction of this job prepared?  See decide/recovery.h for its name. */
static bool
has_prepared(int64 id)
{
	Oid			types[] = {TEXTOID};
	Datum		value;

	value = CStringGetTextDatum(psprintf("weir_%u_" INT64_FORMAT "_", MyDatabaseId, id));
	return weir_internal_execute("SELECT FROM pg_prepared_xacts WHERE starts_with(gid, $1)",
								 1, types, &value, NULL) > 0;
}

bool
weir_job_purge(int64 id)
{
	static const char *const tables[] = {
		"run", "timeline", "snapshot", "checkpoint_task", "checkpoint", "outbox", "dead_letter",
		"marker", "completed"		/* the last two only when nothing is prepared */
	};
	Oid			types[] = {INT8OID};
	Datum		value = Int64GetDatum(id);
	bool		prepared = has_prepared(id);
	int			n = lengthof(tables) - (prepared ? 2 : 0);

	for (int i = 0; i < n; i++)
		weir_internal_execute(psprintf("DELETE FROM weir_internal.%s WHERE job = $1", tables[i]),
				1, types, &value, NULL);
	return !prepared;
}
