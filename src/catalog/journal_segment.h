/*
 * catalog/journal_segment.h
 *		weir_internal.journal_segment: which segment of a stream's journal
 *		lies in which of its tables.
 *
 * A slot is a table, weir_internal.journal_<job>_<stream>_<slot>.  The functions
 * need a transaction, those that run a statement an active snapshot, too.
 */
#ifndef WEIR_CATALOG_JOURNAL_SEGMENT_H
#define WEIR_CATALOG_JOURNAL_SEGMENT_H

#include "postgres.h"

/* A row. */
typedef struct WeirJournalSegment
{
	int			stream;
	int			slot;
	int64		number;			/* ordinal in the stream's life, 0: the slot is free */
	int64		start_offset;	/* its first byte */
} WeirJournalSegment;

/* The slot's table, without its schema. */
extern char *weir_journal_table_name(int64 job, int stream, int slot);
/* InvalidOid if there is none. */
extern Oid	weir_journal_table(int64 job, int stream, int slot);

/* A stream's rows, those in use first, in order of number; in CurrentMemoryContext. */
extern WeirJournalSegment *weir_journal_segments(int64 job, int stream, int *n);
/* Those of all streams of a job. */
extern WeirJournalSegment *weir_journal_segments_of_job(int64 job, int *n);
/* Where the first segment of a stream begins; false if it has none. */
extern bool weir_journal_segment_first(int64 job, int stream, int64 *offset);

/* A new slot, which is free. */
extern void weir_journal_segment_insert(int64 job, int stream, int slot);
/* The segment begins in the slot that it names. */
extern void weir_journal_segment_begin(int64 job, const WeirJournalSegment *segment);
/* Truncates the slot's table and makes the slot free. */
extern void weir_journal_segment_empty(int64 job, int stream, int slot);
extern void weir_journal_segment_delete(int64 job);

#endif
