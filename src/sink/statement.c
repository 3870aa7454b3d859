/*
 * sink/statement.c
 *		Runs the job's INSERT over batches of rows.
 *
 * The result is that of one statement a row, in order.  A plain append does
 * not show the difference, so its rows go in one statement a batch.  An upsert
 * would meet a row of its own batch twice, which PostgreSQL refuses: the batch
 * is run when a row comes whose arbiter columns equal those of one that waits.
 * Where anything else could tell (a trigger, an arbiter over expressions),
 * each row has a statement of its own.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "base/fault.h"
#include "sink/statement.h"

struct WeirSink
{
	MemoryContext context;
	const WeirDataflow *dataflow;
	Tuplestorestate *rows;		/* what waits; NULL: nothing */
	int			nrows;
	int64	   *line;			/* of the record being worked on */
	int64	   *lines;			/* of the rows that wait */
	int			capacity;
	DestReceiver *receiver;		/* of what the statement returns */
	PlanState  *scan;			/* reads rows in the statement that runs */
	bool		at_rows;		/* a row is looked at, or a statement has begun to read */

	/* BATCH_DISTINCT: arbiter values of the rows that wait */
	ExprContext *econtext;
	ExprState **arbiters;
	TupleTableSlot *input;		/* sink_desc */
	TupleTableSlot *probe;		/* the arbiter values of one row */
	FmgrInfo   *hash_functions;
	Oid		   *eq_functions;
	AttrNumber *columns;
	TupleHashTable seen;
	MemoryContext seen_context;
};

static void
init_distinct(WeirSink *sink)
{
	const WeirDataflow *df = sink->dataflow;
	TupleDesc	desc = CreateTemplateTupleDesc(df->narbiters);

	sink->arbiters = palloc(sizeof(ExprState *) * df->narbiters);
	sink->hash_functions = palloc(sizeof(FmgrInfo) * df->narbiters);
	sink->eq_functions = palloc(sizeof(Oid) * df->narbiters);
	sink->columns = palloc(sizeof(AttrNumber) * df->narbiters);
	for (int i = 0; i < df->narbiters; i++)
	{
		Node	   *expr = (Node *) df->arbiters[i];

		sink->arbiters[i] = ExecInitExpr(df->arbiters[i], NULL);
		sink->eq_functions[i] = get_opcode(df->arbiter_eq[i]);
		sink->columns[i] = i + 1;
		fmgr_info(df->arbiter_hash[i], &sink->hash_functions[i]);
		TupleDescInitEntry(desc, i + 1, NULL, exprType(expr), exprTypmod(expr), 0);
		TupleDescInitEntryCollation(desc, i + 1, df->arbiter_collation[i]);
	}
	TupleDescFinalize(desc);
	sink->econtext = CreateStandaloneExprContext();
	sink->input = MakeSingleTupleTableSlot(df->sink_desc, &TTSOpsVirtual);
	sink->probe = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	sink->seen_context = AllocSetContextCreate(sink->context, "weir arbiters",
											   ALLOCSET_DEFAULT_SIZES);
	sink->seen = weir_build_tuple_hash(desc, df->narbiters, sink->columns,
									   sink->eq_functions, sink->hash_functions,
									   df->arbiter_collation, 256,
									   sink->context, sink->seen_context,
									   sink->econtext->ecxt_per_tuple_memory);
}

WeirSink *
weir_sink_create(const WeirDataflow *dataflow, int64 *line)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "weir sink",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	WeirSink   *sink = palloc0(sizeof(WeirSink));

	sink->context = context;
	sink->dataflow = dataflow;
	sink->line = line;
	sink->receiver = None_Receiver;
	sink->capacity = 256;
	sink->lines = palloc(sizeof(int64) * sink->capacity);
	if (dataflow->batching == WEIR_SINK_BATCH_DISTINCT)
		init_distinct(sink);
	MemoryContextSwitchTo(old);
	return sink;
}

void
weir_sink_set_receiver(WeirSink *sink, DestReceiver *receiver)
{
	sink->receiver = receiver;
}

bool
weir_sink_at_rows(const WeirSink *sink)
{
	return sink->at_rows;
}

WeirSink *
weir_sink_reset(WeirSink *sink)
{
	MemoryContext old = MemoryContextSwitchTo(MemoryContextGetParent(sink->context));
	WeirSink   *fresh = weir_sink_create(sink->dataflow, sink->line);

	MemoryContextSwitchTo(old);
	weir_sink_free(sink);
	return fresh;
}

void
weir_sink_free(WeirSink *sink)
{
	if (sink->input)
	{
		ExecDropSingleTupleTableSlot(sink->input);
		ExecDropSingleTupleTableSlot(sink->probe);
	}
	MemoryContextDelete(sink->context);
}

/* Does a row wait whose arbiter columns equal this one's?  Else it is noted. */
static bool
meets_waiting(WeirSink *sink, Datum *values, bool *nulls)
{
	const WeirDataflow *df = sink->dataflow;
	bool		isnew;

	sink->at_rows = true;
	ExecClearTuple(sink->input);
	memcpy(sink->input->tts_values, values, sizeof(Datum) * df->sink_desc->natts);
	memcpy(sink->input->tts_isnull, nulls, sizeof(bool) * df->sink_desc->natts);
	ExecStoreVirtualTuple(sink->input);
	ResetExprContext(sink->econtext);
	sink->econtext->ecxt_scantuple = sink->input;
	ExecClearTuple(sink->probe);
	for (int i = 0; i < df->narbiters; i++)
		sink->probe->tts_values[i] =
			ExecEvalExprSwitchContext(sink->arbiters[i], sink->econtext,
									  &sink->probe->tts_isnull[i]);
	ExecStoreVirtualTuple(sink->probe);
	(void) LookupTupleHashEntry(sink->seen, sink->probe, &isnew, NULL);
	sink->at_rows = false;
	return !isnew;
}

static void
forget_waiting(WeirSink *sink)
{
	ResetTupleHashTable(sink->seen);
	MemoryContextReset(sink->seen_context);
}

static QueryEnvironment *
environment(WeirSink *sink)
{
	QueryEnvironment *env = create_queryEnv();
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	enr->md.name = pstrdup(WEIR_SINK_INPUT);
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = sink->dataflow->sink_desc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = tuplestore_tuple_count(sink->rows);
	enr->reldata = sink->rows;
	register_ENR(env, enr);
	return env;
}

static bool
find_scan(PlanState *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, NamedTuplestoreScanState))
	{
		((WeirSink *) arg)->scan = node;
		return true;
	}
	return planstate_tree_walker(node, find_scan, arg);
}

/* Which of the rows is the statement at?  The one whose tuple the scan's slot holds. */
static void
locate_row(void *arg)
{
	WeirSink   *sink = arg;
	TupleTableSlot *at;
	TupleTableSlot *slot;
	int			reader;

	if (sink->scan == NULL)
		return;
	at = castNode(NamedTuplestoreScanState, sink->scan)->ss.ss_ScanTupleSlot;
	if (TTS_EMPTY(at))
		return;
	slot = MakeSingleTupleTableSlot(sink->dataflow->sink_desc, &TTSOpsMinimalTuple);
	reader = tuplestore_alloc_read_pointer(sink->rows, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(sink->rows, reader);
	tuplestore_rescan(sink->rows);
	for (int i = 0; i < sink->nrows && tuplestore_gettupleslot(sink->rows, true, false, slot); i++)
	{
		if (((MinimalTupleTableSlot *) slot)->mintuple == ((MinimalTupleTableSlot *) at)->mintuple)
			*sink->line = sink->lines[i];
	}
	ExecDropSingleTupleTableSlot(slot);
}

static void
execute(WeirSink *sink)
{
	QueryDesc  *query;
	ErrorContextCallback callback;

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	query = CreateQueryDesc(sink->dataflow->sink, sink->dataflow->text,
							GetActiveSnapshot(), InvalidSnapshot,
							sink->receiver, NULL, environment(sink), 0);
	callback.callback = locate_row;
	callback.arg = sink;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	ExecutorStart(query, 0);
	(void) find_scan(query->planstate, sink);
	sink->at_rows = true;
	weir_run(query);
	sink->scan = NULL;
	ExecutorFinish(query);
	ExecutorEnd(query);
	sink->at_rows = false;
	error_context_stack = callback.previous;
	FreeQueryDesc(query);
	PopActiveSnapshot();
}

/* The statement alone may write; what runs round it is read only. */
void
weir_sink_flush(WeirSink *sink)
{
	MemoryContext context;
	MemoryContext old;
	bool		read_only = XactReadOnly;

	if (sink->rows == NULL)
		return;
	WEIR_FAULT(before_output);
	context = AllocSetContextCreate(sink->context, "weir sink statement",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	XactReadOnly = false;
	execute(sink);
	XactReadOnly = read_only;
	MemoryContextSwitchTo(old);
	tuplestore_end(sink->rows);
	sink->rows = NULL;
	sink->nrows = 0;
	MemoryContextDelete(context);
	if (sink->seen)
		forget_waiting(sink);
	WEIR_FAULT(after_output);
}

void
weir_sink_row(WeirSink *sink, Datum *values, bool *nulls)
{
	if (sink->dataflow->batching == WEIR_SINK_BATCH_DISTINCT &&
		meets_waiting(sink, values, nulls))
	{
		weir_sink_flush(sink);
		(void) meets_waiting(sink, values, nulls);
	}
	if (sink->rows == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(sink->context);

		sink->rows = tuplestore_begin_heap(false, false, work_mem);
		MemoryContextSwitchTo(old);
	}
	if (sink->nrows == sink->capacity)
	{
		sink->capacity *= 2;
		sink->lines = repalloc(sink->lines, sizeof(int64) * sink->capacity);
	}
	sink->lines[sink->nrows++] = *sink->line;
	tuplestore_putvalues(sink->rows, sink->dataflow->sink_desc, values, nulls);
	if (sink->dataflow->batching == WEIR_SINK_BY_RECORD)
		weir_sink_flush(sink);
}
