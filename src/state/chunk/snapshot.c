/*
 * state/chunk/snapshot.c
 *		What a checkpoint writes: group by group what changed, or everything,
 *		as decide/rewrite.h decides.
 */
#include "postgres.h"

#include "decide/rewrite.h"
#include "state/chunk/chunk.h"
#include "state/entry.h"

#define AHEAD 16

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

		/* entries lie anywhere: those to come are fetched meanwhile */
		if (i + AHEAD < group->ndirty)
			__builtin_prefetch(group->dirty[i + AHEAD]);
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

	weir_chunk_begin(builder, store->first_group + index, full);
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
		group->delta_bytes += builder->bytes + builder->seq * WEIR_CHUNK_ROW_OVERHEAD;
	forget_dirty(store, group);
	weir_group_shrink(store, group);
}

/* An estimate: dirty entries are as large as the group's others. */
static int64
changes_size(const WeirGroup *group)
{
	return group->live_bytes * ((double) group->ndirty / Max(group->table->members, 1));
}

/* Which of the changed groups are written in full, by index; those without changes are not. */
static bool *
choose_full(WeirStore *store)
{
	bool	   *full = palloc0(sizeof(bool) * Max(store->ngroups, 1));
	WeirRewriteGroup *changed = palloc(sizeof(WeirRewriteGroup) * Max(store->ngroups, 1));
	int			n = 0;

	for (int i = 0; i < store->ngroups; i++)
	{
		WeirGroup  *group = &store->groups[i];

		if (group->ndirty == 0)
			continue;
		changed[n].group = i;
		changed[n].has_base = group->has_base;
		changed[n].live = group->live_bytes;
		changed[n].debt = group->delta_bytes;
		changed[n++].changes = changes_size(group);
	}
	weir_rewrite_choose(changed, n);
	for (int i = 0; i < n; i++)
		full[changed[i].group] = changed[i].full;
	pfree(changed);
	return full;
}

void
weir_store_snapshot(WeirStore *store, bool full, WeirChunkWriter writer, void *arg,
					WeirSnapshotStats *stats)
{
	WeirChunkBuilder builder;
	bool	   *chosen = full ? NULL : choose_full(store);

	Assert(store->nundo == 0);
	if (weir_changed_left(store) > 0)
		elog(ERROR, "a snapshot is taken before changed keys have been handed on");
	memset(stats, 0, sizeof(*stats));
	stats->dirty_keys = store->ndirty;
	weir_chunk_init(&builder, store, writer, arg);
	for (int i = 0; i < store->ngroups; i++)
	{
		if (!full && store->groups[i].ndirty == 0)
			continue;
		snapshot_group(&builder, store, i, full || chosen[i]);
	}
	for (int i = 0; i < store->ngroups; i++)
		stats->state_bytes += store->groups[i].live_bytes;
	weir_chunk_free(&builder);
	if (chosen)
		pfree(chosen);
}
