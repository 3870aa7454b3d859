/*
 * state/kinds/time_window_due.c
 *		Windows of event time: which of a key's fire, and when.
 *
 * Those with anything in them fire in the order of their ends, each when it is due, and
 * window->fired says how far that has come.  A pane goes when its last window is over.
 */
#include "postgres.h"

#include "state/kinds/time_window_int.h"

/*
 * An end that is beyond all times is reached with the end of the input; as a time at which
 * something is due, the largest of all says that nothing is.
 */
#define LAST_DUE (PG_INT64_MAX - 1)

int
weir_pane_after(WeirTimeWindows *windows, WeirTimeWindow *window, int64 after)
{
	int			low = 0;
	int			high = window->n;

	if (windows->in_panes)
		return weir_pane_from(windows, window, weir_window_pane_after(&windows->decl.shape, after));

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (weir_pane_end(windows, weir_pane_at(windows, window, middle)) > after)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

int
weir_pane_from(WeirTimeWindows *windows, WeirTimeWindow *window, int64 start)
{
	int			low = 0;
	int			high = window->n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (weir_pane_start(weir_pane_at(windows, window, middle)) >= start)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* The first end after "after" of a window with anything in it; PG_INT64_MAX: there is none. */
static int64
next_end(WeirTimeWindows *windows, WeirTimeWindow *window, int64 after)
{
	int			n = weir_pane_after(windows, window, after);
	char	   *pane;

	if (n == window->n)
		return PG_INT64_MAX;
	pane = weir_pane_at(windows, window, n);
	return windows->in_panes ?
		weir_window_end_after(&windows->decl.shape, weir_pane_start(pane), after) :
		weir_pane_end(windows, pane);
}

int64
weir_pane_due(WeirTimeWindows *windows, WeirTimeWindow *window, WeirSpan span)
{
	int64		end = span.end;

	if (windows->in_panes)
		end = weir_window_end_after(&windows->decl.shape, span.start, window->fired);
	else if (end <= window->fired)
		end = PG_INT64_MAX;
	return Min(Min(weir_window_over_at(span.end, windows->decl.lateness), end), LAST_DUE);
}

int64
weir_time_window_due(WeirState *state, WeirLive *live)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	WeirTimeWindow *window = (WeirTimeWindow *) live;
	int64		over = weir_window_over_at(weir_pane_end(windows, weir_pane_at(windows, window, 0)),
										   windows->decl.lateness);

	return Min(Min(over, next_end(windows, window, window->fired)), LAST_DUE);
}

static void
begin_spans(WeirTimeWindows *windows)
{
	windows->nspans = 0;
}

static void
add_span(WeirState *state, int64 start, int64 end)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);

	if (windows->nspans == windows->spans_room)
	{
		int			room = Max(windows->spans_room * 2, 16);

		windows->spans = windows->spans == NULL ?
			MemoryContextAlloc(state->store->context, sizeof(WeirSpan) * room) :
			repalloc_huge(windows->spans, sizeof(WeirSpan) * room);
		windows->spans_room = room;
	}
	windows->spans[windows->nspans].start = start;
	windows->spans[windows->nspans++].end = end;
}

/* Windows of panes, that end after "after" and by "upto". */
static void
add_windows_of_panes(WeirState *state, WeirTimeWindow *window, int64 after, int64 upto)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	int64		end = next_end(windows, window, after);

	while (end <= upto && end > after)
	{
		add_span(state, weir_window_start(&windows->decl.shape, end), end);
		after = end;
		end = next_end(windows, window, after);
	}
}

static void
add_windows(WeirState *state, WeirTimeWindow *window, int64 after, int64 upto)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);

	if (windows->in_panes)
	{
		add_windows_of_panes(state, window, after, upto);
		return;
	}
	for (int i = weir_pane_after(windows, window, after); i < window->n; i++)
	{
		char	   *pane = weir_pane_at(windows, window, i);

		if (weir_pane_end(windows, pane) > upto)
			break;
		add_span(state, weir_pane_start(pane), weir_pane_end(windows, pane));
	}
}

bool
weir_time_window_enter_changed(WeirState *state, int64 n)
{
	WeirStore  *store = state->store;
	WeirEntry  *entry = weir_changed_at(store, n)->entry;

	if (weir_live_get(state, entry) == NULL)
		return false;
	weir_entry_enter(store, entry);
	return true;
}

static WeirTimeWindow *
current_window(WeirState *state, WeirEntry **entry)
{
	*entry = weir_entry_find(state->store);
	return *entry ? (WeirTimeWindow *) weir_live_get(state, *entry) : NULL;
}

int
weir_time_window_source(WeirState *state)
{
	WeirEntry  *entry;
	WeirTimeWindow *window = current_window(state, &entry);

	return window ? window->source : 0;
}

int
weir_time_windows_due(WeirState *state, int64 at, const WeirSpan **spans)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	WeirEntry  *entry;
	WeirTimeWindow *window = current_window(state, &entry);

	begin_spans(windows);
	if (window)
		add_windows(state, window, window->fired, at >= LAST_DUE ? PG_INT64_MAX : at);
	*spans = windows->spans;
	return windows->nspans;
}

int
weir_time_windows_open(WeirState *state, const WeirSpan **spans)
{
	return weir_time_windows_due(state, PG_INT64_MAX, spans);
}

/* Windows of which the pane of the row added last is a part, that have fired and are not over. */
static void
add_fired_windows(WeirState *state, WeirTimeWindow *window)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	const WeirWindowShape *shape = &windows->decl.shape;
	int64		end = weir_window_end_after(shape, windows->last.start, windows->over);

	while (end <= window->fired && end != PG_INT64_MAX)
	{
		add_span(state, weir_window_start(shape, end), end);
		end = weir_window_end_after(shape, windows->last.start, end);
	}
}

int
weir_time_windows_again(WeirState *state, const WeirSpan **spans)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	WeirEntry  *entry;
	WeirTimeWindow *window = current_window(state, &entry);

	begin_spans(windows);
	if (windows->in_panes)
		add_fired_windows(state, window);
	else if (windows->last.end <= window->fired)
		add_span(state, windows->last.start, windows->last.end);
	*spans = windows->spans;
	return windows->nspans;
}

/* How many panes no window needs any more. */
static int
count_over(WeirTimeWindows *windows, WeirTimeWindow *window, int64 at)
{
	int			n = 0;

	while (n < window->n &&
		   weir_window_is_over(weir_pane_end(windows, weir_pane_at(windows, window, n)), windows->decl.lateness, at))
		n++;
	return n;
}

void
weir_time_windows_fired(WeirState *state, int64 at)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	WeirEntry  *entry;
	WeirTimeWindow *window = current_window(state, &entry);
	WeirGroup  *group = weir_current_group(state->store);
	int64		upto = at >= LAST_DUE ? PG_INT64_MAX : at;
	int64		before;
	int			over;

	if (window == NULL)
		return;
	over = count_over(windows, window, upto);
	if (over == window->n)
	{
		weir_cell_remove(state, group, entry, true);
		return;
	}
	window = (WeirTimeWindow *) weir_live_modify(state, group, entry);
	before = window->live.bytes;
	window->fired = Max(window->fired, upto);
	if (over > 0)
		weir_time_window_remove(state, window, 0, over);
	weir_live_changed(state, group, entry, before);
}
