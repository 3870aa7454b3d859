/*
 * state/kinds/rows_array.c
 *		Kept rows as they lie in memory: an array of pieces.
 */
#include "postgres.h"

#include "common/hashfn.h"
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
	int			natts = state->decl.rows->desc->natts;
	uint32		salt = natts;

	detail->desc = CreateTupleDescCopy(state->decl.rows->desc);
	detail->types = palloc(sizeof(WeirFlatType) * Max(natts, 1));
	detail->values = palloc(sizeof(Datum) * Max(natts, 1));
	detail->nulls = palloc(sizeof(bool) * Max(natts, 1));
	detail->sizes = palloc(sizeof(Size) * Max(natts, 1));
	detail->sources = weir_kept_sources_copy(&state->decl.rows->sources);
	for (int i = 0; i < natts; i++)
	{
		weir_flat_type(&detail->types[i], TupleDescAttr(detail->desc, i)->atttypid,
					   state->store->context);
		salt = hash_combine(salt, weir_flat_fingerprint(&detail->types[i]));
	}
	weir_flat_salt(&state->type, salt);
	state->detail = detail;
	state->decl.rows = NULL;	/* the caller's, and of no further use */
	MemoryContextSwitchTo(old);
}

/* ---- one row ---- */

/* Where the next value by reference begins; what is short needs no alignment. */
static Size
value_at(const WeirFlatType *type, Datum value, Size at)
{
	if (type->typlen == -1 && VARATT_IS_SHORT(DatumGetPointer(value)))
		return at;
	return MAXALIGN(at);
}

/* Says how large the row is, and prepares its values. */
static Size
measure(RowsDetail *detail, Size at)
{
	for (int i = 0; i < detail->desc->natts; i++)
	{
		if (detail->nulls[i] || detail->types[i].typbyval)
			continue;
		detail->sizes[i] = weir_flat_prepare(&detail->types[i], &detail->values[i]);
		at = value_at(&detail->types[i], detail->values[i], at) + detail->sizes[i];
	}
	return at;
}

static Size
write_values(const RowsDetail *detail, WeirKept *kept, Size at)
{
	bool	   *nulls = (bool *) (kept->values + kept->natts);

	for (int i = 0; i < kept->natts; i++)
	{
		const WeirFlatType *type = &detail->types[i];

		nulls[i] = detail->nulls[i];
		kept->values[i] = nulls[i] ? (Datum) 0 : detail->values[i];
		if (nulls[i] || type->typbyval)
			continue;
		at = value_at(type, detail->values[i], at);
		weir_flat_write(type, detail->values[i], detail->sizes[i], (char *) kept + at);
		kept->values[i] = PointerGetDatum((char *) kept + at);
		at += detail->sizes[i];
	}
	return at;
}

WeirKept *
weir_kept_make(WeirState *state, const RowRecord *record)
{
	RowsDetail *detail = state->detail;
	int			natts = detail->desc->natts;
	Size		head = offsetof(WeirKept, values) + (sizeof(Datum) + sizeof(bool)) * natts;
	Size		size = measure(detail, head) + (record->raw.data ? record->raw.len : 0);
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
	at = write_values(detail, kept, head);
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
