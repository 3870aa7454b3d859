/*
 * operator/time_window.c
 *		Windows of event time: each row is added to its key's, those that the watermark
 *		has reached the end of have a row each.
 *
 * Of which record is such a row said to come?  Of the one that moved the watermark, as far
 * as that is known: the last that came.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "base/timerange.h"
#include "graph/kinds/time_window.h"
#include "operator/changes.h"
#include "operator/event_time.h"
#include "operator/key.h"
#include "operator/late.h"
#include "operator/operator.h"
#include "operator/result.h"
#include "state/due.h"
#include "state/kinds/running.h"
#include "state/kinds/time_window.h"

typedef struct TimeWindow
{
	WeirOperator op;
	const WeirTimeWindowPlan *plan;
	WeirState  *state;
	bool		native;
	WeirResult *result;
	WeirKey    *key;
	WeirBatch  *row;			/* one, of the key that fires and the record that made it */
	bool		has_record;
	StringInfoData raw;			/* of that record, if it is kept */
	MemoryContext scratch;		/* of what results and code of the user's leave */
	Datum	   *values;			/* of the plan's result */
	bool	   *nulls;
} TimeWindow;

/* How far the times of its rows have come: those of windows below come as these end. */
static int64
held_back(const WeirOperator *op, int64 watermark)
{
	return weir_held_back(watermark, weir_time_window_plan(op->node)->hold);
}

/* The watermark that it is due at. */
static int64
by_watermark(const WeirOperator *op, int64 due)
{
	return weir_held_until(due, weir_time_window_plan(op->node)->hold);
}

static int64
next_due(const WeirOperator *op)
{
	return by_watermark(op, weir_due_next(op->store));
}

static void
open_window(WeirOperator *op)
{
	TimeWindow *w = (TimeWindow *) op;
	const WeirNode *node = op->node;

	w->plan = weir_time_window_plan(node);
	w->state = weir_store_state(op->store, w->plan->state_name, strlen(w->plan->state_name));
	w->native = weir_time_window_is_native(w->state);
	w->result = weir_result_create(node->out, w->plan->output);
	w->result->passed = &op->passed;
	w->key = weir_key_create(node);
	w->row = weir_batch_create(node->in, 1);
	w->row->nrows = 1;
	initStringInfo(&w->raw);
	w->scratch = AllocSetContextCreate(op->context, "weir window results", ALLOCSET_DEFAULT_SIZES);
	w->values = palloc(sizeof(Datum) * w->plan->result->natts);
	w->nulls = palloc0(sizeof(bool) * w->plan->result->natts);
	op->due = next_due(op);
}

static bool
may_fail(const WeirOperator *op)
{
	return !((const TimeWindow *) op)->native;
}

/* ---- the rows of windows ---- */

/* What a batch that is handed on names must not go with the key's entry. */
static void
put_key(TimeWindow *w, const Datum *key, const bool *isnull)
{
	const WeirNode *node = w->op.node;
	MemoryContext old = MemoryContextSwitchTo(w->result->batch->context);

	for (int i = 0; i < node->nkeys; i++)
	{
		int			column = node->keys[i].attno - 1;
		Form_pg_attribute att = TupleDescAttr(node->in, column);

		if (isnull[i])
			weir_batch_set_null(w->row, column, 0);
		else
			weir_batch_set_value(w->row, column, 0, datumCopy(key[i], att->attbyval, att->attlen));
	}
	MemoryContextSwitchTo(old);
}

/* What is computed lies in the batch that it is handed on in, or, if user's code has run, in scratch. */
static void
put_window(TimeWindow *w, const WeirBatch *of, int row, WeirSpan span)
{
	MemoryContext old = MemoryContextSwitchTo(w->native ? w->result->batch->context : w->scratch);

	w->values[0] = weir_timerange(w->plan->range, span.start, span.end);
	weir_time_window_results(w->state, span, w->values + 1, w->nulls + 1);
	if (w->native)
		weir_result_take(w->result, of, row, w->values, w->nulls);
	else
		weir_result_add(w->result, of, row, w->values, w->nulls);
	MemoryContextSwitchTo(old);
}

static void
hand_on_if_full(TimeWindow *w, WeirOutput *out)
{
	if (weir_result_is_full(w->result))
		weir_result_hand_on(w->result, out);
}

/* The current key's windows that end at "at". */
static void
fire_key(TimeWindow *w, const WeirDue *due, WeirOutput *out)
{
	const WeirSpan *spans;
	int			n = weir_time_windows_due(w->state, due->at, &spans);

	if (!w->has_record)
		w->row->source = weir_time_window_source(w->state);
	for (int i = 0; i < n; i++)
	{
		put_key(w, due->key, due->isnull);
		w->row->hashes[0] = due->hash;
		put_window(w, w->row, 0, spans[i]);
		hand_on_if_full(w, out);
	}
	weir_time_windows_fired(w->state, due->at);
}

static void
fire(TimeWindow *w, int64 upto, WeirOutput *out)
{
	WeirStore  *store = w->op.store;
	WeirDue		due;

	while (weir_due_enter(store, held_back(&w->op, upto), &due))
	{
		*w->op.line = 0;
		w->row->stamps[0] = weir_operator_stamp(&w->op, by_watermark(&w->op, due.at));
		weir_current_store = NULL;
		fire_key(w, &due, out);
		weir_due_leave(store);
		if (!w->native)
			MemoryContextReset(w->scratch);
	}
	w->op.due = next_due(&w->op);
	weir_operator_has_advanced(&w->op, upto);
}

/* From now on rows are said to come of this record. */
static void
note_record(TimeWindow *w, const WeirBatch *in, int row)
{
	weir_batch_set_record(w->row, 0, in, row);
	w->has_record = true;
}

/* The last one of a batch, which goes. */
static void
keep_record(TimeWindow *w, const WeirBatch *in, int row)
{
	WeirRaw		raw;

	note_record(w, in, row);
	raw = weir_batch_raw(w->row, 0);
	if (raw.data == NULL)
		return;
	resetStringInfo(&w->raw);
	appendBinaryStringInfoNT(&w->raw, raw.data, raw.len);
	w->row->raw[0].data = w->raw.data;
}

/* What its watermark makes due is no doing of the row's. */
static void
fire_at_row(TimeWindow *w, const WeirBatch *in, int row, WeirOutput *out)
{
	if (likely(!weir_operator_is_due(&w->op, in, row)))
		return;
	note_record(w, in, row);
	fire(w, in->watermarks[row], out);
	*w->op.line = in->lines[row];
}

/* ---- rows ---- */

static AttrNumber
time_column(const TimeWindow *w)
{
	return w->plan->window == WEIR_TIME_COLUMN ? w->plan->window_column : w->plan->time;
}

/* False: the row has no window. */
static bool
read_time(TimeWindow *w, const WeirBatch *in, int row, WeirSpan *when)
{
	int			column = time_column(w) - 1;
	const WeirVector *vector = &in->columns[column];

	if (weir_vector_is_null(vector, row))
		return false;
	if (w->plan->window == WEIR_TIME_COLUMN)
		return weir_timerange_read(TupleDescAttr(in->desc, column)->atttypid, vector->values[row],
								   &when->start, &when->end);
	when->start = DatumGetInt64(vector->values[row]);
	return when->start != PG_INT64_MIN && when->start != PG_INT64_MAX;
}

/* Windows that had fired, and were not over. */
static void
fire_again(TimeWindow *w, const WeirBatch *in, int row)
{
	const WeirSpan *spans;
	int			n = weir_time_windows_again(w->state, &spans);

	for (int i = 0; i < n; i++)
	{
		if (w->result->batch->nrows == w->result->batch->capacity)
			weir_batch_grow(w->result->batch);
		put_window(w, in, row, spans[i]);
	}
}

static void
refuse(TimeWindow *w, int row, int64 clock, const WeirNativeFault *fault)
{
	weir_store_forget_row(w->op.store, clock);
	w->op.refused.row = row;
	w->op.refused.sqlstate = fault->sqlstate;
	w->op.refused.message = _(fault->message);
}

/* No key is current meanwhile, as in a count window.  False: the row is refused. */
static bool
add_row(TimeWindow *w, const WeirBatch *in, int row, WeirSpan when, int64 watermark)
{
	WeirStore  *store = w->op.store;
	int64		clock = weir_store_clock(store);
	const WeirNativeFault *fault;
	WeirTimeAdded added;

	weir_key_enter(w->key, store, in, row);
	weir_current_store = NULL;
	added = weir_time_window_add(w->state, in, row, when, watermark, &fault);
	if (unlikely(added == WEIR_TIME_REFUSED))
	{
		refuse(w, row, clock, fault);
		return false;
	}
	if (added == WEIR_TIME_AGAIN)
		fire_again(w, in, row);
	weir_store_leave(store);
	if (added == WEIR_TIME_LATE)
		weir_operator_late(&w->op, in, row, time_column(w));
	return true;
}

/* Within lateness the window of a row that no other was in may be due at once. */
static bool
take_row(TimeWindow *w, const WeirBatch *in, int row, WeirOutput *out)
{
	int64		watermark = weir_batch_watermark(in, row);
	WeirSpan	when;

	fire_at_row(w, in, row, out);
	if (!read_time(w, in, row, &when))
	{
		weir_operator_late(&w->op, in, row, time_column(w));
		return true;
	}
	if (!add_row(w, in, row, when, held_back(&w->op, watermark)))
		return false;
	w->op.due = next_due(&w->op);
	fire_at_row(w, in, row, out);
	hand_on_if_full(w, out);
	return true;
}

static void
take_rows(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	TimeWindow *w = (TimeWindow *) op;
	MemoryContext caller = MemoryContextSwitchTo(w->scratch);

	op->refused.message = NULL;
	for (int i = from; i < to; i++)
	{
		if ((i - from) % WEIR_STORE_AHEAD == 0)
			weir_store_prefetch(op->store, &in->hashes[i], to - i);
		*op->line = in->lines[i];
		if (!take_row(w, in, i, out))
			break;
		if (!w->native)
			MemoryContextReset(w->scratch);
	}
	weir_result_hand_on(w->result, out);
	if (to > from)
		keep_record(w, in, to - 1);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(w->scratch);
}

static void
advance(WeirOperator *op, int64 watermark, WeirOutput *out)
{
	TimeWindow *w = (TimeWindow *) op;
	MemoryContext caller = MemoryContextSwitchTo(w->scratch);

	fire(w, watermark, out);
	weir_result_hand_on(w->result, out);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(w->scratch);
}

/* ---- open windows, at checkpoints ---- */

static bool
holds(const WeirOperator *op)
{
	const TimeWindow *w = (const TimeWindow *) op;

	return w->plan->early && weir_changed_are_held(w->state);
}

static WeirBatch *
held(WeirOperator *op)
{
	return weir_changed_rows(op, ((TimeWindow *) op)->state);
}

static void
emit_key(TimeWindow *w, const WeirBatch *held, int row, WeirOutput *out)
{
	const WeirSpan *spans;
	int			n;

	if (!weir_time_window_enter_changed(w->state, row))
		return;
	weir_current_store = NULL;
	n = weir_time_windows_open(w->state, &spans);
	for (int i = 0; i < n; i++)
	{
		put_window(w, held, row, spans[i]);
		hand_on_if_full(w, out);
	}
	weir_store_leave(w->op.store);
}

static void
emit(WeirOperator *op, const WeirBatch *held, int from, int to, WeirOutput *out)
{
	TimeWindow *w = (TimeWindow *) op;
	MemoryContext caller = MemoryContextSwitchTo(w->scratch);

	for (int i = from; i < to; i++)
	{
		*op->line = held->lines[i];
		emit_key(w, held, i, out);
		if (!w->native)
			MemoryContextReset(w->scratch);
	}
	weir_result_hand_on(w->result, out);
	MemoryContextSwitchTo(caller);
}

static void
forget(WeirOperator *op, const WeirBatch *held)
{
	weir_running_forget(((TimeWindow *) op)->state, held->nrows);
}

const WeirOperatorOps weir_time_window_operator = {
	.size = sizeof(TimeWindow),
	.open = open_window,
	.may_fail = may_fail,
	.rows = take_rows,
	.holds = holds,
	.held = held,
	.emit = emit,
	.forget = forget,
	.advance = advance,
	.passes = held_back
};
