/*
 * record/scan_input.h
 *		What a source hands out: the records it has read, and those of them that
 *		are dead letters.
 *
 * While records are decoded the batch has a row each, and, where the stream has
 * dead letters, an error for each that could not be decoded.  Then these leave
 * the batch (weir_scan_input_settle), so that what reads it knows of no errors.
 */
#ifndef WEIR_RECORD_SCAN_INPUT_H
#define WEIR_RECORD_SCAN_INPUT_H

#include "postgres.h"

#include "catalog/dead_letter.h"
#include "decide/partition_time.h"
#include "record/batch.h"

/* Why a record is a dead letter. */
typedef struct WeirRecordError
{
	int			sqlstate;
	char	   *error;
	bool		aside;			/* its bytes are no whole record */
} WeirRecordError;

typedef struct WeirScanInput
{
	WeirBatch  *batch;			/* of the stream's columns, a row a record */
	int			limit;			/* records that are wanted at a time, at most its capacity */
	WeirRecordError **errors;	/* a record; NULL: the stream has no dead letters */
	int			nerrors;
	WeirLetter *letters;		/* the dead ones */
	int			nletters;
	int64		watermark;		/* reached behind the last record; PG_INT64_MIN: none */
	bool		again;			/* the records are dead letters that come again */
	bool		idle;			/* nothing comes of the stream: nobody is to wait for its watermark */

	/*
	 * Of a source whose streams have partitions (batch->partitions), which it sets and owns: those
	 * that the task reads, NULL as long as it cannot tell, and, if it can tell, whether
	 * all that is there of each has been handed out, else NULL.
	 */
	int			nassigned;
	const int32 *assigned;
	const bool *waits;
	WeirPartitionTime *times;	/* of the partitions' records; the task's */
} WeirScanInput;

extern WeirScanInput *weir_scan_input_create(TupleDesc desc, int capacity);
extern PGDLLEXPORT void weir_scan_input_reset(WeirScanInput *input);
/* From now on it keeps errors, and the records' bytes. */
extern void weir_scan_input_keep_letters(WeirScanInput *input);

/* The record is a dead letter.  The error is copied. */
extern void weir_scan_input_fail(WeirScanInput *input, int index, int sqlstate, const char *error,
								 bool aside);
/* Those that failed become letters. */
extern void weir_scan_input_settle(WeirScanInput *input);
/* One that is in the batch becomes a letter, too.  The error is the batch's. */
extern void weir_scan_input_add_letter(WeirScanInput *input, int index, int sqlstate,
									   const char *error);

static inline bool
weir_scan_input_is_dead(const WeirScanInput *input, int index)
{
	return input->nerrors > 0 && input->errors[index] != NULL;
}

#endif
