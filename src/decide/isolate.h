/*
 * decide/isolate.h
 *		Which records of a batch are at fault, found by running ranges of it.
 *
 * A batch is run whole.  Where a range fails, its trace has been undone and
 * what precedes the record at fault is run again; then that one alone.  Every
 * range that succeeds stays, in order; a record that fails alone is dropped.
 * A guess of the record at fault, as a failed range may give, costs nothing if
 * it is wrong but time: without one the range is halved.
 */
#ifndef WEIR_DECIDE_ISOLATE_H
#define WEIR_DECIDE_ISOLATE_H

#include <stdbool.h>

typedef struct WeirIsolate
{
	int			n;				/* records of the batch */
	int			from;			/* the range to run: from .. to - 1 */
	int			to;
	int			bad;			/* end of a range from "from" on that is known to
								 * fail, 0: none is */
	int			guess;			/* of the record at fault in it, -1: none */
} WeirIsolate;

extern void weir_isolate_begin(WeirIsolate *iso, int n);

/* The next range to run; false when the batch is done. */
extern bool weir_isolate_next(const WeirIsolate *iso, int *from, int *to);

/* What became of it. */
extern void weir_isolate_succeeded(WeirIsolate *iso);
/* True if the range was one record: that is at fault, and is passed. */
extern bool weir_isolate_failed(WeirIsolate *iso, int guess);

#endif
