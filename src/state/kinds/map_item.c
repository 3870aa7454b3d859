/*
 * state/kinds/map_item.c
 *		The items of a map: a hash table and a list of them.
 *
 * The table is an array of chains, in slab memory: maps are many and small, and
 * go back with their keys, which a table in a memory context would not.
 */
#include "postgres.h"

#include "utils/lsyscache.h"

#include "state/chunk/piece.h"
#include "state/kinds/map_int.h"

#define FIRST_BUCKETS 4

/* The bytes an item takes in a chunk. */
int64
weir_item_bytes(const WeirState *state, const MapItem *item)
{
	MapDetail  *detail = state->detail;

	return (is_stamped(state) ? sizeof(int64) : 0) +
		weir_piece_size(&detail->key.type, item->key, item->key_isnull) +
		weir_piece_size(&state->type, item->value, item->value_isnull);
}

/* Spreads the items over so many new buckets. */
static void
set_buckets(WeirState *state, WeirMap *map, uint32 nbuckets)
{
	WeirSlab   *slab = state->store->slab;
	dlist_iter	iter;

	if (map->buckets)
		weir_slab_free(slab, map->buckets, map->nbuckets * sizeof(MapItem *));
	map->buckets = weir_slab_alloc(slab, nbuckets * sizeof(MapItem *));
	map->nbuckets = nbuckets;
	memset(map->buckets, 0, nbuckets * sizeof(MapItem *));
	dlist_foreach(iter, &map->list)
	{
		MapItem    *item = dlist_container(MapItem, node, iter.cur);
		MapItem   **bucket = &map->buckets[item->hash & (nbuckets - 1)];

		item->next = *bucket;
		*bucket = item;
	}
}

WeirMap *
weir_map_make(WeirState *state)
{
	WeirMap    *map = weir_slab_alloc(state->store->slab, sizeof(WeirMap));

	memset(map, 0, sizeof(WeirMap));
	map->live.bytes = 2;
	dlist_init(&map->list);
	set_buckets(state, map, FIRST_BUCKETS);
	return map;
}

void
weir_item_free(WeirState *state, MapItem *item)
{
	WeirSlab   *slab = state->store->slab;
	MapDetail  *detail = state->detail;

	weir_piece_free(slab, &detail->key.type, item->key, item->key_isnull);
	weir_piece_free(slab, &state->type, item->value, item->value_isnull);
	weir_slab_free(slab, item, item_size(state));
}

uint32
weir_item_hash(WeirState *state, Datum key, bool isnull)
{
	return weir_table_hash_of(weir_key_hash_column(&((MapDetail *) state->detail)->key.hash, key,
												   isnull));
}

MapItem *
weir_item_find(WeirState *state, WeirMap *map, Datum key, bool isnull)
{
	MapDetail  *detail = state->detail;
	uint32		hash = weir_item_hash(state, key, isnull);
	MapItem    *item = map->buckets[hash & (map->nbuckets - 1)];

	while (item && (item->hash != hash ||
					!weir_key_column_equal(&detail->key, item->key, item->key_isnull, key, isnull)))
		item = item->next;
	return item;
}

MapItem *
weir_item_make(WeirState *state, Datum key, bool key_isnull, Datum value, bool value_isnull)
{
	WeirSlab   *slab = state->store->slab;
	MapDetail  *detail = state->detail;
	MapItem    *item = weir_slab_alloc(slab, item_size(state));

	item->hash = weir_item_hash(state, key, key_isnull);
	item->key_isnull = key_isnull;
	item->value_isnull = value_isnull;
	item->key = weir_piece_make(slab, &detail->key.type, key, key_isnull);
	item->value = weir_piece_make(slab, &state->type, value, value_isnull);
	return item;
}

void
weir_item_link(WeirState *state, WeirMap *map, MapItem *item, dlist_node *prev)
{
	MapItem   **bucket = &map->buckets[item->hash & (map->nbuckets - 1)];

	item->next = *bucket;
	*bucket = item;
	dlist_insert_after(prev, &item->node);
	map->live.bytes += weir_item_bytes(state, item);
	if (++map->n > map->nbuckets && map->nbuckets <= PG_UINT32_MAX / 4)
		set_buckets(state, map, map->nbuckets * 2);
}

void
weir_item_unlink(WeirState *state, WeirMap *map, MapItem *item)
{
	MapItem   **link = &map->buckets[item->hash & (map->nbuckets - 1)];

	while (*link != item)
		link = &(*link)->next;
	*link = item->next;
	map->live.bytes -= weir_item_bytes(state, item);
	dlist_delete(&item->node);
	if (--map->n < map->nbuckets / 8 && map->nbuckets > FIRST_BUCKETS)
		set_buckets(state, map, map->nbuckets / 2);
}

void
weir_map_free(WeirState *state, WeirLive *live)
{
	WeirMap    *map = (WeirMap *) live;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &map->list)
		weir_item_free(state, dlist_container(MapItem, node, iter.cur));
	weir_slab_free(state->store->slab, map->buckets, map->nbuckets * sizeof(MapItem *));
	weir_slab_free(state->store->slab, map, sizeof(WeirMap));
}

void
weir_map_init(WeirState *state)
{
	MemoryContext context = state->store->context;
	MapDetail  *detail = MemoryContextAllocZero(context, sizeof(MapDetail));
	WeirStateDecl *decl = &state->decl;
	WeirStoreKey key = {decl->key_type};
	WeirKeyType found;

	(void) weir_key_type_find(key.type, &found);
	key.eq_operator = found.eq_operator;
	key.collation = get_typcollation(key.type);
	weir_key_column_init(&detail->key, &key, context);
	weir_input_init(&detail->key_input, decl->key_type, decl->key_typmod, context);
	weir_flat_salt(&state->type, weir_flat_fingerprint(&detail->key.type));
	state->detail = detail;
}
