/*
 * api/savepoint.c
 *		weir.create_savepoint, drop_savepoint; savepoints of stop_job and
 *		start_job.
 *
 * create_savepoint acts at once and waits; drop_savepoint takes the name away
 * at the caller's commit, and what the checkpoint holds is left to retention.
 */
#include "postgres.h"

#include "fmgr.h"

#include "api/savepoint.h"
#include "api/state/access.h"
#include "catalog/checkpoint.h"
#include "catalog/job_node.h"
#include "server/registry.h"
#include "source/source.h"

PG_FUNCTION_INFO_V1(weir_create_savepoint);
PG_FUNCTION_INFO_V1(weir_drop_savepoint);

void
weir_savepoint_check_new(const WeirJob *job, const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("savepoint name must not be empty")));
	if (strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("savepoint name is too long"),
				 errdetail("\"%s\" has %zu bytes; at most %d are allowed.",
						   name, strlen(name), NAMEDATALEN - 1),
				 errhint("Choose a shorter name.")));
	if (!job->checkpointing)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job \"%s\" runs without checkpointing", job->name),
				 errhint("Stop it, call weir.enable_checkpointing, and start it again.")));
	if (weir_savepoint_find(job->id, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("savepoint \"%s\" of job \"%s\" already exists", name, job->name),
				 errhint("Choose another name, or drop it with weir.drop_savepoint.")));
}

static void
no_such_savepoint(const WeirJob *job, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("savepoint \"%s\" of job \"%s\" does not exist", name, job->name),
			 errhint("The view weir.checkpoints lists the savepoints of a job.")));
}

Datum
weir_create_savepoint(PG_FUNCTION_ARGS)
{
	WeirJob    *job = weir_job_for_owner(weir_arg_required(fcinfo, 0, "job name"));
	char	   *name = weir_arg_required(fcinfo, 1, "savepoint name");
	WeirRequestResult result;

	weir_job_must_run(job, "weir.create_savepoint()");
	weir_savepoint_check_new(job, name);
	weir_check_can_wait(job, "weir.create_savepoint");
	weir_registry_request(job->id, WEIR_REQUEST_SAVEPOINT, name, &result);
	if (!result.ok)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("savepoint \"%s\" of job \"%s\" failed: %s", name, job->name, result.error),
				 result.detail[0] ? errdetail("%s", result.detail) : 0,
				 errhint("The view weir.checkpoints has its history.")));
	PG_RETURN_INT64(result.checkpoint);
}

Datum
weir_drop_savepoint(PG_FUNCTION_ARGS)
{
	char	   *job_name = weir_arg_required(fcinfo, 0, "job name");
	char	   *name = weir_arg_required(fcinfo, 1, "savepoint name");
	WeirJob    *job = weir_job_for_change(job_name, "weir.drop_savepoint()");

	if (!weir_savepoint_drop(job->id, name))
		no_such_savepoint(job, name);
	PG_RETURN_VOID();
}

static void
check_journal_holds(const WeirJob *job, const WeirSourceOps *source, int number, Oid stream,
					const char *name, const WeirPosition *position)
{
	char	   *missing = source->missing(job->id, number, stream, position);

	if (missing != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("journal of job \"%s\" no longer holds what followed savepoint \"%s\"",
						job->name, name),
				 errdetail("%s", missing),
				 errhint("Set allow_gap => true to go on without them.")));
}

WeirCompleted *
weir_savepoint_require(const WeirJob *job, const char *name)
{
	WeirCompleted *row = weir_savepoint_find(job->id, name);

	if (row == NULL)
		no_such_savepoint(job, name);
	return row;
}

void
weir_savepoint_start_from(WeirJob *job, const char *name)
{
	WeirCompleted *row = weir_savepoint_require(job, name);
	List	   *nodes = weir_job_nodes(job->id);

	job->start_from = row->checkpoint;
	for (int i = 0; i < row->npositions; i++)
	{
		const WeirPosition *position = &row->positions[i];
		Oid			stream = weir_stored_stream(nodes, i);
		const WeirSourceOps *source = OidIsValid(stream) ? weir_source_of(stream) : NULL;

		if (source == NULL)
			continue;
		if (!job->allow_gap)
			check_journal_holds(job, source, i, stream, name, position);
		job->was_finished = job->was_finished || source->position_ended(position);
	}
}
