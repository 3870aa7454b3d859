/*
 * source/feed/writer.c
 *		What INSERT and COPY do with the rows of a stream fed from SQL.
 *
 * Rows are packed into chunks, each of which goes into the journal of every job
 * that reads the stream, in the writer's transaction: it commits and rolls back
 * with whatever else that does.  A chunk is cut into pieces of at most a page, so
 * that no TOAST table is needed, and its place is where the WAL stood when it was
 * written: places ascend in all processes, survive a crash and are nobody's to
 * keep.  Two writers may have the same; then their transactions tell which is first.
 * One may have the same twice, where rows are not logged (wal_level minimal, a job
 * that was created in the same transaction); then the numbers of the pieces go on.
 *
 *	lock		that this transaction writes the stream (lock.c)
 *	place		GetXLogInsertRecPtr()
 *	rows		inserted
 *	commit		moves the WAL on
 *	end			rows visible, lock released, sources woken
 *
 * The order is what a source relies on (reader.c).
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "executor/executor.h"
#include "foreign/foreign.h"
#include "nodes/parsenodes.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "base/compat.h"
#include "catalog/feed.h"
#include "catalog/job.h"
#include "source/feed/chunk.h"
#include "source/feed/journal.h"
#include "source/feed/lock.h"
#include "source/feed/writer.h"
#include "source/stream_option.h"

#define CHUNK_BYTES (INSERT_PIECES * WEIR_FEED_PIECE - 512)	/* full, but for what another row may take */
#define INSERT_PIECES 8			/* a call of heap_multi_insert */

/* The journal of a job. */
typedef struct Target
{
	int64		job;
	Relation	rel;
	CatalogIndexState indexes;
	BlockNumber other_blocks;	/* of the journal's other table */
} Target;

/* The last piece that this process has written. */
static struct
{
	FullTransactionId writer;
	int64		place;
	int			number;
}			last = {{0}, 0, 0};

struct WeirFeedWriter
{
	MemoryContext context;
	Relation	stream;
	int64		max_journal;	/* bytes */
	Target	   *targets;
	int			ntargets;
	WeirFeedChunkWriter *chunk;
	TupleTableSlot *pieces[INSERT_PIECES];	/* NULL: not yet made */
	MemoryContext flush_context;	/* of what writing a chunk needs */
};

static void
refuse_unread(Relation stream)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no job reads stream \"%s\"", RelationGetRelationName(stream)),
			 errdetail("Rows are kept for the jobs that read the stream, and there is none."),
			 errhint("Create a job that reads it first, with weir.create_job; rows may come before weir.start_job.")));
}

static BlockNumber
count_blocks(Oid relid)
{
	Relation	rel = try_table_open(relid, AccessShareLock);
	BlockNumber blocks = 0;

	if (rel == NULL)
		return 0;
	blocks = RelationGetNumberOfBlocks(rel);
	table_close(rel, AccessShareLock);
	return blocks;
}

/* A job that was dropped meanwhile has no journal any more. */
static void
open_target(WeirFeedWriter *w, const WeirFeedJournal *journal)
{
	Target	   *target = &w->targets[w->ntargets];
	Oid			relid = weir_feed_table(journal->job, journal->stream, journal->slot);

	target->rel = OidIsValid(relid) ? try_table_open(relid, RowExclusiveLock) : NULL;
	if (target->rel == NULL)
		return;
	target->job = journal->job;
	target->indexes = CatalogOpenIndexes(target->rel);
	target->other_blocks = count_blocks(weir_feed_table(journal->job, journal->stream, 1 - journal->slot));
	w->ntargets++;
}

WeirFeedWriter *
weir_feed_writer_open(Relation stream)
{
	WeirFeedWriter *w = palloc0(sizeof(WeirFeedWriter));
	List	   *journals;
	ListCell   *lc;

	w->context = CurrentMemoryContext;
	w->stream = stream;
	w->max_journal = weir_feed_max_journal(RelationGetRelid(stream));
	weir_feed_lock_write(RelationGetRelid(stream));
	journals = weir_feed_journals(RelationGetRelid(stream));
	w->targets = palloc0(sizeof(Target) * Max(list_length(journals), 1));
	foreach(lc, journals)
		open_target(w, lfirst(lc));
	if (w->ntargets == 0)
		refuse_unread(stream);
	w->chunk = weir_feed_chunk_writer_create(RelationGetDescr(stream));
	w->flush_context = AllocSetContextCreate(CurrentMemoryContext, "weir chunk to write",
											 ALLOCSET_DEFAULT_SIZES);
	return w;
}

static void
refuse_full(const WeirFeedWriter *w, const Target *target, int64 bytes)
{
	WeirJob    *job;

	PushActiveSnapshot(GetLatestSnapshot());
	job = weir_job_by_id(target->job);
	PopActiveSnapshot();
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("journal of stream \"%s\" for job \"%s\" is full",
					RelationGetRelationName(w->stream), job ? job->name : "(dropped)"),
			 errdetail("It occupies " INT64_FORMAT " bytes, and max_journal is " INT64_FORMAT " bytes.",
					   bytes, w->max_journal),
			 errhint("Let the job read what waits: is it running, and do its checkpoints complete? Else drop it, or raise option max_journal of the foreign table.")));
}

static void
check_room(const WeirFeedWriter *w, const Target *target)
{
	int64		bytes = ((int64) target->other_blocks + RelationGetNumberOfBlocks(target->rel)) * BLCKSZ;

	if (bytes >= w->max_journal)
		refuse_full(w, target, bytes);
}

/* Pieces of a transaction at one place are numbered through, over streams and statements. */
static int
next_number(int64 place)
{
	FullTransactionId writer = GetTopFullTransactionId();
	bool		same = FullTransactionIdEquals(last.writer, writer) && last.place == place;

	last.writer = writer;
	last.place = place;
	last.number = same ? last.number + 1 : 0;
	return last.number;
}

static TupleTableSlot *
piece_slot(WeirFeedWriter *w, int i)
{
	MemoryContext caller;

	if (w->pieces[i] != NULL)
		return w->pieces[i];
	caller = MemoryContextSwitchTo(w->context);
	w->pieces[i] = MakeSingleTupleTableSlot(RelationGetDescr(w->targets[0].rel), &TTSOpsHeapTuple);
	MemoryContextSwitchTo(caller);
	return w->pieces[i];
}

/* A piece of the chunk in the slot. */
static void
set_piece(WeirFeedWriter *w, TupleTableSlot *slot, int64 place, int64 stamp, int piece)
{
	Size		from = (Size) piece * WEIR_FEED_PIECE;
	Size		size = Min(WEIR_FEED_PIECE, w->chunk->size - from);
	bytea	   *data = palloc(VARHDRSZ + size);

	SET_VARSIZE(data, VARHDRSZ + size);
	memcpy(VARDATA(data), w->chunk->data + from, size);
	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, WEIR_FEED_COLUMNS * sizeof(bool));
	slot->tts_values[WEIR_FEED_PLACE] = Int64GetDatum(place);
	slot->tts_values[WEIR_FEED_WRITER] =
		Int64GetDatum((int64) U64FromFullTransactionId(GetTopFullTransactionId()));
	slot->tts_values[WEIR_FEED_NUMBER] = Int32GetDatum(next_number(place));
	slot->tts_values[WEIR_FEED_ROWS] = Int32GetDatum(piece == 0 ? w->chunk->nrows : 0);
	slot->tts_values[WEIR_FEED_STAMP] = Int64GetDatum(stamp);
	slot->tts_values[WEIR_FEED_DATA] = PointerGetDatum(data);
	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
	pfree(data);
}

static void
write_chunk(WeirFeedWriter *w, Target *target, int64 place, int64 stamp)
{
	int			npieces = (int) ((w->chunk->size + WEIR_FEED_PIECE - 1) / WEIR_FEED_PIECE);

	check_room(w, target);
	for (int done = 0; done < npieces;)
	{
		int			n = Min(npieces - done, INSERT_PIECES);

		for (int i = 0; i < n; i++)
			set_piece(w, piece_slot(w, i), place, stamp, done + i);
		CatalogTuplesMultiInsertWithInfo(target->rel, w->pieces, n, target->indexes);
		done += n;
	}
}

static void
flush(WeirFeedWriter *w)
{
	int64		stamp = weir_arrival_time();
	MemoryContext caller;

	if (w->chunk->nrows == 0)
		return;
	caller = MemoryContextSwitchTo(w->flush_context);
	for (int i = 0; i < w->ntargets; i++)
		write_chunk(w, &w->targets[i], (int64) GetXLogInsertRecPtr(), stamp);
	weir_feed_chunk_begin(w->chunk);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(w->flush_context);
}

void
weir_feed_writer_add(WeirFeedWriter *w, TupleTableSlot *row)
{
	slot_getallattrs(row);
	weir_feed_chunk_add(w->chunk, row->tts_values, row->tts_isnull);
	if (w->chunk->size >= CHUNK_BYTES)
		flush(w);
}

void
weir_feed_writer_close(WeirFeedWriter *w)
{
	flush(w);
	for (int i = 0; i < INSERT_PIECES && w->pieces[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(w->pieces[i]);
	for (int i = 0; i < w->ntargets; i++)
	{
		CatalogCloseIndexes(w->targets[i].indexes);
		table_close(w->targets[i].rel, NoLock);
	}
}
