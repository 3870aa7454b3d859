/*
 * state/kinds/rows_flat.c
 *		Kept rows in a chunk: uint8 0 | varint number | number of the next arrival |
 *		a row: time, arrival, line, stamp, each less that of the row before; until less
 *		time; varint source, flags, 0 or 1 + length of the record's bytes; these; its
 *		values (weir_piece_put).
 *
 * Numbers are those of weir_put_signed.
 */
#include "postgres.h"

#include "state/chunk/piece.h"
#include "state/kinds/rows_int.h"

/* Differences that overflow come round again. */
static inline int64
less(int64 a, int64 b)
{
	return (int64) ((uint64) a - (uint64) b);
}

static inline int64
plus(int64 a, int64 b)
{
	return (int64) ((uint64) a + (uint64) b);
}

static void
put_row(StringInfo out, const RowsDetail *detail, const WeirKept *kept, const WeirKept *before)
{
	const bool *nulls = weir_kept_nulls(kept);

	weir_put_signed(out, less(kept->time, before->time));
	weir_put_signed(out, less(kept->seq, before->seq));
	weir_put_signed(out, less(kept->line, before->line));
	weir_put_signed(out, less(kept->stamp, before->stamp));
	weir_put_signed(out, less(kept->until, kept->time));
	weir_put_varint(out, weir_kept_source_number(&detail->sources, kept->source));
	weir_put_varint(out, kept->flags);
	weir_put_varint(out, kept->raw ? kept->raw_len + 1 : 0);
	if (kept->raw)
		appendBinaryStringInfoNT(out, kept->raw, kept->raw_len);
	for (int i = 0; i < kept->natts; i++)
		weir_piece_put(out, &detail->columns.types[i], kept->values[i], nulls[i]);
}

void
weir_rows_flatten(WeirState *state, WeirLive *live, StringInfo out)
{
	const WeirRows *rows = (const WeirRows *) live;
	const WeirKept none = {0};
	const WeirKept *before = &none;

	appendStringInfoChar(out, 0);
	weir_put_varint(out, rows->n);
	weir_put_signed(out, rows->next_seq);
	for (uint32 i = 0; i < rows->n; i++)
	{
		const WeirKept *kept = rows->rows[rows->first + i];

		put_row(out, rows_detail(state), kept, before);
		before = kept;
	}
}

static WeirRaw
get_raw(WeirBytes *bytes)
{
	WeirRaw		raw = {NULL, 0};
	uint32		length = weir_get_varint(bytes);

	if (length == 0)
		return raw;
	if (length - 1 > (Size) (bytes->end - bytes->at))
		bytes->wrong = "a record's bytes go beyond the end";
	if (bytes->wrong)
		return raw;
	raw.data = bytes->at;
	raw.len = length - 1;
	bytes->at += raw.len;
	return raw;
}

/* Its values, as pieces; the caller frees those of the columns that were read. */
static int
get_values(WeirState *state, WeirBytes *bytes)
{
	RowsDetail *detail = state->detail;
	int			n = 0;

	while (n < detail->desc->natts && bytes->wrong == NULL)
	{
		detail->columns.values[n] = weir_piece_get(bytes, state->store->slab, &detail->columns.types[n],
										   &detail->columns.nulls[n]);
		n++;
	}
	return n;
}

static WeirKept *
make_kept(WeirState *state, const RowRecord *record, WeirBytes *bytes)
{
	RowsDetail *detail = state->detail;
	int			n = get_values(state, bytes);
	WeirKept   *kept = bytes->wrong ? NULL : weir_kept_make(state, record);

	for (int i = 0; i < n; i++)
		weir_piece_free(state->store->slab, &detail->columns.types[i], detail->columns.values[i], detail->columns.nulls[i]);
	return kept;
}

/* NULL once something is wrong. */
static WeirKept *
get_row(WeirState *state, WeirBytes *bytes, const WeirKept *before)
{
	int64		time = plus(before->time, weir_get_signed(bytes));
	uint64		seq = plus(before->seq, weir_get_signed(bytes));
	RowRecord	record;
	WeirKept   *kept;
	int64		until;
	uint32		flags;

	record.line = plus(before->line, weir_get_signed(bytes));
	record.stamp = plus(before->stamp, weir_get_signed(bytes));
	until = plus(time, weir_get_signed(bytes));
	record.source = weir_kept_source_of(&rows_detail(state)->sources, weir_get_varint(bytes));
	flags = weir_get_varint(bytes);
	record.raw = get_raw(bytes);
	kept = make_kept(state, &record, bytes);
	if (kept == NULL)
		return NULL;
	kept->time = time;
	kept->seq = seq;
	kept->until = until;
	kept->flags = flags;
	return kept;
}

static const char *
check_row(const WeirRows *rows, const WeirKept *kept)
{
	if (kept->seq >= rows->next_seq)
		return "a kept row is newer than the newest";
	if (weir_rows_place(rows, kept->time, kept->seq) != rows->n ||
		(rows->n > 0 && rows->rows[rows->n - 1]->seq == kept->seq))
		return "kept rows are not in their order";
	return NULL;
}

static void
read_row(WeirState *state, WeirRows *rows, WeirBytes *bytes)
{
	const WeirKept none = {0};
	WeirKept   *kept = get_row(state, bytes, rows->n > 0 ? rows->rows[rows->n - 1] : &none);

	if (kept == NULL)
		return;
	bytes->wrong = check_row(rows, kept);
	if (bytes->wrong)
		weir_kept_free(state, kept);
	else
	{
		weir_rows_make_room(state, rows);
		weir_rows_insert(state, rows, kept);
	}
}

WeirLive *
weir_rows_unflatten(WeirState *state, const char *at, Size size, const char **wrong)
{
	WeirBytes	bytes = {at, at + size, NULL};
	uint8		zero = weir_get_uint8(&bytes);
	uint32		n = weir_get_varint(&bytes);
	uint64		next_seq = weir_get_signed(&bytes);
	WeirRows   *rows;

	if (bytes.wrong == NULL && (zero != 0 || n == 0 || n > size / 8))
		bytes.wrong = "the header of kept rows is not that of some";
	*wrong = bytes.wrong;
	if (*wrong)
		return NULL;
	rows = weir_rows_make(state, n);
	rows->next_seq = next_seq;
	for (uint32 i = 0; i < n && bytes.wrong == NULL; i++)
		read_row(state, rows, &bytes);
	if (bytes.wrong == NULL && bytes.at != bytes.end)
		bytes.wrong = "bytes are left over after kept rows";
	*wrong = bytes.wrong;
	if (*wrong == NULL)
		return &rows->live;
	weir_rows_free(state, &rows->live);
	return NULL;
}
