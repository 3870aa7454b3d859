/*
 * state/undo.c
 *		Keyed state follows subtransactions.
 *
 * Inside a subtransaction - of a PL's exception block, or round a batch - every
 * change of a cell first puts its old content here.  An aborted subtransaction
 * takes back its records, newest first; a committed one leaves them to its
 * parent, and at the top level nothing is ever undone, since an error there
 * ends the attempt.  The log's levels never fall from bottom to top.  What has
 * expired stays removed, but for a subtransaction round a batch (guard_level),
 * which shall leave no trace.
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

/* Room for a record of this level, behind those of its level and below. */
static WeirUndo *
add_record(WeirStore *store, int level)
{
	int			at = store->nundo;

	if (store->nundo == store->undo_room)
	{
		int			room = Max(store->undo_room * 2, 64);

		store->undo = store->undo == NULL ?
			MemoryContextAlloc(store->context, sizeof(WeirUndo) * room) :
			repalloc_huge(store->undo, sizeof(WeirUndo) * room);
		store->undo_room = room;
	}
	while (at > 0 && store->undo[at - 1].level > level)
		at--;
	memmove(&store->undo[at + 1], &store->undo[at], sizeof(WeirUndo) * (store->nundo - at));
	store->nundo++;
	store->undo[at].level = level;
	return &store->undo[at];
}

static void
log_cell(WeirState *state, WeirGroup *group, WeirEntry *entry, bool stamp_only, int level)
{
	WeirStore  *store = state->store;
	WeirUndo   *undo = add_record(store, level);

	undo->entry = entry;
	undo->group = group - store->groups;
	undo->state = state->index;
	undo->stamp_only = stamp_only;
	undo->old = weir_cell_get(state, entry);
}

/* Logs a cell before it changes; unless stamp_only, its value is now the log's. */
void
weir_undo_log(WeirState *state, WeirGroup *group, WeirEntry *entry, bool stamp_only)
{
	log_cell(state, group, entry, stamp_only, GetCurrentTransactionNestLevel());
}

/*
 * The same for a cell that has expired, which the user's exception blocks do not
 * bring back.  They have no record of it: it would not have expired then.
 */
void
weir_undo_log_expired(WeirState *state, WeirGroup *group, WeirEntry *entry)
{
	log_cell(state, group, entry, false, state->store->guard_level);
}

static void
undo_change(WeirStore *store, WeirUndo *undo)
{
	WeirState  *state = &store->states[undo->state];

	if (undo->stamp_only)
		*weir_cell_stamp(state, undo->entry) = undo->old.stamp;
	else
		weir_cell_put(state, &store->groups[undo->group], undo->entry, undo->old);
}

static void
abort_level(WeirStore *store, int level)
{
	while (store->nundo > 0 && store->undo[store->nundo - 1].level >= level)
		undo_change(store, &store->undo[--store->nundo]);
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
			if (!undo->stamp_only)
				weir_cell_free(&store->states[undo->state], undo->old);
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
