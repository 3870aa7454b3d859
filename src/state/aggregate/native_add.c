/*
 * state/aggregate/native_add.c
 *		Native aggregates: a row is added.
 *
 * Which of several NaNs an addition returns depends on how the compiler ordered
 * its operands: where a float comes to NaN, PostgreSQL's own function is called.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"

#include "state/aggregate/native_int.h"

static const WeirNativeFault float_overflow = {
	ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, gettext_noop("value out of range: overflow")
};
static const WeirNativeFault bigint_overflow = {
	ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, gettext_noop("bigint out of range")
};

void
weir_native_init(const WeirNative *native, WeirNativeState *state)
{
	state->set = 0;
	memset(state->words, 0, sizeof(int64) * native->nwords);
}

static inline int64
integer_of(NativeType type, Datum value)
{
	switch (type)
	{
		case NATIVE_INT2:
			return DatumGetInt16(value);
		case NATIVE_INT4:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

static inline float8
float_of(NativeType type, Datum value)
{
	return type == NATIVE_FLOAT4 ? (float8) DatumGetFloat4(value) : DatumGetFloat8(value);
}

static const WeirNativeFault *
add_float4(int64 *word, Datum value)
{
	float4		old = DatumGetFloat4((Datum) *word);
	float4		new = DatumGetFloat4(value);
	float4		sum = old + new;

	if (unlikely(isinf(sum)) && !isinf(old) && !isinf(new))
		return &float_overflow;
	*word = (int64) Float4GetDatum(sum);
	if (unlikely(isnan(sum)))
		*word = (int64) DirectFunctionCall2(float4pl, Float4GetDatum(old), value);
	return NULL;
}

static const WeirNativeFault *
add_float8(int64 *word, Datum value)
{
	float8		old = native_get_float(*word);
	float8		new = DatumGetFloat8(value);
	float8		sum = old + new;

	if (unlikely(isinf(sum)) && !isinf(old) && !isinf(new))
		return &float_overflow;
	*word = native_float_word(sum);
	if (unlikely(isnan(sum)))
		*word = (int64) DirectFunctionCall2(float8pl, Float8GetDatum(old), value);
	return NULL;
}

/* As float8_accum or float4_accum itself does it. */
static void
call_accum(const NativeTransition *transition, int64 *words, Datum value)
{
	Datum		elements[3];
	ArrayType  *array;
	ArrayType  *added;
	float8	   *result;

	for (int i = 0; i < 3; i++)
		elements[i] = Float8GetDatum(native_get_float(words[i]));
	array = construct_array(elements, 3, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	added = DatumGetArrayTypeP(OidFunctionCall2(transition->function, PointerGetDatum(array), value));
	result = (float8 *) ARR_DATA_PTR(added);
	for (int i = 0; i < 3; i++)
		words[i] = native_float_word(result[i]);
	if (added != array)
		pfree(added);
	pfree(array);
}

/* The algorithm of Youngs and Cramer, with the checks of float8_accum. */
static const WeirNativeFault *
accumulate(const NativeTransition *transition, int64 *words, Datum value)
{
	float8		old_n = native_get_float(words[0]);
	float8		old_sx = native_get_float(words[1]);
	float8		new = float_of(transition->type, value);
	float8		n = old_n + 1.0;
	float8		sx = old_sx + new;
	float8		sxx = native_get_float(words[2]);

	if (old_n > 0.0)
	{
		float8		difference = new * n - sx;

		sxx += difference * difference / (n * old_n);
		if ((isinf(sx) || isinf(sxx)) && !isinf(old_sx) && !isinf(new))
			return &float_overflow;
	}
	if (unlikely(isinf(new) || isnan(sx) || isinf(sxx) || isnan(sxx)))
	{
		call_accum(transition, words, value);
		return NULL;
	}
	words[0] = native_float_word(n);
	words[1] = native_float_word(sx);
	words[2] = native_float_word(sxx);
	return NULL;
}

/* NaN is greater than all, as in float8_gt. */
static inline bool
float_greater(float8 a, float8 b)
{
	return !isnan(b) && (isnan(a) || a > b);
}

/* The first value of a strict function is taken as it is; true if this was it. */
static inline bool
take_first(const NativeTransition *transition, WeirNativeState *state, int64 value)
{
	if (state->set & transition->bit)
		return false;
	state->set |= transition->bit;
	state->words[transition->word] = value;
	return true;
}

static const WeirNativeFault *
add_value(const NativeTransition *transition, WeirNativeState *state, Datum value)
{
	int64	   *words = &state->words[transition->word];
	int64		integer;

	switch (transition->kind)
	{
		case NATIVE_COUNT_ROWS:
		case NATIVE_COUNT:
			if (unlikely(pg_add_s64_overflow(words[0], 1, &words[0])))
			{
				words[0] = PG_INT64_MAX;
				return &bigint_overflow;
			}
			return NULL;
		case NATIVE_SUM:
			state->set |= transition->bit;
			/* what is beyond the range wraps, as in int4_sum */
			words[0] = (int64) ((uint64) words[0] + (uint64) integer_of(transition->type, value));
			return NULL;
		case NATIVE_WIDE:
#ifdef HAVE_INT128
			words[0]++;
			native_set_wide(&words[1], native_get_wide(&words[1]) + DatumGetInt64(value));
#endif
			return NULL;
		case NATIVE_COUNT_SUM:
			words[0]++;
			words[1] = (int64) ((uint64) words[1] + (uint64) integer_of(transition->type, value));
			return NULL;
		case NATIVE_FLOAT4_SUM:
			return take_first(transition, state, (int64) value) ? NULL : add_float4(words, value);
		case NATIVE_FLOAT8_SUM:
			return take_first(transition, state, (int64) value) ? NULL : add_float8(words, value);
		case NATIVE_YOUNGS_CRAMER:
			return accumulate(transition, words, value);
		case NATIVE_MIN:
			integer = integer_of(transition->type, value);
			if (!take_first(transition, state, integer) && integer < words[0])
				words[0] = integer;
			return NULL;
		case NATIVE_MAX:
			integer = integer_of(transition->type, value);
			if (!take_first(transition, state, integer) && integer > words[0])
				words[0] = integer;
			return NULL;
		case NATIVE_FLOAT_MIN:
			if (!take_first(transition, state, (int64) value) &&
				!float_greater(float_of(transition->type, value), float_of(transition->type, (Datum) words[0])))
				words[0] = (int64) value;
			return NULL;
		case NATIVE_FLOAT_MAX:
			if (!take_first(transition, state, (int64) value) &&
				!float_greater(float_of(transition->type, (Datum) words[0]), float_of(transition->type, value)))
				words[0] = (int64) value;
			return NULL;
	}
	return NULL;
}

/* Is there something for this transition in the row? */
static inline bool
read_value(const NativeTransition *transition, const WeirVector *columns, int row, Datum *value)
{
	if (transition->filter >= 0)
	{
		const WeirVector *filter = &columns[transition->filter];

		if (weir_vector_is_null(filter, row) || !DatumGetBool(filter->values[row]))
			return false;
	}
	if (transition->argument >= 0)
	{
		const WeirVector *column = &columns[transition->argument];

		*value = column->values[row];
		return !weir_vector_is_null(column, row);
	}
	*value = transition->constant;
	return !transition->constant_isnull;
}

static void
take_out_value(const NativeTransition *transition, int64 *words, Datum value)
{
	words[0]--;
	switch (transition->kind)
	{
		case NATIVE_COUNT_ROWS:
		case NATIVE_COUNT:
			return;
		case NATIVE_WIDE:
#ifdef HAVE_INT128
			native_set_wide(&words[1], native_get_wide(&words[1]) - DatumGetInt64(value));
#endif
			return;
		case NATIVE_COUNT_SUM:
			words[1] = (int64) ((uint64) words[1] - (uint64) integer_of(transition->type, value));
			return;
		default:
			elog(ERROR, "an aggregate of kind %d cannot take a row back", (int) transition->kind);
	}
}

void
weir_native_take_out(const WeirNative *native, WeirNativeState *state, const WeirVector *columns, int row)
{
	for (int i = 0; i < native->ntransitions; i++)
	{
		const NativeTransition *transition = &native->transitions[i];
		Datum		value;

		if (read_value(transition, columns, row, &value))
			take_out_value(transition, &state->words[transition->word], value);
	}
}

static const WeirNativeFault *
add_row(const WeirNative *native, WeirNativeState *state, const WeirVector *columns, int row)
{
	for (int i = 0; i < native->ntransitions; i++)
	{
		const NativeTransition *transition = &native->transitions[i];
		const WeirNativeFault *fault;
		Datum		value;

		if (!read_value(transition, columns, row, &value))
			continue;
		fault = add_value(transition, state, value);
		if (unlikely(fault != NULL))
			return fault;
	}
	return NULL;
}

const WeirNativeFault *
weir_native_add(const WeirNative *native, WeirNativeState *state, const WeirVector *columns, int row)
{
	int64		words[WEIR_NATIVE_TRANSITIONS * WEIR_NATIVE_WORDS];
	uint32		set = state->set;
	const WeirNativeFault *fault;

	if (!native->may_fail)
		return add_row(native, state, columns, row);
	memcpy(words, state->words, sizeof(int64) * native->nwords);
	fault = add_row(native, state, columns, row);
	if (fault)
	{
		state->set = set;
		memcpy(state->words, words, sizeof(int64) * native->nwords);
	}
	return fault;
}
