/*
 * state/kinds/map_int.h
 *		Inside a map: its items, their table and list.  For map*.c only.
 */
#ifndef WEIR_STATE_KINDS_MAP_INT_H
#define WEIR_STATE_KINDS_MAP_INT_H

#include "postgres.h"

#include "lib/ilist.h"

#include "state/entry.h"
#include "state/kinds/map.h"

typedef struct MapItem
{
	dlist_node	node;
	struct MapItem *next;		/* in its bucket */
	uint32		hash;
	bool		key_isnull;
	bool		value_isnull;
	Datum		key;
	Datum		value;
	int64		stamp;			/* only if the state has a ttl */
} MapItem;

/* What all maps of a state share. */
typedef struct MapDetail
{
	WeirKeyColumnState key;
	WeirInput	key_input;
} MapDetail;

typedef struct WeirMap
{
	WeirLive	live;
	MapItem   **buckets;		/* a power of two of them, a piece of their own */
	uint32		nbuckets;
	uint32		n;				/* items */
	dlist_head	list;
} WeirMap;

#define is_stamped(state) ((state)->decl.ttl.update != WEIR_TTL_DISABLED)
#define item_size(state) (is_stamped(state) ? sizeof(MapItem) : offsetof(MapItem, stamp))
#define first_item(map) dlist_head_element(MapItem, node, &(map)->list)
#define map_end(map) ((map)->list.head.prev)

static inline int64
item_stamp(const WeirState *state, const MapItem *item)
{
	return is_stamped(state) ? item->stamp : 0;
}

/* map_item.c: items and tables, as they are, without undo */
extern WeirMap *weir_map_make(WeirState *state);
extern void weir_map_init(WeirState *state);
extern void weir_map_free(WeirState *state, WeirLive *live);
extern int64 weir_item_bytes(const WeirState *state, const MapItem *item);
extern uint32 weir_item_hash(WeirState *state, Datum key, bool isnull);
extern MapItem *weir_item_find(WeirState *state, WeirMap *map, Datum key, bool isnull);
/* An item of its own pieces, in no map yet. */
extern MapItem *weir_item_make(WeirState *state, Datum key, bool key_isnull,
							   Datum value, bool value_isnull);
extern void weir_item_free(WeirState *state, MapItem *item);
/* Puts an item whose key the map lacks behind another one; takes one out. */
extern void weir_item_link(WeirState *state, WeirMap *map, MapItem *item, dlist_node *prev);
extern void weir_item_unlink(WeirState *state, WeirMap *map, MapItem *item);

/* map_flat.c: maps as bytes */
extern void weir_map_flatten(WeirState *state, WeirLive *live, StringInfo out);
extern WeirLive *weir_map_unflatten(WeirState *state, const char *at, Size size,
									const char **wrong);

#endif
