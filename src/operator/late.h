/*
 * operator/late.h
 *		Rows that have no place among those of their key, and what is said of them.
 */
#ifndef WEIR_OPERATOR_LATE_H
#define WEIR_OPERATOR_LATE_H

#include "operator/operator.h"

/* Tells who opened the operator of a row that has no place by what it has in this column. */
extern void weir_operator_late(WeirOperator *op, const WeirBatch *in, int row, AttrNumber time);

/* "came too late", and the sentence that says it of this row. */
extern const char *weir_late_problem(WeirUntimely why);
extern const char *weir_late_detail(const WeirBatch *in, int row, WeirUntimely why);

/*
 * An error of a record of that stream.  remedy: what helps where it came too late;
 * values: of the option "late" with which there would be none.
 */
pg_noreturn extern void weir_late_raise(const char *stream, const WeirBatch *in, int row, WeirUntimely why,
										const char *remedy, const char *values);

#endif
