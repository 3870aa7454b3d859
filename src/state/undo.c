/*
 * state/undo.c
 *		Keyed state follows subtransactions.
 *
 * Inside a subtransaction - of a PL's exception block, or round a batch - every
 * change of a cell first puts its old content here.  An aborted subtransaction
 * takes back its records, newest first; a committed one leaves them to its
 * parent, and at the top level nothing is ever undone, since an error there
 * ends the attempt.  The log's levels never fall from bottom to top.
 *
 * Of a live object the log holds either the object as it was, while the cell has
 * a copy, or what a change of a part of it noted.  Records are taken back in
 * reverse, so that each finds the object that it was written about.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "state/entry.h"

static dlist_head stores = DLIST_STATIC_INIT(stores);

bool
weir_undo_wanted(void)
{
	return GetCurrentTransactionNestLevel() > 1;
}

/*
 * Names the subtransaction this is, among all that the log's records belong to;
 * 0 outside any.  An object marked so was made in it and goes with it.
 */
uint64
weir_undo_mark(const WeirStore *store)
{
	if (!weir_undo_wanted())
		return 0;
	return (uint64) store->undo_serial << 32 | GetCurrentSubTransactionId();
}

static WeirUndo *
add_record(WeirState *state, WeirGroup *group, WeirEntry *entry, WeirUndoKind kind)
{
	WeirStore  *store = state->store;
	WeirUndo   *undo;

	if (store->nundo == store->undo_room)
	{
		int			room = Max(store->undo_room * 2, 64);

		store->undo = store->undo == NULL ?
			MemoryContextAlloc(store->context, sizeof(WeirUndo) * room) :
			repalloc_huge(store->undo, sizeof(WeirUndo) * room);
		store->undo_room = room;
	}
	undo = &store->undo[store->nundo++];
	undo->entry = entry;
	undo->group = group - store->groups;
	undo->state = state->index;
	undo->level = GetCurrentTransactionNestLevel();
	undo->kind = kind;
	undo->old = weir_cell_get(state, entry);
	undo->change = NULL;
	return undo;
}

/* Does the record own a copy of bytes in place? */
static bool
has_copy(const WeirState *state, const WeirUndo *undo)
{
	return state->in_place && undo->kind == WEIR_UNDO_CELL && (undo->old.flags & WEIR_CELL_PRESENT);
}

/*
 * Logs a cell before it changes; WEIR_UNDO_CELL: what it holds is now the log's, a copy
 * of what it holds in place.
 */
void
weir_undo_log(WeirState *state, WeirGroup *group, WeirEntry *entry, WeirUndoKind kind)
{
	WeirUndo   *undo = add_record(state, group, entry, kind);

	if (has_copy(state, undo))
		undo->old.value = PointerGetDatum(memcpy(weir_slab_alloc(state->store->slab, state->in_place_size),
												 weir_in_place(state, entry), state->in_place_size));
}

/* The same for a part of the cell's live object. */
void
weir_undo_log_change(WeirState *state, WeirGroup *group, WeirEntry *entry, void *change)
{
	add_record(state, group, entry, WEIR_UNDO_CHANGE)->change = change;
}

static void
revert_change(WeirState *state, WeirGroup *group, WeirUndo *undo)
{
	WeirLive   *live = weir_live_get(state, undo->entry);
	int64		before = live->bytes;

	state->live->revert(state, live, undo->change);
	group->live_bytes += live->bytes - before;
}

static void
free_copy(WeirState *state, WeirUndo *undo)
{
	if (has_copy(state, undo))
		weir_slab_free(state->store->slab, DatumGetPointer(undo->old.value), state->in_place_size);
}

static void
undo_change(WeirStore *store, WeirUndo *undo)
{
	WeirState  *state = &store->states[undo->state];
	WeirGroup  *group = &store->groups[undo->group];

	switch (undo->kind)
	{
		case WEIR_UNDO_CELL:
			weir_cell_put(state, group, undo->entry, undo->old);
			free_copy(state, undo);
			break;
		case WEIR_UNDO_STAMP:
			*weir_cell_stamp(state, undo->entry) = undo->old.stamp;
			break;
		case WEIR_UNDO_CHANGE:
			revert_change(state, group, undo);
			break;
		case WEIR_UNDO_NOTED:
			weir_changed_take_back(store, undo->entry);
			break;
		case WEIR_UNDO_DUE:
			break;				/* noted again once all is as it was */
	}
}

/* Nothing will be undone any more: frees what the record holds. */
static void
forget_change(WeirStore *store, WeirUndo *undo)
{
	WeirState  *state = &store->states[undo->state];

	if (undo->kind == WEIR_UNDO_CELL)
	{
		weir_cell_free(state, undo->old);
		free_copy(state, undo);
	}
	else if (undo->kind == WEIR_UNDO_CHANGE && state->live->forget)
		state->live->forget(state, undo->change);
}

/* What is due of the cells of records that have been taken back: objects are whole again. */
static void
note_again(WeirStore *store, int from, int to)
{
	for (int i = from; i < to; i++)
	{
		const WeirUndo *undo = &store->undo[i];

		weir_due_note(&store->states[undo->state], undo->entry);
	}
}

static void
abort_level(WeirStore *store, int level)
{
	int			end = store->nundo;

	while (store->nundo > 0 && store->undo[store->nundo - 1].level >= level)
		undo_change(store, &store->undo[--store->nundo]);
	if (store->due)
		note_again(store, store->nundo, end);
}

static void
commit_level(WeirStore *store, int level)
{
	for (int i = store->nundo - 1; i >= 0 && store->undo[i].level >= level; i--)
	{
		WeirUndo   *undo = &store->undo[i];

		if (level > 2)
			undo->level = level - 1;
		else
		{
			forget_change(store, undo);
			store->nundo--;
		}
	}
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	dlist_iter	iter;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	dlist_foreach(iter, &stores)
	{
		WeirStore  *store = dlist_container(WeirStore, node, iter.cur);

		if (event == SUBXACT_EVENT_ABORT_SUB)
			abort_level(store, level);
		else
			commit_level(store, level);
		if (store->nundo == 0)
			store->undo_serial++;
	}
}

void
weir_undo_attach(WeirStore *store)
{
	static bool registered = false;

	if (!registered)
		RegisterSubXactCallback(subtransaction_event, NULL);
	registered = true;
	dlist_push_head(&stores, &store->node);
}

void
weir_undo_detach(WeirStore *store)
{
	dlist_delete(&store->node);
}
