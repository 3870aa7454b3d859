/*
 * state/kinds/time_window.c
 *		Windows of event time: a record is added, a window's result is made.  What a key
 *		has: time_window_object.c; what fires: time_window_due.c.
 *
 * A record is added to one pane.  Where windows are made of several, the results of those
 * that fire are combined of them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "state/kinds/time_window_int.h"

/* A record on its way into its pane. */
typedef struct Adding
{
	WeirState  *state;
	WeirTimeWindows *windows;
	const WeirBatch *in;
	int			row;
	WeirSpan	span;			/* of the pane or window */
	WeirGroup  *group;
	WeirEntry  *entry;
	WeirTimeWindow *window;		/* NULL: the key has none yet */
	const WeirNativeFault *fault;
} Adding;

bool
weir_time_window_is_native(const WeirState *state)
{
	return weir_time_windows_of(state)->native != NULL;
}

List *
weir_time_window_types(const WeirState *state)
{
	return weir_time_windows_of(state)->types;
}

Oid
weir_time_window_time_type(const WeirState *state)
{
	return weir_time_windows_of(state)->decl.zoned ? TIMESTAMPTZOID : TIMESTAMPOID;
}

/* ---- a row into a pane ---- */

static void
accumulate(Adding *a, char *pane)
{
	WeirTimeWindows *windows = a->windows;

	for (int i = 0; i < windows->decl.input->natts; i++)
	{
		windows->row[i] = a->in->columns[i].values[a->row];
		windows->row_nulls[i] = weir_vector_is_null(&a->in->columns[i], a->row);
	}
	weir_accumulator_add(windows->aggregates, weir_pane_accumulator(windows, pane), windows->row,
						 windows->row_nulls);
}

static inline bool
add_native(Adding *a, char *pane)
{
	a->fault = weir_native_add(a->windows->native, weir_pane_native(a->windows, pane), a->in->columns, a->row);
	return a->fault == NULL;
}

/* False: its arithmetic refuses the row. */
static bool
add_to_pane(Adding *a, int n)
{
	WeirTimeWindow *window = a->window;
	char	   *pane = weir_pane_at(a->windows, window, n);

	weir_fold_invalidate(a->state, window, n);
	if (a->windows->native)
		return add_native(a, pane);
	window->live.bytes -= weir_pane_bytes(a->windows, pane);
	accumulate(a, pane);
	window->live.bytes += weir_pane_bytes(a->windows, pane);
	return true;
}

/* In windows->pane, which is then to become one of the key's. */
static bool
begin_pane(Adding *a)
{
	WeirTimeWindows *windows = a->windows;

	weir_pane_set_span(windows, windows->pane, a->span);
	if (windows->native)
	{
		weir_native_init(windows->native, weir_pane_native(windows, windows->pane));
		return add_native(a, windows->pane);
	}
	weir_accumulator_init(windows->aggregates, weir_pane_accumulator(windows, windows->pane));
	return true;
}

/* A new pane before the n-th. */
static bool
insert_pane(Adding *a, int n)
{
	if (!begin_pane(a))
		return false;
	if (a->window == NULL)
	{
		WeirTimeWindow *window = weir_time_window_create(a->state, a->windows->over);

		a->window = weir_time_window_insert(a->state, a->entry, window, 0);
		weir_live_put(a->state, a->entry, &a->window->live);
	}
	else
		a->window = weir_time_window_insert(a->state, a->entry, a->window, n);
	return a->windows->native != NULL || add_to_pane(a, n);
}

/* ---- which pane ---- */

static inline bool
is_pane(const WeirTimeWindows *windows, const char *pane, WeirSpan span)
{
	return weir_pane_start(pane) == span.start &&
		(windows->in_panes || ((const int64 *) pane)[1] == span.end);
}

/* Where the pane is, or is to be. */
static int
find_pane(WeirTimeWindows *windows, WeirTimeWindow *window, WeirSpan span)
{
	int			n = window->n - 1;

	if (likely(is_pane(windows, weir_pane_at(windows, window, n), span)))
		return n;
	if (windows->in_panes)
		return span.start > weir_pane_start(weir_pane_at(windows, window, n)) ? n + 1 :
			weir_pane_from(windows, window, span.start);
	n = weir_pane_after(windows, window, span.end - 1);
	while (n < window->n)
	{
		char	   *pane = weir_pane_at(windows, window, n);

		if (weir_pane_end(windows, pane) != span.end || weir_pane_start(pane) >= span.start)
			break;
		n++;
	}
	return n;
}

/* The pane of a time.  False: the time is in no window. */
static bool
find_in_shape(WeirTimeWindows *windows, int64 time, WeirSpan *span)
{
	const WeirWindowShape *shape = &windows->decl.shape;
	WeirSpan   *times = &windows->pane_times;

	if (time < times->start || time >= times->end)
	{
		times->start = weir_window_floor(time, windows->pane_size, shape->origin);
		times->end = weir_window_over_at(times->start, windows->pane_size);
		windows->pane_last_end = weir_window_last_end(shape, times->start);
	}
	span->start = times->start;
	span->end = windows->pane_last_end;
	return shape->size >= shape->slide || time < span->end;
}

/* ---- sessions ---- */

/* Those of the key's, from .. to - 1, that the record's session is one with. */
static WeirSpan
find_sessions(Adding *a, WeirSpan own, int *from, int *to)
{
	WeirTimeWindows *windows = a->windows;
	WeirSpan	joined = own;

	*from = *to = 0;
	if (a->window == NULL)
		return own;
	*from = *to = own.start == PG_INT64_MIN ? 0 : weir_pane_after(windows, a->window, own.start - 1);
	for (; *to < a->window->n; (*to)++)
	{
		char	   *pane = weir_pane_at(windows, a->window, *to);
		WeirSpan	span = {weir_pane_start(pane), weir_pane_end(windows, pane)};

		if (!weir_session_touches(own, span))
			break;
		joined = weir_session_join(joined, span);
	}
	return joined;
}

/* What several have come to and the record, in windows->pane. */
static bool
combine_native(Adding *a, int from, int to)
{
	WeirTimeWindows *windows = a->windows;

	memcpy(windows->pane, weir_pane_at(windows, a->window, from), windows->stride);
	for (int i = from + 1; i < to && a->fault == NULL; i++)
		a->fault = weir_native_combine(windows->native, weir_pane_native(windows, windows->pane),
									   weir_pane_native(windows, weir_pane_at(windows, a->window, i)));
	return a->fault == NULL && add_native(a, windows->pane);
}

static bool
join_sessions(Adding *a, int from, int to)
{
	WeirTimeWindows *windows = a->windows;
	char	   *first = weir_pane_at(windows, a->window, from);

	if (windows->native)
	{
		if (!combine_native(a, from, to))
			return false;
		memcpy(first, windows->pane, windows->stride);
	}
	else
	{
		a->window->live.bytes -= weir_pane_bytes(windows, first);
		for (int i = from + 1; i < to; i++)
		{
			char	   *pane = weir_pane_at(windows, a->window, i);

			a->window->live.bytes -= weir_pane_bytes(windows, pane);
			weir_accumulator_combine(windows->aggregates, weir_pane_accumulator(windows, first),
									 weir_pane_accumulator(windows, pane));
			a->window->live.bytes += weir_pane_bytes(windows, pane);
		}
		a->window->live.bytes += weir_pane_bytes(windows, first);
		(void) add_to_pane(a, from);
	}
	weir_time_window_remove(a->state, a->window, from + 1, to);
	return true;
}

static bool
add_to_sessions(Adding *a, int from, int to)
{
	if (from == to)
		return insert_pane(a, from);
	if (!(to == from + 1 ? add_to_pane(a, from) : join_sessions(a, from, to)))
		return false;
	weir_pane_set_span(a->windows, weir_pane_at(a->windows, a->window, from), a->span);
	return true;
}

/* ---- a row ---- */

/*
 * Windows that were over before the record came do not count it.  Where one of them has not fired yet,
 * which is so after a restart only, it does.
 */
static void
pass_over(Adding *a, int64 time)
{
	WeirTimeWindows *windows = a->windows;

	if (windows->in_panes && time < windows->over && a->window->fired < windows->over &&
		weir_time_window_due(a->state, &a->window->live) > windows->over)
		a->window->fired = windows->over;
}

/* The key's, which may be changed now. */
static void
open_window(Adding *a)
{
	a->entry = weir_entry_make(a->state->store);
	a->group = weir_current_group(a->state->store);
	a->window = (WeirTimeWindow *) weir_live_get(a->state, a->entry);
	if (a->window != NULL)
		a->window = (WeirTimeWindow *) weir_live_modify(a->state, a->group, a->entry);
}

/* Is something due before any window of the pane could end? */
static inline bool
is_noted_before(const Adding *a)
{
	const WeirDueNote *note = weir_due_note_of(a->state, a->entry);

	return note->node.next != NULL && note->at <= a->span.start;
}

/* The books, and whether windows that have fired do so again. */
static WeirTimeAdded
finish(Adding *a, bool added, bool is_new, int64 before)
{
	WeirTimeWindows *windows = a->windows;
	WeirTimeWindow *window = a->window;
	int64		end = a->span.end;

	if (!added)
	{
		/* a new entry, being dirty, is deleted when the dirty list is purged */
		weir_entry_dirty(a->state->store, a->group, a->entry);
		return WEIR_TIME_REFUSED;
	}
	windows->last = a->span;
	window->source = a->in->source;
	weir_live_changed(a->state, a->group, a->entry, before);
	if (is_new && !is_noted_before(a))
		weir_due_set(a->state, a->entry, weir_pane_due(windows, window, a->span));
	if (windows->decl.early)
		weir_changed_note(a->state, a->group, a->entry, a->in, a->row);
	if (!windows->decl.again)
		return WEIR_TIME_ADDED;
	if (windows->in_panes)
		end = weir_window_end_after(&windows->decl.shape, a->span.start, windows->over);
	return end <= window->fired ? WEIR_TIME_AGAIN : WEIR_TIME_ADDED;
}

static WeirTimeAdded
add_to_session(Adding *a, WeirSpan own, int64 watermark)
{
	WeirStore  *store = a->state->store;
	int			from;
	int			to;
	int64		before;
	bool		added;

	a->entry = weir_entry_find(store);
	a->window = a->entry ? (WeirTimeWindow *) weir_live_get(a->state, a->entry) : NULL;
	a->span = find_sessions(a, own, &from, &to);
	if (weir_window_is_over(a->span.end, a->windows->decl.lateness, watermark))
		return WEIR_TIME_LATE;
	open_window(a);
	before = a->window ? a->window->live.bytes : 0;
	added = add_to_sessions(a, from, to);
	return finish(a, added, true, before);
}

static WeirTimeAdded
add_to_window(Adding *a, int64 time)
{
	bool		is_new;
	bool		added;
	int64		before = 0;
	int			n = 0;

	open_window(a);
	is_new = a->window == NULL;
	if (!is_new)
	{
		pass_over(a, time);
		before = a->window->live.bytes;
		n = find_pane(a->windows, a->window, a->span);
		is_new = n == a->window->n || !is_pane(a->windows, weir_pane_at(a->windows, a->window, n), a->span);
	}
	added = is_new ? insert_pane(a, n) : add_to_pane(a, n);
	return finish(a, added, is_new, before);
}

static WeirTimeAdded
add(Adding *a, WeirSpan when, int64 watermark)
{
	WeirTimeWindows *windows = a->windows;

	switch (windows->decl.form)
	{
		case WEIR_WINDOWS_SESSION:
			return add_to_session(a, weir_session(when.start, windows->decl.gap), watermark);
		case WEIR_WINDOWS_OF_SHAPE:
			if (!find_in_shape(windows, when.start, &a->span))
				return WEIR_TIME_NOWHERE;
			break;
		case WEIR_WINDOWS_CALENDAR:
			a->span = weir_calendar_window(windows, when.start);
			break;
		case WEIR_WINDOWS_GIVEN:
			a->span = when;
			break;
	}
	if (weir_window_is_over(a->span.end, windows->decl.lateness, watermark))
		return WEIR_TIME_LATE;
	return add_to_window(a, when.start);
}

WeirTimeAdded
weir_time_window_add(WeirState *state, const WeirBatch *in, int row, WeirSpan when, int64 watermark,
					 const WeirNativeFault **fault)
{
	Adding		a = {0};
	WeirTimeAdded result;

	a.state = state;
	a.windows = weir_time_windows_of(state);
	a.in = in;
	a.row = row;
	a.windows->over = weir_windows_over(watermark, a.windows->decl.lateness);
	result = add(&a, when, watermark);
	*fault = a.fault;
	return result;
}
