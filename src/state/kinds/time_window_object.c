/*
 * state/kinds/time_window_object.c
 *		What a key has of windows of event time: a live object with an array of panes.
 *
 * A pane has what its records come to.  Of windows that do not overlap it is the window;
 * else windows are made of panes (decide/window.h), so that a record is added once.  Panes leave
 * in front and come behind, as a rule: the array is shifted when it is full.
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "state/kinds/time_window_int.h"

#define FIRST_PANES 1
#define MANY_PANES 8
#define HEADER_BYTES 12			/* of an object in a chunk, typically */
#define PANE_BYTES 6			/* the same of a pane, without what its records come to */

static bool
is_made_of_panes(const WeirTimeWindowDecl *decl)
{
	return decl->form == WEIR_WINDOWS_OF_SHAPE && weir_window_panes(&decl->shape) > 1;
}

static void
init_aggregates(WeirTimeWindows *windows)
{
	const WeirTimeWindowDecl *decl = &windows->decl;
	ListCell   *lc;

	foreach(lc, decl->aggregates)
		windows->types = lappend_oid(windows->types, lfirst_node(Aggref, lc)->aggtype);
	/* even if they are native: it checks the user's rights */
	if (windows->in_panes || decl->form == WEIR_WINDOWS_SESSION)
		windows->aggregates = weir_aggregates_create_combined(decl->aggregates, decl->input);
	else
		windows->aggregates = weir_aggregates_create(decl->aggregates, decl->input, false);
	windows->native = weir_native_create(decl->aggregates, decl->input);
	if (windows->native == NULL)
		return;
	weir_aggregates_free(windows->aggregates);
	windows->aggregates = NULL;
}

static void
window_init(WeirState *state)
{
	const WeirTimeWindowDecl *decl = state->decl.time_window;
	MemoryContext old = MemoryContextSwitchTo(state->store->context);
	WeirTimeWindows *windows = palloc0(sizeof(WeirTimeWindows));

	windows->decl = *decl;
	windows->decl.sources = weir_kept_sources_copy(&decl->sources);
	windows->decl.unit = decl->unit ? pstrdup(decl->unit) : NULL;
	windows->decl.zone = decl->zone ? pstrdup(decl->zone) : NULL;
	windows->in_panes = is_made_of_panes(decl);
	if (decl->form == WEIR_WINDOWS_OF_SHAPE)
		windows->pane_size = weir_window_pane_size(&decl->shape);
	init_aggregates(windows);
	windows->folds = windows->in_panes && windows->native && weir_native_is_exact(windows->native);
	windows->accumulator = sizeof(int64) * (windows->in_panes ? 1 : 2);
	windows->stride = windows->accumulator +
		MAXALIGN(windows->native ? weir_native_size(windows->native) : weir_accumulator_size(windows->aggregates));
	windows->pane = palloc(windows->stride);
	windows->row = palloc(sizeof(Datum) * Max(decl->input->natts, 1));
	windows->row_nulls = palloc(sizeof(bool) * Max(decl->input->natts, 1));
	for (int i = 0; i < lengthof(windows->calendar); i++)
		windows->calendar[i].start = PG_INT64_MAX;
	/* those of the caller's are of no further use */
	windows->decl.input = CreateTupleDescCopy(decl->input);
	windows->decl.aggregates = NIL;
	state->decl.time_window = NULL;
	state->detail = windows;
	MemoryContextSwitchTo(old);
}

static Size
object_size(const WeirTimeWindows *windows, int room)
{
	return offsetof(WeirTimeWindow, panes) + windows->stride * room;
}

WeirTimeWindow *
weir_time_window_allocate(WeirState *state, int room)
{
	WeirTimeWindow *window = weir_slab_alloc(state->store->slab,
											 object_size(weir_time_windows_of(state), room));

	memset(window, 0, offsetof(WeirTimeWindow, panes));
	window->room = room;
	window->live.bytes = HEADER_BYTES;
	return window;
}

WeirTimeWindow *
weir_time_window_create(WeirState *state, int64 fired)
{
	WeirTimeWindow *window = weir_time_window_allocate(state, FIRST_PANES);

	window->fired = fired;
	return window;
}

int64
weir_pane_bytes(WeirTimeWindows *windows, char *pane)
{
	return PANE_BYTES + (windows->native ? weir_native_flat_size(windows->native) :
						 weir_accumulator_bytes(windows->aggregates, weir_pane_accumulator(windows, pane)));
}

static void
free_pane(WeirTimeWindows *windows, char *pane)
{
	if (windows->aggregates)
		weir_accumulator_reset(windows->aggregates, weir_pane_accumulator(windows, pane));
}

void
weir_time_window_free(WeirState *state, WeirLive *live)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	WeirTimeWindow *window = (WeirTimeWindow *) live;

	for (int i = 0; windows->aggregates && i < window->n; i++)
		free_pane(windows, weir_pane_at(windows, window, i));
	weir_fold_free(state, window);
	weir_slab_free(state->store->slab, window, object_size(windows, window->room));
}

/* Where one copy's functions could reach into the other, it goes through bytes. */
static WeirLive *
window_copy(WeirState *state, WeirLive *live)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	WeirTimeWindow *window = (WeirTimeWindow *) live;
	StringInfoData bytes;
	const char *wrong = NULL;
	WeirTimeWindow *copy;

	if (windows->native)
	{
		copy = weir_slab_alloc(state->store->slab, object_size(windows, window->room));
		memcpy(copy, window, object_size(windows, window->room));
		copy->fold = NULL;
		return &copy->live;
	}
	initStringInfo(&bytes);
	weir_time_window_flatten(state, live, &bytes);
	copy = (WeirTimeWindow *) weir_time_window_unflatten(state, bytes.data, bytes.len, &wrong);
	if (wrong)
		elog(ERROR, "could not copy a window: %s", wrong);
	pfree(bytes.data);
	return &copy->live;
}

/* The last pane. */
static void
window_ahead(WeirState *state, WeirLive *live)
{
	WeirTimeWindow *window = (WeirTimeWindow *) live;
	char	   *pane = weir_pane_at(weir_time_windows_of(state), window, window->n - 1);

	__builtin_prefetch(pane);
	__builtin_prefetch(pane + weir_time_windows_of(state)->stride);
}

const WeirLiveOps weir_time_window_ops = {
	.init = window_init,
	.flatten = weir_time_window_flatten,
	.unflatten = weir_time_window_unflatten,
	.copy = window_copy,
	.free = weir_time_window_free,
	.ahead = window_ahead,
	.due = weir_time_window_due
};

/* Twice as many while they are few, then a half more; of what is not of the slab as much as PostgreSQL's allocator gives in any case. */
static int
larger_room(const WeirTimeWindows *windows, int room)
{
	Size		size = object_size(windows, room + (room < MANY_PANES ? room : room / 2));

	if (size > WEIR_SLAB_LARGEST)
		size = pg_nextpower2_size_t(size);
	return (int) Min((size - offsetof(WeirTimeWindow, panes)) / windows->stride, PG_INT32_MAX);
}

/* To the begin of an array with room for one more; the old object is gone, where there is a new one. */
static WeirTimeWindow *
make_room(WeirState *state, WeirEntry *entry, WeirTimeWindow *window)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	int			room = window->room;
	WeirTimeWindow *moved;

	if (window->first + window->n < room)
		return window;
	if (window->n + 1 > room - room / 4)
		room = larger_room(windows, room);
	else if (window->n < room / 4)
		room /= 2;
	if (room == window->room)
	{
		memmove(window->panes, weir_pane_at(windows, window, 0), windows->stride * window->n);
		window->first = 0;
		return window;
	}
	moved = weir_slab_alloc(state->store->slab, object_size(windows, room));
	memcpy(moved, window, offsetof(WeirTimeWindow, panes));
	memcpy(moved->panes, weir_pane_at(windows, window, 0), windows->stride * window->n);
	moved->first = 0;
	moved->room = room;
	weir_slab_free(state->store->slab, window, object_size(windows, window->room));
	*weir_cell_value(state, entry) = PointerGetDatum(moved);
	return moved;
}

WeirTimeWindow *
weir_time_window_insert(WeirState *state, WeirEntry *entry, WeirTimeWindow *window, int n)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);
	char	   *pane;

	weir_fold_invalidate(state, window, n);
	window = make_room(state, entry, window);
	pane = weir_pane_at(windows, window, n);
	memmove(pane + windows->stride, pane, windows->stride * (window->n - n));
	memcpy(pane, windows->pane, windows->stride);
	window->n++;
	window->live.bytes += weir_pane_bytes(windows, pane);
	return window;
}

void
weir_time_window_remove(WeirState *state, WeirTimeWindow *window, int from, int to)
{
	WeirTimeWindows *windows = weir_time_windows_of(state);

	for (int i = from; i < to; i++)
	{
		char	   *pane = weir_pane_at(windows, window, i);

		window->live.bytes -= weir_pane_bytes(windows, pane);
		free_pane(windows, pane);
	}
	if (from == 0)
	{
		window->first += to;
		window->passed += to;
	}
	else
	{
		weir_fold_invalidate(state, window, from);
		memmove(weir_pane_at(windows, window, from), weir_pane_at(windows, window, to),
				windows->stride * (window->n - to));
	}
	window->n -= to - from;
}
