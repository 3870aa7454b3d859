/*
 * state/aggregate/native_int.h
 *		Inside native aggregates.  For native*.c only.
 */
#ifndef WEIR_STATE_AGGREGATE_NATIVE_INT_H
#define WEIR_STATE_AGGREGATE_NATIVE_INT_H

#include "postgres.h"

#include "nodes/nodes.h"

#include "state/aggregate/native.h"

/* How a transition value advances, and the words it takes. */
typedef enum NativeKind
{
	NATIVE_COUNT_ROWS,			/* count */
	NATIVE_COUNT,
	NATIVE_SUM,					/* sum; only if set */
	NATIVE_WIDE,				/* count, sum of 128 bits */
	NATIVE_COUNT_SUM,			/* count, sum */
	NATIVE_FLOAT4_SUM,			/* a datum; only if set */
	NATIVE_FLOAT8_SUM,
	NATIVE_YOUNGS_CRAMER,		/* N, Sx, Sxx, each a float8 */
	NATIVE_MIN,					/* an integer; only if set */
	NATIVE_MAX,
	NATIVE_FLOAT_MIN,			/* a datum; only if set */
	NATIVE_FLOAT_MAX
} NativeKind;

/* The type of what is aggregated; for a count: any. */
typedef enum NativeType
{
	NATIVE_ANY,
	NATIVE_INT2,
	NATIVE_INT4,
	NATIVE_INT8,
	NATIVE_FLOAT4,
	NATIVE_FLOAT8
} NativeType;

typedef struct NativeTransition
{
	NativeKind	kind;
	NativeType	type;
	uint32		bit;			/* of state->set */
	int			word;			/* the first of its words */
	int			argument;		/* column, from 0; -1: none, or a constant */
	int			filter;			/* column, from 0; -1: none */
	bool		constant_isnull;
	Datum		constant;
	Oid			function;		/* PostgreSQL's of the same transition */
	Node	   *expression;		/* of the argument; NULL: none */
} NativeTransition;

/* What is made of a transition value. */
typedef enum NativeFinal
{
	NATIVE_AS_IT_IS,
	NATIVE_AS_NUMERIC,
	NATIVE_AVERAGE
} NativeFinal;

typedef struct NativeAggregate
{
	NativeFinal final;
	int			transition;
} NativeAggregate;

struct WeirNative
{
	int			naggs;
	NativeAggregate *aggs;
	int			ntransitions;	/* in the order in which an Agg node has them */
	NativeTransition *transitions;
	int			nwords;
	bool		may_fail;
	int64		flat_size;
};

#ifdef HAVE_INT128
static inline int128
native_get_wide(const int64 *words)
{
	int128		value;

	memcpy(&value, words, sizeof(value));
	return value;
}

static inline void
native_set_wide(int64 *words, int128 value)
{
	memcpy(words, &value, sizeof(value));
}
#endif

static inline float8
native_get_float(int64 word)
{
	float8		value;

	memcpy(&value, &word, sizeof(value));
	return value;
}

static inline int64
native_float_word(float8 value)
{
	int64		word;

	memcpy(&word, &value, sizeof(word));
	return word;
}

extern int	native_kind_words(NativeKind kind);

#endif
