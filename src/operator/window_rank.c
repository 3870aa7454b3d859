/*
 * operator/window_rank.c
 *		The best rows of a key one part of which is a window: they are handed on, with
 *		their ranks, when the window is over.
 *
 * Rows that are not among the best any more are dropped now and then; of a few each time
 * that one comes.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "graph/kinds/rank.h"
#include "operator/event_time.h"
#include "operator/kept.h"
#include "operator/key.h"
#include "operator/late.h"
#include "operator/operator.h"
#include "state/due.h"

#define FEW 16					/* rows that are looked at one by one */

typedef struct WindowRank
{
	WeirOperator op;
	const WeirRankPlan *plan;
	WeirState  *rows;
	WeirKey    *key;
	WeirOrder  *order;
	WeirKeptResult *result;
	MemoryContext scratch;		/* of a call */
	Datum	   *numbers;		/* of the plan's result */
	bool	   *number_nulls;
	Datum	   *values;			/* of a row that comes */
	bool	   *nulls;
} WindowRank;

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
	WindowRank *w = (WindowRank *) op;
	const WeirNode *node = op->node;
	int			nnumbers;

	w->plan = weir_rank_plan(node);
	nnumbers = Max(w->plan->result->natts, 1);
	w->rows = weir_store_state(op->store, w->plan->state_name, strlen(w->plan->state_name));
	w->key = weir_key_create(node);
	w->order = weir_order_create(w->plan->columns, w->plan->ncolumns);
	w->result = weir_kept_result_create(op, w->rows, w->plan->output);
	w->scratch = AllocSetContextCreate(op->context, "weir ranked rows", ALLOCSET_DEFAULT_SIZES);
	w->numbers = palloc0(sizeof(Datum) * nnumbers);
	w->number_nulls = palloc0(sizeof(bool) * nnumbers);
	w->values = palloc(sizeof(Datum) * node->in->natts);
	w->nulls = palloc(sizeof(bool) * node->in->natts);
	op->due = next_due(op);
}

static bool
may_fail(const WeirOperator *op)
{
	return ((const WindowRank *) op)->order->calls_user;
}

/* ---- the order ---- */

static int
compare(const WindowRank *w, const WeirKept *one, const WeirKept *other)
{
	return weir_order_compare(w->order, one->values, weir_kept_nulls(one), other->values, weir_kept_nulls(other));
}

/* Of equal rows the one that the plan says comes first. */
static int
compare_entries(const void *a, const void *b, void *arg)
{
	const WindowRank *w = arg;
	const WeirKept *one = *(const WeirKept *const *) a;
	const WeirKept *other = *(const WeirKept *const *) b;
	int			order = compare(w, one, other);

	if (order == 0)
		order = one->seq < other->seq ? -1 : 1;
	else
		return order;
	return w->plan->last_first ? -order : order;
}

/* The current key's rows in their order; how many there are. */
static int
sorted_rows(WindowRank *w, const WeirKept ***sorted)
{
	const WeirKept *const *rows;
	int			n = weir_rows_all(w->rows, &rows);

	*sorted = palloc(sizeof(WeirKept *) * Max(n, 1));
	memcpy(*sorted, rows, sizeof(WeirKept *) * n);
	qsort_arg(*sorted, n, sizeof(WeirKept *), compare_entries, w);
	return n;
}

/* A row's numbers, walking along the order. */
typedef struct Numbers
{
	int64		row_number;
	int64		rank;
	int64		dense_rank;
} Numbers;

static void
step(const WindowRank *w, Numbers *numbers, const WeirKept *before, const WeirKept *row)
{
	numbers->row_number++;
	if (before != NULL && compare(w, before, row) == 0)
		return;
	numbers->rank = numbers->row_number;
	numbers->dense_rank++;
}

static int64
number(const Numbers *numbers, WeirRankBy by)
{
	switch (by)
	{
		case WEIR_RANK_RANK:
			return numbers->rank;
		case WEIR_RANK_DENSE:
			return numbers->dense_rank;
		default:
			return numbers->row_number;
	}
}

/* How many of the sorted rows are among the best. */
static int
count_best(const WindowRank *w, const WeirKept *const *sorted, int n)
{
	Numbers		numbers = {0};

	for (int i = 0; i < n; i++)
	{
		step(w, &numbers, i > 0 ? sorted[i - 1] : NULL, sorted[i]);
		if (number(&numbers, w->plan->by) > w->plan->limit)
			return i;
	}
	return n;
}

/* ---- what is dropped before ---- */

/* Rows of one time stand in the order in which they came. */
static void
drop(WindowRank *w, const WeirKept *dropped)
{
	const WeirKept *const *rows;
	int			n = weir_rows_all(w->rows, &rows);
	int			low = 0;

	while (low < n && rows[low] != dropped)
		low++;
	weir_rows_remove(w->rows, low, low + 1);
}

static void
drop_worst(WindowRank *w)
{
	const WeirKept **sorted;
	int			n = sorted_rows(w, &sorted);

	for (int i = count_best(w, sorted, n); i < n; i++)
		drop(w, sorted[i]);
}

static const WeirKept *
worst(const WindowRank *w)
{
	const WeirKept *const *rows;
	int			n = weir_rows_all(w->rows, &rows);
	const WeirKept *found = rows[0];

	for (int i = 1; i < n; i++)
		if (compare_entries(&found, &rows[i], unconstify(WindowRank *, w)) < 0)
			found = rows[i];
	return found;
}

/* Where a few rows are wanted: is the one that comes among them?  Then the worst goes. */
static bool
enters(WindowRank *w, const WeirBatch *in, int row)
{
	const WeirKept *last;
	int			order;

	if (w->plan->by != WEIR_RANK_ROW_NUMBER || w->plan->limit > FEW || weir_rows_count(w->rows) < w->plan->limit)
		return true;
	last = worst(w);
	weir_batch_get_row(in, row, w->values, w->nulls);
	order = weir_order_compare(w->order, w->values, w->nulls, last->values, weir_kept_nulls(last));
	if (order > 0 || (order == 0 && !w->plan->last_first))
		return false;
	drop(w, last);
	return true;
}

static bool
has_too_many(const WindowRank *w)
{
	return w->plan->limit < PG_INT32_MAX && weir_rows_count(w->rows) > (int64) w->plan->limit * 2 + FEW;
}

/* ---- rows ---- */

static void
take_row(WindowRank *w, const WeirBatch *in, int row)
{
	WeirOperator *op = &w->op;
	int64		watermark = weir_batch_watermark(in, row);
	int64		end;

	if (!weir_row_time(in, row, w->plan->time, &end) || end <= held_back(op, watermark))
	{
		weir_operator_late(op, in, row, w->plan->time);
		return;
	}
	weir_key_enter(w->key, op->store, in, row);
	weir_current_store = NULL;
	if (enters(w, in, row))
	{
		weir_rows_add(w->rows, in, row, 0, end, 0);
		op->due = Min(op->due, weir_held_until(end, w->plan->hold));
		if (has_too_many(w))
			drop_worst(w);
	}
	weir_store_leave(op->store);
}

/* Those of the current key, whose window is over. */
static void
emit(WindowRank *w)
{
	const WeirKept **sorted;
	int			n = sorted_rows(w, &sorted);
	Numbers		numbers = {0};

	for (int i = 0; i < n; i++)
	{
		step(w, &numbers, i > 0 ? sorted[i - 1] : NULL, sorted[i]);
		if (number(&numbers, w->plan->by) > w->plan->limit)
			break;
		for (int f = 0; f < w->plan->result->natts; f++)
			w->numbers[f] = Int64GetDatum(number(&numbers, w->plan->functions[f]));
		weir_kept_result_add(w->result, sorted[i], w->numbers, w->number_nulls);
	}
	weir_rows_remove(w->rows, 0, n);
}

static void
fire(WindowRank *w, int64 upto)
{
	WeirOperator *op = &w->op;
	WeirDue		due;

	while (weir_due_enter(op->store, upto, &due))
	{
		weir_current_store = NULL;
		if (weir_rows_due(w->rows) <= due.at)
			emit(w);
		weir_due_leave(op->store);
	}
	op->due = next_due(op);
}

static void
take_rows(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	WindowRank *w = (WindowRank *) op;
	MemoryContext caller = MemoryContextSwitchTo(w->scratch);

	op->refused.message = NULL;
	w->result->out = out;
	for (int i = from; i < to; i++)
	{
		if ((i - from) % WEIR_STORE_AHEAD == 0)
			weir_store_prefetch(op->store, &in->hashes[i], to - i);
		*op->line = in->lines[i];
		if (weir_operator_is_due(op, in, i))
		{
			fire(w, held_back(op, in->watermarks[i]));
			weir_operator_has_advanced(op, in->watermarks[i]);
		}
		take_row(w, in, i);
	}
	weir_kept_result_end(w->result);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(w->scratch);
}

static void
advance(WeirOperator *op, int64 watermark, WeirOutput *out)
{
	WindowRank *w = (WindowRank *) op;
	MemoryContext caller = MemoryContextSwitchTo(w->scratch);

	w->result->out = out;
	fire(w, held_back(op, watermark));
	weir_kept_result_end(w->result);
	weir_operator_has_advanced(op, watermark);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(w->scratch);
}

const WeirOperatorOps weir_window_rank_operator = {
	.size = sizeof(WindowRank),
	.open = open_rank,
	.may_fail = may_fail,
	.rows = take_rows,
	.advance = advance,
	.passes = held_back
};
