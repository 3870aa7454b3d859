/*
 * state/snapshot.c
 *		What a checkpoint writes: group by group what changed, or everything.
 *
 * A group's chunks are a full one and changes after it.  Once the changes
 * written outgrow the group, it is written in full again; at which size depends
 * on the group, so that groups of equal load do not fall due together.  Whoever
 * restores reads at most about three times what is held.
 */
#include "postgres.h"

#include "state/chunk.h"
#include "state/entry.h"

#define STAGGER 16

static bool
wants_full(const WeirGroup *group, int number)
{
	int64		limit = group->live_bytes + group->live_bytes / STAGGER * (number % STAGGER);

	return !group->has_base || group->delta_bytes >= limit ||
		group->ndirty >= (int) group->table->members;
}

/*
 * Everything the group holds.  What has expired or was emptied is not written:
 * the group's earlier chunks are superseded, nobody needs a tombstone.
 */
static void
write_full(WeirChunkBuilder *builder, WeirStore *store, WeirGroup *group)
{
	weir_table_iterator iterator;
	WeirSlot   *slot;

	if (group->table == NULL)
		return;
	weir_table_start_iterate(group->table, &iterator);
	while ((slot = weir_table_iterate(group->table, &iterator)) != NULL)
	{
		WeirEntry  *entry = slot->entry;

		/* dirty already, so that removing what has expired does not list it again */
		entry->flags |= WEIR_ENTRY_DIRTY;
		weir_entry_expire(store, group, entry);
		if (weir_entry_is_empty(store, entry))
		{
			weir_entry_delete(store, group, entry);
			continue;
		}
		entry->flags = WEIR_ENTRY_WRITTEN;
		weir_chunk_add(builder, entry);
	}
}

static void
write_changes(WeirChunkBuilder *builder, WeirStore *store, WeirGroup *group)
{
	for (int i = 0; i < group->ndirty; i++)
	{
		WeirEntry  *entry = group->dirty[i];
		bool		written = (entry->flags & WEIR_ENTRY_WRITTEN) != 0;

		weir_entry_expire(store, group, entry);
		if (written || !weir_entry_is_empty(store, entry))
			weir_chunk_add(builder, entry);
		if (weir_entry_is_empty(store, entry))
			weir_entry_delete(store, group, entry);
		else
			entry->flags = WEIR_ENTRY_WRITTEN;
	}
}

/* Nothing of the group is dirty any more; a list that grew large is given back. */
static void
forget_dirty(WeirStore *store, WeirGroup *group)
{
	store->ndirty -= group->ndirty;
	group->ndirty = 0;
	if (group->dirty_room > 1024)
	{
		pfree(group->dirty);
		group->dirty = NULL;
		group->dirty_room = 0;
	}
}

static void
snapshot_group(WeirChunkBuilder *builder, WeirStore *store, int index, bool full)
{
	WeirGroup  *group = &store->groups[index];
	int			number = store->first_group + index;

	full = full || wants_full(group, number);
	weir_chunk_begin(builder, number, full);
	if (full)
		write_full(builder, store, group);
	else
		write_changes(builder, store, group);
	weir_chunk_end(builder, full && group->has_base);

	if (full)
	{
		group->delta_bytes = 0;
		group->has_base = builder->bytes > 0;
	}
	else
		group->delta_bytes += builder->bytes;
	forget_dirty(store, group);
	weir_group_shrink(store, group);
}

void
weir_store_snapshot(WeirStore *store, bool full, WeirChunkWriter writer, void *arg,
					WeirSnapshotStats *stats)
{
	WeirChunkBuilder builder;

	Assert(store->nundo == 0);
	memset(stats, 0, sizeof(*stats));
	stats->dirty_keys = store->ndirty;
	weir_chunk_init(&builder, store, writer, arg);
	for (int i = 0; i < store->ngroups; i++)
	{
		if (!full && store->groups[i].ndirty == 0)
			continue;
		snapshot_group(&builder, store, i, full);
		stats->bytes += builder.bytes;
	}
	for (int i = 0; i < store->ngroups; i++)
		stats->state_bytes += store->groups[i].live_bytes;
	stats->keys = store->nentries;
	weir_chunk_free(&builder);
}
