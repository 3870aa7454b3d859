/*
 * record/scan_input.h
 *		What the scan of a stream reads: the records that its source has read,
 *		and which of them are dead.
 *
 * The scan operator sets weir_current_scan, then runs the plan that reads the
 * stream: the foreign scan of relid returns the batch's rows from first to
 * end - 1 in order, each with its index in the batch as ctid (weir_scan_tid).
 * Where the stream has dead letters there is an error for each record that
 * could not be decoded; the scan passes those.
 */
#ifndef WEIR_RECORD_SCAN_INPUT_H
#define WEIR_RECORD_SCAN_INPUT_H

#include "postgres.h"

#include "storage/itemptr.h"

#include "record/batch.h"

/* Why a record is a dead letter. */
typedef struct WeirRecordError
{
	int			sqlstate;
	char	   *error;
} WeirRecordError;

typedef struct WeirScanInput
{
	Oid			relid;
	WeirBatch  *batch;			/* of the stream's columns, a row a record */
	WeirRecordError **errors;	/* a record; NULL: the stream has no dead letters */
	int			nerrors;
	int			first;			/* what the scan reads */
	int			end;
	int			at;				/* record it returned last, -1: none yet */
} WeirScanInput;

extern PGDLLIMPORT WeirScanInput *weir_current_scan;

extern WeirScanInput *weir_scan_input_create(Oid relid, TupleDesc desc, int capacity);
extern void weir_scan_input_reset(WeirScanInput *input);
/* From now on it keeps errors, and the records' bytes. */
extern void weir_scan_input_keep_letters(WeirScanInput *input);

/* The record is a dead letter.  The error is copied. */
extern void weir_scan_input_fail(WeirScanInput *input, int index, int sqlstate, const char *error);
/* What the scan is to read. */
extern void weir_scan_input_range(WeirScanInput *input, int first, int end);

static inline bool
weir_scan_input_is_dead(const WeirScanInput *input, int index)
{
	return input->nerrors > 0 && input->errors[index] != NULL;
}

/* index <-> ctid of the row */
extern void weir_scan_tid(int index, ItemPointer tid);
extern int	weir_scan_index(ItemPointer tid);

#endif
