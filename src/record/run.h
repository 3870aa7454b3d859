/*
 * record/run.h
 *		A run: rows of a batch in one piece of memory, column by column, as a
 *		message of a channel carries them.
 *
 *	+--------+-------+--------+--------+--------------+-------+-------------------+------+
 *	| header | lines | stamps | hashes | [watermarks] | [raw] | a column: values, | heap |
 *	|        |       |        |        |              |       | nulls; the next.. |      |
 *	+--------+-------+--------+--------+--------------+-------+-------------------+------+
 *
 * Values passed by value are Datums, so that a reader uses them where they are.
 * Those by reference of a fixed length stand side by side; of the others there
 * is a place in the heap.  They are as they were handed in, but for values that
 * live elsewhere (toasted or expanded), which are brought in, though not
 * decompressed.
 */
#ifndef WEIR_RECORD_RUN_H
#define WEIR_RECORD_RUN_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "record/batch.h"

#define WEIR_RUN_ROWS 1024		/* no run has more */

typedef struct WeirRunWriter WeirRunWriter;
typedef struct WeirRunReader WeirRunReader;

/* In CurrentMemoryContext. */
extern WeirRunWriter *weir_run_writer_create(void);

/* Begins a run of rows like the batch's behind what the buffer holds, at a MAXALIGNed place. */
extern void weir_run_begin(WeirRunWriter *writer, StringInfo buffer, const WeirBatch *batch);
/*
 * Adds the selected rows, or, without a selection, those from first on; as many
 * as there is room for, and one at least if it has none yet.  Returns how many.
 */
extern int	weir_run_add(WeirRunWriter *writer, const WeirBatch *batch, const int *selection,
						 int first, int n);
/* Can rows of this batch follow those of the run: are their bytes, their watermarks kept in both or in neither? */
extern bool weir_run_fits(const WeirRunWriter *writer, const WeirBatch *batch);
extern bool weir_run_is_full(const WeirRunWriter *writer);
/* Brings the run to its final form: the buffer ends with it. */
extern void weir_run_end(WeirRunWriter *writer);

/* In CurrentMemoryContext, for runs of this description. */
extern WeirRunReader *weir_run_reader_create(TupleDesc desc);
/*
 * The rows of a run, which lies at a MAXALIGNed address, as a batch.  It points
 * into the run, and is valid until the next one is read; it has no context.
 */
extern WeirBatch *weir_run_read(WeirRunReader *reader, const char *run);

#endif
