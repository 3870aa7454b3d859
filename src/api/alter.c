/*
 * api/alter.c
 *		weir.alter_job: another query or parallelism for a job that is there.
 *
 * Acts at the caller's commit, on a job that does not run.  With restart =>
 * true a running job is stopped first, with a checkpoint, which acts at once
 * and is not undone; the change and the start come with the commit.
 *
 * What becomes of the state that the last completed checkpoint holds:
 *
 *	same keyed step		(graph/number.h) each state is matched by its name and type.  One that is
 *						declared no more needs drop_state, one of another type a
 *						function to migrate it; a new one begins empty.
 *	another one, none	all of it is left behind, which needs drop_state.
 *	none, as before		there is none.
 *
 * Whatever is converted is converted once: the next start begins a timeline
 * whose checkpoints hold only what is declared then.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "api/kept_state.h"
#include "api/option.h"
#include "api/state/access.h"
#include "catalog/checkpoint.h"
#include "catalog/group.h"
#include "catalog/job.h"
#include "catalog/job_depend.h"
#include "job/coordinator.h"
#include "operator/node_store.h"
#include "server/registry.h"
#include "source/stream.h"

PG_FUNCTION_INFO_V1(weir_alter_job);

/* A chunk that is only held against the store's declarations. */
static void
check_chunk(void *arg, int group, bool is_full, bytea *payload)
{
	weir_store_check(arg, group, is_full, payload);
}

static void
refuse_stream(const WeirJob *job, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("job \"%s\" cannot change its stream", job->name),
			 errdetail("%s", detail),
			 errhint("Create another job for the other stream.")));
}

/* The job's query as it is to be, and as it was, read from the same streams. */
static void
check_streams(const WeirJob *job, const WeirGraph *graph, List *stored)
{
	ListCell   *lc;

	foreach(lc, stored)
	{
		const WeirStoredNode *source = lfirst(lc);
		const WeirNode *node = source->keyed ? NULL : weir_graph_matches(graph, source);
		char	   *before = source->keyed ? NULL : get_rel_name(source->object);

		if (source->keyed || (node && weir_node_object(node) == source->object))
			continue;
		if (node == NULL)
			refuse_stream(job, psprintf("It has read \"%s\", which the query does not read.",
										before ? before : "a stream that was dropped"));
		refuse_stream(job, psprintf("Its journal and its positions are those of \"%s\", the query reads \"%s\".",
									before ? before : "a stream that was dropped",
									get_rel_name(weir_node_object(node))));
	}
	for (int n = 0; stored != NIL && n < weir_graph_nsources(graph); n++)
	{
		const WeirNode *node = weir_graph_source(graph, n);

		if (weir_graph_matched(node, stored) == NULL)
			refuse_stream(job, psprintf("The query reads \"%s\", which the job has not read.",
										get_rel_name(weir_node_object(node))));
	}
}

/* Is no keyed step one that the job had last, though there are any? */
static bool
shares_no_step(const WeirGraph *graph, List *stored)
{
	bool		had = false;
	ListCell   *lc;

	foreach(lc, stored)
	{
		const WeirStoredNode *step = lfirst(lc);

		if (!step->keyed || !step->current)
			continue;
		if (weir_graph_matches(graph, step))
			return false;
		had = true;
	}
	return had || weir_graph_nkeyed(graph) > 0;
}

/* Another keyed step knows nothing of the state that is kept. */
static void
check_left(const WeirJob *job, const WeirCompleted *kept, const WeirGraph *graph, List *stored,
		   WeirJobChange *change)
{
	const WeirStoredNode *left = change->drop_state ? NULL : weir_kept_unknown(job, kept, graph, stored);

	if (left)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the state of job \"%s\" does not belong to its new query", job->name),
				 errdetail("It was kept by %s.", weir_kept_by(left)),
				 errhint("Set drop_state => true to begin with empty state.")));
	change->leave_state = shares_no_step(graph, stored);
}

/*
 * Holds what is kept against what the query's steps declare; as the owner, whose
 * types and functions a store calls, and by whose names migrate is looked up later.
 */
static void
check_state(const WeirJob *job, const WeirCompleted *kept, const WeirGraph *graph, List *stored,
			WeirJobChange *change)
{
	WeirSession before;

	check_left(job, kept, graph, stored, change);
	weir_job_become_owner(job, &before);
	for (int n = 0; n < weir_graph_nkeyed(graph); n++)
	{
		const WeirNode *node = weir_graph_keyed(graph, n);
		WeirStore  *store;

		if (weir_graph_matched(node, stored) == NULL)
			continue;
		store = weir_node_store_create(node, kept->max_parallelism, 0, kept->max_parallelism);
		if (weir_group_is_of(job->id))
			weir_store_group_by_partition(store);
		weir_store_convert(store, change->drop_state, change->migrate);
		weir_kept_read(job, kept, node->number, check_chunk, store);
		weir_store_destroy(store);
	}
	weir_job_become_caller(&before);
}

static WeirCompleted *
kept_checkpoint(const WeirJob *job)
{
	return weir_start_reached(job, weir_completed_all(job->id));
}

/* Stopping the job, which is "last" not yet, writes state at the groups it has. */
static void
check_groups(const WeirJob *job, const WeirCompleted *kept, const WeirJobChange *change, bool last)
{
	int			written_at = kept ? kept->max_parallelism :
		!last && job->checkpointing && !change->drop_state ? job->max_parallelism : -1;

	if (written_at < 0 || change->leave_state || change->max_parallelism < 0 ||
		change->max_parallelism == written_at)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("max_parallelism of job \"%s\" is fixed", job->name),
			 errdetail("Its state is written at max_parallelism %d, which cannot become %d.",
					   written_at, change->max_parallelism),
			 errhint("Create another job with the other max_parallelism.")));
}

/* The job as it will be. */
static WeirJob
altered_job(const WeirJob *job, const WeirJobChange *change)
{
	WeirJob		altered = *job;

	if (change->query)
		altered.query = pstrdup(change->query);
	if (change->parallelism >= 0)
		altered.parallelism = change->parallelism;
	if (change->max_parallelism >= 0)
		altered.max_parallelism = change->max_parallelism;
	return altered;
}

/* What can be said against the change; completes it.  last: it is made. */
static void
check_change(const WeirJob *job, WeirJobChange *change, bool last)
{
	WeirCompleted *kept = kept_checkpoint(job);
	WeirJob		altered = altered_job(job, change);

	weir_check_parallelism(altered.parallelism, altered.max_parallelism);
	if (change->new_timeline)
	{
		WeirDataflow *dataflow = weir_job_compile_new(&altered);
		List	   *stored = weir_job_nodes(job->id);

		check_streams(job, dataflow->graph, stored);
		if (last)				/* a stop leaves none on their way */
			weir_kept_check_in_flight(job, kept, "be altered", "alter it");
		if (kept)
			check_state(job, kept, dataflow->graph, stored, change);
		check_groups(job, kept, change, last);
		if (last)
		{
			weir_job_depend_set(job->id, dataflow->graph->uses);
			weir_job_keep_streams(job->id, dataflow->graph);	/* no rollback has it back */
		}
		weir_dataflow_free(dataflow);
		return;
	}
	check_groups(job, kept, change, last);
}

static void
check_not_running(const WeirJob *job)
{
	if (weir_job_is_running(job))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job \"%s\" is running", job->name),
				 errdetail("Its status is \"%s\".", weir_job_status_name(job->status)),
				 errhint("Stop it with weir.stop_job first, or set restart => true.")));
}

/* An older snapshot would show the job as it was before it stopped. */
static void
check_isolation(const WeirJob *job)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("weir.alter_job with restart => true needs isolation level READ COMMITTED"),
				 errdetail("This transaction would not see that job \"%s\" has stopped.", job->name),
				 errhint("Call it in another transaction, or stop, change and start the job in one each.")));
}

/*
 * Stops a running job with a last checkpoint; true if it ran.  What could keep
 * it from being changed and started is found before.
 */
static bool
stop_for_change(const char *name, WeirJobChange *change)
{
	WeirJob    *job = weir_job_for_owner(name);
	WeirJob		altered;

	if (!weir_job_is_running(job))
		return false;
	check_isolation(job);
	check_change(job, change, false);
	altered = altered_job(job, change);
	weir_job_check_begin(&altered);
	weir_job_stop(job, "weir.alter_job");
	return true;
}

/* A number of at least 1; null is -1. */
static int
arg_number(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		return -1;
	if (PG_GETARG_INT32(n) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s %d is out of range", name, PG_GETARG_INT32(n)),
				 errhint("Choose %s of at least 1.", name)));
	return PG_GETARG_INT32(n);
}

/* A size, '0' for no limit; null is -1. */
static int64
arg_memory(FunctionCallInfo fcinfo, int n)
{
	char	   *given = weir_arg_text(fcinfo, n);

	if (given == NULL)
		return -1;
	return strcmp(given, "0") == 0 ? 0 :
		weir_option_bytes(fcinfo, n, "max_state_memory", WEIR_MIN_STATE_MEMORY);
}

static void
read_change(FunctionCallInfo fcinfo, WeirJobChange *change)
{
	change->query = weir_arg_text(fcinfo, 1);
	change->parallelism = arg_number(fcinfo, 2, "parallelism");
	change->max_parallelism = arg_number(fcinfo, 3, "max_parallelism");
	change->drop_state = weir_arg_bool(fcinfo, 5);
	change->migrate = weir_arg_text(fcinfo, 6);
	change->max_state_memory = arg_memory(fcinfo, 7);
	change->new_timeline = change->query || change->drop_state || change->migrate;
}

Datum
weir_alter_job(PG_FUNCTION_ARGS)
{
	char	   *name = weir_arg_required(fcinfo, 0, "job name");
	WeirJobChange change = {0};
	bool		start;
	WeirJob    *job;

	weir_check_unrestricted("weir.alter_job");
	weir_prevent_read_only("weir.alter_job()");
	read_change(fcinfo, &change);
	start = weir_arg_bool(fcinfo, 4) && stop_for_change(name, &change);
	job = weir_job_for_change(name, "weir.alter_job()");
	check_not_running(job);
	check_change(job, &change, true);
	weir_job_alter(job->id, &change);
	if (start)
		weir_job_begin(weir_job_by_id(job->id));
	PG_RETURN_VOID();
}
