/*
 * api/checkpointing.c
 *		weir.enable_checkpointing, disable_checkpointing, trigger_checkpoint.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "api/option.h"
#include "api/state/access.h"
#include "base/interval.h"
#include "catalog/job.h"
#include "graph/kinds/sink.h"
#include "server/registry.h"

#define MIN_INTERVAL_MS 10

PG_FUNCTION_INFO_V1(weir_enable_checkpointing);
PG_FUNCTION_INFO_V1(weir_disable_checkpointing);
PG_FUNCTION_INFO_V1(weir_trigger_checkpoint);

static void
read_change(FunctionCallInfo fcinfo, WeirCheckpointChange *change)
{
	change->every = weir_option_interval(fcinfo, 1, "every", MIN_INTERVAL_MS);
	change->mode = weir_arg_text(fcinfo, 2);
	change->timeout = weir_option_interval(fcinfo, 3, "timeout", MIN_INTERVAL_MS);
	change->min_pause = weir_option_interval(fcinfo, 4, "min_pause", 0);
	change->max_concurrent = weir_option_int(fcinfo, 5, "max_concurrent", 1,
											 "Set max_concurrent to 1 or more.");
	change->fail_on_errors = PG_ARGISNULL(6) ? -1 : PG_GETARG_BOOL(6);
	change->tolerable_failures = weir_option_int(fcinfo, 7, "tolerable_failures", 0,
												 "For no limit, set fail_on_errors => false and no tolerable_failures.");
	change->retain = weir_option_int(fcinfo, 8, "retain", 1,
									 "Set retain to 1 or more: the latest checkpoint is never dropped.");
	change->history = weir_option_int(fcinfo, 9, "history", 1, "Set history to 1 or more.");
	change->sink_flush = weir_option_interval(fcinfo, 10, "sink_flush", MIN_INTERVAL_MS);
	change->lock_wait = weir_option_interval(fcinfo, 11, "lock_wait", MIN_INTERVAL_MS);
	change->unaligned_after = weir_option_interval(fcinfo, 12, "unaligned_after", 0);
}

static void
check_running(const WeirJob *job, WeirMode mode)
{
	if (!job->checkpointing)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot enable checkpointing of job \"%s\" while it runs without", job->name),
				 errhint("Stop it with weir.stop_job first.")));
	if (mode != job->checkpoint.mode)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot change the mode of job \"%s\" while it runs", job->name),
				 errdetail("Its mode is %s.", weir_mode_name(job->checkpoint.mode)),
				 errhint("Stop it with weir.stop_job first.")));
}

static WeirMode
wanted_mode(const WeirJob *job, const char *word)
{
	WeirMode	mode;

	if (word == NULL)
		return job->checkpoint.mode;
	if (!weir_mode_parse(word, &mode))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown checkpointing mode \"%s\"", word),
				 errhint("The mode is exactly_once, at_least_once or at_most_once.")));
	return mode;
}

/*
 * A job that meets another's locks for longer than its lock_wait restarts,
 * and again, as long as the other one's epochs last.
 */
static void
notice_longer_epochs(const WeirJob *job, Oid target, int64 lock_wait)
{
	ListCell   *lc;

	foreach(lc, weir_jobs_all())
	{
		WeirJob    *other = lfirst(lc);

		if (other->id == job->id || !other->checkpointing ||
			!has_privs_of_role(GetUserId(), other->owner) ||
			other->checkpoint.every <= lock_wait || weir_job_target(other) != target)
			continue;
		ereport(NOTICE,
				(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
				 errmsg("job \"%s\" writes table \"%s\" too, and its epochs last longer than lock_wait",
						other->name, get_rel_name(target)),
				 errdetail("It checkpoints every %s; lock_wait of job \"%s\" is %s.",
						   weir_interval_text(other->checkpoint.every), job->name,
						   weir_interval_text(lock_wait)),
				 errhint("Where both write the same rows, set lock_wait longer than that.")));
	}
}

/* Compiling takes locks on stream and target, for which other changes need not wait. */
static void
check_query(const WeirJob *job, WeirMode mode, const WeirCheckpointChange *change)
{
	WeirDataflow *dataflow;
	const WeirNode *sink;

	if (job->checkpointing && change->lock_wait == NULL &&
		(change->mode == NULL || weir_job_is_running(job)))
		return;
	dataflow = weir_job_compile(job);
	weir_check_journal(job, dataflow, mode);
	weir_check_sinks(job, dataflow, true, mode);
	for (int n = 0; (sink = weir_graph_sink(dataflow->graph, n)) != NULL; n++)
		notice_longer_epochs(job, weir_sink_plan(sink)->target,
							 change->lock_wait ? weir_interval_us(change->lock_wait) : job->lock_wait);
	weir_dataflow_free(dataflow);
}

Datum
weir_enable_checkpointing(PG_FUNCTION_ARGS)
{
	char	   *name = weir_arg_required(fcinfo, 0, "job name");
	WeirCheckpointChange change;
	WeirMode	mode;
	WeirJob    *job;

	read_change(fcinfo, &change);
	job = weir_job_for_change(name, "weir.enable_checkpointing()");
	mode = wanted_mode(job, change.mode);
	if (weir_job_is_running(job))
		check_running(job, mode);
	check_query(job, mode, &change);
	weir_job_configure(job->id, &change);
	weir_registry_notify_at_commit(job->id, WEIR_REQUEST_CONFIGURE);
	PG_RETURN_VOID();
}

/* Waits until the output of a checkpoint taken now is visible. */
static int64
take_checkpoint(const WeirJob *job, const char *function)
{
	WeirRequestResult result;

	weir_check_can_wait(job, function);
	weir_registry_request(job->id, WEIR_REQUEST_CHECKPOINT, NULL, &result);
	if (!result.ok)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("checkpoint of job \"%s\" failed: %s", job->name, result.error),
				 result.detail[0] ? errdetail("%s", result.detail) : 0,
				 errhint("The view weir.checkpoints has its history.")));
	return result.checkpoint;
}

Datum
weir_disable_checkpointing(PG_FUNCTION_ARGS)
{
	char	   *name = weir_arg_required(fcinfo, 0, "job name");
	WeirJob    *job = weir_job_for_owner(name);

	weir_prevent_read_only("weir.disable_checkpointing()");
	if (!job->checkpointing)
		PG_RETURN_VOID();
	if (weir_job_is_running(job))
		(void) take_checkpoint(job, "weir.disable_checkpointing");
	job = weir_job_for_change(name, "weir.disable_checkpointing()");
	weir_job_disable_checkpointing(job->id);
	weir_registry_notify_at_commit(job->id, WEIR_REQUEST_CONFIGURE);
	PG_RETURN_VOID();
}

Datum
weir_trigger_checkpoint(PG_FUNCTION_ARGS)
{
	WeirJob    *job = weir_job_for_owner(weir_arg_required(fcinfo, 0, "job name"));

	weir_job_must_run(job, "weir.trigger_checkpoint()");
	if (!job->checkpointing)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job \"%s\" runs without checkpointing", job->name),
				 errhint("Stop it, call weir.enable_checkpointing, and start it again.")));
	PG_RETURN_INT64(take_checkpoint(job, "weir.trigger_checkpoint"));
}
