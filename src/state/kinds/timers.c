/*
 * state/kinds/timers.c
 *		Timers of a key.
 *
 * A subtransaction logs each that it sets or clears.  In a chunk: varint number | int64
 * the first | varint of 64 bits of each other: what it is later than the one before.
 */
#include "postgres.h"

#include "datatype/timestamp.h"

#include "state/chunk/piece.h"
#include "state/entry.h"
#include "state/kinds/moments.h"
#include "state/kinds/timers.h"

#define STEP_BYTES 5			/* that a moment takes in a chunk, or thereabouts */
#define HEADER_BYTES 9

typedef struct WeirTimers
{
	WeirLive	live;
	WeirMoments moments;
} WeirTimers;

typedef struct TimerChange
{
	int64		moment;
	bool		was_set;		/* else cleared */
} TimerChange;

static inline WeirTimers *
get_timers(const WeirState *state, WeirEntry *entry)
{
	return entry ? (WeirTimers *) weir_live_get(state, entry) : NULL;
}

static WeirTimers *
make_timers(WeirState *state)
{
	WeirTimers *timers = weir_slab_alloc(state->store->slab, sizeof(WeirTimers));

	memset(timers, 0, sizeof(WeirTimers));
	timers->live.bytes = HEADER_BYTES - STEP_BYTES;
	return timers;
}

static bool
add(WeirState *state, WeirTimers *timers, int64 moment)
{
	if (!weir_moments_add(&timers->moments, state->store->slab, moment))
		return false;
	timers->live.bytes += STEP_BYTES;
	return true;
}

static bool
take_out(WeirState *state, WeirTimers *timers, int64 moment)
{
	if (!weir_moments_remove(&timers->moments, state->store->slab, moment))
		return false;
	timers->live.bytes -= STEP_BYTES;
	return true;
}

static void
log_change(WeirState *state, WeirEntry *entry, const WeirTimers *timers, int64 moment, bool was_set)
{
	TimerChange *change;

	if (!weir_live_needs_undo(state, &timers->live))
		return;
	change = weir_slab_alloc(state->store->slab, sizeof(TimerChange));
	change->moment = moment;
	change->was_set = was_set;
	weir_undo_log_change(state, weir_current_group(state->store), entry, change);
}

/* The key's first. */
static void
put_new(WeirState *state, WeirEntry *entry, int64 moment)
{
	WeirTimers *timers = make_timers(state);

	(void) add(state, timers, moment);
	weir_live_put(state, entry, &timers->live);
}

void
weir_timers_end(WeirStore *store, bool end)
{
	store->timers_end = end;
}

void
weir_timers_check(const WeirState *state, int64 moment)
{
	if (!TIMESTAMP_NOT_FINITE(moment))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("timer \"%s\" cannot be set at %s", state->decl.name,
					moment == PG_INT64_MAX ? "infinity" : "-infinity"),
			 errhint("Leave it unset where nothing is to be done.")));
}

static void
set_moment(WeirState *state, int64 moment)
{
	WeirEntry  *entry = weir_entry_make(state->store);
	WeirGroup  *group = weir_current_group(state->store);
	WeirTimers *timers = get_timers(state, entry);
	int64		before;

	if (timers == NULL)
		put_new(state, entry, moment);
	else
	{
		before = timers->live.bytes;
		if (!add(state, timers, moment))
			return;
		log_change(state, entry, timers, moment, true);
		weir_live_changed(state, group, entry, before);
	}
	weir_due_set(state, entry, moment);
}

void
weir_timers_set(WeirState *state, int64 moment)
{
	if (!state->store->timers_end)
		set_moment(state, moment);
}

/* The cell goes with its last one. */
void
weir_timers_clear(WeirState *state, int64 moment)
{
	WeirEntry  *entry = weir_entry_find(state->store);
	WeirGroup  *group = weir_current_group(state->store);
	WeirTimers *timers = get_timers(state, entry);
	int64		before;

	if (timers == NULL || !weir_moments_has(&timers->moments, moment))
		return;
	if (timers->moments.n == 1)
	{
		weir_cell_remove(state, group, entry, true);
		return;
	}
	before = timers->live.bytes;
	(void) take_out(state, timers, moment);
	log_change(state, entry, timers, moment, false);
	weir_live_changed(state, group, entry, before);
}

int64
weir_timers_first(WeirState *state)
{
	WeirTimers *timers = get_timers(state, weir_entry_find(state->store));

	return timers ? weir_moments_first(&timers->moments) : PG_INT64_MAX;
}

int64
weir_timers_get(WeirState *state, int64 **moments)
{
	WeirTimers *timers = get_timers(state, weir_entry_find(state->store));

	if (timers == NULL)
		return 0;
	*moments = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * timers->moments.n);
	weir_moments_get(&timers->moments, *moments);
	return timers->moments.n;
}

static int64
timers_due(WeirState *state, WeirLive *live)
{
	return weir_moments_first(&((WeirTimers *) live)->moments);
}

static void
free_timers(WeirState *state, WeirLive *live)
{
	weir_moments_free(&((WeirTimers *) live)->moments, state->store->slab);
	weir_slab_free(state->store->slab, live, sizeof(WeirTimers));
}

static WeirLive *
copy_timers(WeirState *state, WeirLive *live)
{
	const WeirTimers *timers = (const WeirTimers *) live;
	WeirTimers *copy = make_timers(state);
	int64	   *moments = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * timers->moments.n);

	weir_moments_get(&timers->moments, moments);
	for (int64 i = 0; i < timers->moments.n; i++)
		(void) add(state, copy, moments[i]);
	pfree(moments);
	return &copy->live;
}

static void
timers_forget(WeirState *state, void *change)
{
	weir_slab_free(state->store->slab, change, sizeof(TimerChange));
}

/* What came later may still be in it, if it is about to go. */
static void
timers_revert(WeirState *state, WeirLive *live, void *record)
{
	const TimerChange *change = record;

	if (change->was_set)
		(void) take_out(state, (WeirTimers *) live, change->moment);
	else
		(void) add(state, (WeirTimers *) live, change->moment);
	timers_forget(state, record);
}

static void
timers_flatten(WeirState *state, WeirLive *live, StringInfo out)
{
	const WeirTimers *timers = (const WeirTimers *) live;
	int64		n = timers->moments.n;
	int64	   *moments = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * n);

	weir_moments_get(&timers->moments, moments);
	weir_put_varint(out, n);
	appendBinaryStringInfoNT(out, (char *) &moments[0], sizeof(int64));
	for (int64 i = 1; i < n; i++)
		weir_put_varint64(out, (uint64) moments[i] - (uint64) moments[i - 1]);
	pfree(moments);
}

static void
read_moments(WeirState *state, WeirTimers *timers, WeirBytes *bytes, uint32 n)
{
	int64		moment = weir_get_int64(bytes);

	for (uint32 i = 0; i < n && bytes->wrong == NULL; i++)
	{
		if (i > 0)
			moment = (int64) ((uint64) moment + weir_get_varint64(bytes));
		if (bytes->wrong == NULL && (moment == PG_INT64_MAX || !add(state, timers, moment)))
			bytes->wrong = "a timer has no moment of its own";
	}
}

static WeirLive *
timers_unflatten(WeirState *state, const char *at, Size size, const char **wrong)
{
	WeirBytes	bytes = {at, at + size, NULL};
	uint32		n = weir_get_varint(&bytes);
	WeirTimers *timers = make_timers(state);

	if (bytes.wrong == NULL && (n == 0 || n > size))
		bytes.wrong = "the number of timers is not that of any";
	if (bytes.wrong == NULL)
		read_moments(state, timers, &bytes, n);
	if (bytes.wrong == NULL && bytes.at != bytes.end)
		bytes.wrong = "bytes are left over after timers";
	*wrong = bytes.wrong;
	if (*wrong == NULL)
		return &timers->live;
	free_timers(state, &timers->live);
	return NULL;
}

const WeirLiveOps weir_timers_ops = {
	.flatten = timers_flatten,
	.unflatten = timers_unflatten,
	.copy = copy_timers,
	.free = free_timers,
	.revert = timers_revert,
	.forget = timers_forget,
	.due = timers_due
};
