/*
 * state/kinds/map.c
 *		Map state: a hash table of items, each with its own stamp if the state
 *		has a time to live.
 *
 * The items also form a list.  With a time to live it is ordered by stamp, since
 * the clock never falls and what is stamped goes to the end: what has expired is
 * at the front.  A change costs what it touches, inside a subtransaction too: it
 * logs a MapChange, with the item's place in the list.
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "state/chunk/piece.h"
#include "state/kinds/map_int.h"
#include "state/kinds/value.h"

typedef enum MapChangeKind
{
	MAP_INSERTED,
	MAP_REPLACED,				/* the value, and with it the stamp */
	MAP_RENEWED,				/* the stamp */
	MAP_REMOVED					/* the item is the change's */
} MapChangeKind;

typedef struct MapChange
{
	MapChangeKind kind;
	MapItem    *item;
	dlist_node *prev;			/* what it stood behind */
	Datum		value;			/* of MAP_REPLACED, the change's */
	bool		value_isnull;
	int64		stamp;
} MapChange;

static inline WeirMap *
get_map(const WeirState *state, WeirEntry *entry)
{
	return entry ? (WeirMap *) weir_live_get(state, entry) : NULL;
}

/* ---- changes of the current key's map, or of one that expires ---- */

static void
move_item(MapItem *item, dlist_node *prev)
{
	dlist_delete(&item->node);
	dlist_insert_after(prev, &item->node);
}

/* Stamps it now; the last of the list has no later stamp. */
static void
stamp_item(WeirState *state, WeirMap *map, MapItem *item)
{
	int64		last = state->store->clock;

	if (!is_stamped(state))
		return;
	if (!dlist_is_empty(&map->list))
		last = dlist_tail_element(MapItem, node, &map->list)->stamp;
	item->stamp = Max(state->store->clock, last);
}

static void
log_change(WeirState *state, WeirGroup *group, WeirEntry *entry, MapChangeKind kind,
		   MapItem *item)
{
	MapChange  *change;

	if (!weir_undo_wanted())
		return;
	change = weir_slab_alloc(state->store->slab, sizeof(MapChange));
	change->kind = kind;
	change->item = item;
	change->prev = item->node.prev;
	change->value = item->value;
	change->value_isnull = item->value_isnull;
	change->stamp = item_stamp(state, item);
	weir_undo_log_change(state, group, entry, change);
}

/* The item's value becomes this piece. */
static void
replace_value(WeirState *state, WeirGroup *group, WeirEntry *entry, MapItem *item,
			  Datum piece, bool isnull)
{
	WeirMap    *map = get_map(state, entry);
	int64		before = map->live.bytes;

	log_change(state, group, entry, MAP_REPLACED, item);
	map->live.bytes -= weir_item_bytes(state, item);
	if (!weir_undo_wanted())
		weir_piece_free(state->store->slab, &state->type, item->value, item->value_isnull);
	item->value = piece;
	item->value_isnull = isnull;
	map->live.bytes += weir_item_bytes(state, item);
	stamp_item(state, map, item);
	if (is_stamped(state) && map_end(map) != &item->node)
		move_item(item, map_end(map));
	weir_live_changed(state, group, entry, before);
}

static void
insert_item(WeirState *state, WeirGroup *group, WeirEntry *entry, MapItem *item)
{
	WeirMap    *map = get_map(state, entry);
	int64		before = map->live.bytes;

	stamp_item(state, map, item);
	weir_item_link(state, map, item, map_end(map));
	log_change(state, group, entry, MAP_INSERTED, item);
	weir_live_changed(state, group, entry, before);
}

/* The cell goes with its last item. */
static void
remove_item(WeirState *state, WeirGroup *group, WeirEntry *entry, MapItem *item)
{
	WeirMap    *map = get_map(state, entry);
	int64		before = map->live.bytes;

	log_change(state, group, entry, MAP_REMOVED, item);
	weir_item_unlink(state, map, item);
	if (!weir_undo_wanted())
		weir_item_free(state, item);
	weir_live_changed(state, group, entry, before);
	if (dlist_is_empty(&map->list))
		weir_cell_remove(state, group, entry, true);
}

static void
renew_item(WeirState *state, WeirGroup *group, WeirEntry *entry, MapItem *item)
{
	WeirMap    *map = get_map(state, entry);

	if (item->stamp >= state->store->clock)
		return;
	log_change(state, group, entry, MAP_RENEWED, item);
	stamp_item(state, map, item);
	if (map_end(map) != &item->node)
		move_item(item, map_end(map));
	weir_live_changed(state, group, entry, map->live.bytes);
}

void
weir_map_state_put(WeirState *state, Datum key, bool key_isnull, Datum value, bool isnull)
{
	WeirGroup  *group = weir_current_group(state->store);
	MapDetail  *detail = state->detail;
	WeirEntry  *entry;
	WeirMap    *map;
	MapItem    *item;

	key = weir_input_coerce(&detail->key_input, key, key_isnull);
	value = weir_input_coerce(&state->input, value, isnull);
	entry = weir_entry_make(state->store);
	map = get_map(state, entry);
	if (map == NULL)
	{
		map = weir_map_make(state);
		weir_live_put(state, entry, &map->live);
	}
	item = weir_item_find(state, map, key, key_isnull);
	if (item)
		replace_value(state, group, entry, item,
					  weir_piece_make(state->store->slab, &state->type, value, isnull), isnull);
	else
		insert_item(state, group, entry, weir_item_make(state, key, key_isnull, value, isnull));
}

void
weir_map_state_remove(WeirState *state, Datum key, bool key_isnull)
{
	WeirEntry  *entry = weir_entry_find(state->store);
	WeirMap    *map = get_map(state, entry);
	MapDetail  *detail = state->detail;
	MapItem    *item;

	if (map == NULL)
		return;
	key = weir_input_coerce(&detail->key_input, key, key_isnull);
	item = weir_item_find(state, map, key, key_isnull);
	if (item)
		remove_item(state, weir_current_group(state->store), entry, item);
}

static Datum
copy_datum(const WeirFlatType *type, Datum value, bool isnull)
{
	return isnull ? value : datumCopy(value, type->typbyval, type->typlen);
}

/*
 * Reads an item, which may renew or remove it: false if it has nothing to
 * return.  What it returns of an item it removes is the caller's.
 */
static bool
read_item(WeirState *state, WeirEntry *entry, MapItem *item, WeirMapEntry *out)
{
	WeirGroup  *group = weir_current_group(state->store);
	MapDetail  *detail = state->detail;
	WeirMapEntry read = {item->key, item->value, item->key_isnull, item->value_isnull};
	WeirTtlRead found = weir_ttl_read(&state->decl.ttl, item_stamp(state, item),
									  state->store->clock);

	switch (found)
	{
		case WEIR_TTL_PRESENT_RENEW:
			renew_item(state, group, entry, item);
			break;
		case WEIR_TTL_PRESENT:
			break;
		case WEIR_TTL_EXPIRED_RETURN:
			read.key = copy_datum(&detail->key.type, read.key, read.key_isnull);
			read.value = copy_datum(&state->type, read.value, read.value_isnull);
			pg_fallthrough;
		case WEIR_TTL_EXPIRED:
			remove_item(state, group, entry, item);
			break;
	}
	*out = read;
	return found != WEIR_TTL_EXPIRED;
}

bool
weir_map_state_get(WeirState *state, Datum key, bool key_isnull, Datum *value, bool *isnull)
{
	WeirEntry  *entry = weir_entry_find(state->store);
	WeirMap    *map = get_map(state, entry);
	MapDetail  *detail = state->detail;
	WeirMapEntry read = {.value_isnull = true};
	MapItem    *item = NULL;
	bool		found;

	if (map)
	{
		key = weir_input_coerce(&detail->key_input, key, key_isnull);
		item = weir_item_find(state, map, key, key_isnull);
	}
	found = item && read_item(state, entry, item, &read);
	*isnull = !found || read.value_isnull;
	*value = *isnull ? (Datum) 0 : read.value;
	return found;
}

int64
weir_map_state_entries(WeirState *state, WeirMapEntry **entries)
{
	WeirEntry  *entry = weir_entry_find(state->store);
	WeirMap    *map = get_map(state, entry);
	dlist_node *node;
	dlist_node *next;
	int64		members;
	int64		n = 0;

	if (map == NULL)
		return 0;
	members = map->n;
	*entries = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(WeirMapEntry) * members);
	node = map->list.head.next;
	/* by number: reading may move items to the end, and free the map with its last item */
	for (int64 i = 0; i < members; i++)
	{
		next = node->next;
		if (read_item(state, entry, dlist_container(MapItem, node, node), &(*entries)[n]))
			n++;
		node = next;
	}
	return n;
}

Datum
weir_map_parse_key(WeirState *state, char *text)
{
	MapDetail  *detail = state->detail;

	return weir_input_parse(&detail->key_input, text);
}

/* ---- what every live object offers ---- */

static int64
map_expire(WeirState *state, WeirGroup *group, WeirEntry *entry, int limit)
{
	WeirMap    *map;

	if (!is_stamped(state))
		return PG_INT64_MAX;
	while ((map = get_map(state, entry)) != NULL)
	{
		MapItem    *item = first_item(map);

		if (limit-- <= 0 ||
			!weir_ttl_expired(&state->decl.ttl, item->stamp, state->store->clock))
			return weir_expiry_of(item->stamp, state->decl.ttl.ttl);
		remove_item(state, group, entry, item);
	}
	return PG_INT64_MAX;
}

static void
restore_value(WeirState *state, WeirMap *map, MapChange *change)
{
	MapItem    *item = change->item;

	map->live.bytes -= weir_item_bytes(state, item);
	weir_piece_free(state->store->slab, &state->type, item->value, item->value_isnull);
	item->value = change->value;
	item->value_isnull = change->value_isnull;
	map->live.bytes += weir_item_bytes(state, item);
}

static void
map_revert(WeirState *state, WeirLive *live, void *record)
{
	WeirMap    *map = (WeirMap *) live;
	MapChange  *change = record;
	MapItem    *item = change->item;

	switch (change->kind)
	{
		case MAP_INSERTED:
			weir_item_unlink(state, map, item);
			weir_item_free(state, item);
			break;
		case MAP_REPLACED:
			restore_value(state, map, change);
			pg_fallthrough;
		case MAP_RENEWED:
			if (is_stamped(state))
				item->stamp = change->stamp;
			move_item(item, change->prev);
			break;
		case MAP_REMOVED:
			weir_item_link(state, map, item, change->prev);
			break;
	}
	weir_slab_free(state->store->slab, change, sizeof(MapChange));
}

static void
map_forget(WeirState *state, void *record)
{
	MapChange  *change = record;

	if (change->kind == MAP_REPLACED)
		weir_piece_free(state->store->slab, &state->type, change->value, change->value_isnull);
	else if (change->kind == MAP_REMOVED)
		weir_item_free(state, change->item);
	weir_slab_free(state->store->slab, change, sizeof(MapChange));
}

/* No copy: maps are changed in place, subtransaction or not. */
const WeirLiveOps weir_map_ops = {
	.init = weir_map_init,
	.flatten = weir_map_flatten,
	.unflatten = weir_map_unflatten,
	.free = weir_map_free,
	.expire = map_expire,
	.revert = map_revert,
	.forget = map_forget
};
