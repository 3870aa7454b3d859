/*
 * job/attempt_start.c
 *		Begin of an attempt: what it needs, its shared memory, its tasks, as a gang.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/session.h"
#include "base/settings.h"
#include "base/text.h"
#include "catalog/in_flight.h"
#include "graph/describe.h"
#include "graph/kinds/source.h"
#include "graph/number.h"
#include "graph/stage.h"
#include "job/coordinator.h"
#include "job/group.h"
#include "job/resources.h"
#include "server/worker.h"
#include "task/begin.h"
#include "task/task.h"

/* In the words of the job's query. */
static void
set_steps(WeirShape *shape, const WeirGraph *graph, int parallelism)
{
	WeirStages *stages = weir_graph_stages(graph, parallelism);

	for (int i = 0; i < stages->topology.nstages; i++)
		weir_text_copy(shape->steps[i], weir_describe_stage(graph, &stages->nodes[i]), WEIR_STEPS_SIZE);
}

/* As the owner, with the job's settings: where does the sink run? */
static WeirDataflow *
compile_as_owner(WeirCoordinator *co, WeirShape *shape)
{
	WeirSession before;
	WeirDataflow *dataflow;

	weir_session_enter(&before, co->job->owner, co->job->settings);
	dataflow = weir_compile(co->job->query, co->job->emit_updates, true);
	set_steps(shape, dataflow->graph, co->job->parallelism);
	weir_group_open(co, dataflow->graph);
	weir_session_leave(&before);
	return dataflow;
}

static void
set_shape(WeirShape *shape, const WeirGraph *graph, int parallelism)
{
	WeirStages *stages = weir_graph_stages(graph, parallelism);

	memcpy(&shape->topology, &stages->topology, sizeof(WeirTopology));
	shape->event_time = weir_begin_is_of(graph);
	for (int i = 0; i < shape->topology.nstages; i++)
	{
		const WeirNode *source = shape->topology.stages[i].source ? graph->nodes[stages->nodes[i].nodes[0]] : NULL;

		shape->sources[i] = source ? source->number : -1;
		shape->source_ops[i] = source ? weir_source_of(weir_source_plan(source)->stream) : NULL;
	}
}

/* The rows that the checkpoint's barrier passed go on to where they were going, or nowhere. */
static void
check_in_flight(WeirCoordinator *co, const WeirTopology *topology)
{
	if (co->start.restore == 0 ||
		weir_in_flight_last_exchange(co->job->id, co->start.restore) < topology->nexchanges)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("checkpoint " INT64_FORMAT " holds rows on their way to a sink task, which the job does not have any more",
					co->start.restore),
			 errdetail("The sink now runs with the keyed step."),
			 errhint("Undo what was changed of the target, its triggers say; change it once weir.stop_job has stopped the job.")));
}

/* An error if the query no longer compiles; false if what the tasks need is not to be had. */
bool
weir_attempt_place(WeirCoordinator *co, WeirShape *shape)
{
	WeirDataflow *dataflow;
	WeirJob    *job = co->job;
	bool		begun;

	weir_coordinator_begin(co);
	weir_coordinator_limit_waits(co);
	dataflow = compile_as_owner(co, shape);
	weir_graph_keep_numbers(dataflow->graph, job->id);
	set_shape(shape, dataflow->graph, job->parallelism);
	check_in_flight(co, &shape->topology);
	weir_count_resources(job, &shape->topology);
	weir_job_set_resources(job->id, job->workers, job->prepared);
	begun = weir_positions_begin(co, dataflow->graph);
	weir_dataflow_free(dataflow);
	weir_coordinator_end(co, begun);
	MemoryContextSwitchTo(co->run.context);
	return weir_registry_reserve(co->slot, job->workers, job->prepared);
}

/* A source that the job did not have before begins at its oldest byte. */
static void
set_source(WeirCoordinator *co, WeirTaskSlot *slot, int number)
{
	slot->source_number = number;
	if (number >= 0 && number < co->start.npositions)
		slot->start = co->start.positions[number];
}

static void
fill_attempt(WeirCoordinator *co, int64 id, const WeirShape *shape)
{
	WeirAttempt *attempt = co->run.attempt;

	attempt->database = MyDatabaseId;
	attempt->job = co->job->id;
	attempt->owner = co->job->owner;
	attempt->job_slot = co->slot - weir_registry->slots;
	attempt->attempt = id;
	attempt->timeline = co->start.timeline;
	attempt->restore = co->start.restore;
	attempt->begins = co->start.restore != 0 && shape->event_time;
	attempt->restore_timeline = co->start.restore_timeline;
	attempt->write_full = co->start.write_full;
	attempt->checkpointing = co->job->checkpointing;
	attempt->pass_end = co->job->was_finished;
	attempt->allow_gap = co->job->allow_gap;
	attempt->mode = co->job->checkpoint.mode;
	attempt->sink_flush = co->job->sink_flush;
	attempt->unaligned_after = co->job->unaligned_after;
	attempt->lock_wait = co->job->lock_wait;
	attempt->max_state_memory = co->job->max_state_memory;
	attempt->max_parallelism = co->job->max_parallelism;
	attempt->coordinator = MyProc;
	memcpy(attempt->steps, shape->steps, sizeof(attempt->steps));
	weir_group_fill(co, attempt);
	for (int i = 0; i < attempt->topology.ntasks; i++)
		set_source(co, &attempt->tasks[i], shape->sources[weir_task_stage(&attempt->topology, i)]);
}

void
weir_attempt_create(WeirCoordinator *co, int64 id, const WeirShape *shape)
{
	const WeirTopology *topology = &shape->topology;
	Size		channel = (Size) weir_channel_size * 1024;

	MemoryContextSwitchTo(co->run.context);
	co->run.began_at = weir_now();
	co->run.segment = dsm_create(weir_attempt_size(topology, channel), 0);
	co->run.attempt = dsm_segment_address(co->run.segment);
	weir_attempt_init(co->run.attempt, topology, channel);
	fill_attempt(co, id, shape);
	co->run.tasks = palloc0(sizeof(WeirTaskHandle) * topology->ntasks);
	co->run.ntasks = topology->ntasks;
	for (int i = 0; i < co->run.ntasks; i++)
	{
		co->run.tasks[i].gone = true;	/* not started */
		co->run.tasks[i].source = shape->source_ops[weir_task_stage(topology, i)];
	}
	for (int i = 0; i < co->run.ntasks; i++)
		co->run.tasks[i].port = weir_control_coordinator_port(co->run.attempt, i, co->run.segment);
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	co->slot->attempt = dsm_segment_handle(co->run.segment);
	LWLockRelease(weir_registry->lock);
}

static bool
start_task(WeirCoordinator *co, int index)
{
	WeirTaskArg arg;
	WeirWorker	worker = {"weir_task_main", NULL, "weir task", Int32GetDatum(index), &arg, sizeof(arg)};
	char		name[32];

	weir_task_name(co->run.attempt, index, name, sizeof(name));
	arg.database = MyDatabaseId;
	arg.owner = co->job->owner;
	arg.segment = dsm_segment_handle(co->run.segment);
	arg.attempt = co->run.attempt->attempt;
	worker.name = psprintf("weir %s %s", co->job->name, name);
	return weir_worker_start(&worker, &co->run.tasks[index].worker);
}

/* All or none: where a task cannot be had, those that were started leave again. */
void
weir_attempt_start_gang(WeirCoordinator *co)
{
	for (int i = 0; i < co->run.ntasks; i++)
	{
		if (!start_task(co, i))
		{
			LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
			weir_slot_waits(co->slot, "only %d background workers are free for the job's %d tasks, as others than jobs have taken what max_worker_processes (%d) allows: raise that, or lower max_parallel_workers",
							i, co->run.ntasks, max_worker_processes);
			LWLockRelease(weir_registry->lock);
			co->outcome = WEIR_OUTCOME_SHORT;
			return;
		}
		co->run.tasks[i].gone = false;
	}
}
