/*
 * operator/frame.c
 *		Aggregates over some rows of a key.
 */
#include "postgres.h"

#include "operator/frame.h"
#include "state/aggregate/aggregate.h"
#include "state/aggregate/native.h"

struct WeirFrame
{
	WeirNative *native;			/* NULL: not all aggregates are */
	WeirNativeState *state;
	WeirAggregates *set;		/* of those that are not native */
	WeirAccumulator *accumulator;
	WeirBatch  *row;			/* one, as native ones are given it */
	int			from;			/* rows that have been added */
	int			to;
	bool		is_computed;
	int			n;
	Datum	   *values;
	bool	   *nulls;
};

WeirFrame *
weir_frame_create(List *aggregates, TupleDesc input)
{
	WeirFrame  *frame = palloc0(sizeof(WeirFrame));

	/* even if they are native: it checks the user's rights */
	frame->set = weir_aggregates_create(aggregates, input, false);
	frame->native = weir_native_create(aggregates, input);
	frame->n = list_length(aggregates);
	frame->values = palloc0(sizeof(Datum) * frame->n);
	frame->nulls = palloc0(sizeof(bool) * frame->n);
	if (frame->native)
	{
		frame->state = palloc0(weir_native_size(frame->native));
		frame->row = weir_batch_create(input, 1);
		weir_native_init(frame->native, frame->state);
	}
	else
	{
		frame->accumulator = palloc0(weir_accumulator_size(frame->set));
		weir_accumulator_init(frame->set, frame->accumulator);
	}
	return frame;
}

void
weir_frame_reset(WeirFrame *frame)
{
	frame->from = frame->to = 0;
	frame->is_computed = false;
	if (frame->native)
	{
		weir_native_init(frame->native, frame->state);
		return;
	}
	weir_accumulator_reset(frame->set, frame->accumulator);
	weir_accumulator_init(frame->set, frame->accumulator);
}

static void
add(WeirFrame *frame, const WeirKept *kept)
{
	const WeirNativeFault *fault;

	if (frame->native == NULL)
	{
		weir_accumulator_add(frame->set, frame->accumulator, kept->values, weir_kept_nulls(kept));
		return;
	}
	weir_batch_set_row(frame->row, 0, kept->values, weir_kept_nulls(kept));
	fault = weir_native_add(frame->native, frame->state, frame->row->columns, 0);
	if (fault)
		weir_native_raise(fault);
}

void
weir_frame_compute(WeirFrame *frame, const WeirKept *const *rows, int from, int to,
				   const Datum **values, const bool **nulls)
{
	if (from != frame->from || to < frame->to)
	{
		weir_frame_reset(frame);
		frame->from = frame->to = from;
	}
	while (frame->to < to)
	{
		add(frame, rows[frame->to++]);
		frame->is_computed = false;
	}
	if (!frame->is_computed && frame->native)
		weir_native_results(frame->native, frame->state, frame->values, frame->nulls);
	else if (!frame->is_computed)
		weir_accumulator_results(frame->set, frame->accumulator, false, frame->values, frame->nulls);
	frame->is_computed = true;
	*values = frame->values;
	*nulls = frame->nulls;
}
