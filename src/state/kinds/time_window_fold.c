/*
 * state/kinds/time_window_fold.c
 *		Windows that overlap and fire one after another: what their panes come to is
 *		kept, so that each pane is combined a few times, however many windows it is in.
 *
 * As a queue of two stacks: what leaves in front is taken off what "all from here on" come
 * to, what comes behind is added to what all of these come to; when nothing is left of the
 * former, it is made anew of the latter's panes.  For windows that begin where the last one
 * did, the front just stays.
 *
 * Nothing of it is in a chunk: it is made again when windows fire.
 */
#include "postgres.h"

#include "state/kinds/time_window_int.h"

#define FEWEST_PANES 8			/* of a window for which it pays */

static WeirNativeState *
fold_state(const WeirTimeWindows *windows, WeirFold *fold, int64 n)
{
	return (WeirNativeState *) (fold->states + MAXALIGN(weir_native_size(windows->native)) * n);
}

void
weir_fold_free(WeirState *state, WeirTimeWindow *window)
{
	if (window->fold == NULL)
		return;
	weir_slab_free(state->store->slab, window->fold, window->fold->bytes);
	window->fold = NULL;
}

void
weir_fold_invalidate(WeirState *state, WeirTimeWindow *window, int n)
{
	if (window->fold && window->passed + n < window->fold->end)
		weir_fold_free(state, window);
}

/* "first" becomes what it and "then" come to. */
static void
combine(const WeirTimeWindows *windows, WeirNativeState *first, const WeirNativeState *then)
{
	const WeirNativeFault *fault = weir_native_combine(windows->native, first, then);

	if (fault)
		weir_native_raise(fault);
}

/* Those from .. to - 1 are all there is in front, and nothing is behind them. */
static void
make_front(WeirState *state, WeirTimeWindow *window, int64 from, int64 to)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	Size		size = weir_native_size(windows->native);
	Size		bytes = offsetof(WeirFold, states) + MAXALIGN(size) * (to - from + 1);
	WeirFold   *fold;

	weir_fold_free(state, window);
	fold = window->fold = weir_slab_alloc(state->store->slab, bytes);
	fold->bytes = bytes;
	fold->first = from;
	fold->middle = fold->end = to;
	weir_native_init(windows->native, fold_state(windows, fold, 0));
	for (int64 i = to - 1; i >= from; i--)
	{
		WeirNativeState *at = fold_state(windows, fold, i - from + 1);

		memcpy(at, weir_pane_native(windows, weir_pane_at(windows, window, (int) (i - window->passed))), size);
		if (i + 1 < to)
			combine(windows, at, fold_state(windows, fold, i - from + 2));
	}
}

const WeirNativeState *
weir_fold_results(WeirState *state, WeirTimeWindow *window, int from, int to, WeirNativeState *scratch)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	WeirFold   *fold = window->fold;
	int64		first = window->passed + from;
	int64		end = window->passed + to;

	if (!windows->folds || to - from < FEWEST_PANES || (fold && (first < fold->first || end < fold->end)))
		return NULL;
	if (fold == NULL || first >= fold->middle)
	{
		make_front(state, window, first, end);
		fold = window->fold;
	}
	for (; fold->end < end; fold->end++)
		combine(windows, fold_state(windows, fold, 0),
				weir_pane_native(windows, weir_pane_at(windows, window, (int) (fold->end - window->passed))));
	memcpy(scratch, fold_state(windows, fold, first - fold->first + 1), weir_native_size(windows->native));
	combine(windows, scratch, fold_state(windows, fold, 0));
	return scratch;
}
