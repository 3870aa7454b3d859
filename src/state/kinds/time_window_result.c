/*
 * state/kinds/time_window_result.c
 *		Windows of event time: what the aggregates of a window come to.
 */
#include "postgres.h"

#include "state/kinds/time_window_int.h"

/* Room for what panes come to. */
typedef union Scratch
{
	WeirNativeState state;
	char		bytes[WEIR_NATIVE_LARGEST];
} Scratch;

static WeirTimeWindow *
current_window(WeirState *state)
{
	return (WeirTimeWindow *) weir_live_get(state, weir_entry_find(state->store));
}

/* The panes from .. to - 1 of a window. */
static void
find_panes(WeirTimeWindows *windows, WeirTimeWindow *window, WeirSpan span, int *from, int *to)
{
	if (windows->in_panes)
	{
		*from = weir_pane_from(windows, window, span.start);
		*to = weir_pane_from(windows, window, span.end);
		return;
	}
	*from = weir_pane_after(windows, window, span.end - 1);
	while (weir_pane_start(weir_pane_at(windows, window, *from)) != span.start)
		(*from)++;
	*to = *from + 1;
}

/* In the order of time, one by one. */
static const WeirNativeState *
combine(WeirTimeWindows *windows, WeirTimeWindow *window, int from, int to, WeirNativeState *scratch)
{
	const WeirNativeFault *fault = NULL;

	memcpy(scratch, weir_pane_native(windows, weir_pane_at(windows, window, from)),
		   weir_native_size(windows->native));
	for (int i = from + 1; i < to && fault == NULL; i++)
		fault = weir_native_combine(windows->native, scratch,
									weir_pane_native(windows, weir_pane_at(windows, window, i)));
	if (fault)
		weir_native_raise(fault);
	return scratch;
}

static void
native_results(WeirState *state, WeirTimeWindow *window, int from, int to, Datum *values, bool *nulls)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	Scratch		scratch;
	const WeirNativeState *all;

	if (to == from + 1)
		all = weir_pane_native(windows, weir_pane_at(windows, window, from));
	else
		all = weir_fold_results(state, window, from, to, &scratch.state);
	if (all == NULL)
		all = combine(windows, window, from, to, &scratch.state);
	weir_native_results(windows->native, all, values, nulls);
}

static void
accumulated_results(WeirState *state, WeirTimeWindow *window, int from, int to, Datum *values, bool *nulls)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	int			n = to - from;

	if (n > windows->parts_room)
	{
		windows->parts_room = n * 2;
		windows->parts = windows->parts == NULL ?
			MemoryContextAlloc(state->store->context, sizeof(WeirAccumulator *) * windows->parts_room) :
			repalloc_huge(windows->parts, sizeof(WeirAccumulator *) * windows->parts_room);
	}
	for (int i = 0; i < n; i++)
		windows->parts[i] = weir_pane_accumulator(windows, weir_pane_at(windows, window, from + i));
	weir_accumulators_results(windows->aggregates, windows->parts, n, values, nulls);
}

static void
panes_results(WeirState *state, WeirTimeWindow *window, int from, int to, Datum *values, bool *nulls)
{
	if (weir_time_windows_of(state)->native)
		native_results(state, window, from, to, values, nulls);
	else
		accumulated_results(state, window, from, to, values, nulls);
}

void
weir_time_window_results(WeirState *state, WeirSpan span, Datum *values, bool *nulls)
{
	WeirTimeWindow *window = current_window(state);
	int			from;
	int			to;

	find_panes(weir_time_windows_of(state), window, span, &from, &to);
	panes_results(state, window, from, to, values, nulls);
}

bool
weir_time_window_piece(WeirState *state, int n, WeirSpan *span, bool *has_end, Datum *values, bool *nulls)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	WeirTimeWindow *window = current_window(state);
	char	   *pane;

	if (n >= window->n)
		return false;
	pane = weir_pane_at(windows, window, n);
	span->start = weir_pane_start(pane);
	span->end = weir_pane_end(windows, pane);
	*has_end = !windows->in_panes;
	panes_results(state, window, n, n + 1, values, nulls);
	return true;
}
