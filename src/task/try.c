/*
 * task/try.c
 *		A job's query over lines that are given, in the calling backend and
 *		transaction.
 *
 *	line -> framer -> decode -> scan plan -> keyed step -> sink statement
 *
 * The steps are the tasks' own, one after the other, for one line at a time, so
 * that an error has a line to blame; the sink statement collects rows as in a
 * task, until the last line.  Nothing that the job keeps is read or written:
 * its state is a store of the transaction (tried.c), and where the lines stand
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
#include "operator/key_hash.h"
#include "operator/operator.h"
#include "record/scan.h"
#include "sink/output.h"
#include "sink/statement.h"
#include "source/lines.h"
#include "task/tried.h"
#include "task/try.h"

typedef struct Try
{
	WeirOutput	to_step;		/* of the scan */
	WeirOutput	to_sink;		/* of the step */
	const WeirJob *job;
	WeirDataflow *dataflow;
	WeirStream *stream;
	WeirLines  *lines;
	WeirOperator *scan;
	WeirKeyHasher *hasher;
	WeirStore  *store;			/* NULL: no keyed step */
	WeirOperator *step;
	WeirSink   *sink;
	Datum	   *values;			/* a row for the sink */
	bool	   *nulls;
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

static void
check_stream(Try *t, const char *name)
{
	RangeVar   *range;

	if (name == NULL)
		return;
	range = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(name)));
	if (RangeVarGetRelid(range, NoLock, true) != t->stream->relid)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job \"%s\" does not read stream \"%s\"", t->job->name, name),
				 errdetail("It reads %s.", t->stream->name),
				 errhint("Leave the argument stream out: a job reads one stream.")));
}

/* The clock of keyed state does not go back: that of arrivals, or where earlier lines have set it. */
static int64
arrival(Try *t, const WeirTryInput *input)
{
	int64		clock = t->store ? weir_store_clock(t->store) : PG_INT64_MIN;

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

/* The rows of a line: their keys' hashes, then the step. */
static void
run_step(WeirOutput *output, WeirBatch *batch)
{
	Try		   *t = (Try *) ((char *) output - offsetof(Try, to_step));

	weir_key_hasher_run(t->hasher, batch);
	t->step->ops->rows(t->step, batch, 0, batch->nrows, &t->to_sink);
}

static void
write_rows(WeirOutput *output, WeirBatch *batch)
{
	Try		   *t = (Try *) ((char *) output - offsetof(Try, to_sink));

	for (int i = 0; i < batch->nrows; i++)
	{
		t->line = batch->lines[i];
		weir_batch_get_row(batch, i, t->values, t->nulls);
		weir_sink_row(t->sink, t->values, t->nulls);
	}
}

/* What the rows of the first scan go through. */
static const WeirNode *
behind_scan(const WeirGraph *graph)
{
	const WeirNode *scan = weir_graph_node(graph, WEIR_NODE_SCAN, 0);

	return graph->nodes[weir_node_output(graph, scan, 0)->to];
}

static void
open_steps(Try *t, const WeirTryInput *input, WeirTryReceiver receiver, void *arg)
{
	WeirDataflow *df;

	df = t->dataflow = weir_compile_returning(t->job->query);
	t->stream = weir_stream_get(df->stream);
	check_stream(t, input->stream);
	t->store = weir_tried_store(t->job, df);
	t->stamp = arrival(t, input);
	t->lines = weir_lines_open(t->stream);
	t->to_step.rows = run_step;
	t->to_sink.rows = write_rows;
	t->scan = weir_operator_open(weir_graph_node(df->graph, WEIR_NODE_SCAN, 0), df->text, NULL, &t->line);
	t->hasher = weir_key_hasher_create(df->nkeys, df->keys, df->context);
	t->step = weir_operator_open(behind_scan(df->graph), df->text, t->store, &t->line);
	t->sink = weir_sink_open(weir_graph_sink(df->graph, 0), df->text, &t->line);
	weir_statement_set_receiver(t->sink, receiver(arg, ExecCleanTypeFromTL(df->sink->planTree->targetlist)));
	t->values = palloc(sizeof(Datum) * Max(df->sink_desc->natts, 1));
	t->nulls = palloc(sizeof(bool) * Max(df->sink_desc->natts, 1));
	t->record_context = AllocSetContextCreate(CurrentMemoryContext, "weir record",
											  ALLOCSET_DEFAULT_SIZES);
}

static void
close_steps(Try *t)
{
	weir_operator_close(t->scan);
	weir_operator_close(t->step);
	weir_sink_close(t->sink);
	weir_lines_close(t->lines);
}

static void
run_line(Try *t, const char *line)
{
	MemoryContext old = MemoryContextSwitchTo(t->record_context);
	WeirScanInput *input;

	CHECK_FOR_INTERRUPTS();
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	t->line = 0;
	input = weir_lines_decode(t->lines, line, t->stamp);
	if (input->batch->nrows > 0)
		t->line = input->batch->lines[0];
	t->scan->ops->rows(t->scan, input->batch, 0, input->batch->nrows, &t->to_step);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextReset(t->record_context);
}

static void
run(Try *t, const WeirTryInput *input, WeirTryReceiver receiver, void *arg)
{
	ErrorContextCallback callback;

	callback.callback = try_error_context;
	callback.arg = t;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	open_steps(t, input, receiver, arg);
	for (int i = 0; i < input->nlines; i++)
		run_line(t, input->lines[i]);
	t->line = 0;
	weir_sink_flush(t->sink);
	close_steps(t);
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
		weir_current_scan = NULL;
		weir_current_store = NULL;
		XactReadOnly = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
