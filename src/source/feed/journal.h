/*
 * source/feed/journal.h
 *		The journal that a job has of a stream fed from SQL: two tables that take
 *		rows in turn, and are truncated.
 */
#ifndef WEIR_SOURCE_FEED_JOURNAL_H
#define WEIR_SOURCE_FEED_JOURNAL_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "storage/block.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "decide/feed_position.h"
#include "source/stream.h"

/* Columns of weir_internal.feed_chunk. */
enum
{
	WEIR_FEED_PLACE,
	WEIR_FEED_WRITER,
	WEIR_FEED_NUMBER,
	WEIR_FEED_ROWS,
	WEIR_FEED_STAMP,
	WEIR_FEED_DATA,
	WEIR_FEED_COLUMNS
};

/* Most bytes of a chunk in a row: a page holds one such row. */
#define WEIR_FEED_PIECE ((Size) BLCKSZ - 128)

/* A row. */
typedef struct WeirFeedPiece
{
	int64		place;
	int64		writer;
	int			number;
	int			nrows;			/* of the chunk, in its first piece; 0: another one */
	int64		stamp;
	const char *data;			/* valid until the next one is read */
	Size		size;
} WeirFeedPiece;

/* The pieces of both tables from a place on, in the order of place, writer and number. */
typedef struct WeirFeedScan WeirFeedScan;

/* In a transaction, by a snapshot that outlives it. */
extern WeirFeedScan *weir_feed_scan_begin(int64 job, Oid stream, int64 place, Snapshot snapshot);
/* False: there is none. */
extern bool weir_feed_scan_next(WeirFeedScan *scan, WeirFeedPiece *piece);
extern void weir_feed_scan_end(WeirFeedScan *scan);

#define WEIR_FEED_MAX_JOURNAL "10GB"	/* unless the option says otherwise */

/* The foreign table's option max_journal, in bytes. */
extern int64 weir_feed_max_journal(Oid stream);

/* Blocks of a table of the journal.  In a transaction. */
extern BlockNumber weir_feed_blocks(int64 job, Oid stream, int slot);

/* The streams (OIDs) that the job reads have a journal, no other has.  In a transaction. */
extern void weir_feed_keep(int64 job, List *streams);
/* Drops the journals of a job.  In a transaction. */
extern void weir_feed_forget(int64 job);

/* Is one of so many blocks worth a look at what can be given back? */
extern bool weir_feed_journal_is_large(const WeirStream *stream, int64 blocks);

/*
 * What lies before the position is needed no more: truncates a table that holds
 * nothing else, has the other take rows where this one is large.  Outside a
 * transaction.
 */
extern void weir_feed_journal_trim(int64 job, const WeirStream *stream, const WeirFeedPosition *position);

#endif
