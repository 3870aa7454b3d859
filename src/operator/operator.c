/*
 * operator/operator.c
 *		The operators there are, and how one begins and ends.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "operator/operator.h"

static const WeirOperatorOps *const behind_scan[] = {
	&weir_count_window_operator,
	&weir_function_operator,
	&weir_project_operator,
};

const WeirOperatorOps *
weir_operator_behind_scan(const WeirDataflow *dataflow)
{
	for (int i = 0; i < lengthof(behind_scan); i++)
	{
		if (behind_scan[i]->serves(dataflow))
			return behind_scan[i];
	}
	elog(ERROR, "no operator serves the dataflow");
	return NULL;
}

static void
open_in_context(WeirOperator *op)
{
	MemoryContext old = MemoryContextSwitchTo(op->context);

	op->ops->open(op);
	MemoryContextSwitchTo(old);
}

WeirOperator *
weir_operator_open(const WeirOperatorOps *ops, const WeirDataflow *dataflow, WeirStore *store,
				   int64 *line)
{
	WeirOperator *op = palloc0(ops->size);

	op->ops = ops;
	op->context = AllocSetContextCreate(CurrentMemoryContext, "weir operator",
										ALLOCSET_DEFAULT_SIZES);
	op->dataflow = dataflow;
	op->store = store;
	op->line = line;
	open_in_context(op);
	return op;
}

void
weir_operator_close(WeirOperator *op)
{
	op->ops->close(op, true);
	MemoryContextDelete(op->context);
	pfree(op);
}

void
weir_operator_raise(const WeirOperator *op)
{
	ereport(ERROR,
			(errcode(op->refused.sqlstate),
			 errmsg_internal("%s", op->refused.message)));
}

void
weir_operator_reset(WeirOperator *op)
{
	op->ops->close(op, false);
	MemoryContextReset(op->context);
	memset((char *) op + sizeof(WeirOperator), 0, op->ops->size - sizeof(WeirOperator));
	open_in_context(op);
}
