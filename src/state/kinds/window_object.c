/*
 * state/kinds/window_object.c
 *		What a key has of aggregates that are not native: an accumulator, in a live
 *		object.  Of count windows (window.c) and running aggregates (running.c).
 *
 * An accumulator with a memory context to itself is large.  Whenever it has been
 * turned into bytes for a chunk, only those are kept, until the next record of
 * its key comes: so one that waits long is small.
 */
#include "postgres.h"

#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "state/kinds/window_int.h"

static void
keep_in_place(WeirState *state, WeirWindows *windows)
{
	weir_aggregates_free(windows->aggregates);
	windows->aggregates = NULL;
	state->live = NULL;
	state->in_place = &weir_window_in_place_ops;
	state->in_place_size = weir_native_size(windows->native);
	state->flat_size = 3 + weir_native_flat_size(windows->native);
}

static void
keep_objects(WeirWindows *windows, TupleDesc input)
{
	windows->packs = weir_aggregates_are_large(windows->aggregates);
	windows->bytes = offsetof(WeirWindow, accumulator) + weir_accumulator_size(windows->aggregates);
	windows->natts = input->natts;
	windows->row = palloc(sizeof(Datum) * Max(input->natts, 1));
	windows->row_nulls = palloc(sizeof(bool) * Max(input->natts, 1));
}

static void
keep_types(WeirWindows *windows, List *aggregates)
{
	int			n = list_length(aggregates);
	ListCell   *lc;

	windows->lengths = palloc(sizeof(int16) * Max(n, 1));
	windows->by_value = palloc(sizeof(bool) * Max(n, 1));
	foreach(lc, aggregates)
	{
		int			i = foreach_current_index(lc);
		Oid			type = lfirst_node(Aggref, lc)->aggtype;

		windows->types = lappend_oid(windows->types, type);
		get_typlenbyval(type, &windows->lengths[i], &windows->by_value[i]);
	}
}

static void
window_init(WeirState *state)
{
	const WeirWindowDecl *decl = state->decl.window;
	MemoryContext old = MemoryContextSwitchTo(state->store->context);
	WeirWindows *windows = palloc0(sizeof(WeirWindows));

	windows->size = decl->size;
	windows->slide = decl->slide;
	windows->corrects = decl->corrects;
	windows->sign = decl->sign - 1;
	/* even if they are native: it checks the user's rights */
	windows->aggregates = weir_aggregates_create(decl->aggregates, decl->input,
												 decl->slide < decl->size);
	keep_types(windows, decl->aggregates);
	state->detail = windows;
	if (decl->slide >= decl->size)
		windows->native = weir_native_create(decl->aggregates, decl->input);
	if (windows->native != NULL)
		keep_in_place(state, windows);
	else
		keep_objects(windows, decl->input);
	Assert(windows->native != NULL || windows->sign < 0);
	state->decl.window = NULL;	/* the caller's, and of no further use */
	MemoryContextSwitchTo(old);
}

static int64
window_bytes(const WeirWindows *windows, const WeirWindow *window)
{
	return sizeof(int64) + weir_accumulator_bytes(windows->aggregates, &window->accumulator);
}

/* What an error, as of a final function, has left of the accumulator of one that is packed. */
static void
clean_up(WeirWindows *windows, WeirWindow *window)
{
	if (window->accumulator.own != NULL)
		weir_accumulator_reset(windows->aggregates, &window->accumulator);
}

static void
window_free(WeirState *state, WeirLive *live)
{
	WeirWindows *windows = weir_windows_of(state);
	WeirWindow *window = (WeirWindow *) live;

	if (window->packed != NULL)
	{
		clean_up(windows, window);
		pfree(window->packed);
	}
	else
		weir_accumulator_reset(windows->aggregates, &window->accumulator);
	weir_slab_free(state->store->slab, window, windows->bytes);
}

static bytea *
make_packed(WeirState *state, const char *bytes, Size size)
{
	bytea	   *packed = MemoryContextAllocHuge(state->store->context, VARHDRSZ + size);

	SET_VARSIZE(packed, VARHDRSZ + size);
	memcpy(VARDATA(packed), bytes, size);
	return packed;
}

static void
window_flatten(WeirState *state, WeirLive *live, StringInfo out)
{
	WeirWindows *windows = weir_windows_of(state);
	WeirWindow *window = (WeirWindow *) live;
	int			start;

	appendBinaryStringInfoNT(out, (char *) &window->seen, sizeof(int64));
	start = out->len;
	if (window->packed != NULL)
	{
		appendBinaryStringInfoNT(out, VARDATA(window->packed), VARSIZE(window->packed) - VARHDRSZ);
		return;
	}
	weir_accumulator_flatten(windows->aggregates, &window->accumulator, out);
	if (!windows->packs)
		return;
	window->packed = make_packed(state, out->data + start, out->len - start);
	weir_accumulator_reset(windows->aggregates, &window->accumulator);
}

static WeirLive *
window_unflatten(WeirState *state, const char *bytes, Size size, const char **wrong)
{
	WeirWindows *windows = weir_windows_of(state);
	Size		rest = size - sizeof(int64);
	WeirWindow *window;

	if (size < sizeof(int64))
	{
		*wrong = "a window is shorter than its count";
		return NULL;
	}
	window = weir_slab_alloc(state->store->slab, windows->bytes);
	memcpy(&window->seen, bytes, sizeof(int64));
	bytes += sizeof(int64);
	window->packed = windows->packs ? make_packed(state, bytes, rest) : NULL;
	window->accumulator.own = NULL;
	if (!windows->packs)
		*wrong = weir_accumulator_unflatten(windows->aggregates, &window->accumulator, bytes, rest);
	if (*wrong == NULL)
		*wrong = weir_window_check_count(windows, window->seen);
	window->live.bytes = windows->packs ? (int64) size : window_bytes(windows, window);
	return &window->live;
}

/* The accumulator holds what is packed. */
static void
read_packed(WeirWindows *windows, WeirWindow *window)
{
	const char *wrong;

	clean_up(windows, window);
	wrong = weir_accumulator_unflatten(windows->aggregates, &window->accumulator,
									   VARDATA(window->packed), VARSIZE(window->packed) - VARHDRSZ);
	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("what is kept of a window is damaged"),
				 errdetail("In it, %s.", wrong),
				 errhint("Start the job from a savepoint, or with weir.start_job(fresh => true).")));
}

static void
unpack(WeirWindows *windows, WeirWindow *window)
{
	if (window->packed == NULL)
		return;
	read_packed(windows, window);
	pfree(window->packed);
	window->packed = NULL;
}

static WeirLive *
window_copy(WeirState *state, WeirLive *live)
{
	StringInfoData bytes;
	const char *wrong = NULL;
	WeirLive   *copy;

	initStringInfo(&bytes);
	window_flatten(state, live, &bytes);
	copy = window_unflatten(state, bytes.data, bytes.len, &wrong);
	if (wrong)
		elog(ERROR, "could not copy a window: %s", wrong);
	pfree(bytes.data);
	return copy;
}

const WeirLiveOps weir_window_ops = {
	.init = window_init,
	.flatten = window_flatten,
	.unflatten = window_unflatten,
	.copy = window_copy,
	.free = window_free
};

static WeirWindow *
begin_window(WeirState *state, WeirEntry *entry)
{
	WeirWindows *windows = weir_windows_of(state);
	WeirWindow *window = weir_slab_alloc(state->store->slab, windows->bytes);

	window->seen = 0;
	window->packed = NULL;
	weir_accumulator_init(windows->aggregates, &window->accumulator);
	window->live.bytes = window_bytes(windows, window);
	weir_live_put(state, entry, &window->live);
	return window;
}

WeirWindow *
weir_window_open(WeirState *state, WeirGroup *group, WeirEntry *entry)
{
	WeirStore  *store = state->store;
	WeirWindow *window;

	if (weir_live_get(state, entry) == NULL)
		return begin_window(state, entry);
	if (state->stamp_offset)
	{
		if (weir_ttl_read(&state->decl.ttl, *weir_cell_stamp(state, entry), store->clock) ==
			WEIR_TTL_EXPIRED)
		{
			weir_cell_remove(state, group, entry, true);
			return begin_window(state, entry);
		}
		weir_cell_renew(state, entry);
	}
	window = (WeirWindow *) weir_live_modify(state, group, entry);
	unpack(weir_windows_of(state), window);
	return window;
}

static void
read_row(WeirWindows *windows, const WeirVector *columns, int row)
{
	for (int i = 0; i < windows->natts; i++)
	{
		windows->row[i] = columns[i].values[row];
		windows->row_nulls[i] = weir_vector_is_null(&columns[i], row);
	}
}

void
weir_window_accumulate(WeirWindows *windows, WeirWindow *window, const WeirVector *columns, int row)
{
	read_row(windows, columns, row);
	weir_accumulator_add(windows->aggregates, &window->accumulator, windows->row, windows->row_nulls);
}

void
weir_window_changed(WeirState *state, WeirGroup *group, WeirEntry *entry, int64 bytes_before)
{
	WeirWindow *window = (WeirWindow *) weir_live_get(state, entry);

	window->live.bytes = window_bytes(weir_windows_of(state), window);
	weir_live_changed(state, group, entry, bytes_before);
}

void
weir_window_compute(WeirState *state, WeirEntry *entry, Datum *values, bool *nulls)
{
	WeirWindows *windows = weir_windows_of(state);
	WeirWindow *window;

	if (state->in_place)
	{
		weir_native_results(windows->native, weir_in_place(state, entry), values, nulls);
		return;
	}
	window = (WeirWindow *) weir_live_get(state, entry);
	if (window->packed != NULL)
		read_packed(windows, window);
	weir_accumulator_results(windows->aggregates, &window->accumulator, window->packed != NULL,
							 values, nulls);
	if (window->packed != NULL)
		weir_accumulator_reset(windows->aggregates, &window->accumulator);
}

int
weir_window_results(WeirState *state, Oid **types, Datum **values, bool **nulls)
{
	WeirWindows *windows = weir_windows_of(state);
	int			n = list_length(windows->types);

	*types = palloc(sizeof(Oid) * n);
	*values = palloc(sizeof(Datum) * n);
	*nulls = palloc(sizeof(bool) * n);
	for (int i = 0; i < n; i++)
		(*types)[i] = list_nth_oid(windows->types, i);
	weir_window_compute(state, weir_entry_find(state->store), *values, *nulls);
	return n;
}
