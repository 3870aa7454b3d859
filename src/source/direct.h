/*
 * source/direct.h
 *		Rows of the formats text and csv straight from a record's bytes into a
 *		batch's columns, where what COPY would make of them is certain.
 *
 * Of anything else it says so, and the record goes through COPY, which has the
 * value, or the error.
 */
#ifndef WEIR_SOURCE_DIRECT_H
#define WEIR_SOURCE_DIRECT_H

#include "postgres.h"

#include "record/batch.h"
#include "source/stream.h"

typedef struct WeirDirect WeirDirect;

/* For a stream's table as desc has it.  NULL: none of its records can be read so. */
extern WeirDirect *weir_direct_create(const WeirStream *stream, TupleDesc desc);

/* The batch was reset. */
extern void weir_direct_reset(WeirDirect *x);

/*
 * The record as a row of the batch; false: not sure.  Between begin and end, in
 * a transaction, values that it cannot read itself are given to their types'
 * input functions, which may raise errors.
 */
extern bool weir_direct_row(WeirDirect *x, WeirBatch *batch, int row, const char *data, Size len);
extern void weir_direct_begin(WeirDirect *x);
extern void weir_direct_end(WeirDirect *x);

/* Can it do without input functions? */
extern bool weir_direct_is_alone(const WeirDirect *x);

#endif
