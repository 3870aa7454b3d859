/*
 * operator/operator.c
 *		The operators there are, and how one begins and ends.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "graph/kinds/function.h"
#include "graph/kinds/source.h"
#include "operator/operator.h"

static const WeirOperatorOps *const operators[] = {
	[WEIR_NODE_SCAN] = &weir_scan_operator,
	[WEIR_NODE_FUNCTION] = &weir_function_operator,
	[WEIR_NODE_COUNT_WINDOW] = &weir_count_window_operator,
	[WEIR_NODE_TIME_WINDOW] = &weir_time_window_operator,
	[WEIR_NODE_AGGREGATE] = &weir_aggregate_operator,
	[WEIR_NODE_JOIN] = &weir_join_operator,
	[WEIR_NODE_RANK] = &weir_rank_operator,
	[WEIR_NODE_WINDOW_RANK] = &weir_window_rank_operator,
	[WEIR_NODE_ORDERED_RANK] = &weir_ordered_rank_operator,
	[WEIR_NODE_OVER] = &weir_over_operator,
};

bool
weir_node_is_operator(const WeirNode *node)
{
	return node->kind < lengthof(operators) && operators[node->kind] != NULL;
}

static const WeirOperatorOps *
ops_of(const WeirNode *node)
{
	if (node->kind == WEIR_NODE_FUNCTION && weir_function_plan(node)->timers != NIL)
		return &weir_timed_function_operator;
	return operators[node->kind];
}

static void
open_in_context(WeirOperator *op)
{
	MemoryContext old = MemoryContextSwitchTo(op->context);

	op->ops->open(op);
	MemoryContextSwitchTo(old);
}

static void
leave_out(WeirOperator *op, const WeirBatch *in, int row, WeirUntimely why)
{
}

WeirOperator *
weir_operator_open(const WeirNode *node, const char *text, WeirStore *store, int64 *line)
{
	const WeirOperatorOps *ops = ops_of(node);
	WeirOperator *op = palloc0(ops->size);

	op->ops = ops;
	op->context = AllocSetContextCreate(CurrentMemoryContext, "weir operator",
										ALLOCSET_DEFAULT_SIZES);
	op->node = node;
	op->text = text;
	op->store = store;
	op->line = line;
	op->watermark = op->passed = PG_INT64_MIN;
	op->due = PG_INT64_MAX;
	op->late = leave_out;
	open_in_context(op);
	return op;
}

static void
close_own(WeirOperator *op, bool committed)
{
	if (op->ops->close)
		op->ops->close(op, committed);
}

void
weir_operator_close(WeirOperator *op)
{
	close_own(op, true);
	MemoryContextDelete(op->context);
	pfree(op);
}

void
weir_operator_has_advanced(WeirOperator *op, int64 watermark)
{
	int64		passes = op->ops->passes ? op->ops->passes(op, watermark) : watermark;

	op->watermark = Max(op->watermark, watermark);
	op->passed = Max(op->passed, passes);
}

static const WeirNode *
any_source(const WeirOperator *op)
{
	return op->node->sources == NIL ? NULL : linitial(op->node->sources);
}

int
weir_operator_any_source(const WeirOperator *op)
{
	const WeirNode *source = any_source(op);

	return source ? source->id : 0;
}

int64
weir_operator_stamp(const WeirOperator *op, int64 at)
{
	const WeirNode *source = any_source(op);
	int64		clock = weir_store_clock(op->store);

	if (source == NULL || !weir_source_plan(source)->by_arrival)
		return clock;
	return Max(Max(clock, op->passed), at);
}

bool
weir_operator_must_advance(const WeirOperator *op, int64 watermark)
{
	return op->ops->advance && op->due <= watermark && !op->waits;
}

int64
weir_operator_advance(WeirOperator *op, int64 watermark, WeirOutput *out)
{
	if (weir_operator_must_advance(op, watermark))
		op->ops->advance(op, watermark, out);
	else if (watermark > op->watermark)
		weir_operator_has_advanced(op, watermark);
	return op->passed;
}

bool
weir_graph_has_event_time(const WeirGraph *graph)
{
	for (int i = 0; i < graph->nnodes; i++)
	{
		if (weir_node_is_operator(graph->nodes[i]) && ops_of(graph->nodes[i])->advance)
			return true;
	}
	return false;
}

void
weir_operator_raise(const WeirOperator *op)
{
	ereport(ERROR,
			(errcode(op->refused.sqlstate),
			 errmsg_internal("%s", op->refused.message)));
}

void
weir_operator_emit(WeirOperator *op, WeirOutput *out)
{
	WeirBatch  *held;

	while (op->ops->holds && (held = op->ops->held(op)) != NULL)
	{
		op->ops->emit(op, held, 0, held->nrows, out);
		op->ops->forget(op, held);
		weir_batch_free(held);
	}
}

void
weir_operator_reset(WeirOperator *op)
{
	close_own(op, false);
	MemoryContextReset(op->context);
	memset((char *) op + sizeof(WeirOperator), 0, op->ops->size - sizeof(WeirOperator));
	open_in_context(op);
}
