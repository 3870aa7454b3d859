/*
 * report/dataflow.c
 *		Stages, exchanges and loads of a job.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "base/session.h"
#include "catalog/job.h"
#include "catalog/row.h"
#include "compile/dataflow.h"
#include "graph/describe.h"
#include "report/dataflow.h"
#include "report/view.h"

static void
add_exchange(WeirShownFlow *flow, int from, int to)
{
	if (flow->nexchanges == WEIR_MAX_EXCHANGES)
		return;
	flow->from[flow->nexchanges] = from;
	flow->to[flow->nexchanges++] = to;
}

static void
add_inputs(WeirShownFlow *flow, int stage, char *inputs)
{
	for (char *input; inputs && (input = strsep(&inputs, " ")) != NULL;)
	{
		if (*input != '\0')
			add_exchange(flow, atoi(input), stage);
	}
}

static void
read_stages(WeirShownFlow *flow, const WeirArguments *job)
{
	uint64		rows = weir_view_read("SELECT kind, parallelism, first_subtask, array_to_string(steps, E'\\n') AS steps,"
									  "       array_to_string(inputs, ' ') AS inputs"
									  "  FROM weir.stages WHERE job = $1 ORDER BY stage", job);

	for (uint64 row = 0; row < rows && flow->nstages < WEIR_MAX_STAGES; row++)
	{
		WeirShownStage *stage = &flow->stages[flow->nstages];

		stage->kind = weir_view_value(row, "kind");
		stage->steps = weir_view_value(row, "steps");
		stage->parallelism = weir_row_int32(row, "parallelism");
		stage->first_subtask = weir_row_int32(row, "first_subtask");
		weir_stage_load_init(&stage->load);
		add_inputs(flow, flow->nstages++, weir_view_value(row, "inputs"));
	}
	flow->running = flow->nstages > 0;
}

static WeirShownStage *
stage_of_task(WeirShownFlow *flow, const char *kind, int subtask)
{
	for (int i = 0; i < flow->nstages; i++)
	{
		WeirShownStage *stage = &flow->stages[i];

		if (strcmp(stage->kind, kind) == 0 && subtask >= stage->first_subtask &&
			subtask < stage->first_subtask + stage->parallelism)
			return stage;
	}
	return NULL;
}

static void
read_task(WeirShownStage *stage, uint64 row)
{
	WeirLoad	load = {0};

	load.busy = weir_row_float8(row, "busy");
	load.backpressured = weir_row_float8(row, "backpressured");
	load.in_sink = weir_row_float8(row, "in_sink");
	weir_stage_load_add(&stage->load, &load);
	stage->rate_in += weir_row_float8(row, "rate_in");
	stage->rate_out += weir_row_float8(row, "rate_out");
	if (weir_row_is_null(row, "state_bytes"))
		return;
	stage->keyed = true;
	stage->state_bytes += weir_row_int64(row, "state_bytes");
	stage->state_keys += weir_row_int64(row, "state_keys");
}

static void
read_tasks(WeirShownFlow *flow, const WeirArguments *job)
{
	uint64		rows = weir_view_read("SELECT kind, subtask, busy, backpressured, in_sink, rate_in, rate_out,"
									  "       state_bytes, state_keys"
									  "  FROM weir.tasks WHERE job = $1 ORDER BY kind, subtask", job);

	for (uint64 row = 0; row < rows; row++)
	{
		WeirShownStage *stage = stage_of_task(flow, weir_view_value(row, "kind"), weir_row_int32(row, "subtask"));

		if (stage)
			read_task(stage, row);
	}
}

static void
decide(WeirShownFlow *flow)
{
	WeirStageLoad loads[WEIR_MAX_STAGES];

	for (int i = 0; i < flow->nstages; i++)
		loads[i] = flow->stages[i].load;
	flow->bottleneck = weir_bottleneck(loads, flow->nstages, flow->from, flow->to, flow->nexchanges);
}

/* As the attempt would be cut that began now. */
static void
cut_query(WeirShownFlow *flow, const WeirJob *job)
{
	WeirSession before;
	WeirDataflow *dataflow;
	WeirStages *stages;

	weir_session_enter(&before, job->owner, job->settings);
	dataflow = weir_compile(job->query, job->emit_updates, true);
	stages = weir_graph_stages(dataflow->graph, job->parallelism);
	flow->nstages = stages->topology.nstages;
	for (int i = 0; i < flow->nstages; i++)
	{
		const WeirStage *stage = &stages->topology.stages[i];

		flow->stages[i].kind = weir_stage_kind(stage);
		flow->stages[i].steps = weir_describe_stage(dataflow->graph, &stages->nodes[i]);
		flow->stages[i].parallelism = stage->parallelism;
	}
	for (int i = 0; i < stages->topology.nexchanges; i++)
		add_exchange(flow, stages->topology.exchanges[i].from, stages->topology.exchanges[i].to);
	weir_session_leave(&before);
}

/* What it reads may be gone, or locked. */
static void
try_query(WeirShownFlow *flow, const WeirJob *job)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		cut_query(flow, job);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		flow->nstages = flow->nexchanges = 0;
		flow->failure = error->message;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

WeirShownFlow *
weir_shown_flow(const char *name, bool mine)
{
	WeirShownFlow *flow = palloc0(sizeof(WeirShownFlow));
	WeirArguments arguments = {0};
	WeirJob    *job;

	weir_bind_text(&arguments, name);
	flow->bottleneck.stage = -1;
	read_stages(flow, &arguments);
	if (flow->running)
	{
		read_tasks(flow, &arguments);
		decide(flow);
		return flow;
	}
	job = mine ? weir_job_by_name(name) : NULL;
	if (job && SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(job->owner)))
		try_query(flow, job);
	return flow;
}
