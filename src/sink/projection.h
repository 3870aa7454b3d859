/*
 * sink/projection.h
 *		From a row of the sink's input to one of its target, where no executor
 *		runs the statement.
 */
#ifndef WEIR_SINK_PROJECTION_H
#define WEIR_SINK_PROJECTION_H

#include "postgres.h"

#include "executor/tuptable.h"

#include "graph/kinds/sink.h"
#include "record/batch.h"

typedef struct WeirProjection WeirProjection;

/*
 * In a transaction that holds a lock on the target, in CurrentMemoryContext; of a
 * node whose plan has projections.
 */
extern WeirProjection *weir_projection_create(const WeirNode *node);
extern void weir_projection_free(WeirProjection *projection);

/* The node's rows are made of columns as they are: nothing can err. */
extern bool weir_projection_is_plain(const WeirNode *node);
/* Of the rows that come out: the target's. */
extern TupleDesc weir_projection_desc(const WeirProjection *projection);

/*
 * In a transaction with a snapshot.  A virtual row, valid until the next call and
 * no longer than the batch; NULL: a filter has dropped it.
 */
extern TupleTableSlot *weir_projection_row(WeirProjection *projection, const WeirBatch *batch,
										   int row);

#endif
