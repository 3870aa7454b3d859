/*
 * state/store.c
 *		The keyed state of one task.
 *
 * Files of the store:
 *
 *		store.c		create, destroy, make a key current
 *		key.c		hash, equality and copies of keys
 *		entry.c		tables and entries, the dirty list
 *		cell.c		changes of what an entry holds
 *		live.c		kinds of state that keep objects in memory
 *		undo.c		subtransactions
 *		sweep.c		incremental cleanup of what has expired
 *		changed.c	which keys' rows are to be handed on
 *		due.c		when something is to be done with a key, earliest first
 *		window.c	count windows; window_object.c, window_native.c
 *		running.c	running aggregates
 *		time_window.c	windows of event time; time_window_*.c
 *		rows.c		rows that wait for others; rows_array.c, rows_heap.c, rows_flat.c
 *		aggregate.c	aggregates over rows; aggregate_part.c, aggregate_flat.c
 *		native.c	the common ones by machine arithmetic; native_flat.c
 *		value.c		value state: read, update, clear
 *		list.c		list state
 *		map.c		map state
 *		reducing.c	reducing state
 *		aggregating.c	aggregating state, over aggregate*.c
 *		snapshot.c	what a checkpoint writes
 *		scan.c		all it holds, for who looks at it
 *		chunk.c, chunk_read.c	chunks, in the format of chunk_format.h
 *		flat.c		values as bytes
 *		row.c		rows without their header
 *		input.c		values from text and of the declared modifier
 *		piece.c		values in memory of the slab
 *		slab.c		memory
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/memutils.h"

#include "state/entry.h"
#include "state/kinds/reducing.h"

WeirStore  *weir_current_store = NULL;

static void
init_default(WeirState *state)
{
	MemoryContext old;
	Datum		value;

	state->default_isnull = !state->decl.has_default || state->decl.default_text == NULL;
	if (state->default_isnull)
		return;
	value = weir_input_parse(&state->input, state->decl.default_text);
	old = MemoryContextSwitchTo(state->store->context);
	state->default_value = datumCopy(value, state->type.typbyval, state->type.typlen);
	MemoryContextSwitchTo(old);
}

static void
init_state(WeirStore *store, int index, const WeirStateDecl *decl)
{
	WeirState  *state = &store->states[index];

	state->store = store;
	state->index = index;
	state->decl = *decl;
	state->decl.name = MemoryContextStrdup(store->context, decl->name);
	if (decl->default_text)
		state->decl.default_text = MemoryContextStrdup(store->context, decl->default_text);
	if (decl->calls)
		state->decl.calls = MemoryContextStrdup(store->context, decl->calls);
	state->name_length = strlen(decl->name);
	weir_flat_type(&state->type, decl->type, store->context);
	if (state->type.composite && decl->kind == WEIR_STATE_VALUE)
		weir_flat_keep_short(&state->type, store->context);
	weir_input_init(&state->input, decl->type, decl->typmod, store->context);
	init_default(state);
	state->live = weir_live_ops(decl->kind);
	if (state->live && state->live->init)
		state->live->init(state);
	if (decl->kind == WEIR_STATE_REDUCING)
		weir_reducing_init(state);
	if (decl->ttl.update != WEIR_TTL_DISABLED)
	{
		store->has_ttl = true;
		store->shortest_ttl = Min(store->shortest_ttl, decl->ttl.ttl);
	}
}

static bool
can_be_due(const WeirState *state)
{
	return state->live && state->live->due;
}

static bool
any_can_be_due(const WeirStore *store)
{
	for (int i = 0; i < store->nstates; i++)
	{
		if (can_be_due(&store->states[i]))
			return true;
	}
	return false;
}

/* Lays an entry out, see entry.h. */
static void
lay_out(WeirStore *store)
{
	Size		offset = MAXALIGN(offsetof(WeirEntry, bytes) + store->nkeys + store->nstates);

	store->key_offset = offset;
	offset += sizeof(Datum) * store->nkeys;
	for (int i = 0; i < store->nstates; i++)
	{
		WeirState  *state = &store->states[i];

		state->value_offset = offset;
		offset += state->in_place ? MAXALIGN(state->in_place_size) : sizeof(Datum);
		if (state->decl.ttl.update != WEIR_TTL_DISABLED && !weir_state_expires_in_parts(state))
		{
			state->stamp_offset = offset;
			offset += sizeof(int64);
		}
		if (can_be_due(state))
		{
			state->due_offset = offset;
			offset += MAXALIGN(sizeof(WeirDueNote));
		}
	}
	store->entry_size = offset;
}

static void
store_deleted(void *arg)
{
	WeirStore  *store = arg;

	weir_undo_detach(store);
	if (weir_current_store == store)
		weir_current_store = NULL;
}

static WeirStore *
allocate_store(const char *function)
{
	static uint64 generation = 0;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "weir keyed state",
												  ALLOCSET_DEFAULT_SIZES);
	WeirStore  *store = MemoryContextAllocZero(context, sizeof(WeirStore));

	store->context = context;
	store->generation = ++generation;
	store->function = MemoryContextStrdup(context, function);
	store->slab = weir_slab_create(context);
	store->clock = PG_INT64_MIN;
	store->shortest_ttl = PG_INT64_MAX;
	store->sweep_next_expiry = PG_INT64_MAX;
	store->sweep_not_before = PG_INT64_MIN;

	weir_undo_attach(store);
	store->on_delete.func = store_deleted;
	store->on_delete.arg = store;
	MemoryContextRegisterResetCallback(context, &store->on_delete);
	return store;
}

WeirStore *
weir_store_create(const char *function, int nkeys, const WeirStoreKey *keys,
				  int nstates, const WeirStateDecl *states,
				  int max_parallelism, int first_group, int end_group)
{
	WeirStore  *store = allocate_store(function);

	store->nkeys = nkeys;
	weir_keys_init(store, keys);
	store->nstates = nstates;
	store->states = MemoryContextAllocZero(store->context, sizeof(WeirState) * Max(nstates, 1));
	for (int i = 0; i < nstates; i++)
		init_state(store, i, &states[i]);
	lay_out(store);
	if (any_can_be_due(store))
		weir_due_init(store);
	store->max_parallelism = max_parallelism;
	store->first_group = first_group;
	store->ngroups = end_group - first_group;
	store->groups = MemoryContextAllocZero(store->context,
										   sizeof(WeirGroup) * Max(store->ngroups, 1));
	return store;
}

void
weir_store_group_by_partition(WeirStore *store)
{
	store->by_partition = true;
}

void
weir_store_destroy(WeirStore *store)
{
	MemoryContextDelete(store->context);
}

void
weir_store_enter(WeirStore *store, const Datum *key, const bool *isnull, uint64 hash, int64 stamp)
{
	if (stamp > store->clock)
		store->clock = stamp;
	store->key = key;
	store->key_isnull = isnull;
	store->key_hash = hash;
	store->group = NULL;
	store->entry = NULL;
	store->looked_up = false;
	weir_current_store = store;
}

/*
 * Cleanup comes after the record, so that what has expired is still there for
 * its own key's record to read, where the ttl allows that.
 */
void
weir_store_leave(WeirStore *store)
{
	store->entry = NULL;
	store->looked_up = false;
	weir_current_store = NULL;
	if (!store->has_ttl)
		return;
	if (store->guarded)
		store->sweeps_due++;
	else
		weir_sweep(store);
}

void
weir_store_forget_row(WeirStore *store, int64 clock)
{
	store->entry = NULL;
	store->looked_up = false;
	store->clock = clock;
	weir_current_store = NULL;
}

void
weir_store_guard(WeirStore *store)
{
	store->guarded = true;
	store->sweeps_due = 0;
}

void
weir_store_unguard(WeirStore *store)
{
	store->guarded = false;
	for (; store->sweeps_due > 0; store->sweeps_due--)
		weir_sweep(store);
}

void
weir_store_abandon(WeirStore *store, int64 clock)
{
	store->guarded = false;
	weir_store_forget_row(store, clock);
}

int64
weir_store_clock(const WeirStore *store)
{
	return store->clock;
}

void
weir_store_set_clock(WeirStore *store, int64 clock)
{
	store->clock = clock;
}

bool
weir_store_is_dirty(const WeirStore *store)
{
	return store->ndirty > 0;
}

int64
weir_store_memory(const WeirStore *store)
{
	return MemoryContextMemAllocated(store->context, true);
}

int64
weir_store_keys(const WeirStore *store)
{
	return store->nentries;
}

uint64
weir_store_generation(const WeirStore *store)
{
	return store->generation;
}

const char *
weir_store_function(const WeirStore *store)
{
	return store->function;
}

WeirState *
weir_store_state(WeirStore *store, const char *name, int length)
{
	for (int i = 0; i < store->nstates; i++)
	{
		WeirState  *state = &store->states[i];

		if (state->name_length == length && memcmp(state->decl.name, name, length) == 0)
			return state;
	}
	return NULL;
}

const WeirStateDecl *
weir_state_decl(const WeirState *state)
{
	return &state->decl;
}
