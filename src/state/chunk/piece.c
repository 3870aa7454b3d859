/*
 * state/chunk/piece.c
 *		Values kept in slab memory; written to chunks and read from them.
 */
#include "postgres.h"

#include "state/chunk/piece.h"

Datum
weir_piece_make(WeirSlab *slab, const WeirFlatType *type, Datum value, bool isnull)
{
	Size		size;
	char	   *piece;

	if (isnull)
		return (Datum) 0;
	if (type->typbyval)
		return value;
	size = weir_flat_prepare(type, &value);
	piece = weir_slab_alloc(slab, size);
	weir_flat_write(type, value, size, piece);
	return PointerGetDatum(piece);
}

void
weir_piece_free(WeirSlab *slab, const WeirFlatType *type, Datum value, bool isnull)
{
	if (!isnull && !type->typbyval)
		weir_slab_free(slab, DatumGetPointer(value), weir_flat_size(type, value));
}

int64
weir_piece_size(const WeirFlatType *type, Datum value, bool isnull)
{
	return isnull ? 1 : 1 + (int64) weir_flat_size(type, value);
}

void
weir_put_varint(StringInfo out, uint32 value)
{
	while (value >= 0x80)
	{
		appendStringInfoCharMacro(out, (char) (value | 0x80));
		value >>= 7;
	}
	appendStringInfoCharMacro(out, (char) value);
}

void
weir_put_varint64(StringInfo out, uint64 value)
{
	while (value >= 0x80)
	{
		appendStringInfoCharMacro(out, (char) (value | 0x80));
		value >>= 7;
	}
	appendStringInfoCharMacro(out, (char) value);
}

void
weir_put_signed(StringInfo out, int64 value)
{
	weir_put_varint64(out, (uint64) value << 1 ^ (value < 0 ? PG_UINT64_MAX : 0));
}

void
weir_piece_put(StringInfo out, const WeirFlatType *type, Datum value, bool isnull)
{
	Datum		space;
	Size		size;

	if (isnull)
	{
		weir_put_varint(out, 0);
		return;
	}
	size = weir_flat_size(type, value);
	weir_put_varint(out, size + 1);
	appendBinaryStringInfoNT(out, weir_flat_bytes(type, value, &space), size);
}

static const char *
get(WeirBytes *bytes, Size size)
{
	const char *at = bytes->at;

	if (bytes->wrong == NULL && size > (Size) (bytes->end - at))
		bytes->wrong = "an item goes beyond the end";
	if (bytes->wrong)
		return NULL;
	bytes->at += size;
	return at;
}

uint8
weir_get_uint8(WeirBytes *bytes)
{
	const char *at = get(bytes, 1);

	return at ? *(const uint8 *) at : 0;
}

int64
weir_get_int64(WeirBytes *bytes)
{
	const char *at = get(bytes, sizeof(int64));
	int64		value = 0;

	if (at)
		memcpy(&value, at, sizeof(value));
	return value;
}

uint32
weir_get_varint(WeirBytes *bytes)
{
	uint64		value = 0;

	for (int shift = 0; shift < 35; shift += 7)
	{
		uint8		byte = weir_get_uint8(bytes);

		value |= (uint64) (byte & 0x7f) << shift;
		if (!(byte & 0x80) && value <= PG_UINT32_MAX)
			return (uint32) value;
	}
	if (bytes->wrong == NULL)
		bytes->wrong = "a length is too long";
	return 0;
}

uint64
weir_get_varint64(WeirBytes *bytes)
{
	uint64		value = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		uint8		byte = weir_get_uint8(bytes);

		value |= (uint64) (byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	if (bytes->wrong == NULL)
		bytes->wrong = "a number is too long";
	return 0;
}

int64
weir_get_signed(WeirBytes *bytes)
{
	uint64		value = weir_get_varint64(bytes);

	return (int64) (value >> 1 ^ (value & 1 ? PG_UINT64_MAX : 0));
}

Datum
weir_piece_get(WeirBytes *bytes, WeirSlab *slab, const WeirFlatType *type, bool *isnull)
{
	uint32		length = weir_get_varint(bytes);
	Size		size = length - 1;
	const char *at;
	char	   *piece;
	Datum		space = 0;
	Datum		value = 0;

	*isnull = true;
	if (length == 0 || (at = get(bytes, size)) == NULL)
		return value;
	if (type->typbyval)
		piece = memcpy(&space, at, Min(size, sizeof(space)));
	else
		piece = memcpy(weir_slab_alloc(slab, size), at, size);
	bytes->wrong = weir_flat_read(type, piece, size, &value);
	if (bytes->wrong && !type->typbyval)
		weir_slab_free(slab, piece, size);
	*isnull = bytes->wrong != NULL;
	return *isnull ? (Datum) 0 : value;
}
