/*
 * operator/result.h
 *		The rows that an operator with a keyed step hands on: columns of the row
 *		that came, and of what was computed from it.
 */
#ifndef WEIR_OPERATOR_RESULT_H
#define WEIR_OPERATOR_RESULT_H

#include "postgres.h"

#include "operator/operator.h"

typedef struct WeirResult
{
	const int  *columns;		/* per column: > 0 attno of the row that came,
								 * < 0 minus attno of what was computed */
	WeirBatch  *batch;
	const int64 *passed;		/* the watermark that rows carry, an operator's op->passed; NULL: that of
								 * the row that came */
} WeirResult;

/* In CurrentMemoryContext. */
extern WeirResult *weir_result_create(TupleDesc desc, const int *columns);

/*
 * A row, from one that came and values that were computed; these are copied, the
 * others must stay until they are handed on.
 */
extern void weir_result_add(WeirResult *result, const WeirBatch *in, int row,
							const Datum *values, const bool *nulls);
/* The same, of values that are by value or lie in the batch's context. */
extern void weir_result_take(WeirResult *result, const WeirBatch *in, int row,
							 const Datum *values, const bool *nulls);
/* It should be handed on, and must before another row is added where that is so. */
extern bool weir_result_is_full(const WeirResult *result);
/* Hands on what there is. */
extern void weir_result_hand_on(WeirResult *result, WeirOutput *out);

#endif
