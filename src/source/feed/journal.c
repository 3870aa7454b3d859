/*
 * source/feed/journal.c
 *		The journal that a job has of a stream fed from SQL.
 *
 * Its two tables take rows in turn.  Writers go by the row of weir_internal.feed,
 * each as it finds that when its statement begins; they may be late, so that what
 * is read is always read of both.  A table is truncated when nobody has a lock on
 * it, who writes has one to the end of his transaction, and all that is committed
 * in it lies before the position of a completed checkpoint.  Rows are never
 * deleted, and the tables never vacuumed by themselves: a truncated one gives its
 * space back whatever snapshots are held elsewhere.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/fault.h"
#include "catalog/feed.h"
#include "catalog/internal.h"
#include "source/feed/journal.h"
#include "source/feed/lock.h"
#include "source/journal.h"
#include "source/own_table.h"
#include "source/source.h"
#include "source/stream_option.h"

#define LEAST_BLOCKS 8			/* of a table that is to be large */

int64
weir_feed_max_journal(Oid stream)
{
	WeirStream	options = {.source = &weir_feed_source};
	DefElem    *option = makeDefElem("max_journal", (Node *) makeString(WEIR_FEED_MAX_JOURNAL), -1);
	ListCell   *lc;

	foreach(lc, GetForeignTable(stream)->options)
	{
		if (strcmp(lfirst_node(DefElem, lc)->defname, "max_journal") == 0)
			option = lfirst(lc);
	}
	weir_set_max_journal(&options, option);
	return options.max_journal;
}

BlockNumber
weir_feed_blocks(int64 job, Oid stream, int slot)
{
	Oid			relid = weir_feed_table(job, stream, slot);
	Relation	rel;
	BlockNumber blocks;

	if (!OidIsValid(relid))
		return 0;
	rel = table_open(relid, AccessShareLock);
	blocks = RelationGetNumberOfBlocks(rel);
	table_close(rel, AccessShareLock);
	return blocks;
}

/* Whoever writes by now does not know of it; who comes later does. */
static void
create(int64 job, Oid stream)
{
	for (int slot = 0; slot < WEIR_FEED_SLOTS; slot++)
		(void) weir_own_table_create(weir_feed_table_name(job, stream, slot), "feed_chunk",
									 list_make3("place", "writer", "piece"));
	weir_feed_insert(job, stream);
}

static void
drop(const WeirFeedJournal *journal)
{
	WeirInternal saved;

	weir_internal_enter(&saved);
	for (int slot = 0; slot < WEIR_FEED_SLOTS; slot++)
		weir_own_table_drop(weir_feed_table(journal->job, journal->stream, slot));
	weir_internal_leave(&saved);
	weir_feed_delete(journal->job, journal->stream);
}

/*
 * Those whose readers change, in the order of their OIDs.  Before a table is locked:
 * a writer has one of a journal and may ask for the other, so that who waits for
 * him must have neither.
 */
static void
lock_changed(List *journals, List *streams)
{
	List	   *before = NIL;
	List	   *changed;
	ListCell   *lc;

	foreach(lc, journals)
		before = lappend_oid(before, ((WeirFeedJournal *) lfirst(lc))->stream);
	changed = list_concat(list_difference_oid(before, streams), list_difference_oid(streams, before));
	list_sort(changed, list_oid_cmp);
	foreach(lc, changed)
		weir_feed_lock_readers(lfirst_oid(lc));
}

void
weir_feed_keep(int64 job, List *streams)
{
	List	   *journals = weir_feed_journals_of_job(job);
	List	   *there = NIL;
	ListCell   *lc;

	lock_changed(journals, streams);
	foreach(lc, journals)
	{
		WeirFeedJournal *journal = lfirst(lc);

		if (!list_member_oid(streams, journal->stream))
			drop(journal);
		else
			there = lappend_oid(there, journal->stream);
	}
	foreach(lc, streams)
	{
		if (!list_member_oid(there, lfirst_oid(lc)))
			create(job, lfirst_oid(lc));
	}
}

void
weir_feed_forget(int64 job)
{
	PushActiveSnapshot(GetTransactionSnapshot());
	weir_feed_keep(job, NIL);
	PopActiveSnapshot();
}

/* The place of the last committed row of a table; 0: it has none. */
static int64
last_place(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Relation	index = index_open(linitial_oid(RelationGetIndexList(rel)), AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = systable_beginscan_ordered(rel, index, snapshot, 0, NULL);
	HeapTuple	tuple = systable_getnext_ordered(scan, BackwardScanDirection);
	bool		isnull;
	int64		place = 0;

	if (HeapTupleIsValid(tuple))
		place = DatumGetInt64(heap_getattr(tuple, WEIR_FEED_PLACE + 1, RelationGetDescr(rel), &isnull));
	systable_endscan_ordered(scan);
	UnregisterSnapshot(snapshot);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
	return place;
}

/* Rows from a place up to the position: those that were handed out and are there still. */
static int64
count_rows(int64 job, Oid stream, int64 from, const WeirFeedPosition *position)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	WeirFeedScan *scan = weir_feed_scan_begin(job, stream, from, snapshot);
	WeirFeedPiece piece;
	int64		rows = position->rows;

	while (weir_feed_scan_next(scan, &piece) && piece.place < position->place)
		rows += piece.nrows;
	weir_feed_scan_end(scan);
	UnregisterSnapshot(snapshot);
	return rows;
}

/* All rows at or before this place go: savepoints that stand behind them stay good. */
static void
note_forgotten(const WeirFeedJournal *journal, int64 last, const WeirFeedPosition *position)
{
	WeirFeedPosition forgotten = {.place = last + 1, .clock = position->clock};
	WeirFeedPosition before;
	WeirPosition bytes;

	if (last == 0 ||
		(weir_feed_position_decode(&journal->forgotten, &before) && !weir_feed_position_is_behind(&forgotten, &before)))
		return;
	forgotten.line = position->line - count_rows(journal->job, journal->stream, forgotten.place, position);
	weir_feed_position_encode(&forgotten, &bytes);
	weir_feed_set_forgotten(journal->job, journal->stream, &bytes);
}

/* False if the table has to stay. */
static bool
empty_slot(const WeirFeedJournal *journal, int slot, const WeirFeedPosition *position)
{
	Oid			relid = weir_feed_table(journal->job, journal->stream, slot);
	int64		last;

	if (!ConditionalLockRelationOid(relid, AccessExclusiveLock))
		return false;
	last = last_place(relid);
	if (last > 0 && last >= position->place)
		return false;
	note_forgotten(journal, last, position);
	weir_feed_truncate(journal->job, journal->stream, slot);
	return true;
}

bool
weir_feed_journal_is_large(const WeirStream *stream, int64 blocks)
{
	int64		size = Min((int64) weir_journal_segment_size * 1024, stream->max_journal / 4);

	return blocks >= Max(size / BLCKSZ, LEAST_BLOCKS);
}

/* In a transaction; true if the tables have changed places. */
static bool
trim(int64 job, const WeirStream *stream, const WeirFeedPosition *position)
{
	WeirFeedJournal *journal = weir_feed_journal(job, stream->relid);
	int			other;

	if (journal == NULL)
		return false;
	other = 1 - journal->slot;
	if (weir_feed_blocks(job, stream->relid, other) > 0 && !empty_slot(journal, other, position))
		return false;
	if (!weir_feed_journal_is_large(stream, weir_feed_blocks(job, stream->relid, journal->slot)))
		return false;
	weir_feed_set_slot(job, stream->relid, other);
	return true;
}

/* Once more where they have changed places: who wrote may have ended already. */
void
weir_feed_journal_trim(int64 job, const WeirStream *stream, const WeirFeedPosition *position)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		again = true;

	for (int i = 0; i < 2 && again; i++)
	{
		WEIR_FAULT(before_journal_trim);
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		again = trim(job, stream, position);
		PopActiveSnapshot();
		CommitTransactionCommand();
		WEIR_FAULT(after_journal_trim);
	}
	MemoryContextSwitchTo(caller);
}
