/*
 * state/kinds/list.c
 *		List state: a queue of values, each with its own stamp if the state has
 *		a time to live.
 *
 * Adding takes the room of one element, and to undo it takes a number.  The
 * clock never falls, so the elements' stamps ascend, and what has expired is at
 * the front.  Whatever else changes a list looks at all of it anyway, and works
 * on a copy inside a subtransaction.
 *
 * In a chunk: uint8 1 if stamped | varint number | an element: int64 stamp if
 * stamped, the value (weir_piece_put).
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "state/chunk/convert.h"
#include "state/chunk/piece.h"
#include "state/entry.h"
#include "state/kinds/list.h"
#include "state/kinds/value.h"

#define FIRST_ROOM 4
#define LIST_STAMPED 1

typedef struct WeirList
{
	WeirLive	live;
	uint32		first;			/* where the elements begin */
	uint32		n;
	uint32		room;
	Datum	   *values;			/* one piece: the values, the stamps, the nulls */
	int64	   *stamps;			/* NULL without a ttl */
	bool	   *nulls;
} WeirList;

#define is_stamped(state) ((state)->decl.ttl.update != WEIR_TTL_DISABLED)

static inline WeirList *
get_list(const WeirState *state, WeirEntry *entry)
{
	return entry ? (WeirList *) weir_live_get(state, entry) : NULL;
}

static Size
slots_size(const WeirState *state, uint32 room)
{
	return (Size) room * (sizeof(Datum) + (is_stamped(state) ? sizeof(int64) : 0) + sizeof(bool));
}

/* Moves the elements to slots of their own with so much room. */
static void
set_room(WeirState *state, WeirList *list, uint32 room)
{
	WeirSlab   *slab = state->store->slab;
	Datum	   *values = weir_slab_alloc(slab, slots_size(state, room));
	int64	   *stamps = is_stamped(state) ? (int64 *) (values + room) : NULL;
	bool	   *nulls = stamps ? (bool *) (stamps + room) : (bool *) (values + room);

	if (list->values)
	{
		memcpy(values, list->values + list->first, list->n * sizeof(Datum));
		if (stamps)
			memcpy(stamps, list->stamps + list->first, list->n * sizeof(int64));
		memcpy(nulls, list->nulls + list->first, list->n * sizeof(bool));
		weir_slab_free(slab, list->values, slots_size(state, list->room));
	}
	list->first = 0;
	list->room = room;
	list->values = values;
	list->stamps = stamps;
	list->nulls = nulls;
}

static WeirList *
make_list(WeirState *state, uint32 room)
{
	WeirList   *list = weir_slab_alloc(state->store->slab, sizeof(WeirList));

	memset(list, 0, sizeof(WeirList));
	list->live.bytes = 2;
	set_room(state, list, Max(room, FIRST_ROOM));
	return list;
}

static int64
element_bytes(const WeirState *state, const WeirList *list, uint32 at)
{
	return (is_stamped(state) ? sizeof(int64) : 0) +
		weir_piece_size(&state->type, list->values[at], list->nulls[at]);
}

/* Twice the room when full, the same again once half of it is behind the front. */
static void
make_room(WeirState *state, WeirList *list)
{
	if (list->first + list->n < list->room)
		return;
	if (list->n <= list->room / 2)
		set_room(state, list, list->room);
	else if (list->room <= PG_UINT32_MAX / 2)
		set_room(state, list, list->room * 2);
	else
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("list state \"%s\" of a key holds too many elements", state->decl.name),
				 errdetail("It holds %u.", list->n),
				 errhint("Clear the list, or give the state a ttl.")));
}

/* Appends a piece that becomes the list's. */
static void
append(WeirState *state, WeirList *list, Datum piece, bool isnull, int64 stamp)
{
	uint32		at;

	make_room(state, list);
	at = list->first + list->n++;
	list->values[at] = piece;
	list->nulls[at] = isnull;
	if (list->stamps)
		list->stamps[at] = list->n > 1 ? Max(stamp, list->stamps[at - 1]) : stamp;
	list->live.bytes += element_bytes(state, list, at);
}

static void
free_element(WeirState *state, WeirList *list, uint32 at)
{
	list->live.bytes -= element_bytes(state, list, at);
	weir_piece_free(state->store->slab, &state->type, list->values[at], list->nulls[at]);
}

static void
drop_first(WeirState *state, WeirList *list, uint32 n)
{
	for (uint32 i = 0; i < n; i++)
		free_element(state, list, list->first + i);
	list->first += n;
	list->n -= n;
	if (list->room > FIRST_ROOM * 2 && list->n <= list->room / 4)
		set_room(state, list, Max(list->n * 2, FIRST_ROOM));
}

static Datum
make_piece(WeirState *state, Datum value, bool isnull)
{
	return weir_piece_make(state->store->slab, &state->type,
						   weir_input_coerce(&state->input, value, isnull), isnull);
}

void
weir_list_state_add(WeirState *state, Datum value, bool isnull)
{
	Datum		piece = make_piece(state, value, isnull);
	WeirEntry  *entry = weir_entry_make(state->store);
	WeirGroup  *group = weir_current_group(state->store);
	WeirList   *list = get_list(state, entry);
	int64		before;

	if (list == NULL)
	{
		list = make_list(state, 1);
		append(state, list, piece, isnull, state->store->clock);
		weir_live_put(state, entry, &list->live);
		return;
	}
	before = list->live.bytes;
	make_room(state, list);
	if (weir_live_needs_undo(state, &list->live))
		weir_undo_log_change(state, group, entry, (void *) (uintptr_t) list->n);
	append(state, list, piece, isnull, state->store->clock);
	weir_live_changed(state, group, entry, before);
}

void
weir_list_state_update(WeirState *state, int64 n, const Datum *values, const bool *nulls)
{
	WeirList   *list;

	if (n == 0)
	{
		weir_value_remove(state);
		return;
	}
	list = make_list(state, n);
	for (int64 i = 0; i < n; i++)
		append(state, list, make_piece(state, values[i], nulls[i]), nulls[i],
			   state->store->clock);
	weir_live_put(state, weir_entry_make(state->store), &list->live);
}

/* Takes the first n elements away, the cell with the last one. */
static void
remove_first(WeirState *state, WeirGroup *group, WeirEntry *entry, uint32 n)
{
	WeirList   *list = get_list(state, entry);
	int64		before;

	if (n == list->n)
	{
		weir_cell_remove(state, group, entry, true);
		return;
	}
	list = (WeirList *) weir_live_modify(state, group, entry);
	before = list->live.bytes;
	drop_first(state, list, n);
	weir_live_changed(state, group, entry, before);
}

/* Every element was read, which counts as an access. */
static void
renew(WeirState *state, WeirGroup *group, WeirEntry *entry)
{
	WeirList   *list = get_list(state, entry);
	int64		clock = state->store->clock;

	if (list->stamps[list->first] >= clock)
		return;
	list = (WeirList *) weir_live_modify(state, group, entry);
	for (uint32 i = list->first; i < list->first + list->n; i++)
		list->stamps[i] = clock;
	weir_live_changed(state, group, entry, list->live.bytes);
}

/* Copies n elements out, those of them that are going to be freed as values of their own. */
static void
copy_out(const WeirState *state, const WeirList *list, uint32 from, uint32 n, bool own,
		 Datum *values, bool *nulls)
{
	for (uint32 i = 0; i < n; i++)
	{
		uint32		at = list->first + from + i;

		nulls[i] = list->nulls[at];
		values[i] = own && !nulls[i] ? weir_value_copy(state, list->values[at]) : list->values[at];
	}
}

/* How many of the first elements, limit at most, have expired? */
static uint32
count_expired(const WeirState *state, const WeirList *list, uint32 limit)
{
	uint32		n = 0;

	while (n < Min(list->n, limit) &&
		   weir_ttl_expired(&state->decl.ttl, list->stamps[list->first + n], state->store->clock))
		n++;
	return n;
}

int64
weir_list_state_get(WeirState *state, Datum **values, bool **nulls)
{
	WeirEntry  *entry = weir_entry_find(state->store);
	WeirList   *list = get_list(state, entry);
	WeirGroup  *group = weir_current_group(state->store);
	uint32		expired;
	int64		n = 0;

	if (list == NULL)
		return 0;
	*values = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * list->n);
	*nulls = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(bool) * list->n);
	expired = is_stamped(state) ? count_expired(state, list, list->n) : 0;
	if (expired > 0)
	{
		if (weir_ttl_read(&state->decl.ttl, list->stamps[list->first], state->store->clock) ==
			WEIR_TTL_EXPIRED_RETURN)
		{
			copy_out(state, list, 0, expired, true, *values, *nulls);
			n = expired;
		}
		remove_first(state, group, entry, expired);
		list = get_list(state, entry);
	}
	if (list == NULL)
		return n;
	if (is_stamped(state) &&
		weir_ttl_read(&state->decl.ttl, list->stamps[list->first], state->store->clock) ==
		WEIR_TTL_PRESENT_RENEW)
	{
		renew(state, group, entry);
		list = get_list(state, entry);
	}
	copy_out(state, list, 0, list->n, false, *values + n, *nulls + n);
	return n + list->n;
}

static int64
list_expire(WeirState *state, WeirGroup *group, WeirEntry *entry, int limit)
{
	WeirList   *list = get_list(state, entry);
	uint32		expired;

	if (!is_stamped(state))
		return PG_INT64_MAX;
	expired = count_expired(state, list, limit);
	if (expired > 0)
	{
		remove_first(state, group, entry, expired);
		list = get_list(state, entry);
	}
	return list == NULL ? PG_INT64_MAX :
		weir_expiry_of(list->stamps[list->first], state->decl.ttl.ttl);
}

static void
free_list(WeirState *state, WeirLive *live)
{
	WeirSlab   *slab = state->store->slab;
	WeirList   *list = (WeirList *) live;

	for (uint32 i = 0; i < list->n; i++)
		free_element(state, list, list->first + i);
	weir_slab_free(slab, list->values, slots_size(state, list->room));
	weir_slab_free(slab, list, sizeof(WeirList));
}

static WeirLive *
copy_list(WeirState *state, WeirLive *live)
{
	WeirList   *list = (WeirList *) live;
	WeirList   *copy = make_list(state, list->n);

	for (uint32 i = list->first; i < list->first + list->n; i++)
		append(state, copy,
			   weir_piece_make(state->store->slab, &state->type, list->values[i], list->nulls[i]),
			   list->nulls[i], list->stamps ? list->stamps[i] : 0);
	return &copy->live;
}

/* What was logged is how many elements there were before one was added. */
static void
list_revert(WeirState *state, WeirLive *live, void *change)
{
	WeirList   *list = (WeirList *) live;

	while (list->n > (uintptr_t) change)
		free_element(state, list, list->first + --list->n);
}

static void
list_flatten(WeirState *state, WeirLive *live, StringInfo out)
{
	WeirList   *list = (WeirList *) live;

	appendStringInfoChar(out, list->stamps ? LIST_STAMPED : 0);
	weir_put_varint(out, list->n);
	for (uint32 i = list->first; i < list->first + list->n; i++)
	{
		if (list->stamps)
			appendBinaryStringInfoNT(out, (char *) &list->stamps[i], sizeof(int64));
		weir_piece_put(out, &state->type, list->values[i], list->nulls[i]);
	}
}

static void
read_element(WeirState *state, WeirList *list, WeirBytes *bytes, bool stamped)
{
	int64		stamp = stamped ? weir_get_int64(bytes) : state->store->clock;
	bool		isnull;
	Datum		piece = weir_conversion_piece_get(bytes, state, &isnull);

	if (bytes->wrong)
		return;
	if (list->stamps && list->n > 0 && stamp < list->stamps[list->first + list->n - 1])
		bytes->wrong = "the stamps of a list do not ascend";
	append(state, list, piece, isnull, stamp);
}

static WeirLive *
list_unflatten(WeirState *state, const char *at, Size size, const char **wrong)
{
	WeirBytes	bytes = {at, at + size, NULL};
	uint8		flags = weir_get_uint8(&bytes);
	uint32		n = weir_get_varint(&bytes);
	WeirList   *list;

	if (bytes.wrong == NULL && (flags & ~LIST_STAMPED || n == 0 || n > size))
		bytes.wrong = "a list's header is not that of one";
	*wrong = bytes.wrong;
	if (*wrong)
		return NULL;
	list = make_list(state, n);
	for (uint32 i = 0; i < n && bytes.wrong == NULL; i++)
		read_element(state, list, &bytes, (flags & LIST_STAMPED) != 0);
	if (bytes.wrong == NULL && bytes.at != bytes.end)
		bytes.wrong = "bytes are left over after a list";
	*wrong = bytes.wrong;
	if (*wrong == NULL)
		return &list->live;
	free_list(state, &list->live);
	return NULL;
}

const WeirLiveOps weir_list_ops = {
	.flatten = list_flatten,
	.unflatten = list_unflatten,
	.copy = copy_list,
	.free = free_list,
	.expire = list_expire,
	.revert = list_revert
};
