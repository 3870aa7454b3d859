/*
 * sink/line.h
 *		Rows as lines: for the server log, or as a socket's table has them.
 */
#ifndef WEIR_SINK_LINE_H
#define WEIR_SINK_LINE_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "source/stream.h"

/* How the table's rows become lines; in CurrentMemoryContext.  stream NULL: for the log. */
typedef struct WeirLineFormat WeirLineFormat;

extern WeirLineFormat *weir_line_format_create(const WeirStream *stream);
extern text *weir_line_of(WeirLineFormat *format, TupleTableSlot *row);

/* Appends the line as the stream's framing has it, in its encoding. */
extern void weir_line_frame(const WeirStream *stream, const char *line, StringInfo to);

#endif
