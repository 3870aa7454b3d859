/*
 * source/segment.h
 *		The segments of a journal: tables that are filled once, read in the
 *		order of their pages, and truncated.
 *
 * A slot is a table, weir_internal.journal_<job>_<stream>_<slot>; a segment is
 * a stretch of the stream that occupies one.  weir_internal.journal_segment
 * says which holds which.  All functions need a transaction.
 */
#ifndef WEIR_SOURCE_SEGMENT_H
#define WEIR_SOURCE_SEGMENT_H

#include "postgres.h"

#include "storage/block.h"
#include "utils/relcache.h"

typedef struct WeirSegment
{
	int			slot;
	Oid			relid;
	int64		number;			/* ordinal in the stream's life, 0: the slot is free */
	int64		start_offset;	/* its first byte */
	BlockNumber blocks;
} WeirSegment;

/* Kinds of a row, in its column "kind". */
#define WEIR_ROW_DATA	'd'
#define WEIR_ROW_END	'e'		/* the stream ended here */
#define WEIR_ROW_RESUME	'r'		/* an end before it was passed: the stream goes on */
#define WEIR_ROW_STREAM	's'		/* another stream of the sender begins here */
#define WEIR_ROW_GAP	'g'		/* bytes of the stream are missing here */
#define WEIR_ROW_CONNECTION 'c' /* another connection begins here, of a peer that just sends */
#define WEIR_ROW_PEER	'p'		/* what follows comes from another peer */
#define WEIR_ROW_SENDER	'n'		/* records of another of several senders follow; what
								 * is left before it is no record */

typedef struct WeirJournalRow
{
	int64		offset;
	int64		stamp;
	char		kind;
	int			len;
	char	   *data;			/* of kind data, bytes of the stream; of kinds stream
								 * and gap, the origin of what follows; of kinds
								 * connection, peer and sender, its name, if it is known */
} WeirJournalRow;

/* Most bytes of data in a row: a page holds one such row. */
#define WEIR_ROW_MAX	(BLCKSZ - 96)

/*
 * A row that is to be appended has so many bytes before its data, at an address
 * aligned as palloc does: together they become the tuple, without a copy.
 */
#define WEIR_ROW_HEAD	48

/* The slots of a stream's journal, those in use first, in order of number. */
extern WeirSegment *weir_segments_load(int64 job, int stream, int *n);

/* Where the journal of a stream begins; false if it holds nothing. */
extern bool weir_segments_begin_at(int64 job, int stream, int64 *offset);

/* Makes a free slot, or, if its relid is not valid, a new one, the given segment. */
extern void weir_segment_begin(int64 job, int stream, WeirSegment *segment,
							   int64 number, int64 start_offset);

/* Truncates it and makes the slot free; false if somebody holds a lock on it. */
extern bool weir_segment_free(int64 job, int stream, WeirSegment *segment);

/* Appends rows, which have their heads. */
extern void weir_segment_insert(WeirSegment *segment, const WeirJournalRow *rows, int n);

/* The committed rows of some blocks, in order, in CurrentMemoryContext. */
extern WeirJournalRow *weir_segment_read(const WeirSegment *segment, BlockNumber first,
										 BlockNumber nblocks, int *n);

#endif
