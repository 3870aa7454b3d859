/*
 * state/kinds/running.c
 *		Running aggregates.  To a key they are a count window that never fires
 *		(window_object.c, window_native.c); instead the store lists the keys that
 *		have changed (changed.c).
 */
#include "postgres.h"

#include "state/kinds/running.h"
#include "state/kinds/window_int.h"

/*
 * Where the record cannot be added the cell stays as it was; its entry may be a new
 * one, which being dirty is deleted when the dirty list is purged.
 */
static const WeirNativeFault *
add_native(WeirState *state, WeirGroup *group, WeirEntry *entry, const WeirBatch *in, int row)
{
	WeirWindows *windows = weir_windows_of(state);
	WeirNativeState *running = weir_in_place(state, entry);
	const WeirNativeFault *fault;
	WeirNewWindow new;
	bool		is_new = !weir_window_goes_on(state, entry);

	if (weir_undo_wanted())
		weir_undo_log(state, group, entry, WEIR_UNDO_CELL);
	if (is_new)
	{
		running = &new.state;
		running->owner = 0;
		weir_native_init(windows->native, running);
	}
	fault = weir_native_add(windows->native, running, in->columns, row);
	if (unlikely(fault != NULL))
	{
		weir_entry_dirty(state->store, group, entry);
		return fault;
	}
	if (is_new)
		memcpy(weir_in_place(state, entry), running, state->in_place_size);
	weir_cell_written_in_place(state, group, entry, true);
	return NULL;
}

static void
add_to_object(WeirState *state, WeirGroup *group, WeirEntry *entry, const WeirBatch *in, int row)
{
	WeirWindow *window = weir_window_open(state, group, entry);
	int64		before = window->live.bytes;

	weir_window_accumulate(weir_windows_of(state), window, in->columns, row);
	weir_window_changed(state, group, entry, before);
}

const WeirNativeFault *
weir_running_accumulate(WeirState *state, const WeirBatch *in, int row)
{
	WeirEntry  *entry = weir_entry_make(state->store);
	WeirGroup  *group = weir_current_group(state->store);

	if (state->in_place)
		return add_native(state, group, entry, in, row);
	add_to_object(state, group, entry, in, row);
	return NULL;
}

const WeirNativeFault *
weir_running_add(WeirState *state, const WeirBatch *in, int row)
{
	const WeirNativeFault *fault = weir_running_accumulate(state, in, row);

	if (likely(fault == NULL))
		weir_change_note(state, weir_current_group(state->store), weir_entry_find(state->store), in, row);
	return fault;
}

int64
weir_running_nchanges(const WeirState *state)
{
	return weir_changes_left(state->store);
}

void
weir_running_change(const WeirState *state, int64 n, WeirRunningChange *out)
{
	WeirStore  *store = state->store;
	const WeirChange *change = weir_changes_at(store, n);

	if (n + WEIR_STORE_AHEAD < weir_changes_left(store))
		__builtin_prefetch(weir_changes_at(store, n + WEIR_STORE_AHEAD)->entry);
	out->key = weir_entry_key(store, change->entry);
	out->key_isnull = (const bool *) weir_entry_key_nulls(change->entry);
	out->source = change->source;
	out->line = change->line;
	out->raw.data = change->raw;
	out->raw.len = change->raw_len;
}

bool
weir_running_results(WeirState *state, int64 n, Datum *values, bool *nulls)
{
	WeirEntry  *entry = weir_changes_at(state->store, n)->entry;

	if (!(*weir_cell_flags(state, entry) & WEIR_CELL_PRESENT))
		return false;
	weir_window_compute(state, entry, values, nulls);
	return true;
}

void
weir_running_forget(WeirState *state, int64 n)
{
	weir_changes_forget(state->store, n);
}
