/*
 * state/entry.c
 *		Entries: one a key that holds something, or held it at the last
 *		snapshot.
 *
 * An entry stays in its table while it is empty, so that the dirty list and
 * the undo log may point to it.  It is deleted by the snapshot that writes its
 * tombstone, or, if no chunk has ever held it, when the dirty list is purged.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "decide/keygroup.h"
#include "state/entry.h"

/*
 * A table is searched for the current key of its store, or, to delete it, for
 * an entry itself.
 */
static inline bool
slot_matches(weir_table_hash *table, WeirEntry *stored, WeirEntry *wanted)
{
	WeirStore  *store = table->private_data;

	if (wanted)
		return stored == wanted;
	if (store->nkeys == 1 && store->keys[0].equality == WEIR_EQUAL_DATUM)
		return weir_entry_key_nulls(stored)[0] == store->key_isnull[0] &&
			(store->key_isnull[0] || weir_entry_key(store, stored)[0] == store->key[0]);
	return weir_keys_equal(store, stored);
}

#define SH_PREFIX weir_table
#define SH_ELEMENT_TYPE WeirSlot
#define SH_KEY_TYPE WeirEntry *
#define SH_KEY entry
#define SH_HASH_KEY(tb, key) ((key)->hash)
#define SH_EQUAL(tb, a, b) slot_matches(tb, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE extern
#define SH_DEFINE
#include "lib/simplehash.h"

#define FIRST_SLOTS 16
#define FIRST_DIRTY 16
#define SLOTS_AHEAD 5			/* of a table that are fetched for a key: a cache line and one more */

WeirGroup *
weir_current_group(WeirStore *store)
{
	int			group;

	if (store->group)
		return store->group;
	group = weir_key_group(store->key_hash, store->max_parallelism);
	if (group < store->first_group || group >= store->first_group + store->ngroups)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("a key of group %d reached the task of groups %d to %d", group,
						store->first_group, store->first_group + store->ngroups - 1)));
	store->group = &store->groups[group - store->first_group];
	return store->group;
}

void
weir_entry_enter(WeirStore *store, WeirEntry *entry)
{
	const Datum *key = weir_entry_key(store, entry);
	const bool *isnull = (const bool *) weir_entry_key_nulls(entry);

	weir_store_enter(store, key, isnull, weir_keys_hash(store, key, isnull), store->clock);
	store->entry = entry;
	store->looked_up = true;
}

/* The current key's entry, NULL if it has none. */
WeirEntry *
weir_entry_find(WeirStore *store)
{
	WeirGroup  *group;
	WeirSlot   *slot;

	if (store->looked_up)
		return store->entry;
	group = weir_current_group(store);
	slot = group->table == NULL ? NULL :
		weir_table_lookup_hash(group->table, NULL, weir_table_hash_of(store->key_hash));
	store->entry = slot ? slot->entry : NULL;
	store->looked_up = true;
	return store->entry;
}

/* The current key's entry, a new and empty one if it has none. */
WeirEntry *
weir_entry_make(WeirStore *store)
{
	WeirGroup  *group;
	WeirEntry  *entry = weir_entry_find(store);
	bool		found;

	if (entry)
		return entry;
	group = weir_current_group(store);
	if (group->table == NULL)
		group->table = weir_table_create(store->context, FIRST_SLOTS, store);

	entry = weir_slab_alloc(store->slab, store->entry_size);
	memset(entry, 0, store->entry_size);
	entry->hash = weir_table_hash_of(store->key_hash);
	weir_keys_copy(store, entry);
	weir_table_insert_hash(group->table, entry, entry->hash, &found);
	Assert(!found);
	store->entry = entry;
	return entry;
}

/* Where a key is looked for first. */
typedef struct Ahead
{
	weir_table_hash *table;		/* NULL: it is in none */
	uint32		hash;
} Ahead;

static inline Ahead
ahead_of(const WeirStore *store, uint64 hash)
{
	int			group = weir_key_group(hash, store->max_parallelism) - store->first_group;
	Ahead		ahead = {NULL, weir_table_hash_of(hash)};

	if (group >= 0 && group < store->ngroups)
		ahead.table = store->groups[group].table;
	return ahead;
}

static inline WeirSlot *
ahead_slot(Ahead ahead, int probed)
{
	return &ahead.table->data[(ahead.hash + probed) & ahead.table->sizemask];
}

/* The entry of the key, if a slot that was fetched has it. */
static inline WeirEntry *
ahead_entry(Ahead ahead)
{
	for (int probed = 0; probed < SLOTS_AHEAD; probed++)
	{
		WeirSlot   *slot = ahead_slot(ahead, probed);

		if (slot->status != weir_table_SH_IN_USE)
			return NULL;
		if (slot->hash == ahead.hash)
			return slot->entry;
	}
	return NULL;
}

/* What the entry's cells point to. */
static inline void
prefetch_values(WeirStore *store, WeirEntry *entry)
{
	for (int i = 0; i < store->nstates; i++)
	{
		WeirState  *state = &store->states[i];
		uint8		flags = *weir_cell_flags(state, entry);

		if ((flags & WEIR_CELL_PRESENT) && (state->live || weir_cell_has_piece(state, flags)))
			__builtin_prefetch(DatumGetPointer(*weir_cell_value(state, entry)));
	}
}

/* What objects say of themselves, once their begin is there. */
static void
prefetch_parts(WeirStore *store, WeirEntry *entry)
{
	for (int i = 0; i < store->nstates; i++)
	{
		WeirState  *state = &store->states[i];

		if (state->live && state->live->ahead && (*weir_cell_flags(state, entry) & WEIR_CELL_PRESENT))
			state->live->ahead(state, weir_live_get(state, entry));
	}
}

/*
 * A hint that these keys will be current soon.  Slots lie anywhere in their tables,
 * and entries and what they point to anywhere: all slots are fetched side by side,
 * then all entries, then what they point to.
 *
 * A function that does nothing but fetch is no function to gcc, which leaves out calls
 * of it that it can see.
 */
void
weir_store_prefetch(WeirStore *store, const uint64 *hashes, int n)
{
	Ahead		ahead[WEIR_STORE_AHEAD];
	WeirEntry  *entries[WEIR_STORE_AHEAD];

	n = Min(n, WEIR_STORE_AHEAD);
	for (int i = 0; i < n; i++)
	{
		ahead[i] = ahead_of(store, hashes[i]);
		if (ahead[i].table == NULL)
			continue;
		__builtin_prefetch(ahead_slot(ahead[i], 0));
		__builtin_prefetch(ahead_slot(ahead[i], SLOTS_AHEAD - 1));
	}
	for (int i = 0; i < n; i++)
	{
		entries[i] = ahead[i].table ? ahead_entry(ahead[i]) : NULL;
		if (entries[i] == NULL)
			continue;
		__builtin_prefetch(entries[i]);
		__builtin_prefetch((char *) entries[i] + store->entry_size - 1);
	}
	for (int i = 0; i < n; i++)
	{
		if (entries[i] != NULL)
			prefetch_values(store, entries[i]);
	}
	for (int i = 0; i < n; i++)
	{
		if (entries[i] != NULL)
			prefetch_parts(store, entries[i]);
	}
}

/* Takes an empty entry out of its table and frees it. */
void
weir_entry_delete(WeirStore *store, WeirGroup *group, WeirEntry *entry)
{
	weir_table_delete(group->table, entry);
	if (store->due)
		weir_due_forget(store, entry);
	weir_keys_free(store, entry);
	weir_slab_free(store->slab, entry, store->entry_size);
	if (entry == store->entry)
	{
		store->entry = NULL;
		store->looked_up = false;
	}
}

/*
 * Deletes entries that were filled and emptied since the last snapshot: no
 * chunk needs to hear of them.
 */
static void
purge_dirty(WeirStore *store, WeirGroup *group)
{
	int			kept = 0;

	for (int i = 0; i < group->ndirty; i++)
	{
		WeirEntry  *entry = group->dirty[i];

		if (!(entry->flags & (WEIR_ENTRY_WRITTEN | WEIR_ENTRY_CHANGED)) && entry != store->entry &&
			weir_entry_is_empty(store, entry))
			weir_entry_delete(store, group, entry);
		else
			group->dirty[kept++] = entry;
	}
	store->ndirty -= group->ndirty - kept;
	group->ndirty = kept;
}

static void
make_dirty_room(WeirStore *store, WeirGroup *group)
{
	int			room = Max(group->dirty_room * 2, FIRST_DIRTY);

	if (store->nundo == 0)
		purge_dirty(store, group);
	if (group->ndirty < group->dirty_room / 2)
		return;
	group->dirty = group->dirty == NULL ?
		MemoryContextAlloc(store->context, sizeof(WeirEntry *) * room) :
		repalloc_huge(group->dirty, sizeof(WeirEntry *) * room);
	group->dirty_room = room;
}

void
weir_entry_dirty(WeirStore *store, WeirGroup *group, WeirEntry *entry)
{
	if (entry->flags & WEIR_ENTRY_DIRTY)
		return;
	if (group->ndirty == group->dirty_room)
		make_dirty_room(store, group);
	group->dirty[group->ndirty++] = entry;
	entry->flags |= WEIR_ENTRY_DIRTY;
	store->ndirty++;
}

/* Gives a table that has become mostly empty a smaller place. */
void
weir_group_shrink(WeirStore *store, WeirGroup *group)
{
	weir_table_hash *smaller;
	weir_table_iterator iterator;
	WeirSlot   *slot;
	bool		found;

	if (group->table == NULL || group->table->size <= FIRST_SLOTS * 2 ||
		group->table->members > group->table->size / 8)
		return;
	smaller = weir_table_create(store->context, Max(group->table->members, FIRST_SLOTS), store);
	weir_table_start_iterate(group->table, &iterator);
	while ((slot = weir_table_iterate(group->table, &iterator)) != NULL)
		weir_table_insert_hash(smaller, slot->entry, slot->hash, &found);
	weir_table_destroy(group->table);
	group->table = smaller;
}
