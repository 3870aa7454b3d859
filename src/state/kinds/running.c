/*
 * state/kinds/running.c
 *		Running aggregates.  To a key they are a count window that never fires
 *		(window_object.c, window_native.c); instead the store lists the keys that
 *		have changed (changed.c).
 */
#include "postgres.h"

#include "utils/datum.h"

#include "state/kinds/running.h"
#include "state/kinds/window_int.h"

/* What the row of a key was. */
struct WeirRowBefore
{
	bool	   *nulls;
	Datum		values[FLEXIBLE_ARRAY_MEMBER];
};

static bool
is_taken_back(const WeirWindows *windows, const WeirBatch *in, int row)
{
	return windows->sign >= 0 && DatumGetInt16(in->columns[windows->sign].values[row]) < 0;
}

/* What the current key has come to, before its first change since its row was handed on. */
static struct WeirRowBefore *
row_before(WeirState *state, WeirEntry *entry)
{
	WeirWindows *windows = weir_windows_of(state);
	int			n = list_length(windows->types);
	MemoryContext old;
	struct WeirRowBefore *before;

	if (!windows->corrects || (entry->flags & WEIR_ENTRY_CHANGED) ||
		!(*weir_cell_flags(state, entry) & WEIR_CELL_PRESENT))
		return NULL;
	old = MemoryContextSwitchTo(weir_changed_context(state->store));
	before = palloc(offsetof(struct WeirRowBefore, values) + sizeof(Datum) * n);
	before->nulls = palloc(Max(n, 1) * sizeof(bool));
	weir_window_compute(state, entry, before->values, before->nulls);
	for (int i = 0; i < n; i++)
	{
		if (!before->nulls[i])
			before->values[i] = datumCopy(before->values[i], windows->by_value[i], windows->lengths[i]);
	}
	MemoryContextSwitchTo(old);
	return before;
}

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
	if (is_taken_back(windows, in, row))
	{
		weir_native_take_out(windows->native, running, in->columns, row);
		fault = NULL;
	}
	else
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
	WeirEntry  *entry = weir_entry_make(state->store);
	WeirGroup  *group = weir_current_group(state->store);
	bool		noted = entry->flags & WEIR_ENTRY_CHANGED;
	struct WeirRowBefore *before = row_before(state, entry);
	const WeirNativeFault *fault = weir_running_accumulate(state, in, row);

	if (unlikely(fault != NULL))
		return fault;
	weir_changed_note(state, group, entry, in, row);
	if (!noted)
		weir_changed_at(state->store, weir_changed_left(state->store) - 1)->before = before;
	return NULL;
}

int64
weir_running_nchanges(const WeirState *state)
{
	return weir_changed_left(state->store);
}

void
weir_running_change(const WeirState *state, int64 n, WeirRunningChange *out)
{
	WeirStore  *store = state->store;
	const WeirChange *change = weir_changed_at(store, n);

	if (n + WEIR_STORE_AHEAD < weir_changed_left(store))
		__builtin_prefetch(weir_changed_at(store, n + WEIR_STORE_AHEAD)->entry);
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
	WeirEntry  *entry = weir_changed_at(state->store, n)->entry;

	if (!(*weir_cell_flags(state, entry) & WEIR_CELL_PRESENT))
		return false;
	weir_window_compute(state, entry, values, nulls);
	return true;
}

bool
weir_running_results_before(const WeirState *state, int64 n, Datum *values, bool *nulls)
{
	const struct WeirRowBefore *before = weir_changed_at(state->store, n)->before;
	int			naggs = list_length(weir_windows_of(state)->types);

	if (before == NULL)
		return false;
	memcpy(values, before->values, sizeof(Datum) * naggs);
	memcpy(nulls, before->nulls, sizeof(bool) * naggs);
	return true;
}

void
weir_running_forget(WeirState *state, int64 n)
{
	weir_changed_forget(state->store, n);
}
