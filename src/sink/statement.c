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
#include "sink/statement.h"

typedef struct Statement
{
	WeirSink	sink;
	Tuplestorestate *rows;		/* what waits; NULL: nothing */
	int			nrows;
	int64	   *lines;			/* of the rows that wait */
	Datum	   *values;			/* a row */
	bool	   *nulls;
	int			capacity;
	DestReceiver *receiver;		/* of what the statement returns */
	PlanState  *scan;			/* reads rows in the statement that runs */

	/* BATCH_DISTINCT: arbiter values of the rows that wait */
	ExprContext *econtext;
	ExprState **arbiters;
	TupleTableSlot *input;		/* a row as it came */
	TupleTableSlot *probe;		/* the arbiter values of one row */
	FmgrInfo   *hash_functions;
	Oid		   *eq_functions;
	AttrNumber *columns;
	TupleHashTable seen;
	MemoryContext seen_context;
} Statement;

static void
init_distinct(Statement *st)
{
	const WeirSinkPlan *plan = weir_sink_plan(st->sink.node);
	TupleDesc	desc = CreateTemplateTupleDesc(plan->narbiters);

	st->arbiters = palloc(sizeof(ExprState *) * plan->narbiters);
	st->hash_functions = palloc(sizeof(FmgrInfo) * plan->narbiters);
	st->eq_functions = palloc(sizeof(Oid) * plan->narbiters);
	st->columns = palloc(sizeof(AttrNumber) * plan->narbiters);
	for (int i = 0; i < plan->narbiters; i++)
	{
		Node	   *expr = (Node *) plan->arbiters[i];

		st->arbiters[i] = ExecInitExpr(plan->arbiters[i], NULL);
		st->eq_functions[i] = get_opcode(plan->arbiter_eq[i]);
		st->columns[i] = i + 1;
		fmgr_info(plan->arbiter_hash[i], &st->hash_functions[i]);
		TupleDescInitEntry(desc, i + 1, NULL, exprType(expr), exprTypmod(expr), 0);
		TupleDescInitEntryCollation(desc, i + 1, plan->arbiter_collation[i]);
	}
	TupleDescFinalize(desc);
	st->econtext = CreateStandaloneExprContext();
	st->input = MakeSingleTupleTableSlot(st->sink.node->in, &TTSOpsVirtual);
	st->probe = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	st->seen_context = AllocSetContextCreate(st->sink.context, "weir arbiters",
											   ALLOCSET_DEFAULT_SIZES);
	st->seen = weir_build_tuple_hash(desc, plan->narbiters, st->columns,
									   st->eq_functions, st->hash_functions,
									   plan->arbiter_collation, 256,
									   st->sink.context, st->seen_context,
									   st->econtext->ecxt_per_tuple_memory);
}

static void
statement_open(WeirSink *sink)
{
	Statement  *st = (Statement *) sink;

	st->receiver = None_Receiver;
	st->capacity = 256;
	st->lines = palloc(sizeof(int64) * st->capacity);
	st->values = palloc(sizeof(Datum) * Max(sink->node->in->natts, 1));
	st->nulls = palloc(sizeof(bool) * Max(sink->node->in->natts, 1));
	if (weir_sink_plan(sink->node)->batching == WEIR_SINK_BATCH_DISTINCT)
		init_distinct(st);
}

static void
statement_close(WeirSink *sink)
{
	Statement  *st = (Statement *) sink;

	if (st->input)
	{
		ExecDropSingleTupleTableSlot(st->input);
		ExecDropSingleTupleTableSlot(st->probe);
	}
}

void
weir_statement_set_receiver(WeirSink *sink, DestReceiver *receiver)
{
	((Statement *) sink)->receiver = receiver;
}

/* Does a row wait whose arbiter columns equal this one's?  Else it is noted. */
static bool
meets_waiting(Statement *st)
{
	const WeirSinkPlan *plan = weir_sink_plan(st->sink.node);
	bool		isnew;

	st->sink.at_rows = true;
	ExecClearTuple(st->input);
	memcpy(st->input->tts_values, st->values, sizeof(Datum) * st->sink.node->in->natts);
	memcpy(st->input->tts_isnull, st->nulls, sizeof(bool) * st->sink.node->in->natts);
	ExecStoreVirtualTuple(st->input);
	ResetExprContext(st->econtext);
	st->econtext->ecxt_scantuple = st->input;
	ExecClearTuple(st->probe);
	for (int i = 0; i < plan->narbiters; i++)
		st->probe->tts_values[i] =
			ExecEvalExprSwitchContext(st->arbiters[i], st->econtext,
									  &st->probe->tts_isnull[i]);
	ExecStoreVirtualTuple(st->probe);
	(void) LookupTupleHashEntry(st->seen, st->probe, &isnew, NULL);
	st->sink.at_rows = false;
	return !isnew;
}

static void
forget_waiting(Statement *st)
{
	ResetTupleHashTable(st->seen);
	MemoryContextReset(st->seen_context);
}

static QueryEnvironment *
environment(Statement *st)
{
	QueryEnvironment *env = create_queryEnv();
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	enr->md.name = pstrdup(WEIR_SINK_INPUT);
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = st->sink.node->in;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = tuplestore_tuple_count(st->rows);
	enr->reldata = st->rows;
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
		((Statement *) arg)->scan = node;
		return true;
	}
	return planstate_tree_walker(node, find_scan, arg);
}

/* Which of the rows is the statement at?  The one whose tuple the scan's slot holds. */
static void
locate_row(void *arg)
{
	Statement  *st = arg;
	TupleTableSlot *at;
	TupleTableSlot *slot;
	int			reader;

	if (st->scan == NULL)
		return;
	at = castNode(NamedTuplestoreScanState, st->scan)->ss.ss_ScanTupleSlot;
	if (TTS_EMPTY(at))
		return;
	slot = MakeSingleTupleTableSlot(st->sink.node->in, &TTSOpsMinimalTuple);
	reader = tuplestore_alloc_read_pointer(st->rows, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(st->rows, reader);
	tuplestore_rescan(st->rows);
	for (int i = 0; i < st->nrows && tuplestore_gettupleslot(st->rows, true, false, slot); i++)
	{
		if (((MinimalTupleTableSlot *) slot)->mintuple == ((MinimalTupleTableSlot *) at)->mintuple)
			*st->sink.line = st->lines[i];
	}
	ExecDropSingleTupleTableSlot(slot);
}

static void
execute(Statement *st)
{
	QueryDesc  *query;
	ErrorContextCallback callback;

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	query = CreateQueryDesc(weir_sink_plan(st->sink.node)->statement, st->sink.text,
							GetActiveSnapshot(), InvalidSnapshot,
							st->receiver, NULL, environment(st), 0);
	callback.callback = locate_row;
	callback.arg = st;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	ExecutorStart(query, 0);
	(void) find_scan(query->planstate, st);
	st->sink.at_rows = true;
	weir_run(query);
	st->scan = NULL;
	ExecutorFinish(query);
	ExecutorEnd(query);
	st->sink.at_rows = false;
	error_context_stack = callback.previous;
	FreeQueryDesc(query);
	PopActiveSnapshot();
}

static void
statement_flush(WeirSink *sink)
{
	Statement  *st = (Statement *) sink;
	MemoryContext context;
	MemoryContext old;

	context = AllocSetContextCreate(sink->context, "weir sink statement",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	execute(st);
	MemoryContextSwitchTo(old);
	tuplestore_end(st->rows);
	st->rows = NULL;
	st->nrows = 0;
	MemoryContextDelete(context);
	if (st->seen)
		forget_waiting(st);
}

static void
keep_row(Statement *st)
{
	MemoryContext old = MemoryContextSwitchTo(st->sink.context);

	if (st->rows == NULL)
		st->rows = tuplestore_begin_heap(false, false, work_mem);
	if (st->nrows == st->capacity)
	{
		st->capacity *= 2;
		st->lines = repalloc(st->lines, sizeof(int64) * st->capacity);
	}
	st->lines[st->nrows++] = *st->sink.line;
	st->sink.writing = true;
	MemoryContextSwitchTo(old);
	tuplestore_putvalues(st->rows, st->sink.node->in, st->values, st->nulls);
}

static void
statement_rows(WeirSink *sink, const WeirBatch *batch, int from, int to)
{
	Statement  *st = (Statement *) sink;
	WeirSinkBatching batching = weir_sink_plan(sink->node)->batching;

	for (int i = from; i < to; i++)
	{
		*sink->line = batch->lines[i];
		weir_batch_get_row(batch, i, st->values, st->nulls);
		if (batching == WEIR_SINK_BATCH_DISTINCT && meets_waiting(st))
		{
			weir_sink_flush(sink);
			*sink->line = batch->lines[i];
			(void) meets_waiting(st);
		}
		keep_row(st);
		if (batching == WEIR_SINK_BY_RECORD)
			weir_sink_flush(sink);
	}
}

const WeirSinkOps weir_statement_sink = {
	.name = "statement",
	.size = sizeof(Statement),
	.transactional = true,
	.open = statement_open,
	.rows = statement_rows,
	.flush = statement_flush,
	.close = statement_close,
};
