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
#include "utils/timestamp.h"

#include "base/session.h"
#include "catalog/internal.h"
#include "catalog/job.h"
#include "catalog/job_depend.h"
#include "catalog/prepared.h"
#include "catalog/row.h"
#include "catalog/version.h"

/* The run row of a new job; a dumped and restored one gets it from start_job. */
static void
create_run(int64 id)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	weir_bind_int64(&args, GetSystemIdentifier());
	weir_bind_oid(&args, MyDatabaseId);
	weir_internal_execute("INSERT INTO weir_internal.run (job, system_identifier, database)"
			" VALUES ($1, $2, $3) ON CONFLICT (job) DO NOTHING", &args);
}

int64
weir_job_create(const WeirJob *job)
{
	WeirArguments args = {0};
	WeirInternal internal;
	int64		id = 0;

	weir_bind_text(&args, job->name);
	weir_bind_oid(&args, job->owner);
	weir_bind_text(&args, job->query);
	weir_bind_int32(&args, job->parallelism);
	weir_bind_int32(&args, job->max_parallelism);
	weir_bind(&args, JSONBOID, JsonbPGetDatum(weir_session_kept()), false);
	weir_bind_int64(&args, job->max_state_memory);
	weir_bind_text(&args, job->emit_updates ? "update" : "final");
	weir_version_require();
	weir_internal_enter(&internal);
	if (weir_internal_run("INSERT INTO weir_internal.job"
						  " (name, owner, query, parallelism, max_parallelism, settings, max_state_memory, emit)"
						  " VALUES ($1, $2, $3, $4, $5, $6, nullif($7, 0), $8)"
						  " ON CONFLICT (name) DO NOTHING RETURNING id", &args) > 0)
		id = weir_row_int64(0, "id");
	weir_internal_leave(&internal);
	if (id != 0)
		create_run(id);
	return id;
}

/* Negative: not given. */
static void
add_int(WeirArguments *args, int given)
{
	weir_bind_int32(args, given);
	if (given < 0)
		weir_bind_set_null(args);
}

/* What the next start does with the state that is kept. */
static void
alter_run(int64 id, const WeirJobChange *change)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	weir_bind_bool(&args, change->leave_state);
	weir_bind_bool(&args, change->drop_state);
	weir_bind_text(&args, change->migrate);
	weir_internal_execute("UPDATE weir_internal.run SET altered = true, leave_state = $2,"
						  " drop_state = $3, migrate = $4 WHERE job = $1", &args);
}

void
weir_job_alter(int64 id, const WeirJobChange *change)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	weir_bind_text(&args, change->query);
	add_int(&args, change->parallelism);
	add_int(&args, change->max_parallelism);
	weir_bind_int64(&args, change->max_state_memory);
	if (change->max_state_memory < 0)
		weir_bind_set_null(&args);
	weir_internal_execute("UPDATE weir_internal.job SET query = coalesce($2, query),"
						  " parallelism = coalesce($3, parallelism),"
						  " max_parallelism = coalesce($4, max_parallelism),"
						  " max_state_memory = CASE WHEN $5 IS NULL THEN max_state_memory"
						  " ELSE nullif($5, 0) END"
						  " WHERE id = $1", &args);
	if (change->new_timeline)
		alter_run(id, change);
}

void
weir_job_configure(int64 id, const WeirCheckpointChange *change)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	weir_bind_text(&args, change->mode);
	weir_bind_interval(&args, change->every);
	weir_bind_interval(&args, change->timeout);
	weir_bind_interval(&args, change->min_pause);
	weir_bind_interval(&args, change->sink_flush);
	weir_bind_interval(&args, change->lock_wait);
	add_int(&args, change->max_concurrent);
	weir_bind_bool(&args, change->fail_on_errors > 0);
	if (change->fail_on_errors < 0)
		weir_bind_set_null(&args);
	add_int(&args, change->tolerable_failures);
	add_int(&args, change->retain);
	add_int(&args, change->history);
	weir_bind_interval(&args, change->unaligned_after);
	/* The number wins over the boolean of the same call, not over that of a later one. */
	weir_internal_execute("UPDATE weir_internal.job SET checkpointing = true,"
			" mode = coalesce($2, mode), every = coalesce($3, every),"
			" timeout = coalesce($4, timeout), min_pause = coalesce($5, min_pause),"
			" sink_flush = coalesce($6, sink_flush), lock_wait = coalesce($7, lock_wait),"
			" max_concurrent = coalesce($8, max_concurrent),"
			" fail_on_errors = coalesce($9, fail_on_errors),"
			" tolerable_failures = CASE WHEN $10 IS NOT NULL OR $9 IS NOT NULL"
			" THEN $10 ELSE tolerable_failures END,"
			" retain = coalesce($11, retain), history = coalesce($12, history),"
			" unaligned_after = coalesce($13, unaligned_after)"
			" WHERE id = $1", &args);
}

void
weir_job_disable_checkpointing(int64 id)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	weir_internal_execute("UPDATE weir_internal.job SET checkpointing = false WHERE id = $1", &args);
}

void
weir_job_set_restart_strategy(int64 id, const WeirRestartConfig *config)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	weir_bind_text(&args, weir_restart_strategy_name(config->strategy));
	weir_bind_int64(&args, config->attempts);
	weir_bind_int64(&args, config->delay);
	weir_bind_int32(&args, config->max_failures);
	weir_bind_int64(&args, config->within);
	weir_bind_int64(&args, config->initial_delay);
	weir_bind_int64(&args, config->max_delay);
	weir_bind_float8(&args, config->multiplier);
	weir_bind_int64(&args, config->reset_after);
	weir_bind_float8(&args, config->jitter);
	weir_internal_execute("UPDATE weir_internal.job SET restart_strategy = $2,"
			" restart_attempts = $3, restart_delay = $4 * interval '1 us',"
			" restart_max_failures = $5, restart_within = $6 * interval '1 us',"
			" restart_initial_delay = $7 * interval '1 us',"
			" restart_max_delay = $8 * interval '1 us', restart_multiplier = $9,"
			" restart_reset_after = $10 * interval '1 us', restart_jitter = $11"
			" WHERE id = $1", &args);
}

void
weir_job_start(const WeirJob *job)
{
	WeirArguments args = {0};

	create_run(job->id);
	weir_bind_int64(&args, job->id);
	weir_bind_int64(&args, GetSystemIdentifier());
	weir_bind_oid(&args, MyDatabaseId);
	weir_bind_bool(&args, job->fresh);
	weir_bind_bool(&args, job->was_finished);
	weir_bind_int64(&args, job->start_from);
	weir_bind_bool(&args, job->allow_gap);
	weir_bind_int32(&args, job->workers);
	weir_bind_int32(&args, job->prepared);
	weir_internal_execute("UPDATE weir_internal.run SET system_identifier = $2, database = $3,"
			" fresh = $4, was_finished = $5, start_from = $6, allow_gap = $7,"
			" wanted = true, status = 'starting',"
			" status_reason = NULL, last_error = NULL, restarts = 0,"
			" failed_line = NULL, failed_sqlstate = NULL, suspect_lines = NULL, crashes = 0, kills = 0,"
			" workers = $8, prepared = $9,"
			" started_at = clock_timestamp() WHERE job = $1", &args);
}

void
weir_job_delete(int64 id)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, id);
	weir_internal_execute("DELETE FROM weir_internal.job WHERE id = $1", &args);
	weir_job_depend_delete(id);
}

bool
weir_job_purge(int64 id)
{
	static const char *const tables[] = {
		"run", "job_node", "timeline", "snapshot", "in_flight", "checkpoint_task", "checkpoint", "outbox", "dead_letter", "retry",
		"group_partition", "group_job",
		"marker", "completed"		/* the last two only when nothing is prepared */
	};
	WeirArguments args = {0};
	bool		prepared = weir_prepared_in(MyDatabaseId, id) != NIL;
	int			n = lengthof(tables) - (prepared ? 2 : 0);

	weir_bind_int64(&args, id);
	for (int i = 0; i < n; i++)
		weir_internal_execute(psprintf("DELETE FROM weir_internal.%s WHERE job = $1", tables[i]), &args);
	return !prepared;
}
