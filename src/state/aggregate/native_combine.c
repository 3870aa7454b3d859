/*
 * state/aggregate/native_combine.c
 *		Native aggregates: what some rows have come to and what others have become one.
 *
 * Of integers, and of the least and greatest, that is what all the rows in their order would have
 * come to.  Sums of floats depend on what is added to what: they are those of
 * PostgreSQL's combine functions.
 */
#include "postgres.h"

#include <math.h>

#include "common/int.h"

#include "state/aggregate/native_int.h"

static const WeirNativeFault float_overflow = {
	ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, gettext_noop("value out of range: overflow")
};
static const WeirNativeFault bigint_overflow = {
	ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, gettext_noop("bigint out of range")
};

bool
weir_native_is_exact(const WeirNative *native)
{
	return !native->may_fail;
}

static const WeirNativeFault *
combine_counts(int64 *into, const int64 *from)
{
	int64		sum;

	if (pg_add_s64_overflow(into[0], from[0], &sum))
		return &bigint_overflow;
	into[0] = sum;
	return NULL;
}

/* As float4pl and float8pl have it. */
static const WeirNativeFault *
combine_float_sums(bool is_float4, int64 *into, const int64 *from)
{
	float8		a = is_float4 ? DatumGetFloat4((Datum) *into) : native_get_float(*into);
	float8		b = is_float4 ? DatumGetFloat4((Datum) *from) : native_get_float(*from);
	float8		sum = is_float4 ? (float8) ((float4) a + (float4) b) : a + b;

	if (unlikely(isinf(sum)) && !isinf(a) && !isinf(b))
		return &float_overflow;
	*into = is_float4 ? (int64) Float4GetDatum((float4) sum) : native_float_word(sum);
	return NULL;
}

/* As float8_combine has it. */
static const WeirNativeFault *
combine_youngs_cramer(int64 *into, const int64 *from)
{
	float8		n1 = native_get_float(into[0]);
	float8		n2 = native_get_float(from[0]);
	float8		sx1 = native_get_float(into[1]);
	float8		sx2 = native_get_float(from[1]);
	float8		difference;
	float8		sx;
	float8		sxx;

	if (n2 == 0.0)
		return NULL;
	if (n1 == 0.0)
	{
		memcpy(into, from, sizeof(int64) * 3);
		return NULL;
	}
	sx = sx1 + sx2;
	if (unlikely(isinf(sx)) && !isinf(sx1) && !isinf(sx2))
		return &float_overflow;
	difference = sx1 / n1 - sx2 / n2;
	sxx = native_get_float(into[2]) + native_get_float(from[2]) + n1 * n2 * difference * difference / (n1 + n2);
	if (unlikely(isinf(sxx)) && !isinf(native_get_float(into[2])) && !isinf(native_get_float(from[2])))
		return &float_overflow;
	into[0] = native_float_word(n1 + n2);
	into[1] = native_float_word(sx);
	into[2] = native_float_word(sxx);
	return NULL;
}

static float8
float_of_word(NativeType type, int64 word)
{
	return type == NATIVE_FLOAT4 ? (float8) DatumGetFloat4((Datum) word) : native_get_float(word);
}

/* NaN is greater than all, as in float8_gt. */
static bool
float_greater(float8 a, float8 b)
{
	return !isnan(b) && (isnan(a) || a > b);
}

/* Does the later value take the place of the earlier one?  Of equal ones it does. */
static bool
takes_place(const NativeTransition *transition, int64 earlier, int64 later)
{
	switch (transition->kind)
	{
		case NATIVE_MIN:
			return later < earlier;
		case NATIVE_MAX:
			return later > earlier;
		case NATIVE_FLOAT_MIN:
			return !float_greater(float_of_word(transition->type, later), float_of_word(transition->type, earlier));
		default:
			return !float_greater(float_of_word(transition->type, earlier), float_of_word(transition->type, later));
	}
}

/* Of values that are there only if set; both are. */
static const WeirNativeFault *
combine_set(const NativeTransition *transition, int64 *into, const int64 *from)
{
	switch (transition->kind)
	{
		case NATIVE_SUM:
			into[0] = (int64) ((uint64) into[0] + (uint64) from[0]);
			return NULL;
		case NATIVE_FLOAT4_SUM:
		case NATIVE_FLOAT8_SUM:
			return combine_float_sums(transition->kind == NATIVE_FLOAT4_SUM, into, from);
		default:
			if (takes_place(transition, into[0], from[0]))
				into[0] = from[0];
			return NULL;
	}
}

static const WeirNativeFault *
combine_transition(const NativeTransition *transition, WeirNativeState *into_state, const WeirNativeState *from_state)
{
	int64	   *into = &into_state->words[transition->word];
	const int64 *from = &from_state->words[transition->word];

	switch (transition->kind)
	{
		case NATIVE_COUNT_ROWS:
		case NATIVE_COUNT:
			return combine_counts(into, from);
		case NATIVE_WIDE:
#ifdef HAVE_INT128
			into[0] += from[0];
			native_set_wide(&into[1], native_get_wide(&into[1]) + native_get_wide(&from[1]));
#endif
			return NULL;
		case NATIVE_COUNT_SUM:
			into[0] += from[0];
			into[1] = (int64) ((uint64) into[1] + (uint64) from[1]);
			return NULL;
		case NATIVE_YOUNGS_CRAMER:
			return combine_youngs_cramer(into, from);
		default:
			break;
	}
	if (!(from_state->set & transition->bit))
		return NULL;
	if (into_state->set & transition->bit)
		return combine_set(transition, into, from);
	into_state->set |= transition->bit;
	into[0] = from[0];
	return NULL;
}

const WeirNativeFault *
weir_native_combine(const WeirNative *native, WeirNativeState *into, const WeirNativeState *from)
{
	const WeirNativeFault *fault = NULL;

	for (int i = 0; i < native->ntransitions && fault == NULL; i++)
		fault = combine_transition(&native->transitions[i], into, from);
	return fault;
}
