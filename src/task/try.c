/*
 * task/try.c
 *		A job's query over lines that are given, in the calling backend and
 *		transaction.
 *
 *	line -> framer -> decode -> nodes of the graph, from the source on
 *
 * The nodes run as in tasks, one after the other, for one line at a time, so
 * that an error has a line to blame; the sink statement collects rows as in a
 * task, until the last line.  Nothing that the job keeps is read or written:
 * its state is a store of the transaction (try_store.c), and where the lines stand
 * is their number in the call.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "graph/kinds/source.h"
#include "operator/key_hash.h"
#include "operator/late.h"
#include "operator/operator.h"
#include "record/scan.h"
#include "sink/output.h"
#include "sink/statement.h"
#include "source/lines.h"
#include "task/try_source.h"
#include "task/try_store.h"
#include "task/try_time.h"
#include "task/try.h"

/* A node that lines go through. */
typedef struct TryNode
{
	WeirOutput	output;
	struct Try *t;
	const WeirNode *node;
	WeirKeyHasher *hashers[2];	/* by port, of the rows that come; NULL: they do not go by key */
	WeirOperator *op;			/* this, or a sink, or neither: a source */
	WeirSink   *sink;
	WeirTryClock *clock;
} TryNode;

typedef struct Try
{
	const WeirJob *job;
	WeirDataflow *dataflow;
	WeirTrySources *sources;
	TryNode    *nodes;			/* as in the graph */
	bool		by_time;		/* somebody goes by event time */
	MemoryContext record_context;	/* reset for each line */
	int64		stamp;			/* of the lines */
	int64		line;			/* being worked on, 0: none */
} Try;

static void
try_error_context(void *arg)
{
	Try		   *t = arg;

	if (t->line > 0)
		errcontext("job \"%s\", line " INT64_FORMAT, t->job->name, t->line);
	else
		errcontext("job \"%s\"", t->job->name);
}

/* Steps of a job do not nest. */
static void
refuse_in_job(void)
{
	if (weir_output_job != 0 || weir_current_scan != NULL || weir_current_store != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("weir.try_job cannot be used by the query of a job"),
				 errhint("Call it in a session, not in a function or trigger that a job runs.")));
}

/* The clock of keyed state does not go back: that of arrivals, or where earlier lines have set it. */
static int64
arrival(Try *t, const WeirTryInput *input)
{
	int64		clock = PG_INT64_MIN;

	for (int i = 0; i < t->dataflow->graph->nnodes; i++)
	{
		const WeirOperator *op = t->nodes[i].op;

		if (op && op->store)
			clock = Max(clock, weir_store_clock(op->store));
	}
	if (!input->has_at)
		return Max(weir_arrival_time(), clock);
	if (input->at < clock)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("at is before the arrival of lines that were tried earlier in this transaction"),
				 errdetail("The last of them arrived at %s.", timestamptz_to_str(clock)),
				 errhint("Give moments in order, or none of them and the clock is used.")));
	return input->at;
}

static void
take_rows(TryNode *to, int port, WeirBatch *batch)
{
	if (to->hashers[port])
		weir_key_hasher_run(to->hashers[port], batch);
	if (to->sink)
		weir_sink_rows(to->sink, batch, 0, batch->nrows);
	else
	{
		to->op->port = port;
		to->op->ops->rows(to->op, batch, 0, batch->nrows, &to->output);
		if (to->op->refused.message)
			weir_operator_raise(to->op);
	}
}

/* Which of a node's inputs is this edge? */
static int
input_of(const WeirGraph *graph, const WeirEdge *edge)
{
	const WeirNode *to = graph->nodes[edge->to];

	for (int n = 0;; n++)
	{
		if (weir_node_input(graph, to, n) == edge)
			return n;
	}
}

/* What a node makes of the watermarks of rows that come to it; those without one have its own. */
static int64 *
merge_watermarks(Try *t, const WeirEdge *edge, const WeirBatch *batch)
{
	WeirWatermarkMerge *merge = t->nodes[edge->to].clock->merge;
	int64	   *merged = palloc(sizeof(int64) * Max(batch->capacity, 1));

	for (int i = 0; i < batch->nrows; i++)
		merged[i] = batch->watermarks ? batch->watermarks[i] : weir_watermark_merge_get(merge);
	if (batch->watermarks)
		weir_watermark_merge_rows(merge, input_of(t->dataflow->graph, edge), merged, batch->nrows);
	return merged;
}

/* Rows along an edge. */
static void
pass_along(Try *t, const WeirEdge *edge, WeirBatch *batch)
{
	int64	   *watermarks = batch->watermarks;

	if (t->by_time)
		batch->watermarks = merge_watermarks(t, edge, batch);
	take_rows(&t->nodes[edge->to], edge->port, batch);
	batch->watermarks = watermarks;
}

/* Rows of a node, along all edges that lead from it. */
static void
pass_on(WeirOutput *output, WeirBatch *batch)
{
	TryNode    *from = (TryNode *) output;
	const WeirEdge *edge;

	for (int n = 0; (edge = weir_node_output(from->t->dataflow->graph, from->node, n)) != NULL; n++)
		pass_along(from->t, edge, batch);
}

static void
open_sink(Try *t, TryNode *to, WeirTryReceiver receiver, void *arg)
{
	PlannedStmt *statement = weir_node_statement(to->node);

	to->sink = weir_sink_open(to->node, t->dataflow->text, &t->line);
	weir_statement_set_receiver(to->sink, receiver(arg, t->dataflow->graph, to->node,
												   ExecCleanTypeFromTL(statement->planTree->targetlist)));
}

/* A test is to see what a job counts or puts aside, so "drop" alone lets a late row go. */
static void
late(WeirOperator *op, const WeirBatch *in, int row, WeirUntimely why)
{
	Try		   *t = op->late_arg;
	const WeirStream *stream =
		weir_stream_get(weir_source_plan(t->dataflow->graph->nodes[in->source])->stream);

	if (stream->late == WEIR_LATE_DROP)
		return;
	t->line = in->lines[row];
	weir_late_raise(stream->name, in, row, why,
					"Raise the bound of the watermark, or set the stream's option \"late\" to 'drop'.", "'drop'");
}

static void
open_operator(Try *t, TryNode *to)
{
	WeirStore  *store = weir_try_store(t->job, t->dataflow, to->node);

	to->op = weir_operator_open(to->node, t->dataflow->text, store, &t->line);
	to->op->watermark = to->clock->watermark;
	to->op->passed = to->clock->passed;
	to->op->late = late;
	to->op->late_arg = t;
}

static void
open_node(Try *t, const WeirNode *node, WeirTryReceiver receiver, void *arg)
{
	WeirDataflow *df = t->dataflow;
	TryNode    *to = &t->nodes[node->id];

	to->output.rows = pass_on;
	to->t = t;
	to->node = node;
	if (node->nkeys > 0)
		to->hashers[0] = weir_key_hasher_create(node->nkeys, node->keys, df->context, &t->line);
	if (node->nkeys > 0 && node->right)
		to->hashers[1] = weir_key_hasher_create(node->nkeys, node->right_keys, df->context, &t->line);
	if (weir_node_ops(node->kind)->sink)
		open_sink(t, to, receiver, arg);
	else if (weir_node_is_operator(node))
		open_operator(t, to);
}

static void
open_nodes(Try *t, const WeirTryInput *input, WeirTryReceiver receiver, void *arg)
{
	WeirTryClock *clocks;
	WeirGraph  *graph;

	t->dataflow = weir_compile_returning(t->job->query, t->job->emit_updates);
	graph = t->dataflow->graph;
	t->sources = weir_try_sources_open(t->job, graph, input);
	t->nodes = palloc0(sizeof(TryNode) * graph->nnodes);
	t->by_time = weir_graph_has_event_time(graph);
	clocks = weir_try_clocks(t->job, graph);
	for (int i = 0; i < graph->nnodes; i++)
	{
		t->nodes[i].clock = &clocks[i];
		open_node(t, graph->nodes[i], receiver, arg);
	}
	t->stamp = arrival(t, input);
	t->record_context = AllocSetContextCreate(CurrentMemoryContext, "weir record",
											  ALLOCSET_DEFAULT_SIZES);
}

/* After the last line, as before a checkpoint: what operators hold, in the order of rows. */
static void
emit_held(Try *t)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	for (int i = 0; i < t->dataflow->graph->nnodes; i++)
	{
		TryNode    *from = &t->nodes[i];

		if (from->op)
			weir_operator_emit(from->op, &from->output);
	}
	PopActiveSnapshot();
}

/* In the order of rows: what a sink has left to write is written before it goes. */
static void
close_nodes(Try *t)
{
	for (int i = 0; i < t->dataflow->graph->nnodes; i++)
	{
		TryNode    *to = &t->nodes[i];

		if (to->sink)
			weir_sink_flush(to->sink);
	}
	for (int i = 0; i < t->dataflow->graph->nnodes; i++)
	{
		TryNode    *to = &t->nodes[i];

		if (to->op)
			weir_operator_close(to->op);
		if (to->sink)
			weir_sink_close(to->sink);
	}
	weir_try_sources_close(t->sources);
}

/* What has come of the nodes before it. */
static void
merge_inputs(Try *t, const WeirNode *node, WeirTryClock *clock)
{
	const WeirGraph *graph = t->dataflow->graph;
	const WeirEdge *edge;

	clock->ended = true;
	for (int n = 0; (edge = weir_node_input(graph, node, n)) != NULL; n++)
	{
		const WeirTryClock *from = t->nodes[edge->from].clock;

		if (from->ended)
			weir_watermark_merge_end(clock->merge, n);
		else if (from->passed != PG_INT64_MIN || from->idle)
			weir_watermark_merge_set(clock->merge, n, from->passed, from->idle);
		clock->ended = clock->ended && from->ended;
	}
	clock->watermark = weir_watermark_merge_get(clock->merge);
	clock->idle = weir_watermark_merge_is_idle(clock->merge);
}

/* Behind all rows up to now the watermark goes from node to node, and each does what is due. */
static void
advance(Try *t)
{
	t->line = 0;
	for (int i = 0; t->by_time && i < t->dataflow->graph->nnodes; i++)
	{
		TryNode    *to = &t->nodes[i];
		WeirTryClock *clock = to->clock;

		if (clock->merge)
			merge_inputs(t, to->node, clock);
		clock->passed = to->op ? weir_operator_advance(to->op, clock->watermark, &to->output) :
			clock->watermark;
	}
}

static void
end_stream(Try *t, const WeirTrySource *source)
{
	WeirTryClock *clock = t->nodes[source->node->id].clock;

	clock->ended = true;
	clock->idle = false;
	clock->watermark = PG_INT64_MAX;
	advance(t);
}

static void
refuse_idle(const Try *t, int64 number)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("lines must not contain nulls"),
			 errdetail("Line " INT64_FORMAT " is null: its stream is idle. Job \"%s\" does not go by event time.",
					   number, t->job->name),
			 errhint("Give an empty string for an empty record.")));
}

static void
refuse_ended(const WeirTrySource *source, int64 number)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("stream %s has ended before line " INT64_FORMAT, source->stream->name, number),
			 errhint("End it, by finish or a line \"\\.\", behind its last line in the transaction.")));
}

static void
run_record(Try *t, WeirTrySource *source, const char *line, int64 number)
{
	TryNode    *from = &t->nodes[source->node->id];
	WeirScanInput *input;

	input = weir_lines_decode(source->lines, line, number, t->stamp, &from->clock->watermark);
	if (input->batch->nrows > 0)
		t->line = number;
	from->clock->idle = false;
	pass_on(&from->output, input->batch);
	advance(t);
}

static void
run_line(Try *t, WeirTrySource *source, const char *line, int64 number)
{
	WeirTryClock *clock = t->nodes[source->node->id].clock;

	if (clock->ended)
		refuse_ended(source, number);
	if (line && weir_try_line_ends(source, line))
		end_stream(t, source);
	else if (line)
		run_record(t, source, line, number);
	else if (t->by_time)
	{
		clock->idle = true;
		advance(t);
	}
	else
		refuse_idle(t, number);
}

/* Where records go by their arrival, what is due before the lines of this call. */
static void
tick(Try *t)
{
	for (int i = 0; i < t->sources->n; i++)
	{
		const WeirTrySource *source = &t->sources->sources[i];
		WeirTryClock *clock = t->nodes[source->node->id].clock;

		if (source->stream->by_arrival && !clock->ended)
			clock->watermark = Max(clock->watermark, t->stamp);
	}
	advance(t);
}

/* One after the other. */
static void
end_streams(Try *t)
{
	for (int i = 0; i < t->sources->n; i++)
		end_stream(t, &t->sources->sources[i]);
}

/* A line; before the first of them, and behind the last. */
static void
run_element(Try *t, const WeirTryInput *input, int i)
{
	MemoryContext old = MemoryContextSwitchTo(t->record_context);

	CHECK_FOR_INTERRUPTS();
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	t->line = 0;
	if (i < 0)
		tick(t);
	else if (i == input->nlines)
		end_streams(t);
	else
		run_line(t, t->sources->of[i], input->lines[i], i + 1);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextReset(t->record_context);
}

static void
run(Try *t, const WeirTryInput *input, WeirTryReceiver receiver, void *arg)
{
	ErrorContextCallback callback;
	int			elements = input->nlines + (input->finish ? 1 : 0);

	callback.callback = try_error_context;
	callback.arg = t;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	open_nodes(t, input, receiver, arg);
	for (int i = t->by_time ? -1 : 0; i < elements; i++)
		run_element(t, input, i);
	t->line = 0;
	emit_held(t);
	t->line = 0;
	close_nodes(t);
	error_context_stack = callback.previous;
}

/* The sink statement alone may write. */
void
weir_try_run(const WeirJob *job, const WeirTryInput *input,
			 WeirTryReceiver receiver, void *arg)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "weir try",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	Try			t = {0};

	t.job = job;
	refuse_in_job();
	PreventCommandDuringRecovery("weir.try_job()");
	PreventCommandIfReadOnly("weir.try_job()");
	old = MemoryContextSwitchTo(context);
	weir_output_job = job->id;
	XactReadOnly = true;
	PG_TRY();
	{
		run(&t, input, receiver, arg);
	}
	PG_FINALLY();
	{
		weir_output_job = 0;
		weir_output_waits = false;
		weir_output_peers_sent();
		weir_current_scan = NULL;
		weir_current_store = NULL;
		XactReadOnly = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
