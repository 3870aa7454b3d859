/*
 * source/journal.c
 *		What a source has read from its socket, kept until a completed
 *		checkpoint is past it.
 *
 * A journal is a ring of segments (segment.c).  Its rows are stretches of the
 * stream that arrived at one stamp, or marks between them: an end of the stream,
 * the word that an end was passed (start_job of a finished job), the begin of
 * another stream of the sender, a gap in its stream.  The offsets go on over
 * marks; none is left out, but where a mode without journal came between.
 *
 *		  trimmed           a checkpoint's position   committed    appended
 *		.........|-----------------|----------------------|~~~~~~~~~~~|
 *		         oldest            replay begins here     end
 *
 * Appended rows are held in memory and committed in groups.  Only the source
 * task of its job writes a journal, and a job has one attempt at a time, so
 * what is known here of its segments stays true.  A crash at any point leaves
 * the rows of committed groups, that is, a prefix of what was appended: a new
 * segment's table, its entry and its first rows are committed together, and so
 * are a segment's truncation and its entry's.
 *
 * A segment is freed when the next one begins before the newest completed
 * checkpoint's position: the rows at the position itself stay, since an end
 * that stands there, and what passed it, must be found again.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/fault.h"
#include "source/journal.h"

#define CROWDED_BYTES	(1024 * 1024)
#define CROWDED_ROWS	512		/* each has a page of memory, however little is in it */
#define READ_BLOCKS		64
#define MIN_SEGMENT		(8 * BLCKSZ)

int			weir_journal_segment_size = 65536;

/* Where a replay stands. */
typedef struct Replay
{
	MemoryContext context;		/* of the rows read */
	int64		segment;		/* number */
	BlockNumber block;			/* next to read */
	int64		offset;			/* next byte to hand out */
	WeirJournalRow *rows;
	int			nrows;
	int			next;
} Replay;

struct WeirJournal
{
	MemoryContext context;
	const WeirStream *stream;
	int64		job;
	int			ordinal;

	WeirSegment *slots;			/* the first nused hold segments, in order */
	int			nslots;
	int			nused;
	int			max_slots;

	int64		end;			/* behind the last committed byte */
	char		last_kind;		/* of the last committed row */
	int64		last_stamp;
	bool		skipped;		/* the next row begins a segment of its own */
	bool		failed;			/* a transaction failed: what is known here of slots may be wrong */

	WeirJournalRow *rows;		/* appended; each with room for WEIR_ROW_MAX bytes */
	int			nrows;
	int			max_rows;
	int64		appended;		/* behind the last appended byte */
	Size		bytes;			/* appended and not committed */
	int64		due;

	Replay		replay;
};

static WeirSegment *
last_segment(WeirJournal *j)
{
	return j->nused > 0 ? &j->slots[j->nused - 1] : NULL;
}

/* Behind the row's bytes of the stream. */
static int64
row_end(const WeirJournalRow *row)
{
	return row->offset + (row->kind == WEIR_ROW_DATA ? row->len : 0);
}

/* Finds the last committed row: the end of the journal. */
static void
find_end(WeirJournal *j)
{
	for (int i = j->nused - 1; i >= 0; i--)
	{
		WeirSegment *s = &j->slots[i];

		j->end = Max(j->end, s->start_offset);
		for (BlockNumber block = s->blocks; block > 0; block--)
		{
			int			n;
			WeirJournalRow *rows = weir_segment_read(s, block - 1, 1, &n);

			if (n == 0)
				continue;
			j->end = Max(j->end, row_end(&rows[n - 1]));
			j->last_kind = rows[n - 1].kind;
			j->last_stamp = rows[n - 1].stamp;
			return;
		}
	}
}

WeirJournal *
weir_journal_open(const WeirStream *stream, int64 job, int ordinal)
{
	WeirJournal *j = palloc0(sizeof(WeirJournal));
	MemoryContext caller = CurrentMemoryContext;

	j->context = caller;
	j->stream = stream;
	j->job = job;
	j->ordinal = ordinal;
	j->replay.context = AllocSetContextCreate(caller, "weir journal replay",
											  ALLOCSET_DEFAULT_SIZES);
	StartTransactionCommand();
	MemoryContextSwitchTo(caller);
	j->slots = weir_segments_load(job, ordinal, &j->nslots);
	j->max_slots = Max(j->nslots, 1);
	while (j->nused < j->nslots && j->slots[j->nused].number > 0)
		j->nused++;
	MemoryContextSwitchTo(j->replay.context);
	find_end(j);
	CommitTransactionCommand();
	MemoryContextReset(j->replay.context);
	MemoryContextSwitchTo(caller);
	j->appended = j->end;
	return j;
}

int64
weir_journal_end(const WeirJournal *j)
{
	return j->end;
}

char
weir_journal_last_kind(const WeirJournal *j)
{
	return j->last_kind;
}

int64
weir_journal_last_stamp(const WeirJournal *j)
{
	return j->last_stamp;
}

void
weir_journal_check_start(const WeirJournal *j, int64 offset)
{
	if (j->nused == 0 || offset >= j->slots[0].start_offset)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("journal of stream %s no longer holds the start position",
					j->stream->name),
			 errdetail(INT64_FORMAT " bytes are missing: the start is at byte " INT64_FORMAT
					   ", the journal begins at byte " INT64_FORMAT ".",
					   j->slots[0].start_offset - offset, offset,
					   j->slots[0].start_offset),
			 errhint("Start the job from a later savepoint, or with weir.start_job(allow_gap => true) to go on behind what is missing.")));
}

void
weir_journal_skip_to(WeirJournal *j, int64 offset)
{
	Assert(j->nrows == 0 && offset > j->end);
	j->end = j->appended = offset;
	j->last_kind = 0;
	j->skipped = true;
}

/* A row to append to. */
static WeirJournalRow *
add_row(WeirJournal *j, char kind, int64 stamp)
{
	WeirJournalRow *row;

	if (j->nrows == j->max_rows)
	{
		int			wanted = Max(j->max_rows * 2, 64);

		if (j->rows == NULL)
			j->rows = MemoryContextAllocZero(j->context, wanted * sizeof(WeirJournalRow));
		else
			j->rows = repalloc(j->rows, wanted * sizeof(WeirJournalRow));
		for (int i = j->max_rows; i < wanted; i++)
			j->rows[i].data = NULL;
		j->max_rows = wanted;
	}
	row = &j->rows[j->nrows++];
	if (row->data == NULL)
		row->data = (char *) MemoryContextAlloc(j->context, WEIR_ROW_HEAD + WEIR_ROW_MAX) + WEIR_ROW_HEAD;
	row->offset = j->appended;
	row->stamp = stamp;
	row->kind = kind;
	row->len = 0;
	return row;
}

static void
note_due(WeirJournal *j)
{
	if (j->due == 0)
		j->due = weir_now() + j->stream->journal_flush;
}

void
weir_journal_mark(WeirJournal *j, char kind, int64 stamp, const char *data, Size len)
{
	WeirJournalRow *row = add_row(j, kind, stamp);

	Assert(kind != WEIR_ROW_DATA && len <= WEIR_ROW_MAX);
	note_due(j);
	memcpy(row->data, data, len);
	row->len = (int) len;
}

void
weir_journal_append(WeirJournal *j, int64 stamp, const char *data, Size len)
{
	WeirJournalRow *row = j->nrows > 0 ? &j->rows[j->nrows - 1] : NULL;

	note_due(j);
	while (len > 0)
	{
		Size		n;

		if (row == NULL || row->kind != WEIR_ROW_DATA || row->stamp != stamp ||
			row->len == WEIR_ROW_MAX)
			row = add_row(j, WEIR_ROW_DATA, stamp);
		n = Min(len, (Size) (WEIR_ROW_MAX - row->len));
		memcpy(row->data + row->len, data, n);
		row->len += (int) n;
		j->appended += n;
		j->bytes += n;
		data += n;
		len -= n;
	}
}

const WeirJournalRow *
weir_journal_waiting(const WeirJournal *j, int *n)
{
	*n = j->nrows;
	return j->rows;
}

void
weir_journal_forget_waiting(WeirJournal *j)
{
	j->nrows = 0;
	j->bytes = 0;
	j->due = 0;
}

bool
weir_journal_failed(const WeirJournal *j)
{
	return j->failed;
}

int64
weir_journal_appended(const WeirJournal *j)
{
	return j->appended;
}

int64
weir_journal_due(const WeirJournal *j)
{
	return j->due;
}

bool
weir_journal_crowded(const WeirJournal *j)
{
	return j->bytes >= CROWDED_BYTES || j->nrows >= CROWDED_ROWS;
}

/* At least four segments make it up, so that most of a full journal can be freed. */
int64
weir_journal_limit(const WeirJournal *j)
{
	return Max(j->stream->max_journal, (int64) j->stream->max_record * 4);
}

static BlockNumber
segment_blocks(const WeirJournal *j)
{
	int64		bytes = Min((int64) weir_journal_segment_size * 1024, weir_journal_limit(j) / 4);

	return (BlockNumber) (Max(bytes, MIN_SEGMENT) / BLCKSZ);
}

/* Begins the segment that holds the bytes from offset on. */
static WeirSegment *
next_segment(WeirJournal *j, int64 offset)
{
	WeirSegment *last = last_segment(j);
	WeirSegment *segment;

	if (j->nused == j->nslots)
	{
		if (j->nslots == j->max_slots)
		{
			j->max_slots *= 2;
			j->slots = repalloc(j->slots, j->max_slots * sizeof(WeirSegment));
			last = last_segment(j);
		}
		segment = &j->slots[j->nslots];
		memset(segment, 0, sizeof(*segment));
		for (int i = 0; i < j->nslots; i++)
			segment->slot = Max(segment->slot, j->slots[i].slot + 1);
		j->nslots++;
	}
	segment = &j->slots[j->nused];
	weir_segment_begin(j->job, j->ordinal, segment,
					   last == NULL ? 1 : last->number + 1, offset);
	j->nused++;
	j->skipped = false;
	return segment;
}

static void
write_rows(WeirJournal *j)
{
	int			done = 0;

	while (done < j->nrows)
	{
		WeirSegment *s = last_segment(j);
		BlockNumber limit = segment_blocks(j);
		int			n;

		if (s == NULL || s->blocks >= limit || j->skipped)
			s = next_segment(j, j->rows[done].offset);
		/* a row takes at most a page */
		n = Min(j->nrows - done, (int) (limit - s->blocks));
		weir_segment_insert(s, &j->rows[done], n);
		done += n;
	}
}

void
weir_journal_flush(WeirJournal *j)
{
	MemoryContext caller = CurrentMemoryContext;

	if (j->nrows == 0 || j->failed)
		return;
	j->failed = true;
	WEIR_FAULT(before_journal_flush);
	StartTransactionCommand();
	write_rows(j);
	ForceSyncCommit();
	WEIR_FAULT(before_journal_commit);
	CommitTransactionCommand();
	SetLatch(MyLatch);			/* a wait for a standby takes wake-ups */
	WEIR_FAULT(after_journal_flush);
	j->failed = false;
	MemoryContextSwitchTo(caller);

	j->last_kind = j->rows[j->nrows - 1].kind;
	j->last_stamp = j->rows[j->nrows - 1].stamp;
	j->end = j->appended;
	weir_journal_forget_waiting(j);
}

/* What a crash left committed here may not have reached the standbys that its commit waited for. */
void
weir_journal_confirm(void)
{
	if (!SyncRepRequested())
		return;
	HOLD_INTERRUPTS();
	SyncRepWaitForLSN(GetFlushRecPtr(NULL), true);
	RESUME_INTERRUPTS();
}

int64
weir_journal_size(const WeirJournal *j)
{
	int64		blocks = 0;

	for (int i = 0; i < j->nused; i++)
		blocks += j->slots[i].blocks;
	return blocks * BLCKSZ;
}

static bool
can_free(const WeirJournal *j, int i, int64 offset)
{
	return i + 1 < j->nused && j->slots[i + 1].start_offset < offset;
}

bool
weir_journal_full(const WeirJournal *j, int64 offset)
{
	return can_free(j, 0, offset) &&
		weir_journal_size(j) + (int64) j->bytes >= weir_journal_limit(j);
}

/* Slot i is free: it goes behind those in use. */
static void
move_behind(WeirJournal *j, int i)
{
	WeirSegment segment = j->slots[i];

	j->nused--;
	memmove(&j->slots[i], &j->slots[i + 1], (j->nused - i) * sizeof(WeirSegment));
	j->slots[j->nused] = segment;
}

void
weir_journal_trim(WeirJournal *j, int64 offset)
{
	MemoryContext caller = CurrentMemoryContext;
	int			last = 0;

	if (!can_free(j, 0, offset) || j->failed)
		return;
	j->failed = true;
	WEIR_FAULT(before_journal_trim);
	StartTransactionCommand();
	while (can_free(j, last, offset))
		last++;
	for (int i = last - 1; i >= 0; i--)
	{
		if (weir_segment_free(j->job, j->ordinal, &j->slots[i]))
			move_behind(j, i);
	}
	CommitTransactionCommand();
	WEIR_FAULT(after_journal_trim);
	j->failed = false;
	MemoryContextSwitchTo(caller);
}

static WeirSegment *
segment_by_number(WeirJournal *j, int64 number)
{
	for (int i = 0; i < j->nused; i++)
	{
		if (j->slots[i].number >= number)
			return &j->slots[i];
	}
	return NULL;
}

void
weir_journal_rewind(WeirJournal *j, int64 offset)
{
	Replay	   *r = &j->replay;

	r->segment = 0;
	for (int i = 0; i < j->nused; i++)
	{
		/* ends at the offset itself may stand in the segment before */
		if (i == 0 || j->slots[i].start_offset < offset)
			r->segment = j->slots[i].number;
	}
	r->block = 0;
	r->offset = offset;
	r->nrows = r->next = 0;
}

/* Reads the next stretch of rows; false if there is none. */
static bool
read_stretch(WeirJournal *j)
{
	Replay	   *r = &j->replay;
	MemoryContext caller = CurrentMemoryContext;
	WeirSegment *s = segment_by_number(j, r->segment);

	if (s != NULL && r->block >= s->blocks)
	{
		s = segment_by_number(j, s->number + 1);
		r->block = 0;
	}
	if (s == NULL)
		return false;
	r->segment = s->number;

	MemoryContextReset(r->context);
	StartTransactionCommand();
	MemoryContextSwitchTo(r->context);
	r->rows = weir_segment_read(s, r->block, Min(READ_BLOCKS, s->blocks - r->block),
								&r->nrows);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	r->next = 0;
	r->block += READ_BLOCKS;
	return true;
}

static void
check_contiguous(WeirJournal *j, const WeirJournalRow *row)
{
	if (row->offset <= j->replay.offset)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("journal of stream %s lacks " INT64_FORMAT " bytes",
					j->stream->name, row->offset - j->replay.offset),
			 errdetail("Bytes " INT64_FORMAT " to " INT64_FORMAT " are missing.",
					   j->replay.offset, row->offset - 1),
			 errhint("Start the job from a later savepoint.")));
}

bool
weir_journal_next(WeirJournal *j, WeirJournalRow *row)
{
	Replay	   *r = &j->replay;

	for (;;)
	{
		int64		done;

		while (r->next >= r->nrows)
		{
			if (!read_stretch(j))
				return false;
		}
		*row = r->rows[r->next++];
		done = r->offset - row->offset;
		if (row->kind == WEIR_ROW_DATA ? done >= row->len : done > 0)
			continue;			/* before the start */
		check_contiguous(j, row);
		if (row->kind != WEIR_ROW_DATA)
			return true;
		row->data += done;
		row->len -= (int) done;
		row->offset += done;
		r->offset = row_end(row);
		return true;
	}
}
