/*
 * operator/function_call.h
 *		A call of the keyed function, which returns rows.
 */
#ifndef WEIR_OPERATOR_FUNCTION_CALL_H
#define WEIR_OPERATOR_FUNCTION_CALL_H

#include "postgres.h"

#include "graph/kinds/function.h"
#include "record/batch.h"

typedef struct WeirFunctionCall WeirFunctionCall;

/* What to do with each row that f returns: values of the plan's result, valid during the call. */
typedef void (*WeirReturnedFunction) (void *arg, const Datum *values, const bool *nulls);

/* In a transaction, in CurrentMemoryContext. */
extern WeirFunctionCall *weir_function_call_create(const WeirFunctionPlan *plan);
/* committed: what f left open is to be closed, else it is gone already. */
extern void weir_function_call_free(WeirFunctionCall *call, bool committed);

/*
 * Calls f with the arguments that a row gives it.  Rows are handed
 * out as they come, so f may not have ended.
 */
extern void weir_function_call_run(WeirFunctionCall *call, const WeirBatch *in, int row,
								   WeirReturnedFunction returned, void *arg);

#endif
