/*
 * state/kinds/map_flat.c
 *		A map in a chunk: uint8 1 if stamped | varint number | an item, in the
 *		order of the list: int64 stamp if stamped, key, value (weir_piece_put).
 */
#include "postgres.h"

#include "state/chunk/convert.h"
#include "state/chunk/piece.h"
#include "state/kinds/map_int.h"

#define MAP_STAMPED 1

void
weir_map_flatten(WeirState *state, WeirLive *live, StringInfo out)
{
	WeirMap    *map = (WeirMap *) live;
	MapDetail  *detail = state->detail;
	dlist_iter	iter;

	appendStringInfoChar(out, is_stamped(state) ? MAP_STAMPED : 0);
	weir_put_varint(out, map->n);
	dlist_foreach(iter, &map->list)
	{
		MapItem    *item = dlist_container(MapItem, node, iter.cur);

		if (is_stamped(state))
			appendBinaryStringInfoNT(out, (char *) &item->stamp, sizeof(int64));
		weir_piece_put(out, &detail->key.type, item->key, item->key_isnull);
		weir_piece_put(out, &state->type, item->value, item->value_isnull);
	}
}

static void
read_flat_item(WeirState *state, WeirMap *map, WeirBytes *bytes, bool stamped)
{
	WeirSlab   *slab = state->store->slab;
	MapDetail  *detail = state->detail;
	MapItem    *item = weir_slab_alloc(slab, item_size(state));
	int64		stamp = stamped ? weir_get_int64(bytes) : state->store->clock;

	item->key = weir_piece_get(bytes, slab, &detail->key.type, &item->key_isnull);
	item->value = weir_conversion_piece_get(bytes, state, &item->value_isnull);
	if (is_stamped(state))
	{
		item->stamp = stamp;
		if (!dlist_is_empty(&map->list) &&
			stamp < dlist_tail_element(MapItem, node, &map->list)->stamp)
			bytes->wrong = "the stamps of a map do not ascend";
	}
	if (bytes->wrong == NULL && weir_item_find(state, map, item->key, item->key_isnull))
		bytes->wrong = "a key occurs twice in a map";
	if (bytes->wrong)
	{
		weir_item_free(state, item);
		return;
	}
	item->hash = weir_item_hash(state, item->key, item->key_isnull);
	weir_item_link(state, map, item, map_end(map));
}

WeirLive *
weir_map_unflatten(WeirState *state, const char *at, Size size, const char **wrong)
{
	WeirBytes	bytes = {at, at + size, NULL};
	uint8		flags = weir_get_uint8(&bytes);
	uint32		n = weir_get_varint(&bytes);
	WeirMap    *map;

	if (bytes.wrong == NULL && (flags & ~MAP_STAMPED || n == 0 || n > size / 2))
		bytes.wrong = "a map's header is not that of one";
	*wrong = bytes.wrong;
	if (*wrong)
		return NULL;
	map = weir_map_make(state);
	for (uint32 i = 0; i < n && bytes.wrong == NULL; i++)
		read_flat_item(state, map, &bytes, (flags & MAP_STAMPED) != 0);
	if (bytes.wrong == NULL && bytes.at != bytes.end)
		bytes.wrong = "bytes are left over after a map";
	*wrong = bytes.wrong;
	if (*wrong == NULL)
		return &map->live;
	weir_map_free(state, &map->live);
	return NULL;
}
