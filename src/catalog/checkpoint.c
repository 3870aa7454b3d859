/*
 * catalog/checkpoint.c
 *		weir_internal.checkpoint and checkpoint_task: checkpoints as
 *		weir.checkpoints shows them.
 *
 * The row is inserted at the trigger, so the highest id in the table is the
 * highest ever used: whatever else carries an id is written, in WAL order,
 * after it.  (Or it was inserted in the transaction of a decision that failed:
 * then the chunks, or the coordinator's memory, still know the id.)
 */
#include "postgres.h"

#include "catalog/checkpoint.h"
#include "catalog/internal.h"
#include "catalog/row.h"

static const char *
kind_name(WeirCheckpointKind kind)
{
	switch (kind)
	{
		case WEIR_PERIODIC:
			return "periodic";
		case WEIR_MANUAL:
			return "manual";
		case WEIR_SAVEPOINT:
			return "savepoint";
		case WEIR_FINAL:
			return "final";
	}
	return "unknown";
}

int64
weir_checkpoint_next_id(int64 job)
{
	WeirInternal saved;
	WeirArguments args = {0};
	int64		id;

	weir_bind_int64(&args, job);
	weir_internal_enter(&saved);
	weir_internal_run("SELECT 1 + GREATEST(0, "
					  "(SELECT max(id) FROM weir_internal.checkpoint WHERE job = $1), "
					  "(SELECT max(checkpoint) FROM weir_internal.completed WHERE job = $1)) AS next", &args);
	id = weir_row_int64(0, "next");
	weir_internal_leave(&saved);
	return id;
}

void
weir_checkpoint_triggered(int64 job, int64 id, int64 timeline, int64 attempt,
						  WeirCheckpointKind kind, const char *savepoint,
						  int ntasks, int64 at)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, id);
	weir_bind_int64(&args, timeline);
	weir_bind_int64(&args, attempt);
	weir_bind_text(&args, kind_name(kind));
	weir_bind_text(&args, savepoint);
	weir_bind_int32(&args, ntasks);
	weir_bind_timestamptz(&args, at);
	weir_internal_execute("INSERT INTO weir_internal.checkpoint "
						  "(job, id, timeline, attempt, kind, status, savepoint, tasks, triggered_at) "
						  "VALUES ($1, $2, $3, $4, $5, 'in_progress', $6, $7, $8)", &args);
}

void
weir_checkpoint_failed(int64 job, int64 id, const char *failure, int acknowledged)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, id);
	weir_bind_text(&args, failure);
	weir_bind_int32(&args, acknowledged);
	weir_internal_execute("UPDATE weir_internal.checkpoint SET status = 'failed', "
						  "failure = $3, acknowledged = $4, ended_at = pg_catalog.clock_timestamp() "
						  "WHERE job = $1 AND id = $2", &args);
}

void
weir_checkpoint_visible(int64 job, int64 id, int64 state_bytes, int64 written_bytes,
						int64 dirty_keys, int acknowledged)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, id);
	weir_bind_int64(&args, state_bytes);
	weir_bind_int64(&args, written_bytes);
	weir_bind_int64(&args, dirty_keys);
	weir_bind_int32(&args, acknowledged);
	weir_internal_execute("UPDATE weir_internal.checkpoint c SET status = 'completed', "
						  "state_bytes = $3, written_bytes = $4, dirty_keys = $5, acknowledged = $6, "
						  "ended_at = d.completed_at, visible_at = pg_catalog.clock_timestamp() "
						  "FROM weir_internal.completed d "
						  "WHERE c.job = $1 AND c.id = $2 AND d.job = $1 AND d.checkpoint = $2", &args);
}

void
weir_checkpoint_task(int64 job, int64 id, int task, const WeirTaskReport *report)
{
	WeirArguments args = {0};

	weir_bind_int64(&args, job);
	weir_bind_int64(&args, id);
	weir_bind_int32(&args, task);
	weir_bind_text(&args, report->name);
	weir_bind_int64(&args, report->start_delay);
	weir_bind_int64(&args, report->alignment);
	weir_bind_int64(&args, report->sync);
	weir_bind_int64(&args, report->write);
	weir_bind_int64(&args, report->bytes);
	weir_internal_execute("INSERT INTO weir_internal.checkpoint_task "
						  "SELECT $1, $2, $3, $4, $5 * '1 us'::interval, $6 * '1 us'::interval, "
						  "$7 * '1 us'::interval, $8 * '1 us'::interval, $9 "
						  "ON CONFLICT DO NOTHING", &args);
}

void
weir_checkpoint_settle(int64 job)
{
	WeirArguments args = {0};
	WeirInternal saved;

	weir_bind_int64(&args, job);
	weir_internal_enter(&saved);
	weir_internal_run("UPDATE weir_internal.checkpoint c SET status = 'completed', "
					  "acknowledged = tasks, ended_at = d.completed_at, "
					  "visible_at = pg_catalog.clock_timestamp() "
					  "FROM weir_internal.completed d "
					  "WHERE c.job = $1 AND c.status = 'in_progress' "
					  "AND d.job = $1 AND d.checkpoint = c.id", &args);
	weir_internal_run("UPDATE weir_internal.checkpoint SET status = 'failed', "
					  "failure = 'the attempt ended', ended_at = pg_catalog.clock_timestamp() "
					  "WHERE job = $1 AND status = 'in_progress'", &args);
	weir_internal_leave(&saved);
}

void
weir_checkpoint_forget(int64 job, int history)
{
	WeirArguments args = {0};
	WeirInternal saved;

	weir_bind_int64(&args, job);
	weir_bind_int32(&args, history);
	weir_internal_enter(&saved);
	if (weir_internal_run("DELETE FROM weir_internal.checkpoint WHERE job = $1 "
						  "AND status <> 'in_progress' AND id <= "
						  "(SELECT max(id) FROM weir_internal.checkpoint WHERE job = $1) - $2 "
						  "AND NOT EXISTS (SELECT FROM weir_internal.completed c WHERE c.job = $1 "
						  "AND c.checkpoint = id AND c.savepoint IS NOT NULL)", &args) > 0)
		weir_internal_run("DELETE FROM weir_internal.checkpoint_task WHERE job = $1 "
						  "AND checkpoint <= "
						  "(SELECT max(id) FROM weir_internal.checkpoint WHERE job = $1) - $2", &args);
	weir_internal_leave(&saved);
}
