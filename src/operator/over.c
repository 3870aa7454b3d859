/*
 * operator/over.c
 *		Window functions in the order of time: rows are kept until the watermark has
 *		passed their time, and then as long as frames of rows to come reach back to them.
 *
 * What goes over all rows of a key so far is kept as running aggregates are.  Rows of a key
 * that have been handed on stand before the others, since what came later than the
 * watermark is late.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "graph/kinds/over.h"
#include "operator/event_time.h"
#include "operator/frame.h"
#include "operator/kept.h"
#include "operator/key.h"
#include "operator/late.h"
#include "operator/operator.h"
#include "state/due.h"
#include "state/kinds/running.h"
#include "state/kinds/window.h"

#define OVER_DONE 1				/* flag of a kept row: it has been handed on */

typedef struct Over
{
	WeirOperator op;
	const WeirOverPlan *plan;
	bool		zoned;			/* times are timestamptz */
	WeirState  *rows;
	WeirState  *all;			/* NULL: nothing goes over all rows */
	WeirFrame **frames;
	WeirKey    *key;
	WeirBatch  *row;			/* one, as running aggregates are given it */
	WeirKeptResult *result;
	MemoryContext scratch;		/* of what is computed of a key */
} Over;

/* What the functions come to, of rows of equal time. */
typedef struct Values
{
	Datum	   *values;			/* a row's side by side */
	bool	   *nulls;
} Values;

/* How far the times of its rows have come. */
static int64
held_back(const WeirOperator *op, int64 watermark)
{
	return weir_held_back(watermark, weir_over_plan(op->node)->hold);
}

static int64
next_due(const WeirOperator *op)
{
	return weir_held_until(weir_due_next(op->store), weir_over_plan(op->node)->hold);
}

static void
open_over(WeirOperator *op)
{
	Over	   *o = (Over *) op;
	const WeirNode *node = op->node;
	const char *all;

	o->plan = weir_over_plan(node);
	all = weir_over_all_name(o->plan);
	o->zoned = TupleDescAttr(node->in, o->plan->time - 1)->atttypid == TIMESTAMPTZOID;
	o->rows = weir_store_state(op->store, o->plan->state_name, strlen(o->plan->state_name));
	o->all = o->plan->aggregates == NIL ? NULL : weir_store_state(op->store, all, strlen(all));
	o->frames = palloc(sizeof(WeirFrame *) * Max(o->plan->nframes, 1));
	for (int i = 0; i < o->plan->nframes; i++)
		o->frames[i] = weir_frame_create(o->plan->frames[i].aggregates, node->in);
	o->key = weir_key_create(node);
	o->row = weir_batch_create(node->in, 1);
	o->result = weir_kept_result_create(op, o->rows, o->plan->output);
	o->scratch = AllocSetContextCreate(op->context, "weir window functions", ALLOCSET_DEFAULT_SIZES);
	op->due = next_due(op);
}

static bool
may_fail(const WeirOperator *op)
{
	return true;
}

/* ---- the functions ---- */

static void
put(const Over *o, Values *to, int row, int function, Datum value, bool isnull)
{
	int			at = row * o->plan->result->natts + function;

	to->values[at] = value;
	to->nulls[at] = isnull;
}

/* Of those that go over all rows, what they have come to. */
static void
put_all(Over *o, Values *to, int row, WeirOverKind kind)
{
	Oid		   *types;
	Datum	   *values;
	bool	   *nulls;

	(void) weir_window_results(o->all, &types, &values, &nulls);
	for (int f = 0; f < o->plan->result->natts; f++)
	{
		const WeirOverFunction *function = &o->plan->functions[f];

		if (function->kind == kind)
			put(o, to, row, f, values[function->aggregate], nulls[function->aggregate]);
	}
}

static bool
has_kind(const Over *o, WeirOverKind kind)
{
	for (int f = 0; f < o->plan->result->natts; f++)
		if (o->plan->functions[f].kind == kind)
			return true;
	return false;
}

static void
accumulate(Over *o, const WeirKept *kept)
{
	const WeirNativeFault *fault;

	*o->op.line = kept->line;
	weir_batch_set_row(o->row, 0, kept->values, weir_kept_nulls(kept));
	o->row->lines[0] = kept->line;
	fault = weir_running_accumulate(o->all, o->row, 0);
	if (fault)
		weir_native_raise(fault);
}

/* Rows from .. to - 1 are of equal time. */
static void
compute_all(Over *o, const WeirKept *const *rows, int from, int to, Values *out)
{
	if (o->all == NULL)
		return;
	for (int i = from; i < to; i++)
	{
		accumulate(o, rows[i]);
		if (has_kind(o, WEIR_OVER_ALL))
			put_all(o, out, i - from, WEIR_OVER_ALL);
	}
	for (int i = from; i < to && has_kind(o, WEIR_OVER_ALL_OF_TIME); i++)
		put_all(o, out, i - from, WEIR_OVER_ALL_OF_TIME);
}

/* The earliest time that a frame by time holds. */
static int64
frame_begin(const Over *o, const WeirOverFrame *frame, int64 time)
{
	if (o->zoned)
		return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(time),
													   IntervalPGetDatum(frame->length)));
	return DatumGetTimestamp(DirectFunctionCall2(timestamp_mi_interval, TimestampGetDatum(time),
												 IntervalPGetDatum(frame->length)));
}

static void
compute_frame(Over *o, const WeirKept *const *rows, int from, int to, int n, Values *out)
{
	const WeirOverFrame *frame = &o->plan->frames[n];
	int			begin = frame->range ? weir_rows_first(o->rows, frame_begin(o, frame, rows[from]->time)) : 0;

	for (int i = from; i < to; i++)
	{
		const Datum *values;
		const bool *nulls;

		*o->op.line = rows[i]->line;
		if (!frame->range)
			begin = Max(0, i - frame->rows);
		weir_frame_compute(o->frames[n], rows, begin, frame->range ? to : i + 1, &values, &nulls);
		for (int f = 0; f < o->plan->result->natts; f++)
		{
			const WeirOverFunction *function = &o->plan->functions[f];

			if (function->kind == WEIR_OVER_FRAME && function->frame == n)
				put(o, out, i - from, f, values[function->aggregate], nulls[function->aggregate]);
		}
	}
}

static void
compute_lag(Over *o, const WeirKept *const *rows, int from, int to, Values *out)
{
	for (int f = 0; f < o->plan->result->natts; f++)
	{
		const WeirOverFunction *function = &o->plan->functions[f];

		for (int i = from; i < to && function->kind == WEIR_OVER_LAG; i++)
		{
			const WeirKept *before = i >= function->rows ? rows[i - function->rows] : NULL;

			if (before == NULL || weir_kept_nulls(before)[function->column - 1])
				put(o, out, i - from, f, (Datum) 0, true);
			else
				put(o, out, i - from, f, before->values[function->column - 1], false);
		}
	}
}

/* Those of equal time. */
static void
emit_peers(Over *o, const WeirKept *const *rows, int from, int to)
{
	int			natts = o->plan->result->natts;
	Values		out = {palloc(sizeof(Datum) * natts * (to - from)), palloc(sizeof(bool) * natts * (to - from))};

	compute_all(o, rows, from, to, &out);
	for (int n = 0; n < o->plan->nframes; n++)
		compute_frame(o, rows, from, to, n, &out);
	compute_lag(o, rows, from, to, &out);
	for (int i = from; i < to; i++)
		weir_kept_result_add(o->result, rows[i], out.values + (i - from) * natts, out.nulls + (i - from) * natts);
}

/* ---- rows ---- */

static int64
less(int64 time, int64 length)
{
	return time < PG_INT64_MIN + length ? PG_INT64_MIN : time - length;
}

/* When a row that has been handed on is of no use to any frame by time. */
static int64
end_of_use(const Over *o, int64 time)
{
	return time > PG_INT64_MAX - 2 - o->plan->kept_time ? PG_INT64_MAX - 1 : time + o->plan->kept_time + 1;
}

/* Has the watermark passed all times?  Then no row can come that a frame by time is of. */
static bool
is_end(int64 watermark)
{
	return watermark >= PG_INT64_MAX - 1;
}

/* Rows from .. to - 1 have been handed on too: what of those before "to" do rows to come need? */
static void
keep_some(Over *o, int from, int to, int64 watermark)
{
	int			by_rows = Max(0, to - o->plan->kept_rows);
	int			by_time = o->plan->kept_time < 0 || is_end(watermark) ? to :
		Min(to, weir_rows_first(o->rows, less(watermark, o->plan->kept_time)));
	int			gone = Min(by_rows, by_time);

	for (int i = Max(gone, from - o->plan->kept_rows); i < to; i++)
	{
		const WeirKept *kept = weir_rows_at(o->rows, i);
		int64		until = i >= by_rows ? PG_INT64_MAX : end_of_use(o, kept->time);

		weir_rows_set(o->rows, i, until, OVER_DONE);
	}
	weir_rows_remove(o->rows, 0, gone);
}

static int
first_waiting(const WeirKept *const *rows, int n)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (rows[middle]->flags & OVER_DONE)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The current key's, of times before the watermark. */
static void
fire_key(Over *o, int64 watermark)
{
	const WeirKept *const *rows;
	int			n = weir_rows_all(o->rows, &rows);
	int			from = first_waiting(rows, n);
	int			to = is_end(watermark) ? n : weir_rows_first(o->rows, watermark);
	int			end;

	for (int i = 0; i < o->plan->nframes; i++)
		weir_frame_reset(o->frames[i]);
	for (int i = from; i < to; i = end)
	{
		for (end = i + 1; end < to && rows[end]->time == rows[i]->time; end++)
			;
		emit_peers(o, rows, i, end);
	}
	if (to > 0)
		keep_some(o, Min(from, to), to, watermark);
}

static void
fire(Over *o, int64 watermark)
{
	WeirOperator *op = &o->op;
	WeirDue		due;

	while (weir_due_enter(op->store, watermark, &due))
	{
		weir_current_store = NULL;
		if (weir_rows_due(o->rows) <= watermark)
			fire_key(o, watermark);
		/* else it would be entered again and again */
		Assert(weir_rows_due(o->rows) > watermark || weir_rows_due(o->rows) == PG_INT64_MAX);
		weir_due_leave(op->store);
		MemoryContextReset(o->scratch);
	}
	op->due = next_due(op);
}

static void
take_row(Over *o, const WeirBatch *in, int row)
{
	WeirOperator *op = &o->op;
	int64		watermark = weir_batch_watermark(in, row);
	int64		time;

	if (!weir_row_time(in, row, o->plan->time, &time) || TIMESTAMP_NOT_FINITE(time) ||
		time < held_back(op, watermark))
	{
		weir_operator_late(op, in, row, o->plan->time);
		return;
	}
	weir_key_enter(o->key, op->store, in, row);
	weir_current_store = NULL;
	weir_rows_add(o->rows, in, row, time, weir_moment_after(time), 0);
	op->due = Min(op->due, weir_held_until(weir_moment_after(time), o->plan->hold));
	weir_store_leave(op->store);
}

static void
take_rows(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	Over	   *o = (Over *) op;
	MemoryContext caller = MemoryContextSwitchTo(o->scratch);

	op->refused.message = NULL;
	o->result->out = out;
	for (int i = from; i < to; i++)
	{
		if ((i - from) % WEIR_STORE_AHEAD == 0)
			weir_store_prefetch(op->store, &in->hashes[i], to - i);
		if (weir_operator_is_due(op, in, i))
		{
			fire(o, held_back(op, in->watermarks[i]));
			weir_operator_has_advanced(op, in->watermarks[i]);
		}
		*op->line = in->lines[i];
		take_row(o, in, i);
	}
	weir_kept_result_end(o->result);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(o->scratch);
}

static void
advance(WeirOperator *op, int64 watermark, WeirOutput *out)
{
	Over	   *o = (Over *) op;
	MemoryContext caller = MemoryContextSwitchTo(o->scratch);

	o->result->out = out;
	fire(o, held_back(op, watermark));
	weir_kept_result_end(o->result);
	weir_operator_has_advanced(op, watermark);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(o->scratch);
}

static int64
passes(const WeirOperator *op, int64 watermark)
{
	return weir_held_back(watermark, weir_over_plan(op->node)->passes_hold);
}

const WeirOperatorOps weir_over_operator = {
	.size = sizeof(Over),
	.open = open_over,
	.may_fail = may_fail,
	.rows = take_rows,
	.advance = advance,
	.passes = passes
};
