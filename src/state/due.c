/*
 * state/due.c
 *		The timer queue of a store.
 *
 * Cells that are due at one time are linked in a list, the list of a state and a time is
 * found by a hash table, and a heap has all lists by their times.  A cell is in one list
 * at most.  Where it is to be done with earlier it moves at once; where later, or not at
 * all any more, it stays until its time has come and is asked again.  So a note may be
 * early, and costs nothing while what is due only moves on.
 */
#include "postgres.h"

#include "lib/pairingheap.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "state/due.h"
#include "state/entry.h"

/* The cells of a state that are due at a time.  There is none without a cell. */
typedef struct DueList
{
	dlist_head	cells;			/* of WeirDueNote */
	int64		at;
	WeirState  *state;
	pairingheap_node node;
} DueList;

typedef struct DueSlot
{
	int64		at;
	DueList    *list;
	uint32		status;
} DueSlot;

#define SH_PREFIX due_table
#define SH_ELEMENT_TYPE DueSlot
#define SH_KEY_TYPE int64
#define SH_KEY at
#define SH_HASH_KEY(tb, key) weir_table_hash_of((uint64) (key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

struct WeirDueQueue
{
	pairingheap *lists;
	due_table_hash **tables;	/* one a state that can be due, of its lists by time */
	WeirState  *entered;		/* NULL: no key was entered for being due */
	WeirEntry  *entry;
	int64		entered_at;
};

#define list_of_node(n) pairingheap_const_container(DueList, node, n)

static int
compare_lists(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const DueList *x = list_of_node(a);
	const DueList *y = list_of_node(b);

	/* the heap's first is its largest */
	if (x->at != y->at)
		return x->at < y->at ? 1 : -1;
	return y->state->index - x->state->index;
}

void
weir_due_init(WeirStore *store)
{
	MemoryContext old = MemoryContextSwitchTo(store->context);
	WeirDueQueue *queue = palloc0(sizeof(WeirDueQueue));

	queue->lists = pairingheap_allocate(compare_lists, NULL);
	queue->tables = palloc0(sizeof(due_table_hash *) * Max(store->nstates, 1));
	for (int i = 0; i < store->nstates; i++)
	{
		if (store->states[i].due_offset)
			queue->tables[i] = due_table_create(store->context, 16, NULL);
	}
	store->due = queue;
	MemoryContextSwitchTo(old);
}

static DueList *
make_list(WeirState *state, int64 at)
{
	WeirDueQueue *queue = state->store->due;
	DueList    *list = weir_slab_alloc(state->store->slab, sizeof(DueList));

	dlist_init(&list->cells);
	list->at = at;
	list->state = state;
	pairingheap_add(queue->lists, &list->node);
	return list;
}

static DueList *
list_at(WeirState *state, int64 at)
{
	bool		found;
	DueSlot    *slot = due_table_insert(state->store->due->tables[state->index], at, &found);

	if (!found)
		slot->list = make_list(state, at);
	return slot->list;
}

static void
free_list(DueList *list)
{
	WeirStore  *store = list->state->store;

	due_table_delete(store->due->tables[list->state->index], list->at);
	pairingheap_remove(store->due->lists, &list->node);
	weir_slab_free(store->slab, list, sizeof(DueList));
}

/* A list whose last cell goes, goes too: what is left in the ring is its head. */
static void
take_off(WeirDueNote *note)
{
	dlist_node *next = note->node.next;
	bool		is_last = next == note->node.prev;

	dlist_delete(&note->node);
	note->node.next = NULL;
	if (is_last)
		free_list(dlist_container(DueList, cells.head, next));
}

void
weir_due_set(WeirState *state, WeirEntry *entry, int64 due)
{
	WeirDueNote *note = weir_due_note_of(state, entry);
	DueList    *list;

	if (note->node.next != NULL ? due >= note->at : due == PG_INT64_MAX)
		return;
	list = list_at(state, due);
	if (note->node.next != NULL)
		take_off(note);
	note->at = due;
	dlist_push_tail(&list->cells, &note->node);
}

static int64
due_of(WeirState *state, WeirEntry *entry)
{
	if (!(*weir_cell_flags(state, entry) & WEIR_CELL_PRESENT))
		return PG_INT64_MAX;
	return state->live->due(state, weir_live_get(state, entry));
}

void
weir_due_note(WeirState *state, WeirEntry *entry)
{
	if (state->due_offset)
		weir_due_set(state, entry, due_of(state, entry));
}

void
weir_due_forget(WeirStore *store, WeirEntry *entry)
{
	for (int i = 0; i < store->nstates; i++)
	{
		WeirState  *state = &store->states[i];

		if (state->due_offset && weir_due_note_of(state, entry)->node.next != NULL)
			take_off(weir_due_note_of(state, entry));
	}
}

static const DueList *
first_list(const WeirStore *store)
{
	const pairingheap_node *first;

	if (store->due == NULL || pairingheap_is_empty(store->due->lists))
		return NULL;
	first = pairingheap_first(store->due->lists);
	return list_of_node(first);
}

int64
weir_due_next(const WeirStore *store)
{
	const DueList *list = first_list(store);

	return list ? list->at : PG_INT64_MAX;
}

bool
weir_due_enter(WeirStore *store, int64 upto, WeirDue *due)
{
	const DueList *list = first_list(store);
	WeirDueQueue *queue = store->due;
	WeirDueNote *note;

	if (list == NULL || list->at > upto)
		return false;
	CHECK_FOR_INTERRUPTS();
	note = dlist_container(WeirDueNote, node, list->cells.head.next);
	__builtin_prefetch(note->node.next);
	queue->entered = list->state;
	queue->entered_at = list->at;
	queue->entry = (WeirEntry *) ((char *) note - list->state->due_offset);
	weir_entry_enter(store, queue->entry);
	if (weir_undo_wanted())
		weir_undo_log(queue->entered, weir_current_group(store), queue->entry, WEIR_UNDO_DUE);
	take_off(note);
	due->at = queue->entered_at;
	due->state = queue->entered;
	due->key = store->key;
	due->isnull = store->key_isnull;
	due->hash = store->key_hash;
	return true;
}

void
weir_due_leave(WeirStore *store)
{
	WeirDueQueue *queue = store->due;

	Assert(queue->entered != NULL && store->entry == queue->entry);
	Assert(due_of(queue->entered, queue->entry) > queue->entered_at);
	weir_due_note(queue->entered, queue->entry);
	queue->entered = NULL;
	weir_store_leave(store);
}
