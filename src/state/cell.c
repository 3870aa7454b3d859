/*
 * state/cell.c
 *		Cells: the one place where what entries hold changes.
 *
 * Every change keeps the books: the entry is dirty, the group's live bytes and
 * the store's number of entries follow, and inside a subtransaction the old
 * content goes to the undo log instead of being freed.  What changes inside a
 * live object is its kind's business, which reports it here.
 */
#include "postgres.h"

#include "state/chunk/piece.h"
#include "state/entry.h"

WeirCell
weir_cell_get(const WeirState *state, WeirEntry *entry)
{
	WeirCell	cell;
	int64	   *stamp = weir_cell_stamp(state, entry);

	cell.flags = *weir_cell_flags(state, entry);
	cell.value = state->in_place ? PointerGetDatum(weir_in_place(state, entry)) :
		*weir_cell_value(state, entry);
	cell.stamp = stamp ? *stamp : 0;
	return cell;
}

static WeirLive *
cell_live(WeirCell cell)
{
	return (WeirLive *) DatumGetPointer(cell.value);
}

/* The bytes a cell takes in a chunk, as near as accounting needs. */
static int64
cell_size(const WeirState *state, WeirCell cell)
{
	if (!(cell.flags & WEIR_CELL_PRESENT))
		return 0;
	if (state->live)
		return 2 + sizeof(uint32) + cell_live(cell)->bytes;
	if (state->in_place)
		return 2 + (state->stamp_offset ? sizeof(int64) : 0) + state->flat_size;
	return 2 + (state->stamp_offset ? sizeof(int64) : 0) +
		(cell.flags & WEIR_CELL_NULL ? 0 : weir_flat_size(&state->type, cell.value));
}

/* Whether it holds something has changed. */
static void
count_entry(WeirStore *store, WeirGroup *group, WeirEntry *entry, bool is_empty)
{
	int64		key_size = weir_keys_size(store, entry);

	group->live_bytes += is_empty ? -key_size : key_size;
	store->nentries += is_empty ? -1 : 1;
}

/*
 * Replaces a cell, whose old content must have been freed or kept elsewhere, and
 * whose size was old_size.  The new value's piece becomes the entry's.
 */
static void
replace(WeirState *state, WeirGroup *group, WeirEntry *entry, int64 old_size, WeirCell cell)
{
	WeirStore  *store = state->store;
	int64	   *stamp = weir_cell_stamp(state, entry);
	bool		was_empty = weir_entry_is_empty(store, entry);
	bool		is_empty;

	*weir_cell_flags(state, entry) = cell.flags;
	if (state->in_place == NULL)
		*weir_cell_value(state, entry) = cell.value;
	else if ((cell.flags & WEIR_CELL_PRESENT) && DatumGetPointer(cell.value) != weir_in_place(state, entry))
		memcpy(weir_in_place(state, entry), DatumGetPointer(cell.value), state->in_place_size);
	if (stamp)
		*stamp = cell.stamp;

	is_empty = weir_entry_is_empty(store, entry);
	group->live_bytes += cell_size(state, cell) - old_size;
	if (was_empty != is_empty)
		count_entry(store, group, entry, is_empty);
}

void
weir_cell_free(WeirState *state, WeirCell cell)
{
	if (state->live && (cell.flags & WEIR_CELL_PRESENT))
		state->live->free(state, cell_live(cell));
	else if (weir_cell_has_piece(state, cell.flags))
		weir_piece_free(state->store->slab, &state->type, cell.value, false);
}

/* Frees what the cell holds and puts this instead; no undo, not dirty. */
void
weir_cell_put(WeirState *state, WeirGroup *group, WeirEntry *entry, WeirCell cell)
{
	WeirCell	old = weir_cell_get(state, entry);
	int64		old_size = cell_size(state, old);

	weir_cell_free(state, old);
	replace(state, group, entry, old_size, cell);
}

/* The same for a change a subtransaction may undo, and a snapshot must write. */
static void
change(WeirState *state, WeirGroup *group, WeirEntry *entry, WeirCell cell)
{
	if (weir_undo_wanted())
	{
		int64		old_size = cell_size(state, weir_cell_get(state, entry));

		weir_undo_log(state, group, entry, WEIR_UNDO_CELL);
		replace(state, group, entry, old_size, cell);
	}
	else
		weir_cell_put(state, group, entry, cell);
	weir_entry_dirty(state->store, group, entry);
}

/*
 * Where the new value takes the room of the old, it is written over it; not
 * inside a subtransaction, which may need the old one again.
 */
static bool
overwrite(WeirState *state, WeirGroup *group, WeirEntry *entry, Datum value, Size size)
{
	WeirCell	old = weir_cell_get(state, entry);
	Size		old_size;

	if (!weir_cell_has_piece(state, old.flags) || weir_undo_wanted())
		return false;
	old_size = weir_flat_size(&state->type, old.value);
	if (!weir_slab_same_room(size, old_size))
		return false;
	weir_flat_write(&state->type, value, size, DatumGetPointer(old.value));
	if (state->stamp_offset)
		*weir_cell_stamp(state, entry) = state->store->clock;
	group->live_bytes += (int64) size - (int64) old_size;
	weir_entry_dirty(state->store, group, entry);
	return true;
}

/* Writes a value of the current key, stamped now. */
void
weir_cell_set(WeirState *state, WeirEntry *entry, Datum value, bool isnull)
{
	WeirStore  *store = state->store;
	WeirGroup  *group = weir_current_group(store);
	WeirCell	cell = {value, 0, WEIR_CELL_PRESENT};

	if (isnull)
	{
		cell.value = (Datum) 0;
		cell.flags |= WEIR_CELL_NULL;
	}
	else if (!state->type.typbyval)
	{
		Size		size = weir_flat_prepare(&state->type, &value);
		char	   *piece;

		if (overwrite(state, group, entry, value, size))
			return;
		piece = weir_slab_alloc(store->slab, size);
		weir_flat_write(&state->type, value, size, piece);
		cell.value = PointerGetDatum(piece);
	}
	if (state->stamp_offset)
		cell.stamp = store->clock;
	change(state, group, entry, cell);
}

/* A read that counts as an access: the stamp becomes the clock. */
void
weir_cell_renew(WeirState *state, WeirEntry *entry)
{
	WeirStore  *store = state->store;
	WeirGroup  *group = weir_current_group(store);
	int64	   *stamp = weir_cell_stamp(state, entry);

	if (*stamp == store->clock)
		return;
	if (weir_undo_wanted())
		weir_undo_log(state, group, entry, WEIR_UNDO_STAMP);
	*stamp = store->clock;
	weir_entry_dirty(store, group, entry);
}

/* undoable: by the user's subtransaction; what has expired stays so. */
void
weir_cell_remove(WeirState *state, WeirGroup *group, WeirEntry *entry, bool undoable)
{
	WeirCell	none = {(Datum) 0, 0, 0};

	if (!(*weir_cell_flags(state, entry) & WEIR_CELL_PRESENT))
		return;
	if (undoable)
		change(state, group, entry, none);
	else
	{
		weir_cell_put(state, group, entry, none);
		weir_entry_dirty(state->store, group, entry);
	}
}

bool
weir_cell_is_expired(const WeirState *state, WeirEntry *entry)
{
	return state->stamp_offset && (*weir_cell_flags(state, entry) & WEIR_CELL_PRESENT) &&
		weir_ttl_expired(&state->decl.ttl, *weir_cell_stamp(state, entry), state->store->clock);
}

/*
 * The current key's bytes in place have been written, or they are void now.  If it
 * may be undone, that has been logged before.
 */
void
weir_cell_written_in_place(WeirState *state, WeirGroup *group, WeirEntry *entry, bool present)
{
	WeirStore  *store = state->store;
	uint8	   *flags = weir_cell_flags(state, entry);
	WeirCell	cell = {PointerGetDatum(weir_in_place(state, entry)), 0, WEIR_CELL_PRESENT};

	Assert(state->in_place && (*flags & ~WEIR_CELL_PRESENT) == 0);
	if (present != (*flags != 0))
	{
		bool		was_empty = weir_entry_is_empty(store, entry);

		*flags = present ? WEIR_CELL_PRESENT : 0;
		group->live_bytes += present ? cell_size(state, cell) : -cell_size(state, cell);
		if (was_empty != weir_entry_is_empty(store, entry))
			count_entry(store, group, entry, !was_empty);
	}
	if (state->stamp_offset)
		*weir_cell_stamp(state, entry) = store->clock;
	weir_entry_dirty(store, group, entry);
}

/* The current key's cell owns this object instead of what it held, stamped now. */
void
weir_live_put(WeirState *state, WeirEntry *entry, WeirLive *live)
{
	WeirCell	cell = {PointerGetDatum(live), 0, WEIR_CELL_PRESENT};

	live->made_in = weir_undo_mark(state->store);
	if (state->stamp_offset)
		cell.stamp = state->store->clock;
	change(state, weir_current_group(state->store), entry, cell);
}

/* Must a change of a part of the object be undone if this subtransaction aborts? */
bool
weir_live_needs_undo(const WeirState *state, const WeirLive *live)
{
	uint64		mark = weir_undo_mark(state->store);

	return mark != 0 && live->made_in != mark;
}

/* The cell's object, or the copy of it that this subtransaction works on. */
WeirLive *
weir_live_modify(WeirState *state, WeirGroup *group, WeirEntry *entry)
{
	WeirLive   *live = weir_live_get(state, entry);
	WeirLive   *copy;

	if (!weir_live_needs_undo(state, live))
		return live;
	copy = state->live->copy(state, live);
	copy->made_in = weir_undo_mark(state->store);
	weir_undo_log(state, group, entry, WEIR_UNDO_CELL);
	*weir_cell_value(state, entry) = PointerGetDatum(copy);
	group->live_bytes += copy->bytes - live->bytes;
	return copy;
}

/* Its object has been changed, and took bytes_before until then. */
void
weir_live_changed(WeirState *state, WeirGroup *group, WeirEntry *entry, int64 bytes_before)
{
	group->live_bytes += weir_live_get(state, entry)->bytes - bytes_before;
	weir_entry_dirty(state->store, group, entry);
}
