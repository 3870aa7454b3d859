/*
 * state/sweep.c
 *		Incremental cleanup: each record looks at a few entries and removes
 *		what has expired in them, so that idle keys vanish too.
 *
 * A sweep walks all tables once.  It notes when the earliest of the values it
 * leaves expires; what is written meanwhile lives for the shortest ttl at least.
 * Until then the next sweep has nothing to find, and does not begin.
 */
#include "postgres.h"

#include "common/int.h"

#include "state/entry.h"

#define SWEEP_ENTRIES 4			/* looked at a record */
#define SWEEP_SLOTS 32			/* at most, empty ones included */
#define SWEEP_PARTS 32			/* of a live object removed at a visit */
#define SWEEP_AHEAD 8			/* slots: their entries lie anywhere, and are fetched meanwhile */

/* When does what was stamped then expire? */
int64
weir_expiry_of(int64 stamp, int64 ttl)
{
	int64		result;

	return pg_add_s64_overflow(stamp, ttl, &result) ? PG_INT64_MAX : result;
}

/* Removes what has expired in a cell; when does what it leaves expire? */
static int64
expire_cell(WeirState *state, WeirGroup *group, WeirEntry *entry, int limit)
{
	if (!(*weir_cell_flags(state, entry) & WEIR_CELL_PRESENT))
		return PG_INT64_MAX;
	if (state->live && state->live->expire)
		return state->live->expire(state, group, entry, limit);
	if (state->stamp_offset == 0)
		return PG_INT64_MAX;
	if (weir_cell_is_expired(state, entry))
	{
		weir_cell_remove(state, group, entry, false);
		return PG_INT64_MAX;
	}
	return weir_expiry_of(*weir_cell_stamp(state, entry), state->decl.ttl.ttl);
}

/* Removes all that has expired in an entry. */
void
weir_entry_expire(WeirStore *store, WeirGroup *group, WeirEntry *entry)
{
	for (int i = 0; i < store->nstates; i++)
		(void) expire_cell(&store->states[i], group, entry, PG_INT32_MAX);
}

/* A key whose row is still to be handed on has time until then. */
static void
visit(WeirStore *store, WeirGroup *group, WeirEntry *entry)
{
	if (entry->flags & WEIR_ENTRY_CHANGED)
	{
		store->sweep_next_expiry = Min(store->sweep_next_expiry, store->clock);
		return;
	}
	for (int i = 0; i < store->nstates; i++)
	{
		int64		next = expire_cell(&store->states[i], group, entry, SWEEP_PARTS);

		store->sweep_next_expiry = Min(store->sweep_next_expiry, next);
	}
}

/* All tables were walked: when is the next sweep worth it? */
static void
end_sweep(WeirStore *store)
{
	store->sweep_not_before = Min(store->sweep_next_expiry,
								  weir_expiry_of(store->sweep_started, store->shortest_ttl));
	store->sweep_next_expiry = PG_INT64_MAX;
	store->sweep_group = 0;
	store->sweep_slot = 0;
}

static inline const void *
entry_ahead(const weir_table_hash *table, uint64 slot)
{
	return slot < table->size && table->data[slot].status == weir_table_SH_IN_USE ? table->data[slot].entry : NULL;
}

void
weir_sweep(WeirStore *store)
{
	int			entries = SWEEP_ENTRIES;
	int			slots = SWEEP_SLOTS;

	if (store->clock < store->sweep_not_before || store->ngroups == 0)
		return;
	if (store->sweep_group == 0 && store->sweep_slot == 0)
		store->sweep_started = store->clock;
	while (entries > 0 && slots-- > 0)
	{
		WeirGroup  *group = &store->groups[store->sweep_group];

		if (group->table == NULL || store->sweep_slot >= group->table->size)
		{
			store->sweep_slot = 0;
			if (++store->sweep_group == store->ngroups)
			{
				end_sweep(store);
				return;
			}
			continue;
		}
		__builtin_prefetch(entry_ahead(group->table, (uint64) store->sweep_slot + SWEEP_AHEAD));
		if (group->table->data[store->sweep_slot].status == weir_table_SH_IN_USE)
		{
			visit(store, group, group->table->data[store->sweep_slot].entry);
			entries--;
		}
		store->sweep_slot++;
	}
}
