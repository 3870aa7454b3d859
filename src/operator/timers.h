/*
 * operator/timers.h
 *		The timers of a keyed function: what is due of them is fired, which is to call the
 *		timer's handler with the key and the moment.
 */
#ifndef WEIR_OPERATOR_TIMERS_H
#define WEIR_OPERATOR_TIMERS_H

#include "postgres.h"

#include "operator/function_call.h"
#include "operator/operator.h"
#include "state/due.h"

typedef struct WeirTimerCalls WeirTimerCalls;

/* What to do with a handler's rows; a row of "from" has the key, and is of no record. */
typedef void (*WeirFired) (void *arg, const WeirBatch *from, const Datum *values, const bool *nulls);

/* In CurrentMemoryContext.  For those that the store has declared, too. */
extern WeirTimerCalls *weir_timer_calls_create(WeirOperator *op, const WeirFunctionPlan *plan);
extern void weir_timer_calls_free(WeirTimerCalls *calls, bool committed);

/*
 * Fires all that is due at "upto", in the order of time, with what handlers
 * set meanwhile.  The rows are said to come of a record of this source.
 */
extern void weir_timer_calls_fire(WeirTimerCalls *calls, int64 upto, int source, WeirFired fired, void *arg);

#endif
