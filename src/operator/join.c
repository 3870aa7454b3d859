/*
 * operator/join.c
 *		A join of two streams: rows are kept until no partner can come any more.
 *
 * A row whose time is before the watermark is late: it takes no part, as its partners
 * may be gone.  So what comes of the others does not depend on when rows are freed.
 * What a kind of join does with a row, and with what is due, is in a file of its own.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "operator/join_int.h"
#include "operator/late.h"

static const JoinOps *const kinds[] = {
	[WEIR_JOIN_INTERVAL] = &weir_interval_join,
	[WEIR_JOIN_WINDOW] = &weir_window_join,
	[WEIR_JOIN_AS_OF] = &weir_as_of_join
};

static WeirState *
side_state(const WeirOperator *op, int side)
{
	const char *name = weir_join_state(weir_join_plan(op->node), side);
	WeirState  *state = weir_store_state(op->store, name, strlen(name));

	weir_rows_retain(state);
	return state;
}

static void
open_join(WeirOperator *op)
{
	StreamJoin	   *j = (StreamJoin *) op;

	j->plan = weir_join_plan(op->node);
	j->rows[0] = side_state(op, 0);
	j->rows[1] = side_state(op, 1);
	j->keys[0] = weir_key_create(op->node);
	j->keys[1] = weir_key_create_right(op->node);
	j->ordered = j->plan->kind != WEIR_JOIN_INTERVAL || j->plan->sides[0].padded || j->plan->sides[1].padded;
	j->scratch = AllocSetContextCreate(op->context, "weir join", ALLOCSET_DEFAULT_SIZES);
	weir_join_open_pairs(j);
	op->due = weir_due_next(op->store);
}

static bool
may_fail(const WeirOperator *op)
{
	return ((const StreamJoin *) op)->condition != NULL;
}

/* The row that comes is kept by its key, which is current. */
void
weir_join_keep(StreamJoin *j, const WeirBatch *in, int row, int64 time, int64 until, uint32 flags)
{
	weir_rows_add(j->rows[j->op.port], in, row, time, until, flags);
	j->op.due = Min(j->op.due, until);
}

static void
fire(StreamJoin *j, int64 upto)
{
	WeirStore  *store = j->op.store;
	WeirDue		due;

	while (weir_due_enter(store, upto, &due))
	{
		weir_current_store = NULL;
		kinds[j->plan->kind]->fire(j, &due, upto);
		weir_due_leave(store);
	}
	j->op.due = weir_due_next(store);
}

static void
take_row(StreamJoin *j, const WeirBatch *in, int row)
{
	const JoinOps *ops = kinds[j->plan->kind];
	WeirOperator *op = &j->op;
	int64		watermark = weir_batch_watermark(in, row);
	int64		time;
	bool		has_time = ops->time_of(j, in, row, &time);

	if (has_time && time < watermark)
		weir_operator_late(op, in, row, j->plan->sides[op->port].time);
	else if (!has_time || weir_key_has_null(j->keys[op->port], in, row))
	{
		if (j->plan->sides[op->port].padded)
			weir_join_emit(j, in, row, NULL);
	}
	else
	{
		weir_key_enter(j->keys[op->port], op->store, in, row);
		weir_current_store = NULL;
		ops->take(j, in, row, time, watermark);
		weir_store_leave(op->store);
	}
}

/* Rows that have been removed are named by those that are handed on. */
static void
end_call(StreamJoin *j, MemoryContext caller)
{
	weir_join_hand_on(j);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(j->scratch);
}

static void
take_rows(WeirOperator *op, WeirBatch *in, int from, int to, WeirOutput *out)
{
	StreamJoin	   *j = (StreamJoin *) op;
	MemoryContext caller = MemoryContextSwitchTo(j->scratch);

	op->refused.message = NULL;
	j->out = out;
	for (int i = from; i < to; i++)
	{
		if ((i - from) % WEIR_STORE_AHEAD == 0)
			weir_store_prefetch(op->store, &in->hashes[i], to - i);
		if (j->ordered && weir_operator_is_due(op, in, i))
		{
			fire(j, in->watermarks[i]);
			weir_operator_has_advanced(op, in->watermarks[i]);
		}
		*op->line = in->lines[i];
		take_row(j, in, i);
	}
	end_call(j, caller);
}

static void
advance(WeirOperator *op, int64 watermark, WeirOutput *out)
{
	StreamJoin	   *j = (StreamJoin *) op;
	MemoryContext caller = MemoryContextSwitchTo(j->scratch);

	j->out = out;
	fire(j, watermark);
	end_call(j, caller);
	weir_operator_has_advanced(op, watermark);
}

/* Less the longest time that a row waits: so none that comes of one is late behind. */
static int64
passes(const WeirOperator *op, int64 watermark)
{
	const StreamJoin *j = (const StreamJoin *) op;
	int64		longest = Max(weir_rows_longest(j->rows[0]), weir_rows_longest(j->rows[1]));

	return j->plan->kind == WEIR_JOIN_AS_OF ? watermark : weir_held_back(watermark, longest);
}

static void
close_join(WeirOperator *op, bool committed)
{
	StreamJoin	   *j = (StreamJoin *) op;

	if (j->econtext)
		FreeExprContext(j->econtext, committed);
	for (int side = 0; side < 2; side++)
	{
		if (j->slots[side])
			ExecDropSingleTupleTableSlot(j->slots[side]);
	}
}

const WeirOperatorOps weir_join_operator = {
	.size = sizeof(StreamJoin),
	.open = open_join,
	.may_fail = may_fail,
	.rows = take_rows,
	.advance = advance,
	.passes = passes,
	.close = close_join
};
