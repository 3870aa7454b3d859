/*
 * source/decode_raw.c
 *		Format raw: a record is the value of the stream's one column, byte for byte,
 *		or, where that is text, character for character.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "source/decoder.h"

typedef struct RawState
{
	int			column;
	bool		text;
} RawState;

static void
begin_raw(WeirDecoder *d)
{
	RawState   *raw = MemoryContextAllocZero(CurTransactionContext, sizeof(RawState));

	while (!weir_stream_has_column(d->stream, d->desc, raw->column))
		raw->column++;
	raw->text = TupleDescAttr(d->desc, raw->column)->atttypid == TEXTOID;
	d->state = raw;
}

static Datum
read_bytes(const WeirDecoder *d)
{
	Size		len;
	const char *data = weir_decoder_record(d, d->current, &len);
	bytea	   *value = palloc(VARHDRSZ + len);

	SET_VARSIZE(value, VARHDRSZ + len);
	memcpy(VARDATA(value), data, len);
	return PointerGetDatum(value);
}

static void
read_raw(WeirDecoder *d, Datum *values, bool *nulls)
{
	RawState   *raw = d->state;

	memset(nulls, true, d->desc->natts * sizeof(bool));
	d->column = NameStr(TupleDescAttr(d->desc, raw->column)->attname);
	d->in_input = true;
	values[raw->column] = raw->text ? CStringGetTextDatum(weir_decoder_string(d, d->current)) : read_bytes(d);
	d->in_input = false;
	nulls[raw->column] = false;
}

static void
end_raw(WeirDecoder *d)
{
	pfree(d->state);
	d->state = NULL;
}

static bool
raw_is_in_input(const WeirDecoder *d)
{
	return d->in_input;
}

/* It is known where a record fails. */
static void
locate_nothing(WeirDecoder *d)
{
}

static void
close_raw(WeirDecoder *d)
{
	d->state = NULL;
}

const WeirFormat weir_format_raw = {
	'\0', weir_decoder_append, begin_raw, read_raw, end_raw, raw_is_in_input,
	locate_nothing, close_raw,
};
