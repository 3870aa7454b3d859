/*
 * task/advance.c
 *		Event time in a task.
 */
#include "postgres.h"

#include "task/advance.h"

/* Of rows that came without. */
static void
give_watermarks(WeirInputs *inputs, WeirBatch *batch, int64 watermark)
{
	if (inputs->reached == NULL)
		inputs->reached = MemoryContextAlloc(inputs->context, sizeof(int64) * WEIR_RUN_ROWS);
	for (int i = 0; i < batch->nrows; i++)
		inputs->reached[i] = watermark;
	batch->watermarks = inputs->reached;
}

void
weir_advance_judge(const WeirChain *chain, WeirInputs *inputs, const WeirMessage *message,
				   WeirBatch *batch)
{
	const WeirOperator *first = chain->links[0].op;
	bool		judges = first && first->ops->advance;

	if (!inputs->begins)
		return;
	if (batch->watermarks == NULL || !judges || !message->alone)
		give_watermarks(inputs, batch, judges ? message->kept_at : inputs->floor);
	for (int i = 0; i < batch->nrows && judges; i++)
		batch->watermarks[i] = Max(batch->watermarks[i], message->kept_at);
}

void
weir_advance_merge(WeirInputs *inputs, int input, const WeirMessage *message, WeirBatch *batch)
{
	WeirWatermarkMerge *merge = inputs->watermarks;

	if (batch->watermarks)
		weir_watermark_merge_rows(merge, input, batch->watermarks, batch->nrows);
	else if (weir_watermark_merge_get(merge) != PG_INT64_MIN)
		give_watermarks(inputs, batch, weir_watermark_merge_get(merge));
	else if (message->watermark == PG_INT64_MIN)
		return;
	weir_watermark_merge_set(merge, input, message->watermark, false);
}

static bool
must_advance(const WeirChain *chain, int64 watermark)
{
	for (int i = 0; i < chain->nlinks; i++)
	{
		const WeirOperator *op = chain->links[i].op;

		if (op && weir_operator_must_advance(op, watermark))
			return true;
	}
	return false;
}

/* Has the watermark moved that the operators have seen, or what is to be said of it? */
static bool
has_moved(const WeirChain *chain, const WeirInputs *inputs)
{
	return !chain->waits &&
		(weir_watermark_merge_get(inputs->watermarks) != chain->watermark ||
		 weir_watermark_merge_is_idle(inputs->watermarks) != chain->idle);
}

/* What is due comes of no record. */
static void
advance(WeirChain *chain, const WeirInputs *inputs)
{
	int64		watermark = weir_watermark_merge_get(inputs->watermarks);

	chain->watermark = watermark;
	chain->idle = weir_watermark_merge_is_idle(inputs->watermarks);
	chain->task->slot->stats.watermark = watermark;
	for (int i = 0; i < chain->nlinks; i++)
	{
		WeirLink   *link = &chain->links[i];

		chain->task->line = 0;
		if (link->op)
			watermark = weir_operator_advance(link->op, watermark, link->to);
	}
	if (chain->out)
		weir_router_watermark(chain->out, watermark, chain->idle);
}

void
weir_advance_behind_rows(WeirChain *chain, const WeirInputs *inputs)
{
	if (has_moved(chain, inputs))
		advance(chain, inputs);
}

void
weir_advance_chain(WeirChain *chain, const WeirInputs *inputs)
{
	if (!has_moved(chain, inputs))
		return;
	if (!must_advance(chain, weir_watermark_merge_get(inputs->watermarks)))
	{
		advance(chain, inputs);
		return;
	}
	weir_chain_enter(chain);
	advance(chain, inputs);
	weir_chain_leave(chain);
}

void
weir_advance_wait(WeirChain *chain, bool waits)
{
	chain->waits = waits;
	for (int i = 0; i < chain->nlinks; i++)
	{
		if (chain->links[i].op)
			chain->links[i].op->waits = waits;
	}
}

/* What is due by now is done behind it, and was not when the checkpoint was taken. */
static int64
begin_operator(WeirOperator *op, int64 watermark)
{
	if (op->due <= watermark && op->due > PG_INT64_MIN && op->due < PG_INT64_MAX)
		watermark = op->due - 1;
	weir_operator_has_advanced(op, watermark);
	return op->passed;
}

void
weir_advance_begin(WeirChain *chain, const WeirInputs *inputs)
{
	int64		watermark = Min(weir_watermark_merge_get(inputs->watermarks), inputs->floor);

	chain->idle = weir_watermark_merge_is_idle(inputs->watermarks);
	chain->task->slot->stats.watermark = watermark;
	for (int i = 0; i < chain->nlinks; i++)
	{
		if (chain->links[i].op)
			watermark = begin_operator(chain->links[i].op, watermark);
	}
	if (chain->out)
		weir_router_begin(chain->out, watermark, chain->idle, watermark == PG_INT64_MAX);
	weir_advance_wait(chain, inputs->nrestored > 0);
	weir_advance_chain(chain, inputs);
}
