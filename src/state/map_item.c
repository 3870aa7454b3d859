/*
 * state/map_item.c
 *		The items of a map: a hash table and a list of them.
 */
#include "postgres.h"

#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "state/map_int.h"
#include "state/piece.h"

#define FIRST_ITEMS 4

static inline bool
slot_matches(const WeirState *state, const MapItem *stored, const MapItem *item)
{
	MapDetail  *detail = state->detail;

	if (item)
		return stored == item;
	return weir_key_column_equal(&detail->key, stored->key, stored->key_isnull,
								 detail->wanted, detail->wanted_isnull);
}

#define SH_PREFIX weir_items
#define SH_ELEMENT_TYPE MapSlot
#define SH_KEY_TYPE MapItem *
#define SH_KEY item
#define SH_HASH_KEY(tb, key) ((key)->hash)
#define SH_EQUAL(tb, a, b) slot_matches((tb)->private_data, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE extern
#define SH_DEFINE
#include "lib/simplehash.h"

/* The bytes an item takes in a chunk. */
int64
weir_item_bytes(const WeirState *state, const MapItem *item)
{
	MapDetail  *detail = state->detail;

	return (is_stamped(state) ? sizeof(int64) : 0) +
		weir_piece_size(&detail->key.type, item->key, item->key_isnull) +
		weir_piece_size(&state->type, item->value, item->value_isnull);
}

WeirMap *
weir_map_make(WeirState *state, uint32 n)
{
	WeirMap    *map = weir_slab_alloc(state->store->slab, sizeof(WeirMap));

	map->live.bytes = 2;
	map->table = weir_items_create(state->store->context, Max(n, FIRST_ITEMS), state);
	dlist_init(&map->list);
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
	MapDetail  *detail = state->detail;

	detail->wanted = key;
	detail->wanted_isnull = isnull;
	return weir_table_hash_of(weir_key_column_hash(&detail->key, key, isnull));
}

MapItem *
weir_item_find(WeirState *state, WeirMap *map, Datum key, bool isnull)
{
	MapSlot    *slot = weir_items_lookup_hash(map->table, NULL, weir_item_hash(state, key, isnull));

	return slot ? slot->item : NULL;
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
	bool		found;

	weir_items_insert_hash(map->table, item, item->hash, &found);
	Assert(!found);
	dlist_insert_after(prev, &item->node);
	map->live.bytes += weir_item_bytes(state, item);
}

/* Gives a table that has become mostly empty a smaller place. */
static void
shrink(WeirState *state, WeirMap *map)
{
	weir_items_hash *smaller;
	dlist_iter	iter;
	bool		found;

	if (map->table->size <= FIRST_ITEMS * 4 || map->table->members > map->table->size / 8)
		return;
	smaller = weir_items_create(state->store->context, Max(map->table->members, FIRST_ITEMS), state);
	dlist_foreach(iter, &map->list)
	{
		MapItem    *item = dlist_container(MapItem, node, iter.cur);

		weir_items_insert_hash(smaller, item, item->hash, &found);
	}
	weir_items_destroy(map->table);
	map->table = smaller;
}

void
weir_item_unlink(WeirState *state, WeirMap *map, MapItem *item)
{
	map->live.bytes -= weir_item_bytes(state, item);
	dlist_delete(&item->node);
	weir_items_delete(map->table, item);
	shrink(state, map);
}

void
weir_map_free(WeirState *state, WeirLive *live)
{
	WeirMap    *map = (WeirMap *) live;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &map->list)
		weir_item_free(state, dlist_container(MapItem, node, iter.cur));
	weir_items_destroy(map->table);
	weir_slab_free(state->store->slab, map, sizeof(WeirMap));
}

void
weir_map_init(WeirState *state)
{
	MemoryContext context = state->store->context;
	MapDetail  *detail = MemoryContextAllocZero(context, sizeof(MapDetail));
	WeirStateDecl *decl = &state->decl;
	WeirStoreKey key = {decl->key_type};

	key.eq_operator = lookup_type_cache(key.type, TYPECACHE_EQ_OPR)->eq_opr;
	key.collation = get_typcollation(key.type);
	weir_key_column_init(&detail->key, &key, context);
	weir_input_init(&detail->key_input, decl->key_type, decl->key_typmod, context);
	weir_flat_salt(&state->type, weir_flat_fingerprint(&detail->key.type));
	state->detail = detail;
}
