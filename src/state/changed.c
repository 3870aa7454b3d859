/*
 * state/changed.c
 *		The keys that have changed since their rows were last handed on, of a step
 *		that hands on what it keeps only now and then.
 *
 * A key is in the list once, in the order in which keys changed first, and so is
 * the record that changed it first.  Its entry stays where it is, even empty, until
 * the list is emptied, which is before a snapshot.  A subtransaction that is undone
 * takes the keys that it brought off the list again.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "state/entry.h"

#define FIRST_CHANGES 64
#define KEPT_CHANGES 1024		/* room that an empty list keeps */

static WeirChange *
add_change(WeirStore *store)
{
	if (store->nchanges == store->changes_room)
	{
		int64		room = Max((int64) store->changes_room * 2, FIRST_CHANGES);

		store->changes = store->changes == NULL ?
			MemoryContextAllocHuge(store->context, sizeof(WeirChange) * room) :
			repalloc_huge(store->changes, sizeof(WeirChange) * room);
		store->changes_room = room;
	}
	return &store->changes[store->nchanges++];
}

MemoryContext
weir_changed_context(WeirStore *store)
{
	if (store->changes_raw == NULL)
		store->changes_raw = AllocSetContextCreate(store->context, "weir records of changed keys",
												   ALLOCSET_DEFAULT_SIZES);
	return store->changes_raw;
}

static char *
copy_raw(WeirStore *store, WeirRaw raw)
{
	return memcpy(MemoryContextAllocHuge(weir_changed_context(store), Max(raw.len, 1)), raw.data, raw.len);
}

/* The current key's entry was changed by this row. */
void
weir_changed_note(WeirState *state, WeirGroup *group, WeirEntry *entry, const WeirBatch *in, int row)
{
	WeirStore  *store = state->store;
	WeirRaw		raw = weir_batch_raw(in, row);
	WeirChange *change;

	if (entry->flags & WEIR_ENTRY_CHANGED)
		return;
	if (weir_undo_wanted())
		weir_undo_log(state, group, entry, WEIR_UNDO_NOTED);
	change = add_change(store);
	change->entry = entry;
	change->source = in->source;
	change->line = in->lines[row];
	change->raw_len = raw.len;
	change->raw = raw.data ? copy_raw(store, raw) : NULL;
	change->before = NULL;
	entry->flags |= WEIR_ENTRY_CHANGED;
}

/* Undoes it; not if the list has been emptied since. */
void
weir_changed_take_back(WeirStore *store, WeirEntry *entry)
{
	if (weir_changed_left(store) == 0 || store->changes[store->nchanges - 1].entry != entry)
		return;
	store->nchanges--;
	entry->flags &= ~WEIR_ENTRY_CHANGED;
}

static void
clear(WeirStore *store)
{
	store->nchanges = store->nforgotten = 0;
	if (store->changes_raw)
		MemoryContextReset(store->changes_raw);
	if (store->changes_room > KEPT_CHANGES)
	{
		pfree(store->changes);
		store->changes = NULL;
		store->changes_room = 0;
	}
}

/* The rows of the first n have been handed on. */
void
weir_changed_forget(WeirStore *store, int64 n)
{
	for (int64 i = 0; i < n; i++)
		weir_changed_at(store, i)->entry->flags &= ~WEIR_ENTRY_CHANGED;
	store->nforgotten += n;
	if (store->nforgotten == store->nchanges)
		clear(store);
}
