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
#include "catalog/namespace.h"
#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/clock.h"
#include "graph/kinds/source.h"
#include "operator/key_hash.h"
#include "operator/operator.h"
#include "record/scan.h"
#include "sink/output.h"
#include "sink/statement.h"
#include "source/lines.h"
#include "task/try_source.h"
#include "task/try_store.h"
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
} TryNode;

typedef struct Try
{
	const WeirJob *job;
	WeirDataflow *dataflow;
	WeirTrySources *sources;
	TryNode    *nodes;			/* as in the graph */
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

/* Rows of a node, along all edges that lead from it. */
static void
pass_on(WeirOutput *output, WeirBatch *batch)
{
	TryNode    *from = (TryNode *) output;
	const WeirEdge *edge;

	for (int n = 0; (edge = weir_node_output(from->t->dataflow->graph, from->node, n)) != NULL; n++)
		take_rows(&from->t->nodes[edge->to], edge->port, batch);
}

static void
open_sink(Try *t, TryNode *to, WeirTryReceiver receiver, void *arg)
{
	PlannedStmt *statement = weir_node_statement(to->node);

	to->sink = weir_sink_open(to->node, t->dataflow->text, &t->line);
	weir_statement_set_receiver(to->sink, receiver(arg, t->dataflow->graph, to->node,
												   ExecCleanTypeFromTL(statement->planTree->targetlist)));
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
		to->op = weir_operator_open(node, df->text, weir_try_store(t->job, df, node), &t->line);
}

static void
open_nodes(Try *t, const WeirTryInput *input, WeirTryReceiver receiver, void *arg)
{
	WeirGraph  *graph;

	t->dataflow = weir_compile_returning(t->job->query, t->job->emit_updates);
	graph = t->dataflow->graph;
	t->sources = weir_try_sources_open(t->job, graph, input);
	t->nodes = palloc0(sizeof(TryNode) * graph->nnodes);
	for (int i = 0; i < graph->nnodes; i++)
		open_node(t, graph->nodes[i], receiver, arg);
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

static void
run_line(Try *t, WeirTrySource *source, const char *line, int64 number)
{
	WeirScanInput *input = weir_lines_decode(source->lines, line, number, t->stamp);

	if (input->batch->nrows > 0)
		t->line = number;
	pass_on(&t->nodes[source->node->id].output, input->batch);
}

/* The watermark is behind all rows up to now, at this node; what it makes of it goes on. */
static void
advance(TryNode *to, int64 watermark)
{
	WeirOperator *op = to->op;

	if (op && op->ops->advance && watermark > op->watermark)
		op->ops->advance(op, watermark, &to->output);
}

/* Every stream has ended, in the order of rows. */
static void
finish(Try *t)
{
	for (int i = 0; i < t->dataflow->graph->nnodes; i++)
		advance(&t->nodes[i], PG_INT64_MAX);
}

static void
run_element(Try *t, const WeirTryInput *input, int i)
{
	MemoryContext old = MemoryContextSwitchTo(t->record_context);

	CHECK_FOR_INTERRUPTS();
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	t->line = 0;
	if (i == input->nlines)
		finish(t);
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
	for (int i = 0; i < elements; i++)
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
		weir_output_sockets_sent();
		weir_current_scan = NULL;
		weir_current_store = NULL;
		XactReadOnly = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
