/*
 * decide/align.c
 *		Barrier alignment of one task over its inputs.
 *
 * A checkpoint reaches a task as one barrier on each input.  Ids rise along
 * every channel, so an input that brings id N, or its cancel, will never bring
 * a smaller one.  Each id known here and not yet settled is an entry:
 *
 *	 COUNTING	some inputs have brought its barrier
 *	 ABORTED	the coordinator gave it up before any barrier came; the first
 *				barrier of it is answered with a cancel
 *	 CANCELLED	given up here, the cancel passed on; its late barriers are
 *				ignored
 *
 * and every id up to "settled" is done with.  An id is complete when each
 * input has brought its barrier or has ended: an ended input stands for every
 * later barrier.  Completing an id settles all below it.
 *
 * exactly_once: the barrier blocks its input until the id is complete or given
 * up.  Only one id is counted at a time: a newer barrier comes from an input
 * that will never bring the older one, which is given up as subsumed.
 *
 * at_least_once: nothing blocks, several ids are counted at a time, and one is
 * given up as subsumed only when a newer one is complete first.
 *
 * An id that is due overtakes when each input has brought its barrier, announced
 * it, or has ended; it is complete then.  It never passes the barrier of another
 * one that is not given up: who counts on that would wait for this task.
 */
#include "decide/align.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "decide/memory.h"

typedef enum EntryState
{
	COUNTING,
	ABORTED,
	CANCELLED
} EntryState;

typedef struct Entry
{
	int64_t		checkpoint;
	EntryState	state;
	bool	   *seen;			/* per input: its barrier has come */
} Entry;

#define MAX_ANNOUNCED 16		/* barriers in one input; of more none overtakes */

typedef struct Barrier
{
	int64_t		checkpoint;
	int64_t		due;
} Barrier;

/* What an input has announced, ascending ids. */
typedef struct Announced
{
	int			n;
	Barrier		barriers[MAX_ANNOUNCED];
} Announced;

struct WeirAlign
{
	int			ninputs;
	WeirAlignMode mode;
	Announced  *announced;		/* per input */
	bool	   *ended;			/* per input */
	int			nended;
	int64_t		settled;		/* ids up to this one are done with */
	Entry	   *entries;		/* ascending ids, all above settled */
	int			nentries;
	int			entry_capacity;
	WeirAlignAction *actions;	/* not yet handed out from next_action on */
	int			nactions;
	int			action_capacity;
	int			next_action;
};

WeirAlign *
weir_align_create(int ninputs, WeirAlignMode mode)
{
	WeirAlign  *a = weir_alloc(1, sizeof(WeirAlign));

	a->ninputs = ninputs;
	a->mode = mode;
	a->ended = weir_alloc((size_t) ninputs, sizeof(bool));
	a->announced = weir_alloc((size_t) ninputs, sizeof(Announced));
	return a;
}

void
weir_align_destroy(WeirAlign *a)
{
	int			i;

	for (i = 0; i < a->nentries; i++)
		free(a->entries[i].seen);
	free(a->entries);
	free(a->actions);
	free(a->announced);
	free(a->ended);
	free(a);
}

static void
emit(WeirAlign *a, WeirAlignActionKind kind, int64_t checkpoint, bool subsumed)
{
	WeirAlignAction *action;

	a->actions = weir_grow(a->actions, a->nactions, &a->action_capacity,
						   sizeof(WeirAlignAction));
	action = &a->actions[a->nactions++];
	action->kind = kind;
	action->checkpoint = checkpoint;
	action->subsumed = subsumed;
	action->overtakes = false;
}

/* Ids rise; in exactly_once one of them is counted, and none before it is left. */
static void
check(const WeirAlign *a)
{
	int			counting = 0;

	(void) counting;
	assert(a->nended >= 0 && a->nended <= a->ninputs);
	for (int i = 0; i < a->nentries; i++)
	{
		const Entry *e = &a->entries[i];

		assert(e->checkpoint > (i > 0 ? a->entries[i - 1].checkpoint : a->settled));
		assert(i > 0 || e->state != CANCELLED);
		counting += e->state == COUNTING;
		assert(a->mode == WEIR_ALIGN_AT_LEAST_ONCE || e->state != COUNTING || (i == 0 && counting == 1));
	}
}

/* Position of the entry of this id, or where it would stand. */
static int
entry_position(const WeirAlign *a, int64_t checkpoint)
{
	int			i = 0;

	while (i < a->nentries && a->entries[i].checkpoint < checkpoint)
		i++;
	return i;
}

static Entry *
find_entry(WeirAlign *a, int64_t checkpoint)
{
	int			i = entry_position(a, checkpoint);

	if (i < a->nentries && a->entries[i].checkpoint == checkpoint)
		return &a->entries[i];
	return NULL;
}

static Entry *
add_entry(WeirAlign *a, int64_t checkpoint, EntryState state)
{
	int			i = entry_position(a, checkpoint);
	Entry	   *e;
	bool	   *seen;

	a->entries = weir_grow(a->entries, a->nentries, &a->entry_capacity, sizeof(Entry));
	seen = weir_alloc((size_t) a->ninputs, sizeof(bool));
	e = &a->entries[i];
	memmove(e + 1, e, (size_t) (a->nentries - i) * sizeof(Entry));
	a->nentries++;
	e->checkpoint = checkpoint;
	e->state = state;
	e->seen = seen;
	return e;
}

static Entry *
find_or_add(WeirAlign *a, int64_t checkpoint)
{
	Entry	   *e = find_entry(a, checkpoint);

	return e != NULL ? e : add_entry(a, checkpoint, COUNTING);
}

static void
give_up(WeirAlign *a, Entry *e, bool subsumed)
{
	if (e->state == CANCELLED)
		return;
	emit(a, WEIR_ALIGN_CANCELLED, e->checkpoint, subsumed);
	e->state = CANCELLED;
}

/* All ids up to this one are done with; what still counted is subsumed. */
static void
settle(WeirAlign *a, int64_t checkpoint)
{
	int			n;
	int			i;

	for (n = 0; n < a->nentries && a->entries[n].checkpoint <= checkpoint; n++)
	{
		if (a->entries[n].state == COUNTING)
			give_up(a, &a->entries[n], true);
	}
	for (i = 0; i < n; i++)
		free(a->entries[i].seen);
	a->nentries -= n;
	if (n > 0)
		memmove(a->entries, a->entries + n, (size_t) a->nentries * sizeof(Entry));
	if (checkpoint > a->settled)
		a->settled = checkpoint;
}

/*
 * An input brought something of this id.  In exactly_once that ends whatever
 * is older.  In at_least_once it ends what the coordinator gave up and no
 * barrier came of.
 */
static void
overtake(WeirAlign *a, int64_t checkpoint)
{
	int			i;

	if (a->mode == WEIR_ALIGN_EXACTLY_ONCE)
	{
		settle(a, checkpoint - 1);
		return;
	}
	for (i = 0; i < a->nentries && a->entries[i].checkpoint < checkpoint; i++)
	{
		if (a->entries[i].state == ABORTED)
			a->entries[i].state = CANCELLED;
	}
}

/* An id that is lowest of all and given up needs no entry: nothing below it can complete. */
static void
settle_cancelled(WeirAlign *a)
{
	while (a->nentries > 0 && a->entries[0].state == CANCELLED)
		settle(a, a->entries[0].checkpoint);
	check(a);
}

static bool
is_complete(const WeirAlign *a, const Entry *e)
{
	int			i;

	for (i = 0; i < a->ninputs; i++)
	{
		if (!e->seen[i] && !a->ended[i])
			return false;
	}
	return true;
}

static void
complete(WeirAlign *a, int64_t checkpoint)
{
	settle(a, checkpoint - 1);
	emit(a, WEIR_ALIGN_SNAPSHOT, checkpoint, false);
	if (a->nentries > 0 && a->entries[0].checkpoint == checkpoint)
		a->entries[0].state = CANCELLED;	/* no longer counted */
	settle(a, checkpoint);
}

void
weir_align_barrier(WeirAlign *a, int input, int64_t checkpoint)
{
	Entry	   *e;

	if (a->ended[input] || checkpoint <= a->settled)
		return;
	overtake(a, checkpoint);
	e = find_or_add(a, checkpoint);
	if (e->state == COUNTING)
	{
		e->seen[input] = true;
		if (is_complete(a, e))
			complete(a, checkpoint);
	}
	else
		give_up(a, e, false);
	settle_cancelled(a);
}

void
weir_align_cancel(WeirAlign *a, int input, int64_t checkpoint)
{
	if (a->ended[input] || checkpoint <= a->settled)
		return;
	overtake(a, checkpoint);
	give_up(a, find_or_add(a, checkpoint), false);
	settle_cancelled(a);
}

void
weir_align_end(WeirAlign *a, int input)
{
	int			i;

	if (a->ended[input])
		return;
	a->ended[input] = true;
	a->nended++;
	for (i = 0; i < a->nentries;)
	{
		Entry	   *e = &a->entries[i];

		if (e->state == COUNTING && is_complete(a, e))
		{
			complete(a, e->checkpoint);
			i = 0;
		}
		else
			i++;
	}
	settle_cancelled(a);
}

void
weir_align_abort(WeirAlign *a, int64_t checkpoint)
{
	Entry	   *e;

	if (checkpoint <= a->settled)
		return;
	e = find_entry(a, checkpoint);
	if (e == NULL)
		add_entry(a, checkpoint, ABORTED);
	else if (e->state == COUNTING)
		give_up(a, e, false);
	settle_cancelled(a);
}

void
weir_align_trigger(WeirAlign *a, int64_t checkpoint)
{
	Entry	   *e;

	if (!weir_align_all_ended(a) || checkpoint <= a->settled)
		return;
	e = find_entry(a, checkpoint);
	if (e == NULL)
		complete(a, checkpoint);
	else
		give_up(a, e, false);
	settle_cancelled(a);
}

void
weir_align_announce(WeirAlign *a, int input, int64_t checkpoint, int64_t due)
{
	Announced  *at = &a->announced[input];
	int			done = 0;

	while (done < at->n && at->barriers[done].checkpoint <= a->settled)
		done++;
	at->n -= done;
	memmove(at->barriers, at->barriers + done, (size_t) at->n * sizeof(at->barriers[0]));
	if (checkpoint <= a->settled || at->n == MAX_ANNOUNCED ||
		(at->n > 0 && at->barriers[at->n - 1].checkpoint >= checkpoint))
		return;
	at->barriers[at->n].checkpoint = checkpoint;
	at->barriers[at->n++].due = due;
}

static const Entry *
look_up(const WeirAlign *a, int64_t checkpoint)
{
	int			i = entry_position(a, checkpoint);

	return i < a->nentries && a->entries[i].checkpoint == checkpoint ? &a->entries[i] : NULL;
}

/* Done with, or given up: it stands in nobody's way. */
static bool
is_closed(const WeirAlign *a, int64_t checkpoint)
{
	const Entry *e = look_up(a, checkpoint);

	return checkpoint <= a->settled || (e != NULL && e->state != COUNTING);
}

/* The lowest id that is counted, or stands in an input; INT64_MAX: none. */
static int64_t
lowest_open(const WeirAlign *a)
{
	int64_t		lowest = INT64_MAX;

	for (int i = a->nentries - 1; i >= 0; i--)
	{
		if (a->entries[i].state == COUNTING)
			lowest = a->entries[i].checkpoint;
	}
	for (int i = 0; i < a->ninputs; i++)
	{
		for (int k = a->announced[i].n - 1; k >= 0 && !a->ended[i]; k--)
		{
			int64_t		id = a->announced[i].barriers[k].checkpoint;

			if (id < lowest && !is_closed(a, id))
				lowest = id;
		}
	}
	return lowest;
}

static const Barrier *
find_announced(const WeirAlign *a, int input, int64_t checkpoint)
{
	for (int k = 0; k < a->announced[input].n; k++)
	{
		if (a->announced[input].barriers[k].checkpoint == checkpoint)
			return &a->announced[input].barriers[k];
	}
	return NULL;
}

/* When this id may overtake: every input has brought it, announced it, or ended. */
static int64_t
due_of(const WeirAlign *a, int64_t checkpoint)
{
	const Entry *e = look_up(a, checkpoint);
	int64_t		due = INT64_MAX;

	for (int i = 0; i < a->ninputs; i++)
	{
		const Barrier *b = find_announced(a, i, checkpoint);

		if (a->ended[i] || (e != NULL && e->seen[i]))
			continue;
		if (b == NULL)
			return INT64_MAX;
		if (b->due < due)
			due = b->due;
	}
	return due;
}

int64_t
weir_align_deadline(const WeirAlign *a)
{
	int64_t		lowest = lowest_open(a);

	return lowest == INT64_MAX ? INT64_MAX : due_of(a, lowest);
}

void
weir_align_clock(WeirAlign *a, int64_t now)
{
	assert(a->nactions == 0);
	if (weir_align_deadline(a) > now)
		return;
	complete(a, lowest_open(a));
	a->actions[a->nactions - 1].overtakes = true;
	settle_cancelled(a);
}

bool
weir_align_may_read(const WeirAlign *a, int input)
{
	if (a->ended[input])
		return false;
	if (a->mode == WEIR_ALIGN_AT_LEAST_ONCE || a->nentries == 0)
		return true;
	/* what is counted is the lowest entry: the others wait for a first barrier */
	return a->entries[0].state != COUNTING || !a->entries[0].seen[input];
}

bool
weir_align_has_ended(const WeirAlign *a, int input)
{
	return a->ended[input];
}

bool
weir_align_all_ended(const WeirAlign *a)
{
	return a->nended == a->ninputs;
}

bool
weir_align_next(WeirAlign *a, WeirAlignAction *action)
{
	if (a->next_action == a->nactions)
		return false;
	*action = a->actions[a->next_action++];
	if (a->next_action == a->nactions)
		a->next_action = a->nactions = 0;
	return true;
}
