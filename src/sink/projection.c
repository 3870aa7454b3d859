/*
 * sink/projection.c
 *		From a row of the sink's input to one of its target: the target lists and
 *		filters of the statement's plan, one after the other.
 */
#include "postgres.h"

#include "access/table.h"
#include "executor/executor.h"
#include "utils/rel.h"

#include "sink/projection.h"

/* A node of the plan. */
typedef struct Stage
{
	ExprState  *filter;			/* NULL: none */
	ProjectionInfo *projection;
	TupleTableSlot *result;
} Stage;

struct WeirProjection
{
	TupleTableSlot *input;
	ExprContext *econtext;
	int			nstages;
	Stage	   *stages;
};

/* The rows that the last one makes are the target's. */
static TupleDesc
target_desc(const WeirNode *node)
{
	Relation	rel = table_open(weir_sink_plan(node)->target, NoLock);
	TupleDesc	desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));

	table_close(rel, NoLock);
	return desc;
}

static bool
has_only_columns(const Plan *plan)
{
	ListCell   *lc;

	foreach(lc, plan->targetlist)
	{
		Expr	   *expr = lfirst_node(TargetEntry, lc)->expr;

		if (!IsA(expr, Const) && !(IsA(expr, Var) && ((Var *) expr)->varattno > 0))
			return false;
	}
	return plan->qual == NIL;
}

bool
weir_projection_is_plain(const WeirNode *node)
{
	ListCell   *lc;

	foreach(lc, weir_sink_plan(node)->projections)
	{
		if (!has_only_columns(lfirst(lc)))
			return false;
	}
	return true;
}

static void
init_stage(WeirProjection *p, Stage *stage, const Plan *plan, TupleDesc input, TupleDesc output)
{
	stage->filter = plan->qual ? ExecInitQual(plan->qual, NULL) : NULL;
	stage->result = MakeSingleTupleTableSlot(output, &TTSOpsVirtual);
	stage->projection = ExecBuildProjectionInfo(plan->targetlist, p->econtext, stage->result,
												NULL, input);
}

WeirProjection *
weir_projection_create(const WeirNode *node)
{
	List	   *plans = weir_sink_plan(node)->projections;
	WeirProjection *p = palloc0(sizeof(WeirProjection));
	TupleDesc	desc = node->in;

	p->input = MakeSingleTupleTableSlot(node->in, &TTSOpsVirtual);
	p->econtext = CreateStandaloneExprContext();
	p->nstages = list_length(plans);
	p->stages = palloc0(sizeof(Stage) * p->nstages);
	for (int i = 0; i < p->nstages; i++)
	{
		const Plan *plan = list_nth(plans, i);
		TupleDesc	output = i < p->nstages - 1 ? ExecTypeFromTL(plan->targetlist) : target_desc(node);

		init_stage(p, &p->stages[i], plan, desc, output);
		desc = output;
	}
	return p;
}

void
weir_projection_free(WeirProjection *p)
{
	for (int i = 0; i < p->nstages; i++)
		ExecDropSingleTupleTableSlot(p->stages[i].result);
	ExecDropSingleTupleTableSlot(p->input);
	FreeExprContext(p->econtext, false);
}

TupleDesc
weir_projection_desc(const WeirProjection *p)
{
	return p->stages[p->nstages - 1].result->tts_tupleDescriptor;
}

TupleTableSlot *
weir_projection_row(WeirProjection *p, const WeirBatch *batch, int row)
{
	TupleTableSlot *slot = p->input;

	ResetExprContext(p->econtext);
	ExecClearTuple(slot);
	weir_batch_get_row(batch, row, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	for (int i = 0; i < p->nstages; i++)
	{
		Stage	   *stage = &p->stages[i];

		p->econtext->ecxt_scantuple = slot;
		p->econtext->ecxt_outertuple = slot;
		if (stage->filter && !ExecQual(stage->filter, p->econtext))
			return NULL;
		slot = ExecProject(stage->projection);
	}
	return slot;
}
