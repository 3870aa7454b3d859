/*
 * state/kinds/window.c
 *		Count windows: aggregates over so many records of a key.  What a
 *		key has: window_object.c; where they are native: window_native.c.
 *
 * A window fires with every slide-th record of its key, over the last size
 * records: where slide is less, windows overlap, and the first ones have fewer.
 * Where they do not overlap, an accumulator is all that is kept, and nothing
 * once it has fired; else the last rows are, since an aggregate cannot forget.
 */
#include "postgres.h"

#include "state/kinds/window_int.h"

/* Fires; what later windows do not need goes. */
static void
fire(WeirState *state, WeirGroup *group, WeirEntry *entry, WeirWindow *window, Datum *values, bool *nulls)
{
	WeirWindows *windows = weir_windows_of(state);
	WeirAccumulator *acc = &window->accumulator;
	int64		overlap = windows->size - windows->slide;

	weir_accumulator_results(windows->aggregates, acc, overlap <= 0, values, nulls);
	if (overlap <= 0)
	{
		weir_cell_remove(state, group, entry, true);
		return;
	}
	window->seen = 0;
	if (acc->nrows > overlap)
		weir_accumulator_drop(windows->aggregates, acc, acc->nrows - overlap);
}

static bool
add_to_object(WeirState *state, const WeirVector *columns, int row, Datum *values, bool *nulls)
{
	WeirWindows *windows = weir_windows_of(state);
	WeirEntry  *entry = weir_entry_make(state->store);
	WeirGroup  *group = weir_current_group(state->store);
	WeirWindow *window = weir_window_open(state, group, entry);
	int64		before = window->live.bytes;
	bool		fires = ++window->seen == windows->slide;

	if (window->seen > windows->slide - windows->size)
		weir_window_accumulate(windows, window, columns, row);
	if (fires)
		fire(state, group, entry, window, values, nulls);
	if (weir_live_get(state, entry) != NULL)
		weir_window_changed(state, group, entry, before);
	return fires;
}

bool
weir_window_add(WeirState *state, const WeirVector *columns, int row, Datum *values, bool *nulls,
				const WeirNativeFault **fault)
{
	if (state->in_place)
		return weir_window_add_native(state, columns, row, values, nulls, fault);
	*fault = NULL;
	return add_to_object(state, columns, row, values, nulls);
}

bool
weir_window_is_native(const WeirState *state)
{
	return state->in_place != NULL;
}

