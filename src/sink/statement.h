/*
 * sink/statement.h
 *		Runs the job's INSERT over batches of rows, with the result of running
 *		it once for each row, in order.
 */
#ifndef WEIR_SINK_STATEMENT_H
#define WEIR_SINK_STATEMENT_H

#include "postgres.h"

#include "tcop/dest.h"

#include "compile/dataflow.h"

typedef struct WeirSink WeirSink;

/*
 * In CurrentMemoryContext; for one compiled dataflow.
 *
 * *line is the line of the record a row comes from when it is added; an error
 * of the statement finds it set to that of the row at fault.
 */
extern WeirSink *weir_sink_create(const WeirDataflow *dataflow, int64 *line);
extern void weir_sink_free(WeirSink *sink);

/* Did the statement that failed get as far as to read rows? */
extern bool weir_sink_at_rows(const WeirSink *sink);
/* After the abort of a subtransaction: as new, without the rows that waited. */
extern WeirSink *weir_sink_reset(WeirSink *sink);

/* Rows that the statement returns go there; else nowhere. */
extern void weir_sink_set_receiver(WeirSink *sink, DestReceiver *receiver);

/* Adds a row of sink_desc; may run the statement for the rows before it. */
extern void weir_sink_row(WeirSink *sink, Datum *values, bool *nulls);

/* Runs the statement for the rows that wait. */
extern void weir_sink_flush(WeirSink *sink);

#endif
