/*
 * operator/kept.h
 *		Kept rows (state/kinds/rows.h) that are handed on, with what was computed of
 *		them.
 */
#ifndef WEIR_OPERATOR_KEPT_H
#define WEIR_OPERATOR_KEPT_H

#include "operator/operator.h"
#include "state/kinds/rows.h"

typedef struct WeirKeptResult
{
	const WeirOperator *op;		/* whose rows they are */
	WeirState  *rows;
	const int  *columns;		/* as those of WeirResult */
	WeirBatch  *batch;
	WeirOutput *out;			/* where they go, during a call */
} WeirKeptResult;

/* In CurrentMemoryContext.  From now on rows that are removed stay until a call's end. */
extern WeirKeptResult *weir_kept_result_create(const WeirOperator *op, WeirState *rows, const int *columns);
/* It carries the watermark that has been passed on; what was computed is copied. */
extern void weir_kept_result_add(WeirKeptResult *result, const WeirKept *kept, const Datum *values, const bool *nulls);
/* A call ends: all has been handed on, and rows that were removed go. */
extern void weir_kept_result_end(WeirKeptResult *result);

#endif
