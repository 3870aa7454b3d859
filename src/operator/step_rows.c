/*
 * operator/step_rows.c
 *		Rows of a keyed step, as a relation.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "graph/kinds/scan.h"
#include "operator/step_rows.h"
#include "record/scan.h"

static void
add_rows(WeirStepRows *rows, int from, int to)
{
	int			natts = rows->desc->natts;
	Datum	   *values = palloc(sizeof(Datum) * natts);
	bool	   *nulls = palloc(sizeof(bool) * natts);
	ItemPointerData ordinal;

	values[natts - 1] = PointerGetDatum(&ordinal);
	nulls[natts - 1] = false;
	for (int i = from; i < to; i++)
	{
		weir_batch_get_row(rows->batch, i, values, nulls);
		weir_scan_tid(i, &ordinal);
		tuplestore_putvalues(rows->store, rows->desc, values, nulls);
	}
}

void
weir_step_rows_begin(WeirStepRows *rows, const WeirBatch *batch, int from, int to, int64 *line)
{
	MemoryContext old;

	memset(rows, 0, sizeof(WeirStepRows));
	rows->context = AllocSetContextCreate(CurrentMemoryContext, "weir step rows",
										  ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(rows->context);
	rows->desc = weir_scan_input_desc(batch->desc);
	rows->store = tuplestore_begin_heap(true, false, work_mem);
	rows->batch = batch;
	rows->line = line;
	add_rows(rows, from, to);
	MemoryContextSwitchTo(old);
}

QueryEnvironment *
weir_step_rows_environment(WeirStepRows *rows)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);
	QueryEnvironment *environment = create_queryEnv();
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));

	relation->md.name = pstrdup(WEIR_SCAN_INPUT);
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = rows->desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = tuplestore_tuple_count(rows->store);
	relation->reldata = rows->store;
	register_ENR(environment, relation);
	MemoryContextSwitchTo(old);
	return environment;
}

static bool
find_scan(PlanState *node, void *arg)
{
	WeirStepRows *rows = arg;

	if (node == NULL)
		return false;
	if (IsA(node, NamedTuplestoreScanState))
	{
		rows->scan = node;
		return true;
	}
	return planstate_tree_walker(node, find_scan, arg);
}

/* The scan's slot holds the row that was read last. */
static void
locate_row(void *arg)
{
	WeirStepRows *rows = arg;
	TupleTableSlot *at = castNode(NamedTuplestoreScanState, rows->scan)->ss.ss_ScanTupleSlot;
	bool		isnull;
	Datum		ordinal;

	if (TTS_EMPTY(at))
		return;
	ordinal = slot_getattr(at, rows->desc->natts, &isnull);
	*rows->line = rows->batch->lines[weir_scan_index((ItemPointer) DatumGetPointer(ordinal))];
}

void
weir_step_rows_watch(WeirStepRows *rows, PlanState *plan)
{
	if (!find_scan(plan, rows))
		return;
	rows->callback.callback = locate_row;
	rows->callback.arg = rows;
	rows->callback.previous = error_context_stack;
	error_context_stack = &rows->callback;
}

void
weir_step_rows_unwatch(WeirStepRows *rows)
{
	if (rows->scan)
		error_context_stack = rows->callback.previous;
	rows->scan = NULL;
}

void
weir_step_rows_end(WeirStepRows *rows)
{
	tuplestore_end(rows->store);
	MemoryContextDelete(rows->context);
}
