/*
 * source/feed/reader.c
 *		Reads a stream fed from SQL.
 *
 * Rows of many transactions stand in the journal in the order of their places,
 * which is not that in which they were committed: behind rows that are visible
 * others may come to be before them.  So the reader looks where the WAL stands,
 * then who writes the stream.  Whoever has taken a place before that has said
 * before that that he writes (writer.c), and is among those, or has ended.  Once
 * they have all ended, a snapshot taken then sees every row before the place that
 * will ever be seen, and a replay of them sees the same (decide/decided.h).
 *
 *	 handed out        read ahead         decided             next
 *	...........|---------------------|---------------|~~~~~~~~~~~~~~~|
 *			   position				  				 rows before it wait for its writers
 *
 * One long writer holds back this stream and no other.  The end of each wakes the
 * reader (wake.c), of a prepared one too where its COMMIT PREPARED goes through
 * weir; another way it may end unheard, so that it is looked for.
 *
 * Places before the decided one are over, whether there are rows or not: the
 * position moves on with it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "catalog/feed.h"
#include "decide/decided.h"
#include "source/feed/chunk.h"
#include "source/feed/journal.h"
#include "source/feed/lock.h"
#include "source/feed/reader.h"
#include "source/feed/text.h"
#include "source/feed/wake.h"
#include "source/metadata.h"

#define AHEAD_BYTES		(1024 * 1024)
#define LOOK_MS			100		/* for the end of a prepared transaction */

typedef struct Chunk
{
	int64		place;
	int64		stamp;
	int			nrows;
	StringInfoData data;
} Chunk;

struct WeirFeedReader
{
	WeirSource	source;			/* first */
	MemoryContext context;
	const WeirStream *stream;
	WeirSourceOptions options;
	WeirSourceStats *stats;
	WeirFeedPosition position;	/* behind what was handed out */
	WeirDecided decided;
	bool		began_ended;
	bool		draining;
	int64		drain_mark;		/* the end is not before this place; 0: not yet known */
	bool		prepared;		/* a transaction that is waited for is */
	int64		skip;			/* rows at the start position that were handed out before it */
	WeirFeedPosition completed; /* of a completed checkpoint: nobody goes back behind it */
	int64		blocks;			/* of the journal */
	int64		looked_after;	/* of it, when it was looked after last for its size */

	/* read ahead */
	MemoryContext ahead;
	Chunk	   *chunks;
	int			nchunks;
	int			max_chunks;
	int			chunk;			/* being handed out */
	int			row;			/* of it, next */
	Size		offset;			/* of that; 0: the chunk is not open */
	int64		reached;		/* chunks before this place are in here, or over */
	int64		quiet_at;		/* nobody wrote the stream then, and all that was written is decided;
								 * PG_INT64_MIN: somebody does */
	WeirFeedChunkReader *columns;
	WeirMetadataFiller *metadata;	/* NULL: no column has any */
	WeirFeedText *text;			/* NULL: records' text is not kept */
};

static WeirFeedPosition
read_position(const WeirPosition *bytes)
{
	WeirFeedPosition position;

	if (!weir_feed_position_decode(bytes, &position))
		weir_position_refuse(bytes, "weir");
	return position;
}

static void
refuse_start(const WeirFeedReader *r, const WeirFeedPosition *forgotten)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("journal of stream %s no longer holds the start position", r->stream->name),
			 errdetail(INT64_FORMAT " rows are missing: the start is behind row " INT64_FORMAT
					   ", the journal begins behind row " INT64_FORMAT ".",
					   forgotten->line - r->position.line, r->position.line, forgotten->line),
			 errhint("Start the job from a later savepoint, or with weir.start_job(allow_gap => true) to go on behind what is missing.")));
}

/* Rows that were handed out for good are not handed out again, whatever the position says. */
static void
pass_forgotten(WeirFeedReader *r, const WeirFeedPosition *forgotten, bool at_oldest)
{
	if (!weir_feed_position_is_behind(forgotten, &r->position))
		return;
	if (!at_oldest && !r->options.at_most_once && r->options.checkpointing && !r->options.allow_gap)
		refuse_start(r, forgotten);
	r->position = *forgotten;
}

static void
refuse_ahead(const WeirFeedReader *r, int64 place, int64 now)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("position in stream %s lies ahead of the WAL", r->stream->name),
			 errdetail("It is %X/%X, and the WAL stands at %X/%X.",
					   LSN_FORMAT_ARGS((XLogRecPtr) place), LSN_FORMAT_ARGS((XLogRecPtr) now)),
			 errhint("Was the WAL reset? Start the job with weir.start_job(allow_gap => true) to go on with the first row that is kept; rows may be missing or come again.")));
}

/* Places begin anew below those of before, as pg_resetwal can have them. */
static void
go_back(WeirFeedReader *r, const WeirFeedPosition *forgotten, int64 now)
{
	WeirPosition bytes;
	bool		kept = forgotten->place <= now;

	if (!r->options.allow_gap)
		refuse_ahead(r, Max(r->position.place, forgotten->place), now);
	r->position.place = kept ? forgotten->place : 0;
	r->position.rows = kept ? forgotten->rows : 0;
	r->position.ended = false;
	weir_feed_position_encode(&r->position, &bytes);
	weir_feed_set_forgotten(r->options.job, r->stream->relid, &bytes);
	weir_feed_set_passed(r->options.job, r->stream->relid, 0);
	ForceSyncCommit();
}

/* start_job of a job that a drain had finished; durable, so that no later attempt meets the end again. */
static void
pass_end(WeirFeedReader *r, const WeirFeedJournal *journal)
{
	if (!r->position.ended)
		return;
	if (r->options.pass_end && r->position.place > journal->passed)
	{
		weir_feed_set_passed(r->options.job, r->stream->relid, r->position.place);
		ForceSyncCommit();
	}
	r->position.ended = !r->options.pass_end && r->position.place > journal->passed;
	r->began_ended = r->position.ended;
}

static void
begin_at(WeirFeedReader *r, const WeirFeedJournal *journal, const WeirPosition *start)
{
	WeirFeedPosition forgotten = read_position(&journal->forgotten);
	int64		now = (int64) GetXLogInsertRecPtr();

	r->position = read_position(start);
	if (Max(r->position.place, forgotten.place) > now)
		go_back(r, &forgotten, now);
	else
	{
		pass_forgotten(r, &forgotten, start->len == 0);
		pass_end(r, journal);
	}
}

static void
find_start(WeirFeedReader *r, const WeirPosition *start)
{
	MemoryContext caller = CurrentMemoryContext;
	WeirFeedJournal *journal;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	journal = weir_feed_journal(r->options.job, r->stream->relid);
	if (journal == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the job has no journal of stream %s", r->stream->name),
				 errhint("Stop the job and start it with weir.start_job, which makes one.")));
	begin_at(r, journal, start);
	PopActiveSnapshot();
	CommitTransactionCommand();
	SetLatch(MyLatch);			/* a wait for a standby takes wake-ups */
	MemoryContextSwitchTo(caller);
}

WeirFeedReader *
weir_feed_reader_open(const WeirStream *stream, const WeirSourceOptions *options,
					  const WeirPosition *start, WeirSourceStats *stats)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "weir feed reader",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	WeirFeedReader *r = palloc0(sizeof(WeirFeedReader));

	r->source.ops = &weir_feed_source;
	r->context = context;
	r->stream = stream;
	r->options = *options;
	r->stats = stats ? stats : palloc0(sizeof(WeirSourceStats));
	r->ahead = AllocSetContextCreate(context, "weir rows ahead", ALLOCSET_DEFAULT_SIZES);
	r->columns = weir_feed_chunk_reader_create(stream->name);
	r->metadata = weir_metadata_filler(stream);
	find_start(r, start);
	weir_decided_init(&r->decided, r->position.place);
	r->reached = r->position.place;
	r->quiet_at = PG_INT64_MIN;
	r->skip = r->position.rows;
	r->completed = r->position;
	r->stats->status = WEIR_SOURCE_LISTENING;
	r->stats->records = r->stats->records_before = r->position.line;
	weir_feed_wake_me(stream->relid);
	MemoryContextSwitchTo(caller);
	return r;
}

void
weir_feed_reader_close(WeirFeedReader *r)
{
	weir_feed_wake_me(InvalidOid);
	weir_decided_destroy(&r->decided);
	r->stats->status = WEIR_SOURCE_CLOSED;
	MemoryContextDelete(r->context);
}

/* Where the WAL stands first, then who writes: whoever is to come has its stamps later. */
static void
look(WeirFeedReader *r)
{
	int64		now = weir_arrival_time();
	int64		place = (int64) GetXLogInsertRecPtr();
	int			n;
	uint64	   *writers = weir_feed_writers(r->stream->relid, &n);

	weir_decided_look(&r->decided, place, writers, n);
	r->quiet_at = n == 0 ? now : PG_INT64_MIN;
	r->prepared = false;
	r->stats->held_by = 0;
	for (int i = 0; i < r->decided.nwriters; i++)
	{
		int			pid = weir_feed_writer_pid(r->decided.writers[i]);

		r->prepared = r->prepared || pid == 0;
		r->stats->held_by = pid > 0 ? pid : -1;
	}
}

static Chunk *
add_chunk(WeirFeedReader *r, const WeirFeedPiece *piece)
{
	Chunk	   *chunk;

	if (r->nchunks == r->max_chunks)
	{
		r->max_chunks = Max(r->max_chunks * 2, 64);
		if (r->chunks == NULL)
			r->chunks = MemoryContextAlloc(r->context, r->max_chunks * sizeof(Chunk));
		else
			r->chunks = repalloc(r->chunks, r->max_chunks * sizeof(Chunk));
	}
	chunk = &r->chunks[r->nchunks++];
	chunk->place = piece->place;
	chunk->stamp = piece->stamp;
	chunk->nrows = piece->nrows;
	initStringInfo(&chunk->data);
	return chunk;
}

/* Chunks of one place are read together, so that where reading goes on needs no more than a place. */
static void
read_pieces(WeirFeedReader *r, WeirFeedScan *scan)
{
	WeirFeedPiece piece;
	Chunk	   *chunk = NULL;
	int64		bytes = 0;

	while (weir_feed_scan_next(scan, &piece) && piece.place < r->decided.upto)
	{
		if (bytes >= AHEAD_BYTES && piece.nrows > 0 && piece.place != chunk->place)
		{
			r->reached = piece.place;
			return;
		}
		if (piece.nrows > 0)
			chunk = add_chunk(r, &piece);
		appendBinaryStringInfo(&chunk->data, piece.data, (int) piece.size);
		bytes += piece.size;
		r->stats->bytes += piece.size;
		CHECK_FOR_INTERRUPTS();
	}
	r->reached = r->decided.upto;
}

static void
note_size(WeirFeedReader *r)
{
	r->blocks = 0;
	for (int slot = 0; slot < WEIR_FEED_SLOTS; slot++)
		r->blocks += weir_feed_blocks(r->options.job, r->stream->relid, slot);
	r->stats->journal_bytes = r->blocks * BLCKSZ;
}

static void
scan_ahead(WeirFeedReader *r)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	WeirFeedScan *scan = weir_feed_scan_begin(r->options.job, r->stream->relid, r->reached, snapshot);

	MemoryContextSwitchTo(r->ahead);
	read_pieces(r, scan);
	weir_feed_scan_end(scan);
	UnregisterSnapshot(snapshot);
}

/* Reads what comes next, as far as it is decided. */
static void
read_ahead(WeirFeedReader *r)
{
	MemoryContext caller = CurrentMemoryContext;

	MemoryContextReset(r->ahead);
	r->nchunks = r->chunk = r->row = 0;
	r->offset = 0;
	StartTransactionCommand();
	note_size(r);				/* waits for locks, if any do, before the look */
	if (r->reached >= r->decided.upto)
		look(r);
	if (r->reached < r->decided.upto)
		scan_ahead(r);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
}

/* All that was read ahead was handed out: the position moves on with what is over. */
static void
pass_over(WeirFeedReader *r)
{
	if (r->chunk < r->nchunks || r->reached <= r->position.place)
		return;
	r->position.place = r->reached;
	r->position.rows = 0;
}

/* The next row to hand out lies in r->chunk; false: all have been. */
static bool
find_row(WeirFeedReader *r, const WeirBatch *batch)
{
	while (r->chunk < r->nchunks)
	{
		Chunk	   *chunk = &r->chunks[r->chunk];

		if (r->offset == 0)
			r->offset = weir_feed_chunk_open(r->columns, batch, chunk->data.data, chunk->data.len);
		if (r->row < chunk->nrows)
			return true;
		r->chunk++;
		r->row = 0;
		r->offset = 0;
	}
	return false;
}

/* Those that the start position is behind. */
static void
skip_rows(WeirFeedReader *r, const WeirBatch *batch)
{
	for (; r->skip > 0 && find_row(r, batch); r->skip--)
	{
		r->offset = weir_feed_chunk_pass(r->chunks[r->chunk].data.data, r->offset);
		r->row++;
	}
}

static void
take_row(WeirFeedReader *r, WeirScanInput *scan)
{
	WeirBatch  *batch = scan->batch;
	const Chunk *chunk = &r->chunks[r->chunk];
	int			row = batch->nrows;

	if (chunk->place > r->position.place)
	{
		r->position.place = chunk->place;
		r->position.rows = 0;
	}
	r->position.rows++;
	r->position.line++;
	r->position.clock = Max(r->position.clock, chunk->stamp);
	r->offset = weir_feed_chunk_read(r->columns, chunk->data.data, r->offset, batch, row);
	r->row++;
	batch->lines[row] = r->position.line;
	batch->stamps[row] = r->position.clock;
	batch->nrows++;
	if (batch->raw)
		batch->raw[row] = weir_feed_text(r->text, batch, row);
	if (r->metadata)
		weir_metadata_fill(r->metadata, batch, row, NULL);
}

/* What the rows need of catalogs is looked up in a transaction. */
static void
fill(WeirFeedReader *r, WeirScanInput *scan)
{
	MemoryContext caller = CurrentMemoryContext;

	StartTransactionCommand();
	MemoryContextSwitchTo(r->context);
	if (scan->batch->raw && r->text == NULL)
		r->text = weir_feed_text_create(r->stream, scan->batch->desc);
	if (r->metadata)
		weir_metadata_reset(r->metadata);
	skip_rows(r, scan->batch);
	while (scan->batch->nrows < scan->limit && find_row(r, scan->batch))
		take_row(r, scan);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
}

/*
 * Without checkpoints, or at most once, what is handed out is forgotten before.
 * Without, nothing is promised that would be worth a wait for the disk.
 */
static void
forget_handed_out(WeirFeedReader *r)
{
	MemoryContext caller = CurrentMemoryContext;
	int			durable = synchronous_commit;
	WeirPosition bytes;

	if (r->options.checkpointing && !r->options.at_most_once)
		return;
	weir_feed_position_encode(&r->position, &bytes);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	weir_feed_set_forgotten(r->options.job, r->stream->relid, &bytes);
	PopActiveSnapshot();
	if (!r->options.checkpointing)
		synchronous_commit = SYNCHRONOUS_COMMIT_OFF;
	CommitTransactionCommand();
	synchronous_commit = durable;
	SetLatch(MyLatch);			/* a wait for a standby takes wake-ups */
	MemoryContextSwitchTo(caller);
}

/* A journal may also be large of rows that were rolled back, which nobody reads. */
static void
look_after(WeirFeedReader *r)
{
	if (r->blocks == r->looked_after)
		return;
	r->looked_after = r->blocks;
	weir_feed_reader_trim(r, &r->completed);
}

static void
count(WeirFeedReader *r, const WeirBatch *batch)
{
	r->stats->records = r->position.line;
	r->stats->last_record_at = batch->stamps[batch->nrows - 1];
}

/* Nothing is left of what was read ahead: is there more? */
static bool
look_further(WeirFeedReader *r)
{
	pass_over(r);
	read_ahead(r);
	if (r->nchunks > 0)
		return true;
	pass_over(r);
	look_after(r);
	r->position.ended = r->drain_mark > 0 && r->decided.upto >= r->drain_mark;
	return false;
}

WeirReadResult
weir_feed_reader_next(WeirFeedReader *r, WeirScanInput *scan)
{
	Assert(scan->limit > 0);
	weir_scan_input_reset(scan);
	if (r->position.ended)
		return WEIR_READ_ENDED;
	if (r->draining && r->drain_mark == 0)
		r->drain_mark = (int64) GetXLogInsertRecPtr();
	/* what was read ahead may have been handed out, or skipped, to its last row */
	while (scan->batch->nrows == 0)
	{
		if (r->chunk == r->nchunks && !look_further(r))
			return r->position.ended ? WEIR_READ_ENDED : WEIR_READ_WAIT;
		fill(r, scan);
	}
	forget_handed_out(r);
	count(r, scan->batch);
	return WEIR_READ_BATCH;
}

bool
weir_feed_reader_began_ended(const WeirFeedReader *r)
{
	return r->began_ended;
}

/* What is ahead is there at once.  The end waits for writers, as rows do. */
long
weir_feed_reader_timeout(const WeirFeedReader *r)
{
	if (r->chunk < r->nchunks || (r->draining && r->drain_mark == 0))
		return 0;
	return r->prepared ? LOOK_MS : -1;
}

/* An end that a drain made is part of a final checkpoint alone. */
void
weir_feed_reader_position(const WeirFeedReader *r, bool final, WeirFeedPosition *position)
{
	*position = r->position;
	position->ended = r->position.ended && (final || r->began_ended);
}

void
weir_feed_reader_trim(WeirFeedReader *r, const WeirFeedPosition *position)
{
	r->completed = *position;
	if (weir_feed_journal_is_large(r->stream, r->blocks))
		weir_feed_journal_trim(r->options.job, r->stream, position);
}

/* The look that found nothing was the last one. */
int64
weir_feed_reader_tick(WeirFeedReader *r)
{
	if (r->chunk < r->nchunks || r->reached < r->decided.upto)
		return PG_INT64_MIN;
	r->position.clock = Max(r->position.clock, r->quiet_at);
	return r->quiet_at;
}

void
weir_feed_reader_drain(WeirFeedReader *r)
{
	r->draining = true;
}
