/*
 * record/vector.h
 *		The values of one column of many rows.
 */
#ifndef WEIR_RECORD_VECTOR_H
#define WEIR_RECORD_VECTOR_H

#include "postgres.h"

typedef struct WeirVector
{
	Datum	   *values;
	bits8	   *nulls;			/* a bit a row, set: null; holds only if has_nulls */
	bool		has_nulls;
} WeirVector;

static inline bool
weir_vector_is_null(const WeirVector *vector, int row)
{
	return vector->has_nulls &&
		(vector->nulls[row / BITS_PER_BYTE] & (1 << (row % BITS_PER_BYTE))) != 0;
}

#endif
