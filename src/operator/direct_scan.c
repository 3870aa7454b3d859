/*
 * operator/direct_scan.c
 *		A scan plan that is a scan of the rows that come and nothing else.
 *
 * A column of these is not copied: the batch that is handed on has the
 * vector of the one that came, unless a condition has dropped rows.  Conditions
 * and expressions are evaluated record by record, as the executor would, in a
 * context that lasts as long as the compiled plan; what they read comes through
 * a slot.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/sysattr.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "decide/partition_time.h"
#include "graph/kinds/scan.h"
#include "operator/direct_scan.h"

struct WeirDirectScan
{
	WeirBatch	batch;			/* of node->out */
	WeirBatch  *own;			/* its memory, where vectors are not shared */
	int		   *source;			/* a column: one that comes, from 0; -1: computed */
	ExprState **computed;
	int			ncomputed;
	ExprState  *qual;			/* NULL: none */
	ExprContext *econtext;
	TupleTableSlot *slot;		/* of a row that comes */
	int		   *needed;			/* columns that qual and expressions read */
	int			nneeded;
	int		   *selection;		/* rows that passed */
	/* where the plan has a time that makes their watermark */
	bool		has_time;
	int64		bound;
	int			time_source;	/* as source */
	ExprState  *time_computed;
	int64	   *times;			/* of these rows */
	int64	   *watermarks;
};

static Scan *
plan_of(const WeirNode *node)
{
	return (Scan *) weir_scan_plan(node)->statement->planTree;
}

/* The column of what comes that an expression is; 0: it is none. */
static AttrNumber
plain_column(Expr *expr)
{
	while (IsA(expr, RelabelType))
		expr = ((RelabelType *) expr)->arg;
	return IsA(expr, Var) ? Max(((Var *) expr)->varattno, 0) : 0;
}

/* What is read of a row, as pull_varattnos has it; the last column of the result is the ordinal. */
static Bitmapset *
attributes_read(const WeirNode *node, bool computed_only)
{
	Scan	   *plan = plan_of(node);
	Bitmapset  *attributes = NULL;
	ListCell   *lc;

	pull_varattnos((Node *) plan->plan.qual, plan->scanrelid, &attributes);
	foreach(lc, plan->plan.targetlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (entry->resno != weir_scan_plan(node)->ordinal && !(computed_only && plain_column(entry->expr)))
			pull_varattnos((Node *) entry->expr, plan->scanrelid, &attributes);
	}
	return attributes;
}

static bool
scans_stream(const WeirNode *node)
{
	PlannedStmt *stmt = weir_scan_plan(node)->statement;
	ForeignScan *plan = (ForeignScan *) stmt->planTree;

	return IsA(plan, ForeignScan) && plan->scan.scanrelid > 0 && plan->fdw_exprs == NIL &&
		rt_fetch(plan->scan.scanrelid, stmt->rtable)->relid == weir_scan_plan(node)->stream;
}

static bool
scans_step(const WeirNode *node)
{
	NamedTuplestoreScan *plan = (NamedTuplestoreScan *) weir_scan_plan(node)->statement->planTree;

	return IsA(plan, NamedTuplestoreScan) && strcmp(plan->enrname, WEIR_SCAN_INPUT) == 0;
}

/* Nothing but columns: no system column, nor what a step's rows as a whole have behind these. */
static bool
reads_columns(const WeirNode *node)
{
	Bitmapset  *attributes = attributes_read(node, false);
	int			first = bms_next_member(attributes, -1) + FirstLowInvalidHeapAttributeNumber;
	int			ordinal = node->in->natts + 1 - FirstLowInvalidHeapAttributeNumber;

	if (bms_is_empty(attributes))
		return true;
	return OidIsValid(weir_scan_plan(node)->stream) ? first >= 0 :
		first > 0 && !bms_is_member(ordinal, attributes);
}

bool
weir_direct_scan_serves(const WeirNode *node)
{
	PlannedStmt *stmt = weir_scan_plan(node)->statement;
	Plan	   *plan = stmt->planTree;

	return (scans_stream(node) || scans_step(node)) && stmt->subplans == NIL &&
		stmt->paramExecTypes == NIL && plan->initPlan == NIL && outerPlan(plan) == NULL &&
		reads_columns(node);
}

bool
weir_direct_scan_evaluates(const WeirNode *node)
{
	const Plan *plan = &plan_of(node)->plan;
	ListCell   *lc;

	foreach(lc, plan->targetlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (entry->resno != weir_scan_plan(node)->ordinal && plain_column(entry->expr) == 0)
			return true;
	}
	return plan->qual != NIL;
}

static void
init_time(WeirDirectScan *scan, const WeirNode *node, Expr *expr)
{
	scan->has_time = true;
	scan->bound = weir_scan_plan(node)->bound;
	scan->time_source = plain_column(expr) - 1;
	if (scan->time_source >= 0)
		return;
	scan->time_computed = ExecInitExpr(expr, NULL);
	scan->ncomputed++;
}

static void
init_columns(WeirDirectScan *scan, const WeirNode *node)
{
	ListCell   *lc;
	int			natts = node->out->natts;

	scan->source = palloc(sizeof(int) * Max(natts, 1));
	scan->computed = palloc0(sizeof(ExprState *) * Max(natts, 1));
	foreach(lc, plan_of(node)->plan.targetlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		int			column = entry->resno - 1;

		if (entry->resno == weir_scan_plan(node)->ordinal)
			continue;
		if (entry->resno == weir_scan_plan(node)->time)
		{
			init_time(scan, node, entry->expr);
			continue;
		}
		scan->source[column] = plain_column(entry->expr) - 1;
		if (scan->source[column] >= 0)
			continue;
		scan->computed[column] = ExecInitExpr(entry->expr, NULL);
		scan->ncomputed++;
	}
}

/* A whole row needs all columns. */
static void
init_needed(WeirDirectScan *scan, const WeirNode *node, int natts)
{
	Bitmapset  *attributes = attributes_read(node, true);
	bool		all = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, attributes);

	scan->needed = palloc(sizeof(int) * Max(natts, 1));
	for (int i = 0; i < natts; i++)
	{
		if (all || bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, attributes))
			scan->needed[scan->nneeded++] = i;
	}
}

WeirDirectScan *
weir_direct_scan_create(const WeirNode *node, const WeirBatch *in)
{
	WeirDirectScan *scan = palloc0(sizeof(WeirDirectScan));
	List	   *qual = plan_of(node)->plan.qual;

	init_columns(scan, node);
	init_needed(scan, node, in->desc->natts);
	if (qual != NIL)
		scan->qual = ExecInitQual(qual, NULL);
	scan->econtext = CreateStandaloneExprContext();
	scan->slot = MakeSingleTupleTableSlot(in->desc, &TTSOpsVirtual);
	scan->econtext->ecxt_scantuple = scan->slot;
	memset(scan->slot->tts_isnull, true, sizeof(bool) * in->desc->natts);
	ExecStoreVirtualTuple(scan->slot);
	scan->own = weir_batch_create(node->out, in->capacity);
	scan->selection = palloc(sizeof(int) * in->capacity);
	scan->times = palloc(sizeof(int64) * in->capacity);
	scan->watermarks = palloc(sizeof(int64) * in->capacity);
	scan->batch.columns = palloc(sizeof(WeirVector) * Max(node->out->natts, 1));
	return scan;
}

void
weir_direct_scan_close(WeirDirectScan *scan, bool committed)
{
	FreeExprContext(scan->econtext, committed);
	ExecDropSingleTupleTableSlot(scan->slot);
}

/* The slot stays stored: only its values change. */
static void
show_row(WeirDirectScan *scan, const WeirBatch *in, int row)
{
	TupleTableSlot *slot = scan->slot;

	for (int i = 0; i < scan->nneeded; i++)
	{
		int			column = scan->needed[i];

		slot->tts_values[column] = in->columns[column].values[row];
		slot->tts_isnull[column] = weir_vector_is_null(&in->columns[column], row);
	}
	ResetExprContext(scan->econtext);
}

/* A result, which is gone with its row. */
static Datum
keep_value(WeirDirectScan *scan, int column, Datum value)
{
	Form_pg_attribute att = TupleDescAttr(scan->own->desc, column);
	MemoryContext old;

	if (att->attbyval)
		return value;
	old = MemoryContextSwitchTo(scan->own->context);
	if (att->attlen == -1 && VARATT_IS_EXTERNAL(DatumGetPointer(value)))
		value = PointerGetDatum(detoast_external_attr((struct varlena *) DatumGetPointer(value)));
	else
		value = datumCopy(value, false, att->attlen);
	MemoryContextSwitchTo(old);
	return value;
}

static void
compute_time(WeirDirectScan *scan, int to)
{
	bool		isnull;
	Datum		value = ExecEvalExprSwitchContext(scan->time_computed, scan->econtext, &isnull);

	scan->times[to] = isnull ? WEIR_WATERMARK_NONE : DatumGetTimestampTz(value);
}

static void
compute_row(WeirDirectScan *scan, int to)
{
	if (scan->time_computed)
		compute_time(scan, to);
	for (int i = 0; i < scan->own->desc->natts; i++)
	{
		Datum		value;
		bool		isnull;

		if (scan->computed[i] == NULL)
			continue;
		value = ExecEvalExprSwitchContext(scan->computed[i], scan->econtext, &isnull);
		if (isnull)
			weir_batch_set_null(scan->own, i, to);
		else
			weir_batch_set_value(scan->own, i, to, keep_value(scan, i, value));
	}
}

/* Which rows pass, with what is computed of them; how many. */
static int
evaluate(WeirDirectScan *scan, const WeirBatch *in, int from, int to, int64 *line)
{
	int			n = 0;

	for (int i = from; i < to; i++)
	{
		CHECK_FOR_INTERRUPTS();
		*line = in->lines[i];
		show_row(scan, in, i);
		if (scan->qual && !ExecQual(scan->qual, scan->econtext))
			continue;
		compute_row(scan, n);
		scan->selection[n++] = i;
	}
	return n;
}

static void
select_column(WeirDirectScan *scan, int column, const WeirVector *from, int n)
{
	WeirVector *to = &scan->own->columns[column];

	for (int i = 0; i < n; i++)
		to->values[i] = from->values[scan->selection[i]];
	if (!from->has_nulls)
		return;
	for (int i = 0; i < n; i++)
	{
		if (weir_vector_is_null(from, scan->selection[i]))
			weir_batch_set_null(scan->own, column, i);
	}
}

static void
select_records(WeirDirectScan *scan, const WeirBatch *in, int n)
{
	WeirBatch  *own = scan->own;

	if (in->raw)
		weir_batch_keep_raw(own);
	if (in->watermarks)
		weir_batch_keep_watermarks(own);
	if (in->partitions)
		weir_batch_keep_partitions(own);
	for (int i = 0; i < n; i++)
	{
		own->lines[i] = in->lines[scan->selection[i]];
		own->stamps[i] = in->stamps[scan->selection[i]];
		if (in->raw)
			own->raw[i] = in->raw[scan->selection[i]];
		if (in->watermarks)
			own->watermarks[i] = in->watermarks[scan->selection[i]];
		if (in->partitions)
			own->partitions[i] = in->partitions[scan->selection[i]];
	}
}

/* The batch, with the vectors and records of the other where all of its rows have passed. */
static void
assemble(WeirDirectScan *scan, WeirBatch *in, int n, bool all)
{
	WeirBatch  *batch = &scan->batch;
	WeirVector *columns = batch->columns;

	if (!all)
		select_records(scan, in, n);
	*batch = all ? *in : *scan->own;
	batch->desc = scan->own->desc;
	batch->columns = columns;
	batch->nrows = n;
	batch->source = in->source;
	if (in->raw == NULL)
		batch->raw = NULL;
	if (in->watermarks == NULL)
		batch->watermarks = NULL;
	if (in->partitions == NULL)
		batch->partitions = NULL;
	for (int i = 0; i < batch->desc->natts; i++)
	{
		int			source = scan->source[i];

		if (source >= 0 && !all)
			select_column(scan, i, &in->columns[source], n);
		columns[i] = source >= 0 && all ? in->columns[source] : scan->own->columns[i];
	}
}

/* A time that is a column, of n rows. */
static void
select_times(WeirDirectScan *scan, const WeirVector *from, int n, bool all)
{
	for (int i = 0; i < n; i++)
	{
		int			row = all ? i : scan->selection[i];

		scan->times[i] = weir_vector_is_null(from, row) ? WEIR_WATERMARK_NONE :
			DatumGetTimestampTz(from->values[row]);
	}
}

/* Before each of the rows, and behind the last. */
static void
fill_watermarks(WeirDirectScan *scan, int64 *watermark)
{
	for (int i = 0; i < scan->batch.nrows; i++)
	{
		scan->watermarks[i] = *watermark;
		*watermark = weir_watermark_behind(*watermark, scan->times[i], scan->bound);
	}
}

static void
fill_by_partition(WeirDirectScan *scan, int64 *watermark, WeirPartitionTime *partitions)
{
	for (int i = 0; i < scan->batch.nrows; i++)
		scan->watermarks[i] = weir_partition_time_pass(partitions, scan->batch.partitions[i],
													   scan->times[i], scan->bound);
	*watermark = weir_partition_time_get(partitions);
}

static void
set_watermarks(WeirDirectScan *scan, const WeirBatch *in, bool all, int64 *watermark,
			   WeirPartitionTime *partitions)
{
	if (scan->time_source >= 0)
		select_times(scan, &in->columns[scan->time_source], scan->batch.nrows, all);
	if (partitions && scan->batch.partitions)
		fill_by_partition(scan, watermark, partitions);
	else
		fill_watermarks(scan, watermark);
	scan->batch.watermarks = scan->watermarks;
}

static void
make_room(WeirDirectScan *scan, int rows)
{
	if (rows <= scan->own->capacity)
		return;
	while (scan->own->capacity < rows)
		weir_batch_grow(scan->own);
	scan->selection = repalloc_huge(scan->selection, sizeof(int) * scan->own->capacity);
	scan->times = repalloc_huge(scan->times, sizeof(int64) * scan->own->capacity);
	scan->watermarks = repalloc_huge(scan->watermarks, sizeof(int64) * scan->own->capacity);
}

void
weir_direct_scan_run(WeirDirectScan *scan, WeirBatch *in, int from, int to, int64 *line,
					 int64 *watermark, WeirPartitionTime *partitions, WeirOutput *out)
{
	int			n = to - from;

	make_room(scan, to);
	if (scan->qual || scan->ncomputed > 0 || from > 0)
		n = evaluate(scan, in, from, to, line);
	assemble(scan, in, n, from == 0 && n == to);
	if (scan->has_time)
		set_watermarks(scan, in, from == 0 && n == to, watermark, partitions);
	if (n > 0)
		out->rows(out, &scan->batch);
	weir_batch_reset(scan->own);
}
