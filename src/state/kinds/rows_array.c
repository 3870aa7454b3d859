/*
 * state/kinds/rows_array.c
 *		Kept rows as they lie in memory: an array of pieces.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "state/kinds/rows_int.h"

#define FIRST_ROOM 4
#define LARGEST_ROOM ((uint32) 1 << 30)
#define ROW_BYTES 16			/* in a chunk, beside its values */
#define VALUE_BYTES 5			/* of the Datum and the bool that are not in a chunk, as a rule */

void
weir_rows_init(WeirState *state)
{
	MemoryContext old = MemoryContextSwitchTo(state->store->context);
	RowsDetail *detail = palloc0(sizeof(RowsDetail));

	detail->desc = CreateTupleDescCopy(state->decl.rows->desc);
	weir_flat_salt(&state->type, weir_flat_columns_init(&detail->columns, detail->desc, state->store->context));
	detail->sources = weir_kept_sources_copy(&state->decl.rows->sources);
	state->detail = detail;
	state->decl.rows = NULL;	/* the caller's, and of no further use */
	MemoryContextSwitchTo(old);
}

/* ---- one row ---- */

WeirKept *
weir_kept_make(WeirState *state, const RowRecord *record)
{
	RowsDetail *detail = state->detail;
	int			natts = detail->desc->natts;
	Size		head = offsetof(WeirKept, values) + (sizeof(Datum) + sizeof(bool)) * natts;
	Size		size = weir_flat_columns_measure(&detail->columns, head) + (record->raw.data ? record->raw.len : 0);
	WeirKept   *kept;
	Size		at;

	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a row is too large to be kept"),
				 errdetail("It takes %zu bytes.", size),
				 errhint("Select fewer or shorter columns in the subquery that the row comes from.")));
	kept = weir_slab_alloc(state->store->slab, size);
	kept->size = size;
	kept->natts = natts;
	at = weir_flat_columns_write(&detail->columns, (char *) kept, kept->values, head);
	kept->line = record->line;
	kept->stamp = record->stamp;
	kept->source = record->source;
	kept->raw_len = record->raw.data ? record->raw.len : 0;
	kept->raw = record->raw.data ? memcpy((char *) kept + at, record->raw.data, kept->raw_len) : NULL;
	return kept;
}

void
weir_kept_free(WeirState *state, WeirKept *kept)
{
	weir_slab_free(state->store->slab, kept, kept->size);
}

/* In a chunk, as near as accounting needs. */
static int64
kept_bytes(const WeirKept *kept)
{
	return (int64) (kept->size - offsetof(WeirKept, values)) - VALUE_BYTES * kept->natts + ROW_BYTES;
}

/* ---- the rows of a key ---- */

static void
free_slots(WeirState *state, WeirKept **slots, uint32 room)
{
	if (slots)
		weir_slab_free(state->store->slab, slots, sizeof(WeirKept *) * (Size) room);
}

static WeirKept **
make_slots(WeirState *state, uint32 room)
{
	return weir_slab_alloc(state->store->slab, sizeof(WeirKept *) * (Size) room);
}

static void
set_room(WeirState *state, WeirRows *rows, uint32 room)
{
	WeirKept  **slots = make_slots(state, room);

	if (rows->n > 0)
		memcpy(slots, rows->rows + rows->first, sizeof(WeirKept *) * (Size) rows->n);
	free_slots(state, rows->rows, rows->room);
	if (rows->heap)
	{
		WeirKept  **heap = make_slots(state, room);

		memcpy(heap, rows->heap, sizeof(WeirKept *) * (Size) rows->n);
		free_slots(state, rows->heap, rows->room);
		rows->heap = heap;
	}
	rows->rows = slots;
	rows->first = 0;
	rows->room = room;
}

WeirRows *
weir_rows_make(WeirState *state, uint32 room)
{
	WeirRows   *rows = weir_slab_alloc(state->store->slab, sizeof(WeirRows));

	memset(rows, 0, sizeof(WeirRows));
	rows->live.bytes = sizeof(uint64);
	set_room(state, rows, Max(room, FIRST_ROOM));
	return rows;
}

void
weir_rows_free(WeirState *state, WeirLive *live)
{
	WeirRows   *rows = (WeirRows *) live;

	for (uint32 i = 0; i < rows->n; i++)
		weir_kept_free(state, rows->rows[rows->first + i]);
	free_slots(state, rows->rows, rows->room);
	free_slots(state, rows->heap, rows->room);
	weir_slab_free(state->store->slab, rows, sizeof(WeirRows));
}

/* Twice the room when full, the same again once half of it is behind the front. */
void
weir_rows_make_room(WeirState *state, WeirRows *rows)
{
	if (rows->first + rows->n < rows->room)
		return;
	if (rows->n <= rows->room / 2)
		set_room(state, rows, rows->room);
	else if (rows->room < LARGEST_ROOM)
		set_room(state, rows, rows->room * 2);
	else
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows of a key are kept"),
				 errdetail("There are %u.", rows->n),
				 errhint("Make the time shorter for which rows wait for others, or the key narrower.")));
}

static bool
is_before(const WeirKept *kept, int64 time, uint64 seq)
{
	return kept->time < time || (kept->time == time && kept->seq < seq);
}

uint32
weir_rows_place(const WeirRows *rows, int64 time, uint64 seq)
{
	WeirKept  **all = rows->rows + rows->first;
	uint32		low = 0;
	uint32		high = rows->n;

	/* as a rule it comes last */
	if (high > 0 && is_before(all[high - 1], time, seq))
		return high;
	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (is_before(all[middle], time, seq))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Does "until" still ascend round this row? */
static bool
ascends_at(const WeirRows *rows, uint32 n)
{
	WeirKept  **all = rows->rows + rows->first;

	return (n == 0 || all[n - 1]->until <= all[n]->until) &&
		(n + 1 == rows->n || all[n]->until <= all[n + 1]->until);
}

static void
begin_heap(WeirState *state, WeirRows *rows)
{
	rows->heap = make_slots(state, rows->room);
	weir_rows_heap_fill(rows);
}

static void
end_heap(WeirState *state, WeirRows *rows)
{
	free_slots(state, rows->heap, rows->room);
	rows->heap = NULL;
}

/* Subtraction that stays within bounds. */
static void
note_length(WeirState *state, const WeirKept *kept)
{
	RowsDetail *detail = state->detail;
	int64		length;

	if (kept->until == PG_INT64_MAX)
		return;
	if (pg_sub_s64_overflow(kept->until, kept->time, &length))
		length = kept->until > kept->time ? PG_INT64_MAX : 0;
	detail->longest = Max(detail->longest, length);
}

uint32
weir_rows_insert(WeirState *state, WeirRows *rows, WeirKept *kept)
{
	uint32		n = weir_rows_place(rows, kept->time, kept->seq);
	WeirKept  **at = rows->rows + rows->first + n;

	Assert(rows->first + rows->n < rows->room);
	memmove(at + 1, at, sizeof(WeirKept *) * (Size) (rows->n - n));
	*at = kept;
	rows->n++;
	rows->live.bytes += kept_bytes(kept);
	note_length(state, kept);
	if (rows->heap)
		weir_rows_heap_add(rows, kept, rows->n - 1);
	else if (!ascends_at(rows, n))
		begin_heap(state, rows);
	return n;
}

void
weir_rows_take_out(WeirState *state, WeirRows *rows, uint32 from, uint32 to)
{
	WeirKept  **all = rows->rows + rows->first;

	for (uint32 i = from; i < to; i++)
	{
		rows->live.bytes -= kept_bytes(all[i]);
		if (rows->heap)
			weir_rows_heap_remove(rows, all[i], rows->n - (i - from));
	}
	if (from == 0)
		rows->first += to;
	else
		memmove(all + from, all + to, sizeof(WeirKept *) * (Size) (rows->n - to));
	rows->n -= to - from;
	if (rows->heap && rows->n <= 1)
		end_heap(state, rows);
	if (rows->room > FIRST_ROOM * 2 && rows->n <= rows->room / 4)
		set_room(state, rows, Max(rows->n * 2, FIRST_ROOM));
}

void
weir_rows_set_until(WeirState *state, WeirRows *rows, uint32 n, int64 until)
{
	WeirKept   *kept = rows->rows[rows->first + n];

	kept->until = until;
	note_length(state, kept);
	if (rows->heap)
		weir_rows_heap_moved(rows, kept, rows->n);
	else if (!ascends_at(rows, n))
		begin_heap(state, rows);
}

const WeirKept *
weir_rows_next_due(const WeirRows *rows)
{
	return rows->heap ? rows->heap[0] : rows->rows[rows->first];
}
