/*
 * state/kinds/window_native.c
 *		Count windows whose aggregates are native: all a key has is bytes in its
 *		entry.  Their owner's word is the number of records since the window fired.
 */
#include "postgres.h"

#include "state/kinds/window_int.h"

static void
in_place_flatten(WeirState *state, const void *cell, StringInfo out)
{
	weir_native_flatten(weir_windows_of(state)->native, cell, out);
}

static const char *
in_place_unflatten(WeirState *state, const char *bytes, Size size, void *cell)
{
	WeirWindows *windows = weir_windows_of(state);
	WeirNativeState *window = cell;
	const char *wrong = weir_native_unflatten(windows->native, window, bytes, size);

	return wrong ? wrong : weir_window_check_count(windows, window->owner);
}

static const char *
in_place_unflatten_live(WeirState *state, const char *bytes, Size size, void *cell)
{
	WeirWindows *windows = weir_windows_of(state);
	WeirNativeState *window = cell;
	const char *wrong;
	int64		seen;

	if (size < sizeof(seen))
		return "a window is shorter than its count";
	memcpy(&seen, bytes, sizeof(seen));
	wrong = weir_native_unflatten_accumulator(windows->native, window, bytes + sizeof(seen),
											  size - sizeof(seen));
	window->owner = (uint32) seen;
	return wrong ? wrong : weir_window_check_count(windows, seen);
}

const WeirInPlaceOps weir_window_in_place_ops = {
	.flatten = in_place_flatten,
	.unflatten = in_place_unflatten,
	.unflatten_live = in_place_unflatten_live
};

/* Has the key a window that goes on?  Where what it has has expired, it begins anew. */
bool
weir_window_goes_on(const WeirState *state, WeirEntry *entry)
{
	if (!(*weir_cell_flags(state, entry) & WEIR_CELL_PRESENT))
		return false;
	return state->stamp_offset == 0 ||
		weir_ttl_read(&state->decl.ttl, *weir_cell_stamp(state, entry), state->store->clock) != WEIR_TTL_EXPIRED;
}

/* The record counts, and is added if it is among the last that the window is over. */
static const WeirNativeFault *
add(const WeirWindows *windows, WeirNativeState *window, const WeirVector *columns, int row)
{
	window->owner++;
	if (window->owner <= windows->slide - windows->size)
		return NULL;
	return weir_native_add(windows->native, window, columns, row);
}

/*
 * Where the record cannot be added the cell stays as it was; its entry may be a new
 * one, which being dirty is deleted when the dirty list is purged.
 */
bool
weir_window_add_native(WeirState *state, const WeirVector *columns, int row,
					   Datum *values, bool *nulls, const WeirNativeFault **fault)
{
	WeirWindows *windows = weir_windows_of(state);
	WeirEntry  *entry = weir_entry_make(state->store);
	WeirGroup  *group = weir_current_group(state->store);
	bool		is_new = !weir_window_goes_on(state, entry);
	WeirNewWindow new;
	WeirNativeState *window = weir_in_place(state, entry);
	bool		fires;

	if (weir_undo_wanted())
		weir_undo_log(state, group, entry, WEIR_UNDO_CELL);
	if (is_new)
	{
		window = &new.state;
		window->owner = 0;
		weir_native_init(windows->native, window);
	}
	*fault = add(windows, window, columns, row);
	if (unlikely(*fault != NULL))
	{
		window->owner--;
		weir_entry_dirty(state->store, group, entry);
		return false;
	}
	fires = window->owner == windows->slide;
	if (fires)
		weir_native_results(windows->native, window, values, nulls);
	else if (is_new)
		memcpy(weir_in_place(state, entry), window, state->in_place_size);
	weir_cell_written_in_place(state, group, entry, !fires);
	return fires;
}
