/*
 * operator/keyed_step.h
 *		The keyed step: calls f once a row, its key current in the store.
 */
#ifndef WEIR_OPERATOR_KEYED_STEP_H
#define WEIR_OPERATOR_KEYED_STEP_H

#include "postgres.h"

#include "compile/dataflow.h"
#include "record/channel.h"
#include "state/store.h"

typedef struct WeirKeyedStep WeirKeyedStep;

/* What to do with each row for the sink (values of sink_desc). */
typedef void (*WeirSinkRowFunction) (void *arg, Datum *values, bool *nulls,
									 const WeirRow *origin);

/*
 * In a transaction.  passthrough: the rows that come are the sink's already.
 * line: where to note the record being worked on.
 */
extern WeirKeyedStep *weir_keyed_step_create(const WeirDataflow *dataflow, WeirStore *store,
											 bool passthrough, int64 *line);
extern void weir_keyed_step_free(WeirKeyedStep *step);

/* Does a row run code that may err: the keyed function, a window's aggregates? */
extern bool weir_keyed_step_calls(const WeirKeyedStep *step);
/* After the abort of a subtransaction: as new. */
extern WeirKeyedStep *weir_keyed_step_reset(WeirKeyedStep *step);

extern void weir_keyed_step_row(WeirKeyedStep *step, const WeirRow *row,
								WeirSinkRowFunction emit, void *arg);

#endif
