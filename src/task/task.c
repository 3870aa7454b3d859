/*
 * task/task.c
 *		Begin and end of a task's process.
 *
 * A task is a background worker that runs as the job's owner.  It attaches the
 * attempt's segment, takes the job's task lock (so that no later attempt can
 * start while it lives), sets the session up as create_job recorded it, and
 * runs its body until it is told to leave.  Any error ends the process: it
 * leaves message, SQLSTATE and the record it was at in its slot for the
 * coordinator, which ends the attempt and logs its cause.
 */
#include "postgres.h"

#include "access/xact.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/blame.h"
#include "base/fault.h"
#include "base/session.h"
#include "base/text.h"
#include "decide/commit.h"
#include "decide/poison.h"
#include "graph/kinds/source.h"
#include "graph/number.h"
#include "server/lock.h"
#include "server/mark.h"
#include "sink/epoch.h"
#include "sink/output.h"
#include "task/task.h"

static void
append_line(StringInfo buf, const char *line)
{
	if (line != NULL && line[0] != '\0')
		appendStringInfo(buf, "%s%s", buf->len ? "\n" : "", line);
}

/* The coordinator names job and task itself. */
static char *
without_own_context(WeirTask *task, const char *context)
{
	char	   *copy = pstrdup(context);
	char	   *own = psprintf("job \"%s\", task %s", task->job->name, task->name);
	char	   *last = strrchr(copy, '\n');
	char	   *line = last ? last + 1 : copy;

	if (strncmp(line, own, strlen(own)) == 0)
		*(last ? last : copy) = '\0';
	return copy;
}

/* What was done in the epoch keeps it from being prepared, and would again. */
static const char *const unpreparable_detail =
"The job's rows are committed in two phases, so triggers, functions and views that write them must not do "
"what cannot be prepared: NOTIFY, temporary tables, cursors WITH HOLD, one advisory lock for the session "
"and the transaction, postgres_fdw tables.";
static const char *const unpreparable_hint =
"Remove it from what the insert runs, or set mode => 'at_least_once' with weir.enable_checkpointing.";

/* Kept state that is not declared, or of another type, stays so until somebody alters the job. */
static bool
does_not_fit(const WeirTask *task, int sqlstate)
{
	return task->loading &&
		(sqlstate == ERRCODE_UNDEFINED_OBJECT || sqlstate == ERRCODE_DATATYPE_MISMATCH);
}

/* Leaves the error in the slot. */
static void
report_error(WeirTask *task, ErrorData *edata)
{
	WeirTaskError *error = &task->slot->error;
	bool		unpreparable = task->preparing &&
		weir_prepare_is_hopeless(unpack_sql_state(edata->sqlerrcode));
	StringInfoData detail;
	StringInfoData hint;

	initStringInfo(&detail);
	initStringInfo(&hint);
	if (edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		weir_lock_describe_holders(&detail);
	if (edata->detail)
		appendStringInfo(&detail, "%s%s", detail.len ? " " : "", edata->detail);
	append_line(&detail, edata->context ? without_own_context(task, edata->context) : NULL);
	append_line(&hint, edata->hint);
	if (unpreparable)
	{
		append_line(&detail, unpreparable_detail);
		append_line(&hint, unpreparable_hint);
	}
	error->sqlstate = edata->sqlerrcode;
	error->line = task->line;
	if (task->line > 0)
		weir_text_copy(error->place, weir_record_place(task->origin, task->line), sizeof(error->place));
	error->hopeless = task->hopeless || unpreparable || does_not_fit(task, edata->sqlerrcode);
	weir_text_copy(error->message, edata->message ? edata->message : "", sizeof(error->message));
	weir_text_copy(error->detail, detail.data, sizeof(error->detail));
	weir_text_copy(error->hint, hint.data, sizeof(error->hint));
	pg_write_barrier();
	error->set = true;
}

void
weir_task_check_blame(WeirTask *task, ErrorData *error, int64 line)
{
	WeirBlame	blame = weir_error_blame(error);

	if (blame == WEIR_BLAME_RECORD ||
		(blame == WEIR_BLAME_IF_REPEATED && weir_is_suspect(&task->job->suspects, line)))
		return;
	task->line = line;
	ReThrowError(error);
}

static void
task_error_context(void *arg)
{
	WeirTask   *task = arg;

	if (task->line > 0)
		errcontext("job \"%s\", task %s, %s",
				   task->job->name, task->name, weir_record_place(task->origin, task->line));
	else
		errcontext("job \"%s\", task %s", task->job->name, task->name);
}

/* For a timeout that 0 would turn off and that must fit an int. */
int
weir_milliseconds(int64 us)
{
	return (int) Max(Min(us / 1000, INT_MAX), 1);
}

void
weir_task_configure(WeirTask *task)
{
	char		buf[32];

	snprintf(buf, sizeof(buf), "%d", weir_milliseconds(task->attempt->lock_wait));
	weir_session_force("lock_timeout", buf);
}

static void
set_session_up(WeirTask *task)
{
	weir_session_begin_task(task->job->settings);
	/* in a deadlock with a user's session the task notices first and gives way */
	weir_session_force("deadlock_timeout", "10ms");
	weir_task_configure(task);
	weir_session_force("application_name", psprintf("%s %s", task->job->name, task->name));
}

static void
load_job(WeirTask *task)
{
	MemoryContext old;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	old = MemoryContextSwitchTo(task->context);
	task->job = weir_job_by_id(task->attempt->job);
	MemoryContextSwitchTo(old);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(task->context);
	if (task->job == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " no longer exists", task->attempt->job)));
	weir_epoch_owned_by(task->job->owner);
}

static const WeirStageNodes *
nodes_of(const WeirTask *task, const WeirStages *stages)
{
	return &stages->nodes[task->stage - task->attempt->topology.stages];
}

bool
weir_task_exactly_once(const WeirTask *task)
{
	return task->attempt->checkpointing && task->attempt->mode == WEIR_EXACTLY_ONCE;
}

int
weir_task_nnodes(const WeirTask *task)
{
	return nodes_of(task, task->stages)->nnodes;
}

const WeirNode *
weir_task_node(const WeirTask *task, int n)
{
	return task->dataflow->graph->nodes[nodes_of(task, task->stages)->nodes[n]];
}

const WeirEdge *
weir_task_edge(const WeirTask *task, int exchange)
{
	return task->dataflow->graph->edges[task->stages->edges[exchange]];
}

TupleDesc
weir_task_input(const WeirTask *task, int exchange)
{
	const WeirEdge *edge = weir_task_edge(task, exchange);
	const WeirNode *node = task->dataflow->graph->nodes[edge->to];

	return edge->port == 0 ? node->in : node->right;
}

/*
 * A change that moves the sink to other tasks cannot be followed within an attempt,
 * nor one of rows or state.  before: what the task has run, NULL: nothing.
 */
static void
check_same_shape(const WeirTask *task, const WeirGraph *graph, const WeirStages *stages,
				 const WeirGraph *before)
{
	if (memcmp(&stages->topology, &task->attempt->topology, sizeof(WeirTopology)) != 0 ||
		(before && !weir_graph_alike(before, graph)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a relation or function the job uses has changed its shape"),
				 errdetail("The job restarts with the shape it has now.")));
}

/* By the settings of create_job, whatever the job's code has set in this session. */
static WeirDataflow *
compile(const WeirTask *task, WeirStages **stages)
{
	const WeirJob *job = task->job;
	WeirSession before;
	WeirDataflow *dataflow;
	MemoryContext old;

	weir_session_enter(&before, job->owner, job->settings);
	dataflow = weir_compile(job->query, job->emit_updates, false);
	weir_session_leave(&before);
	old = MemoryContextSwitchTo(dataflow->context);
	weir_graph_number(dataflow->graph, job->id);
	*stages = weir_graph_stages(dataflow->graph, job->parallelism);
	check_same_shape(task, dataflow->graph, *stages,
					 task->dataflow ? task->dataflow->graph : NULL);
	MemoryContextSwitchTo(old);
	return dataflow;
}

/* A source's task reads but its own. */
static const WeirSourceOps *
origin_of(const WeirTask *task)
{
	const WeirGraph *graph = task->dataflow->graph;
	const WeirSourceOps *origin = NULL;
	const WeirNode *node;

	for (int n = 0; (node = weir_graph_source(graph, n)) != NULL; n++)
	{
		const WeirSourceOps *source = weir_source_of(weir_source_plan(node)->stream);

		if (node == weir_task_node(task, 0))
			return source;
		if (n > 0 && source != origin)
			return NULL;
		origin = source;
	}
	return origin;
}

void
weir_task_compile(WeirTask *task)
{
	MemoryContext old;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	old = MemoryContextSwitchTo(task->context);
	task->dataflow = compile(task, &task->stages);
	task->origin = origin_of(task);
	MemoryContextSwitchTo(old);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(task->context);
}

bool
weir_task_refresh(WeirTask *task)
{
	WeirDataflow *fresh = NULL;
	WeirStages *stages;

	if (weir_dataflow_lock(task->dataflow, nodes_of(task, task->stages)))
		return false;
	do
	{
		MemoryContext old = MemoryContextSwitchTo(task->context);

		if (fresh)
			weir_dataflow_free(fresh);
		fresh = compile(task, &stages);
		MemoryContextSwitchTo(old);
	} while (!weir_dataflow_lock(fresh, nodes_of(task, stages)));
	task->stale = task->dataflow;
	task->dataflow = fresh;
	task->stages = stages;
	return true;
}

void
weir_task_drop_stale(WeirTask *task)
{
	weir_dataflow_free(task->stale);
	task->stale = NULL;
}

void
weir_task_send(WeirTask *task, WeirControlKind kind, int64 checkpoint)
{
	WeirControl message = {0};

	message.kind = kind;
	message.task = task->index;
	message.checkpoint = checkpoint;
	weir_control_send(task->port, &message);
}

void
weir_task_vote(WeirTask *task, int64 checkpoint, WeirVote vote,
			   const WeirPosition *position, const WeirTaskTimes *times)
{
	WeirControl message = {0};

	message.kind = WEIR_CONTROL_VOTE;
	message.task = task->index;
	message.checkpoint = checkpoint;
	message.vote = vote;
	if (position)
		message.position = *position;
	if (times)
		message.times = *times;
	WEIR_FAULT(before_vote);
	weir_control_send(task->port, &message);
	WEIR_FAULT(after_vote);
}

void
weir_task_wait(WeirTask *task, pgsocket socket, int events, long timeout,
			   bool backpressured)
{
	WeirTaskStats *stats = &task->slot->stats;
	int64		began = weir_now();
	int64		waited;

	stats->busy_us += began - task->loop_began;
	stats->waits_for_room = backpressured;
	stats->waits = true;
	events |= WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
	timeout = Min(timeout, INT_MAX);
	if (timeout >= 0)
		events |= WL_TIMEOUT;
	if (socket == PGINVALID_SOCKET)
		(void) WaitLatch(MyLatch, events & ~WL_SOCKET_MASK, timeout, PG_WAIT_EXTENSION);
	else
		(void) WaitLatchOrSocket(MyLatch, events, socket, timeout, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	stats->waits = false;
	task->loop_began = weir_now();
	waited = task->loop_began - began;
	if (backpressured)
		stats->backpressured_us += waited;
	else
		stats->idle_us += waited;
}

void
weir_task_wait_in_sink(WeirTask *task, pgsocket socket, int events, long timeout)
{
	WeirTaskStats *stats = &task->slot->stats;
	int64		idle = stats->idle_us;

	weir_task_wait(task, socket, events, timeout, false);
	stats->in_sink_us += stats->idle_us - idle;
	stats->idle_us = idle;
}

/* Shares and rates of the second that has passed. */
static void
roll_second(WeirTask *task, int64 now)
{
	WeirTaskStats *stats = &task->slot->stats;
	WeirTaskStats *before = &task->at_second;
	float8		elapsed = now - task->second_began;

	stats->busy_us += now - task->loop_began;
	task->loop_began = now;
	stats->rate_in = (stats->records_in - before->records_in) * 1e6 / elapsed;
	stats->rate_out = (stats->records_out - before->records_out) * 1e6 / elapsed;
	stats->busy = Min(1.0, (stats->busy_us - before->busy_us) / elapsed);
	stats->idle = Min(1.0, (stats->idle_us - before->idle_us) / elapsed);
	stats->backpressured = Min(1.0, (stats->backpressured_us - before->backpressured_us) / elapsed);
	stats->in_sink = Min(1.0, (stats->in_sink_us - before->in_sink_us) / elapsed);
	stats->rolled_at = now;
	*before = *stats;
	task->second_began = now;
}

void
weir_task_tick(WeirTask *task)
{
	int64		now = weir_now();

	CHECK_FOR_INTERRUPTS();
	if (task->attempt->stopping)
		task->stop = true;
	weir_session_reload();
	(void) weir_control_push(task->port);
	if (now - task->second_began < USECS_PER_SEC)
		return;
	roll_second(task, now);
	if (!IsTransactionOrTransactionBlock())
		pgstat_report_stat(false);
}

static void
attach(WeirTask *task, const WeirTaskArg *arg)
{
	task->attempt = weir_attempt_attach(arg->segment, &task->segment);
	if (task->attempt == NULL || task->attempt->attempt != arg->attempt)
		proc_exit(0);
	dsm_pin_mapping(task->segment);
	task->slot = &task->attempt->tasks[task->index];
	task->stage = weir_attempt_stage(task->attempt, task->index);
	task->subtask = weir_task_subtask(&task->attempt->topology, task->index);
	weir_task_name(task->attempt, task->index, task->name, sizeof(task->name));
	task->slot->pid = MyProcPid;
	task->slot->proc = MyProc;
	weir_output_job = task->attempt->job;
}

static void
run(WeirTask *task)
{
	ErrorContextCallback context;

	weir_mark_set(MyDatabaseId, task->attempt->job, task->name);
	load_job(task);
	set_session_up(task);
	task->port = weir_control_task_port(task->attempt, task->index, task->segment);
	context.callback = task_error_context;
	context.arg = task;
	context.previous = error_context_stack;
	error_context_stack = &context;
	pgstat_report_activity(STATE_RUNNING, task->job->query);
	task->second_began = task->loop_began = weir_now();
	weir_task_loop(task);
	error_context_stack = context.previous;
}

/* The coordinator logs what ended the attempt: one report, not one of each task. */
static void
leave_with_error(WeirTask *task)
{
	ErrorData  *edata;

	MemoryContextSwitchTo(task->context);
	edata = CopyErrorData();
	FlushErrorState();
	report_error(task, edata);
	ereport(DEBUG1,
			(errmsg_internal("task \"%s\" of job " INT64_FORMAT " leaves: %s", task->name,
							 task->attempt->job, edata->message)));
	proc_exit(0);
}

void
weir_task_main(Datum arg)
{
	WeirTaskArg *extra = (WeirTaskArg *) MyBgworkerEntry->bgw_extra;
	WeirTask   *task;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, weir_lock_handle_cancel);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(extra->database, extra->owner, 0);
	task = MemoryContextAllocZero(TopMemoryContext, sizeof(WeirTask));
	task->context = AllocSetContextCreate(TopMemoryContext, "weir task",
										  ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(task->context);
	task->index = DatumGetInt32(arg);
	attach(task, extra);
	if (!weir_lock_tasks(task->attempt->job, false, false))
		proc_exit(0);
	PG_TRY();
	{
		run(task);
	}
	PG_CATCH();
	{
		leave_with_error(task);
	}
	PG_END_TRY();
	proc_exit(0);
}
