/*
 * state/aggregate/native_result.c
 *		Native aggregates: what they have come to.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "state/aggregate/native_int.h"

#ifdef HAVE_INT128
static Datum
wide_numeric(int128 value)
{
	char		digits[41];
	char	   *at = &digits[sizeof(digits) - 1];
	uint128		rest = value < 0 ? -(uint128) value : (uint128) value;

	if (value >= PG_INT64_MIN && value <= PG_INT64_MAX)
		return NumericGetDatum(int64_to_numeric((int64) value));
	*at = '\0';
	for (; rest > 0; rest /= 10)
		*--at = '0' + (int) (rest % 10);
	if (value < 0)
		*--at = '-';
	return DirectFunctionCall3(numeric_in, CStringGetDatum(at), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}
#endif

static Datum
average(const NativeTransition *transition, const int64 *words)
{
	Datum		sum;

	if (transition->kind == NATIVE_YOUNGS_CRAMER)
		return Float8GetDatum(native_get_float(words[1]) / native_get_float(words[0]));
#ifdef HAVE_INT128
	if (transition->kind == NATIVE_WIDE)
		sum = wide_numeric(native_get_wide(&words[1]));
	else
#endif
		sum = NumericGetDatum(int64_to_numeric(words[1]));
	return DirectFunctionCall2(numeric_div, sum, NumericGetDatum(int64_to_numeric(words[0])));
}

/* An integer by its type, which is not that of its sum. */
static Datum
as_it_is(const NativeTransition *transition, int64 word)
{
	if (transition->kind != NATIVE_MIN && transition->kind != NATIVE_MAX)
		return (Datum) word;
	switch (transition->type)
	{
		case NATIVE_INT2:
			return Int16GetDatum((int16) word);
		case NATIVE_INT4:
			return Int32GetDatum((int32) word);
		default:
			return Int64GetDatum(word);
	}
}

/* Is the value that of no rows, and no count? */
static bool
is_nothing(const NativeTransition *transition, const WeirNativeState *state)
{
	switch (transition->kind)
	{
		case NATIVE_COUNT_ROWS:
		case NATIVE_COUNT:
			return false;
		case NATIVE_WIDE:
		case NATIVE_COUNT_SUM:
			return state->words[transition->word] == 0;
		case NATIVE_YOUNGS_CRAMER:
			return native_get_float(state->words[transition->word]) == 0.0;
		default:
			return !(state->set & transition->bit);
	}
}

void
weir_native_results(const WeirNative *native, const WeirNativeState *state, Datum *values, bool *nulls)
{
	for (int i = 0; i < native->naggs; i++)
	{
		const NativeAggregate *agg = &native->aggs[i];
		const NativeTransition *transition = &native->transitions[agg->transition];
		const int64 *words = &state->words[transition->word];

		values[i] = (Datum) 0;
		nulls[i] = is_nothing(transition, state);
		if (nulls[i])
			continue;
		if (agg->final == NATIVE_AVERAGE)
			values[i] = average(transition, words);
#ifdef HAVE_INT128
		else if (agg->final == NATIVE_AS_NUMERIC)
			values[i] = wide_numeric(native_get_wide(&words[1]));
#endif
		else
			values[i] = as_it_is(transition, words[0]);
	}
}
