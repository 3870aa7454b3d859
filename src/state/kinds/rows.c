/*
 * state/kinds/rows.c
 *		Kept rows of the current key, and how they follow subtransactions.
 *
 * A change costs what it touches, inside a subtransaction too: what is logged is the
 * row that was added or removed, or what a row's moment and flags were.
 */
#include "postgres.h"

#include "state/kinds/rows_int.h"

/* What is logged: a row with one of these in the lowest bits, or without any a RowChange. */
#define ROW_ADDED 1
#define ROW_REMOVED 2
#define ROW_BITS 3

#define REMOVED_AT_ONCE 64

typedef struct RowChange
{
	WeirKept   *kept;
	int64		until;
	uint32		flags;
} RowChange;

/* NULL: none is kept. */
static inline WeirRows *
current_rows(WeirState *state)
{
	WeirEntry  *entry = weir_entry_find(state->store);

	return entry ? (WeirRows *) weir_live_get(state, entry) : NULL;
}

/* One that is there. */
static inline WeirKept *
row_at(const WeirRows *rows, int n)
{
	Assert(rows && n >= 0 && (uint32) n < rows->n);
	return rows->rows[rows->first + n];
}

static void
log_row(WeirState *state, WeirGroup *group, WeirEntry *entry, WeirKept *kept, uintptr_t what)
{
	if (weir_undo_wanted())
		weir_undo_log_change(state, group, entry, (void *) ((uintptr_t) kept | what));
}

static void
log_set(WeirState *state, WeirGroup *group, WeirEntry *entry, WeirKept *kept)
{
	RowChange  *change;

	if (!weir_undo_wanted())
		return;
	change = weir_slab_alloc(state->store->slab, sizeof(RowChange));
	change->kept = kept;
	change->until = kept->until;
	change->flags = kept->flags;
	weir_undo_log_change(state, group, entry, change);
}

/* The key's rows, with room for one more. */
static WeirRows *
open_rows(WeirState *state, WeirEntry *entry)
{
	WeirRows   *rows = (WeirRows *) weir_live_get(state, entry);

	if (rows)
	{
		weir_rows_make_room(state, rows);
		return rows;
	}
	rows = weir_rows_make(state, 1);
	weir_live_put(state, entry, &rows->live);
	return rows;
}

static WeirKept *
make_kept(WeirState *state, const WeirBatch *in, int row)
{
	RowsDetail *detail = state->detail;
	RowRecord	record = {in->lines[row], in->stamps[row], in->source, weir_batch_raw(in, row)};

	weir_batch_get_row(in, row, detail->columns.values, detail->columns.nulls);
	return weir_kept_make(state, &record);
}

int
weir_rows_add(WeirState *state, const WeirBatch *in, int row, int64 time, int64 until, uint32 flags)
{
	WeirKept   *kept = make_kept(state, in, row);
	WeirEntry  *entry = weir_entry_make(state->store);
	WeirGroup  *group = weir_current_group(state->store);
	WeirRows   *rows = open_rows(state, entry);
	int64		before = rows->live.bytes;
	uint32		n;

	kept->time = time;
	kept->until = until;
	kept->flags = flags;
	kept->seq = rows->next_seq++;
	n = weir_rows_insert(state, rows, kept);
	log_row(state, group, entry, kept, ROW_ADDED);
	weir_live_changed(state, group, entry, before);
	if (until != PG_INT64_MAX && weir_rows_next_due(rows)->until == until)
		weir_due_set(state, entry, until);
	return n;
}

int
weir_rows_count(WeirState *state)
{
	const WeirRows *rows = current_rows(state);

	return rows ? rows->n : 0;
}

const WeirKept *
weir_rows_at(WeirState *state, int n)
{
	return row_at(current_rows(state), n);
}

int
weir_rows_all(WeirState *state, const WeirKept *const **all)
{
	const WeirRows *rows = current_rows(state);

	*all = rows ? (const WeirKept *const *) (rows->rows + rows->first) : NULL;
	return rows ? rows->n : 0;
}

int
weir_rows_first(WeirState *state, int64 time)
{
	const WeirRows *rows = current_rows(state);

	return rows ? weir_rows_place(rows, time, 0) : 0;
}

void
weir_rows_set(WeirState *state, int n, int64 until, uint32 flags)
{
	WeirEntry  *entry = weir_entry_find(state->store);
	WeirGroup  *group = weir_current_group(state->store);
	WeirRows   *rows = current_rows(state);
	WeirKept   *kept = row_at(rows, n);

	if (kept->until == until && kept->flags == flags)
		return;
	log_set(state, group, entry, kept);
	kept->flags = flags;
	if (kept->until != until)
		weir_rows_set_until(state, rows, n, until);
	weir_live_changed(state, group, entry, rows->live.bytes);
	if (until != PG_INT64_MAX && weir_rows_next_due(rows)->until == until)
		weir_due_set(state, entry, until);
}

static void
let_go(WeirState *state, WeirKept *kept)
{
	RowsDetail *detail = state->detail;

	if (!detail->retains)
	{
		weir_kept_free(state, kept);
		return;
	}
	if (detail->nremoved == detail->removed_room)
	{
		detail->removed_room *= 2;
		detail->removed = repalloc_huge(detail->removed, sizeof(WeirKept *) * detail->removed_room);
	}
	detail->removed[detail->nremoved++] = kept;
}

void
weir_rows_retain(WeirState *state)
{
	RowsDetail *detail = state->detail;

	if (detail->retains)
		return;
	detail->retains = true;
	detail->removed_room = REMOVED_AT_ONCE;
	detail->removed = MemoryContextAlloc(state->store->context, sizeof(WeirKept *) * REMOVED_AT_ONCE);
}

void
weir_rows_release(WeirState *state)
{
	RowsDetail *detail = state->detail;

	for (int i = 0; i < detail->nremoved; i++)
		weir_kept_free(state, detail->removed[i]);
	detail->nremoved = 0;
}

static void
remove_some(WeirState *state, WeirGroup *group, WeirEntry *entry, WeirRows *rows, int from, int n)
{
	WeirKept   *some[REMOVED_AT_ONCE];

	memcpy(some, rows->rows + rows->first + from, sizeof(WeirKept *) * n);
	for (int i = 0; i < n; i++)
		log_row(state, group, entry, some[i], ROW_REMOVED);
	weir_rows_take_out(state, rows, from, from + n);
	for (int i = 0; i < n && !weir_undo_wanted(); i++)
		let_go(state, some[i]);
}

void
weir_rows_remove(WeirState *state, int from, int to)
{
	WeirEntry  *entry = weir_entry_find(state->store);
	WeirGroup  *group = weir_current_group(state->store);
	WeirRows   *rows = current_rows(state);
	int64		before;

	if (from >= to)
		return;
	Assert(rows && (uint32) to <= rows->n);
	before = rows->live.bytes;
	for (int left = to - from; left > 0; left -= REMOVED_AT_ONCE)
		remove_some(state, group, entry, rows, from, Min(left, REMOVED_AT_ONCE));
	weir_live_changed(state, group, entry, before);
	if (rows->n > 0)
		return;
	weir_cell_remove(state, group, entry, true);
	if (state->store->nentries == 0)
		((RowsDetail *) state->detail)->longest = 0;
}

int64
weir_rows_due(WeirState *state)
{
	const WeirRows *rows = current_rows(state);

	return rows ? weir_rows_next_due(rows)->until : PG_INT64_MAX;
}

int
weir_rows_first_due(WeirState *state)
{
	const WeirRows *rows = current_rows(state);
	const WeirKept *kept;

	if (rows == NULL)
		return -1;
	kept = weir_rows_next_due(rows);
	return weir_rows_place(rows, kept->time, kept->seq);
}

int64
weir_rows_longest(const WeirState *state)
{
	return state->store->nentries > 0 ? rows_detail(state)->longest : 0;
}

void
weir_rows_set_record(WeirBatch *batch, int row, const WeirKept *kept)
{
	batch->source = kept->source;
	batch->lines[row] = kept->line;
	batch->stamps[row] = kept->stamp;
	if (kept->raw)
		weir_batch_keep_raw(batch);
	if (batch->raw)
	{
		batch->raw[row].data = kept->raw;
		batch->raw[row].len = kept->raw_len;
	}
}

TupleDesc
weir_rows_desc(const WeirState *state)
{
	return rows_detail(state)->desc;
}

/* ---- what every live object offers ---- */

static int64
rows_due(WeirState *state, WeirLive *live)
{
	const WeirRows *rows = (const WeirRows *) live;

	return rows->n > 0 ? weir_rows_next_due(rows)->until : PG_INT64_MAX;
}

static void
revert_set(WeirState *state, WeirRows *rows, RowChange *change)
{
	WeirKept   *kept = change->kept;

	kept->flags = change->flags;
	if (kept->until != change->until)
		weir_rows_set_until(state, rows, weir_rows_place(rows, kept->time, kept->seq), change->until);
	weir_slab_free(state->store->slab, change, sizeof(RowChange));
}

static void
rows_revert(WeirState *state, WeirLive *live, void *change)
{
	WeirRows   *rows = (WeirRows *) live;
	WeirKept   *kept = (WeirKept *) ((uintptr_t) change & ~(uintptr_t) ROW_BITS);
	uint32		n;

	switch ((uintptr_t) change & ROW_BITS)
	{
		case ROW_ADDED:
			n = weir_rows_place(rows, kept->time, kept->seq);
			weir_rows_take_out(state, rows, n, n + 1);
			weir_kept_free(state, kept);
			break;
		case ROW_REMOVED:
			weir_rows_make_room(state, rows);
			weir_rows_insert(state, rows, kept);
			break;
		default:
			revert_set(state, rows, change);
	}
}

static void
rows_forget(WeirState *state, void *change)
{
	WeirKept   *kept = (WeirKept *) ((uintptr_t) change & ~(uintptr_t) ROW_BITS);

	switch ((uintptr_t) change & ROW_BITS)
	{
		case ROW_ADDED:
			break;
		case ROW_REMOVED:
			weir_kept_free(state, kept);
			break;
		default:
			weir_slab_free(state->store->slab, change, sizeof(RowChange));
	}
}

/* No copy: rows are changed in place, subtransaction or not. */
const WeirLiveOps weir_rows_ops = {
	.init = weir_rows_init,
	.flatten = weir_rows_flatten,
	.unflatten = weir_rows_unflatten,
	.free = weir_rows_free,
	.revert = rows_revert,
	.forget = rows_forget,
	.due = rows_due
};
