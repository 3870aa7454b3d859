/*
 * operator/project.c
 *		Hands on some of the columns of the rows that come.
 */
#include "postgres.h"

#include "graph/kinds/project.h"
#include "operator/operator.h"

typedef struct Project
{
	WeirOperator op;
	WeirBatch	batch;			/* of node->out, with the vectors of what comes */
} Project;

static void
open_project(WeirOperator *op)
{
	Project    *project = (Project *) op;

	project->batch.columns = palloc(sizeof(WeirVector) * Max(op->node->out->natts, 1));
}

static bool
may_fail(const WeirOperator *op)
{
	return false;
}

/* The bitmaps of nulls are shared, so that all rows go on if any do. */
static void
project_rows(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	Project    *project = (Project *) op;
	WeirBatch  *batch = &project->batch;
	WeirVector *columns = batch->columns;

	Assert(from == 0 && to == in->nrows);
	*batch = *in;
	batch->desc = op->node->out;
	batch->columns = columns;
	for (int i = 0; i < batch->desc->natts; i++)
		columns[i] = in->columns[weir_project_plan(op->node)->columns[i] - 1];
	if (batch->nrows > 0)
		out->rows(out, batch);
}

static void
close_project(WeirOperator *op, bool committed)
{
}

const WeirOperatorOps weir_project_operator = {
	.size = sizeof(Project),
	.open = open_project,
	.may_fail = may_fail,
	.rows = project_rows,
	.close = close_project
};
