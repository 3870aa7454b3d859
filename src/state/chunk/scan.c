/*
 * state/chunk/scan.c
 *		All that a store holds, key by key, for who looks at state from outside
 *		a job.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "state/entry.h"

/* When the cell, or the first of its parts, expires; PG_INT64_MAX: never. */
static int64
cell_expires(WeirState *state, WeirGroup *group, WeirEntry *entry)
{
	if (weir_state_expires_in_parts(state))
		return state->live->expire(state, group, entry, 0);
	if (state->stamp_offset == 0)
		return PG_INT64_MAX;
	return weir_expiry_of(*weir_cell_stamp(state, entry), state->decl.ttl.ttl);
}

static void
scan_entry(WeirStore *store, int group, WeirEntry *entry, WeirStoreVisitor visit, void *arg)
{
	WeirScanned scanned;

	weir_entry_expire(store, &store->groups[group], entry);
	scanned.group = store->first_group + group;
	scanned.key = weir_entry_key(store, entry);
	scanned.key_isnull = (const bool *) weir_entry_key_nulls(entry);
	for (int i = 0; i < store->nstates; i++)
	{
		WeirState  *state = &store->states[i];

		if (!(*weir_cell_flags(state, entry) & WEIR_CELL_PRESENT))
			continue;
		store->key = scanned.key;
		store->key_isnull = scanned.key_isnull;
		store->group = &store->groups[group];
		store->entry = entry;
		store->looked_up = true;
		scanned.state = state;
		scanned.expires_at = cell_expires(state, store->group, entry);
		visit(arg, &scanned);
	}
}

void
weir_store_scan(WeirStore *store, WeirStoreVisitor visit, void *arg)
{
	for (int group = 0; group < store->ngroups; group++)
	{
		weir_table_iterator iterator;
		WeirSlot   *slot;

		if (store->groups[group].table == NULL)
			continue;
		weir_table_start_iterate(store->groups[group].table, &iterator);
		while ((slot = weir_table_iterate(store->groups[group].table, &iterator)) != NULL)
		{
			CHECK_FOR_INTERRUPTS();
			scan_entry(store, group, slot->entry, visit, arg);
		}
	}
	store->entry = NULL;
	store->looked_up = false;
}
