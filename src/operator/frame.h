/*
 * operator/frame.h
 *		Aggregates over some of the rows of a key that stand side by side, computed
 *		anew or, where rows come behind, further.
 */
#ifndef WEIR_OPERATOR_FRAME_H
#define WEIR_OPERATOR_FRAME_H

#include "postgres.h"

#include "record/batch.h"
#include "state/kinds/rows.h"

typedef struct WeirFrame WeirFrame;

/* Of Aggref over the rows' columns.  In CurrentMemoryContext; in a transaction with a snapshot. */
extern WeirFrame *weir_frame_create(List *aggregates, TupleDesc input);
/* The values of rows from .. to - 1, good until the next call, in CurrentMemoryContext. */
extern void weir_frame_compute(WeirFrame *frame, const WeirKept *const *rows, int from, int to,
							   const Datum **values, const bool **nulls);
/* Other rows come: nothing of these is used again. */
extern void weir_frame_reset(WeirFrame *frame);

#endif
