/*
 * operator/ordered_rank.c
 *		The rows of a key in the order of their time, each when the watermark has passed
 *		it, with its number: all, or the first so many.
 *
 * How many of a key have been handed on is kept; of the first so many no more rows are
 * kept than can still be among them.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "graph/kinds/rank.h"
#include "operator/event_time.h"
#include "operator/kept.h"
#include "operator/key.h"
#include "operator/late.h"
#include "operator/operator.h"
#include "state/due.h"
#include "state/kinds/value.h"

typedef struct OrderedRank
{
	WeirOperator op;
	const WeirRankPlan *plan;
	WeirState  *rows;
	WeirState  *done;			/* how many rows of a key have been handed on, bigint */
	WeirKey    *key;
	WeirKeptResult *result;
	Datum	   *numbers;		/* of the plan's result */
	bool	   *number_nulls;
} OrderedRank;

/* How far the times of its rows have come. */
static int64
held_back(const WeirOperator *op, int64 watermark)
{
	return weir_held_back(watermark, weir_rank_plan(op->node)->hold);
}

static int64
next_due(const WeirOperator *op)
{
	return weir_held_until(weir_due_next(op->store), weir_rank_plan(op->node)->hold);
}

static void
open_rank(WeirOperator *op)
{
	OrderedRank *r = (OrderedRank *) op;
	const WeirNode *node = op->node;
	const char *done;
	int			nnumbers;

	r->plan = weir_rank_plan(node);
	done = weir_rank_done_name(r->plan);
	nnumbers = Max(r->plan->result->natts, 1);
	r->rows = weir_store_state(op->store, r->plan->state_name, strlen(r->plan->state_name));
	r->done = weir_store_state(op->store, done, strlen(done));
	r->key = weir_key_create(node);
	r->result = weir_kept_result_create(op, r->rows, r->plan->output);
	r->numbers = palloc0(sizeof(Datum) * nnumbers);
	r->number_nulls = palloc0(sizeof(bool) * nnumbers);
	op->due = next_due(op);
}

static bool
may_fail(const WeirOperator *op)
{
	return false;
}

static int64
count_done(OrderedRank *r)
{
	bool		isnull;
	Datum		done = weir_value_get(r->done, &isnull);

	return isnull ? 0 : DatumGetInt64(done);
}

/* How many rows of the current key are still wanted. */
static int64
count_wanted(OrderedRank *r)
{
	return r->plan->limit == PG_INT32_MAX ? PG_INT64_MAX : Max(r->plan->limit - count_done(r), 0);
}

static void
keep_row(OrderedRank *r, const WeirBatch *in, int row, int64 time)
{
	int64		wanted = count_wanted(r);
	int			n;

	if (wanted == 0)
		return;
	weir_rows_add(r->rows, in, row, time, weir_moment_after(time), 0);
	n = weir_rows_count(r->rows);
	if (n > wanted)
		weir_rows_remove(r->rows, n - 1, n);
	r->op.due = Min(r->op.due, weir_held_until(weir_moment_after(time), r->plan->hold));
}

static void
take_row(OrderedRank *r, const WeirBatch *in, int row)
{
	WeirOperator *op = &r->op;
	int64		watermark = weir_batch_watermark(in, row);
	int64		time;

	if (!weir_row_time(in, row, r->plan->time, &time) || TIMESTAMP_NOT_FINITE(time) ||
		time < held_back(op, watermark))
	{
		weir_operator_late(op, in, row, r->plan->time);
		return;
	}
	weir_key_enter(r->key, op->store, in, row);
	weir_current_store = NULL;
	keep_row(r, in, row, time);
	weir_store_leave(op->store);
}

/* The current key's rows of this time; how many. */
static int
emit(OrderedRank *r, int64 time, int64 done)
{
	int			n = 0;

	while (n < weir_rows_count(r->rows) && weir_rows_at(r->rows, n)->time == time)
	{
		for (int f = 0; f < r->plan->result->natts; f++)
			r->numbers[f] = Int64GetDatum(r->plan->functions[f] == WEIR_RANK_RANK ? done + 1 : done + n + 1);
		weir_kept_result_add(r->result, weir_rows_at(r->rows, n++), r->numbers, r->number_nulls);
	}
	return n;
}

static void
fire_key(OrderedRank *r, int64 at)
{
	int64		done = count_done(r);
	int			n;

	if (weir_rows_due(r->rows) > at)
		return;
	n = emit(r, weir_rows_at(r->rows, 0)->time, done);
	Assert(n > 0);
	weir_rows_remove(r->rows, 0, n);
	weir_value_set(r->done, Int64GetDatum(done + n), false);
}

static void
fire(OrderedRank *r, int64 upto)
{
	WeirOperator *op = &r->op;
	WeirDue		due;

	while (weir_due_enter(op->store, upto, &due))
	{
		weir_current_store = NULL;
		fire_key(r, due.at);
		weir_due_leave(op->store);
	}
	op->due = next_due(op);
}

static void
take_rows(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	OrderedRank *r = (OrderedRank *) op;

	op->refused.message = NULL;
	r->result->out = out;
	for (int i = from; i < to; i++)
	{
		if ((i - from) % WEIR_STORE_AHEAD == 0)
			weir_store_prefetch(op->store, &in->hashes[i], to - i);
		*op->line = in->lines[i];
		if (weir_operator_is_due(op, in, i))
		{
			fire(r, held_back(op, in->watermarks[i]));
			weir_operator_has_advanced(op, in->watermarks[i]);
		}
		take_row(r, in, i);
	}
	weir_kept_result_end(r->result);
}

static void
advance(WeirOperator *op, int64 watermark, WeirOutput *out)
{
	OrderedRank *r = (OrderedRank *) op;

	r->result->out = out;
	fire(r, held_back(op, watermark));
	weir_kept_result_end(r->result);
	weir_operator_has_advanced(op, watermark);
}

static int64
passes(const WeirOperator *op, int64 watermark)
{
	return weir_held_back(watermark, weir_rank_plan(op->node)->passes_hold);
}

const WeirOperatorOps weir_ordered_rank_operator = {
	.size = sizeof(OrderedRank),
	.open = open_rank,
	.may_fail = may_fail,
	.rows = take_rows,
	.advance = advance,
	.passes = passes
};
