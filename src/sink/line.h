/*
 * sink/line.h
 *		Rows as lines: for the server log, or as a stream's table has them.
 */
#ifndef WEIR_SINK_LINE_H
#define WEIR_SINK_LINE_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "source/stream.h"

/* How the table's rows become lines; in CurrentMemoryContext.  stream NULL: for the log.  Metadata is no part of them. */
typedef struct WeirLineFormat WeirLineFormat;

extern PGDLLEXPORT WeirLineFormat *weir_line_format_create(const WeirStream *stream);
extern text *weir_line_of(WeirLineFormat *format, TupleTableSlot *row);

/* The same for a stream whose records are given one by one, in its encoding; NULL: every column is null. */
extern PGDLLEXPORT bytea *weir_record_of(WeirLineFormat *format, TupleTableSlot *row);

/* Appends the line as the stream's framing has it, in its encoding. */
extern void weir_line_frame(const WeirStream *stream, const char *line, StringInfo to);

#endif
