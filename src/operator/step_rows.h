/*
 * operator/step_rows.h
 *		Rows of a keyed step, as a relation for the statement that reads them
 *		(graph/kinds/scan.h).
 */
#ifndef WEIR_OPERATOR_STEP_ROWS_H
#define WEIR_OPERATOR_STEP_ROWS_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"

#include "record/batch.h"

typedef struct WeirStepRows
{
	MemoryContext context;		/* of all this */
	TupleDesc	desc;			/* the rows' columns, the ordinal */
	Tuplestorestate *store;
	const WeirBatch *batch;
	int64	   *line;			/* where to note the row that an error is about */
	PlanState  *scan;			/* reads them in the statement that runs; NULL: none */
	ErrorContextCallback callback;
} WeirStepRows;

/* The rows from .. to - 1 of a batch; in a context below the current one. */
extern void weir_step_rows_begin(WeirStepRows *rows, const WeirBatch *batch, int from, int to,
								 int64 *line);
extern QueryEnvironment *weir_step_rows_environment(WeirStepRows *rows);
/* While the statement runs an error tells the row that it was at. */
extern void weir_step_rows_watch(WeirStepRows *rows, PlanState *plan);
extern void weir_step_rows_unwatch(WeirStepRows *rows);
extern void weir_step_rows_end(WeirStepRows *rows);

#endif
