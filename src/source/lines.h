/*
 * source/lines.h
 *		Records that are given one by one, as text, instead of coming from a
 *		socket.
 */
#ifndef WEIR_SOURCE_LINES_H
#define WEIR_SOURCE_LINES_H

#include "postgres.h"

#include "record/scan_input.h"
#include "source/stream.h"

typedef struct WeirLines WeirLines;

/* In CurrentMemoryContext, in a transaction; the stream must outlive it. */
extern WeirLines *weir_lines_open(const WeirStream *stream);
extern void weir_lines_close(WeirLines *lines);

/*
 * The next line, without its record delimiter, as a batch of one record, or
 * of none if it is empty and such are passed over, that is valid until the next
 * call.  The number, from 1, is the record's; *watermark goes from before it to behind it.
 * Error, with the line, if it is not one record, or cannot be decoded.  In a transaction with
 * a snapshot.
 */
extern WeirScanInput *weir_lines_decode(WeirLines *lines, const char *line, int64 number,
										int64 stamp, int64 *watermark);

#endif
