/*
 * state/aggregate/native_flat.c
 *		Native aggregates as bytes.
 *
 *		varint set, varint owner, then a transition: an integer as a varint, its
 *		sign moved into the lowest bit; a float as its 8 bytes; one that is not set: nothing
 *
 * Varints are of up to 128 bits.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/numeric.h"

#include "state/aggregate/aggregate_format.h"
#include "state/aggregate/native_int.h"

#ifdef HAVE_INT128
typedef uint128 Wide;
typedef int128 SignedWide;
#define WIDE_BITS 128
#else
typedef uint64 Wide;
typedef int64 SignedWide;
#define WIDE_BITS 64
#endif

#define LONGEST_VARINT (WIDE_BITS / 7 + 1)

static char *
put_varint(char *to, Wide value)
{
	while (value >= 0x80)
	{
		*to++ = (char) (0x80 | (value & 0x7f));
		value >>= 7;
	}
	*to++ = (char) value;
	return to;
}

static inline char *
put_signed(char *to, SignedWide value)
{
	return put_varint(to, (Wide) value << 1 ^ (value < 0 ? ~(Wide) 0 : 0));
}

static char *
put_words(char *to, const int64 *words, int n)
{
	memcpy(to, words, sizeof(int64) * n);
	return to + sizeof(int64) * n;
}

static bool
is_written(const NativeTransition *transition, uint32 set)
{
	switch (transition->kind)
	{
		case NATIVE_COUNT_ROWS:
		case NATIVE_COUNT:
		case NATIVE_WIDE:
		case NATIVE_COUNT_SUM:
		case NATIVE_YOUNGS_CRAMER:
			return true;
		default:
			return (set & transition->bit) != 0;
	}
}

static char *
put_transition(const NativeTransition *transition, const int64 *words, char *to)
{
	switch (transition->kind)
	{
		case NATIVE_WIDE:
			to = put_varint(to, (uint64) words[0]);
#ifdef HAVE_INT128
			to = put_signed(to, native_get_wide(&words[1]));
#endif
			return to;
		case NATIVE_COUNT_SUM:
			return put_signed(put_varint(to, (uint64) words[0]), words[1]);
		case NATIVE_YOUNGS_CRAMER:
			return put_words(to, words, 3);
		case NATIVE_FLOAT4_SUM:
		case NATIVE_FLOAT8_SUM:
		case NATIVE_FLOAT_MIN:
		case NATIVE_FLOAT_MAX:
			return put_words(to, words, 1);
		default:
			return put_signed(to, words[0]);
	}
}

void
weir_native_flatten(const WeirNative *native, const WeirNativeState *state, StringInfo out)
{
	char	   *to;

	enlargeStringInfo(out, (2 + native->nwords) * LONGEST_VARINT);
	to = out->data + out->len;
	to = put_varint(to, state->set);
	to = put_varint(to, state->owner);
	for (int i = 0; i < native->ntransitions; i++)
	{
		const NativeTransition *transition = &native->transitions[i];

		if (is_written(transition, state->set))
			to = put_transition(transition, &state->words[transition->word], to);
	}
	out->len = to - out->data;
}

/* ---- reading ---- */

typedef struct Reader
{
	const char *at;
	const char *end;
	const char *wrong;			/* the first thing that was */
} Reader;

static const char *
get(Reader *reader, Size size)
{
	const char *bytes = reader->at;

	if (reader->wrong || size > (Size) (reader->end - reader->at))
	{
		reader->wrong = "an accumulator goes beyond its end";
		return NULL;
	}
	reader->at += size;
	return bytes;
}

static Wide
get_varint(Reader *reader)
{
	Wide		value = 0;

	for (int shift = 0; shift < WIDE_BITS; shift += 7)
	{
		const char *byte = get(reader, 1);

		if (byte == NULL)
			return 0;
		value |= (Wide) (*byte & 0x7f) << shift;
		if (!(*byte & 0x80))
			return value;
	}
	reader->wrong = "a number of an accumulator is too long";
	return 0;
}

static SignedWide
get_signed(Reader *reader)
{
	Wide		value = get_varint(reader);

	return (SignedWide) (value >> 1 ^ (value & 1 ? ~(Wide) 0 : 0));
}

static int64
get_in_range(Reader *reader, SignedWide value, int64 smallest, int64 largest)
{
	if (value < smallest || value > largest)
		reader->wrong = "a number of an accumulator is out of range";
	return (int64) value;
}

static int64
get_count(Reader *reader)
{
	Wide		value = get_varint(reader);

	if (value > PG_INT64_MAX)
		reader->wrong = "a count of an accumulator is out of range";
	return (int64) value;
}

static int64
get_integer(Reader *reader, const NativeTransition *transition)
{
	SignedWide	value = get_signed(reader);
	bool		is_extreme = transition->kind == NATIVE_MIN || transition->kind == NATIVE_MAX;

	if (is_extreme && transition->type == NATIVE_INT2)
		return get_in_range(reader, value, PG_INT16_MIN, PG_INT16_MAX);
	if (is_extreme && transition->type == NATIVE_INT4)
		return get_in_range(reader, value, PG_INT32_MIN, PG_INT32_MAX);
	return get_in_range(reader, value, PG_INT64_MIN, PG_INT64_MAX);
}

static void
get_words(Reader *reader, int64 *words, int n)
{
	const char *bytes = get(reader, sizeof(int64) * n);

	if (bytes)
		memcpy(words, bytes, sizeof(int64) * n);
}

static void
get_transition(Reader *reader, const NativeTransition *transition, int64 *words)
{
	switch (transition->kind)
	{
		case NATIVE_COUNT_ROWS:
		case NATIVE_COUNT:
			words[0] = get_in_range(reader, get_signed(reader), 0, PG_INT64_MAX);
			break;
		case NATIVE_WIDE:
			words[0] = get_count(reader);
#ifdef HAVE_INT128
			native_set_wide(&words[1], get_signed(reader));
#endif
			break;
		case NATIVE_COUNT_SUM:
			words[0] = get_count(reader);
			words[1] = get_in_range(reader, get_signed(reader), PG_INT64_MIN, PG_INT64_MAX);
			break;
		case NATIVE_YOUNGS_CRAMER:
			get_words(reader, words, 3);
			break;
		case NATIVE_FLOAT4_SUM:
		case NATIVE_FLOAT8_SUM:
		case NATIVE_FLOAT_MIN:
		case NATIVE_FLOAT_MAX:
			get_words(reader, words, 1);
			break;
		default:
			words[0] = get_integer(reader, transition);
			break;
	}
}

static uint32
get_uint32(Reader *reader)
{
	Wide		value = get_varint(reader);

	if (value > PG_UINT32_MAX)
		reader->wrong = "a number of an accumulator is out of range";
	return (uint32) value;
}

const char *
weir_native_unflatten(const WeirNative *native, WeirNativeState *state, const char *bytes, Size size)
{
	Reader		reader = {bytes, bytes + size, NULL};

	weir_native_init(native, state);
	state->set = get_uint32(&reader);
	state->owner = get_uint32(&reader);
	for (int i = 0; i < native->ntransitions && reader.wrong == NULL; i++)
	{
		const NativeTransition *transition = &native->transitions[i];

		if (is_written(transition, state->set))
			get_transition(&reader, transition, &state->words[transition->word]);
	}
	if (reader.wrong == NULL && reader.at != reader.end)
		reader.wrong = "an accumulator is longer than its aggregates need";
	return reader.wrong;
}

/* ---- an accumulator's bytes ---- */

static int32
get_network32(Reader *reader)
{
	const char *bytes = get(reader, sizeof(uint32));
	uint32		value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return (int32) pg_ntoh32(value);
}

/* What int8_avg_serialize makes of its state: a count, and the digits of the sum. */
static void
read_wide(Reader *reader, int64 *words)
{
	const char *bytes = get(reader, sizeof(uint64));
	uint64		count = 0;
	int32		ndigits;
	int32		weight;
	int32		sign;
	Wide		value = 0;

	if (bytes)
		memcpy(&count, bytes, sizeof(count));
	ndigits = get_network32(reader);
	weight = get_network32(reader);
	sign = get_network32(reader);
	(void) get_network32(reader);
	if (ndigits < 0 || ndigits > 10 || (ndigits > 0 && (weight < ndigits - 1 || weight > 9)))
		reader->wrong = "a sum of an accumulator is out of range";
	for (int i = 0; i <= (ndigits > 0 ? weight : -1) && reader->wrong == NULL; i++)
	{
		uint16		digit = 0;

		bytes = i < ndigits ? get(reader, sizeof(digit)) : NULL;
		if (bytes)
			memcpy(&digit, bytes, sizeof(digit));
		value = value * 10000 + pg_ntoh16(digit);
	}
	words[0] = (int64) pg_ntoh64(count);
#ifdef HAVE_INT128
	native_set_wide(&words[1], (SignedWide) (sign == 0 ? value : -value));
#endif
}

/* A one-dimensional array of n elements of 8 bytes. */
static void
read_array(Reader *reader, int64 *words, int n, Oid type)
{
	ArrayType	header;
	Size		overhead = ARR_OVERHEAD_NONULLS(1);
	const char *bytes = get(reader, overhead);

	if (bytes == NULL)
		return;
	memcpy(&header, bytes, sizeof(header));
	if (header.ndim != 1 || header.dataoffset != 0 || header.elemtype != type ||
		reader->end - reader->at != sizeof(int64) * n)
		reader->wrong = "an array of an accumulator is not its aggregate's";
	get_words(reader, words, n);
}

static void
read_number(Reader *reader, const NativeTransition *transition, int64 *word)
{
	Size		size = reader->end - reader->at;
	const char *bytes = get(reader, size);
	bool		is_datum = transition->kind != NATIVE_COUNT_ROWS && transition->kind != NATIVE_COUNT &&
		transition->kind != NATIVE_SUM;
	int16		number16;
	int32		number32;

	if (bytes && size == sizeof(int16) && is_datum && transition->type == NATIVE_INT2)
	{
		memcpy(&number16, bytes, size);
		*word = number16;
	}
	else if (bytes && size == sizeof(int32) && is_datum && transition->type == NATIVE_INT4)
	{
		memcpy(&number32, bytes, size);
		*word = number32;
	}
	else if (bytes && size == sizeof(int32) && is_datum && transition->type == NATIVE_FLOAT4)
	{
		memcpy(&number32, bytes, size);
		*word = (int64) Int32GetDatum(number32);
	}
	else if (bytes && size == sizeof(int64) &&
			 (!is_datum || transition->type == NATIVE_INT8 || transition->type == NATIVE_FLOAT8))
		memcpy(word, bytes, size);
	else
		reader->wrong = "a number of an accumulator is of another type";
}

static void
read_value(const WeirNative *native, int number, WeirNativeState *state, Reader *reader)
{
	const NativeTransition *transition = &native->transitions[number];
	int64	   *words = &state->words[transition->word];

	switch (transition->kind)
	{
		case NATIVE_WIDE:
			read_wide(reader, words);
			break;
		case NATIVE_COUNT_SUM:
			read_array(reader, words, 2, INT8OID);
			break;
		case NATIVE_YOUNGS_CRAMER:
			read_array(reader, words, 3, FLOAT8OID);
			break;
		default:
			read_number(reader, transition, words);
			if (transition->kind != NATIVE_COUNT_ROWS && transition->kind != NATIVE_COUNT)
				state->set |= transition->bit;
			break;
	}
	if (reader->wrong == NULL && reader->at != reader->end)
		reader->wrong = "an accumulator is longer than its aggregates need";
}

const char *
weir_native_unflatten_accumulator(const WeirNative *native, WeirNativeState *state,
								  const char *bytes, Size size)
{
	Reader		reader = {bytes, bytes + size, NULL};

	weir_native_init(native, state);
	for (int i = 0; i < native->ntransitions && reader.wrong == NULL; i++)
	{
		const char *flags = get(&reader, 1);
		const char *length;
		Reader		value;
		uint32		value_size;

		if (flags == NULL || (*flags & WEIR_VALUE_NULL))
			continue;
		length = get(&reader, sizeof(uint32));
		if (length == NULL)
			break;
		memcpy(&value_size, length, sizeof(value_size));
		value.at = get(&reader, value_size);
		if (value.at == NULL)
			break;
		value.end = value.at + value_size;
		value.wrong = NULL;
		read_value(native, i, state, &value);
		reader.wrong = value.wrong;
	}
	if (reader.wrong == NULL && reader.at != reader.end)
		reader.wrong = "an accumulator is longer than its aggregates need";
	return reader.wrong;
}
