/*
 * source/reader.c
 *		Reads a stream: journal, then socket; frames, journals, decodes.
 *
 *		   journal --replay--+
 *							 +--> framer --> decoder --> batch
 *		   socket --+--------+
 *					+--> journal
 *
 * Bytes have the offset in the stream and the arrival stamp that the journal
 * gave them, so a replay cuts the same records with the same lines and stamps.
 * A partial record is joined with what comes after it, across connections and
 * attempts; only an end of the stream makes it a record.
 *
 * The stream has ended if the last row of the journal that is no data is an
 * end.  A resume row behind an end takes it back: start_job of a finished job
 * writes one.  A drain writes no end; that the position says so counts as one.
 *
 * Records may be handed out before their bytes are committed, since a position
 * is used only after weir_reader_flush.  However the task ends, unless by a
 * crash, what has arrived is read and all bytes read are committed: the peer
 * will not send them again.  Then the connection is handed over (handover.c).
 */
#include "postgres.h"

#include <limits.h>

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "source/decode.h"
#include "source/handover.h"
#include "source/journal.h"
#include "source/reader.h"
#include "source/socket.h"

#define PIECE_BYTES		(128 * 1024)
#define STAMP_STEP		INT64CONST(1000)	/* us that may share a stamp, and a journal row */
#define FULL_RETRY		100		/* ms between looks at a full journal */
#define CLOSE_BYTES		(8 * 1024 * 1024)	/* taken from the socket at close at most */

struct WeirReader
{
	MemoryContext context;
	const WeirStream *stream;
	WeirSourceStats *stats;
	WeirSourceStats own_stats;	/* if the caller wants none */

	WeirJournal *journal;
	bool		journaled;		/* bytes read are appended to it */
	bool		replaying;		/* it still has bytes to read */
	bool		skipping;		/* records replayed are dropped */
	WeirSocket *socket;
	WeirFramer *framer;
	WeirDecoder *decoder;
	char	   *piece;			/* what the socket gave last */

	WeirPosition position;		/* behind the records handed out */
	int64		received;		/* behind the last byte read */
	int64		stamp;			/* of the last byte read */

	bool		more;			/* the last batch was full: there may be more */
	bool		at_end;			/* an end was met: the tail is a record */
	bool		draining;
	bool		socket_failed;
	bool		too_long;
	WeirFramedRecord long_record;
	int64		failed_line;

	int64		trim_offset;	/* last asked for */
	int64		trim_retry;		/* when to try again what was put off */
};

void
weir_source_init(void)
{
	DefineCustomIntVariable("weir.journal_segment_size",
							"Size of the tables that a stream's journal consists of.",
							"Space of the journal is given back in units of this.",
							&weir_journal_segment_size, 65536, 64, MAX_KILOBYTES / 2,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
}

static WeirFramer *
create_framer(const WeirStream *stream, const WeirPosition *start)
{
	WeirFramingOptions options;

	memset(&options, 0, sizeof(options));
	options.delimiter = stream->record_delimiter;
	options.delimiter_len = stream->record_delimiter_len;
	options.csv = stream->csv;
	options.quote = stream->quote;
	options.escape = stream->escape;
	options.max_record = stream->max_record;
	options.cut_long = stream->dead_letter;
	return weir_framer_create(&options, start->offset, start->line);
}

static void
count_journal(WeirReader *r)
{
	r->stats->journal_bytes = weir_journal_size(r->journal);
}

/*
 * Takes back the end that stands at the journal's end, or, from a drain, in
 * the start position alone: durable, as the end is.
 */
static void
pass_the_end(WeirReader *r, const WeirPosition *start)
{
	char		kind = weir_journal_last_kind(r->journal);
	bool		drained = start->ended && kind != WEIR_ROW_RESUME &&
		weir_journal_end(r->journal) == start->offset;

	if (kind == WEIR_ROW_END || (drained && r->journaled))
	{
		weir_journal_append(r->journal, WEIR_ROW_RESUME, ++r->stamp, NULL, 0);
		weir_journal_flush(r->journal);
	}
	r->at_end = false;
}

static void
open_journal(WeirReader *r, int64 job, int ordinal, const WeirPosition *start,
			 bool pass_end)
{
	r->journal = weir_journal_open(r->stream, job, ordinal);
	weir_journal_check_start(r->journal, start->offset);
	r->stamp = Max(start->clock, weir_journal_last_stamp(r->journal));
	if (start->offset > weir_journal_end(r->journal))
		weir_journal_skip_to(r->journal, start->offset);
	r->received = weir_journal_end(r->journal);
	r->stats->bytes = r->received;
	r->stats->records = start->line;
	r->at_end = start->ended;	/* unless the journal goes on from there */
	if (pass_end)
		pass_the_end(r, start);
	weir_journal_rewind(r->journal, start->offset);
	r->replaying = true;
	count_journal(r);
}

static void save_at_exit(int code, Datum arg);

WeirReader *
weir_reader_open(const WeirStream *stream, int64 job, int ordinal,
				 const WeirPosition *start, bool journaled, bool pass_end,
				 WeirSourceStats *stats)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "weir reader",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	WeirReader *r = palloc0(sizeof(WeirReader));

	r->context = context;
	r->stream = stream;
	r->stats = stats != NULL ? stats : &r->own_stats;
	r->journaled = journaled && stream->journal;
	r->position = *start;
	r->position.ended = false;
	r->piece = palloc(PIECE_BYTES);
	r->framer = create_framer(stream, start);
	r->decoder = weir_decoder_create(stream);
	r->socket = weir_socket_create(stream, r->stats);
	open_journal(r, job, ordinal, start, pass_end);
	before_shmem_exit(save_at_exit, PointerGetDatum(r));
	MemoryContextSwitchTo(caller);
	return r;
}

void
weir_reader_skip_journal(WeirReader *r)
{
	r->skipping = true;
}

/* Stamps rise, and those close together are one, so that rows are not tiny. */
static int64
next_stamp(WeirReader *r)
{
	int64		now = GetCurrentTimestamp();

	if (now - r->stamp >= STAMP_STEP)
		r->stamp = now;
	return r->stamp;
}

static void
take_record(WeirReader *r, WeirBatch *batch, const WeirFramedRecord *record)
{
	r->position.offset = record->end_offset;
	r->position.line = record->line;
	r->position.clock = Max(r->position.clock, record->stamp);
	if (!(r->skipping && r->replaying))
		weir_decoder_add(r->decoder, batch, record);
}

/* The stream ends, or once ended, where the framer stands: the tail is a record. */
static void
finish_record(WeirReader *r, WeirBatch *batch)
{
	WeirFramedRecord record;

	if (weir_framer_finish(r->framer, &record))
		take_record(r, batch, &record);
}

static void
begin_live(WeirReader *r)
{
	r->replaying = false;
	if (r->at_end || weir_handover_take(r->socket, r->received))
		return;
	if (weir_framer_tail(r->framer) > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("stream %s reconnects inside a record", r->stream->name),
				 errdetail("%zu bytes of the partial record behind line " INT64_FORMAT
						   " are joined with what the peer sends now.",
						   weir_framer_tail(r->framer), weir_framer_line(r->framer)),
				 errhint("What the peer had sent beyond them is lost if it does not send it again.")));
}

/* Feeds the framer from the journal. */
static void
feed_replay(WeirReader *r, WeirBatch *batch)
{
	WeirJournalRow row;

	if (!weir_journal_next(r->journal, &row))
	{
		begin_live(r);
		return;
	}
	if (row.kind == WEIR_ROW_DATA)
	{
		weir_framer_feed(r->framer, row.data, row.len, row.stamp);
		r->at_end = false;
		return;
	}
	finish_record(r, batch);
	r->at_end = row.kind == WEIR_ROW_END;
}

static void
note_journal(WeirReader *r, char kind, int64 stamp, const char *data, Size len)
{
	if (!r->journaled)
		return;
	weir_journal_append(r->journal, kind, stamp, data, len);
	if (weir_journal_crowded(r->journal))
		weir_reader_flush(r, true);
}

static void
end_stream(WeirReader *r, WeirBatch *batch)
{
	note_journal(r, WEIR_ROW_END, next_stamp(r), NULL, 0);
	finish_record(r, batch);
	r->at_end = true;
}

static void
note_received(WeirReader *r, Size len)
{
	int64		stamp = next_stamp(r);

	r->received += len;
	r->stats->bytes = r->received;
	note_journal(r, WEIR_ROW_DATA, stamp, r->piece, len);
}

/* Is reading to wait until a checkpoint frees room in the journal? */
static bool
journal_is_full(WeirReader *r)
{
	int64		now;

	if (!r->journaled || !weir_journal_full(r->journal, r->position.offset))
		return false;
	now = GetCurrentTimestamp();
	if (now < r->trim_retry)
		return true;
	r->trim_retry = now + FULL_RETRY * INT64CONST(1000);
	weir_reader_trim(r, r->trim_offset);
	return weir_journal_full(r->journal, r->position.offset);
}

/* Feeds the framer from the socket; false if there is nothing now. */
static bool
feed_socket(WeirReader *r, WeirBatch *batch)
{
	Size		len;

	if (journal_is_full(r))
		return false;
	switch (weir_socket_read(r->socket, r->piece, PIECE_BYTES, &len))
	{
		case WEIR_SOCKET_DATA:
			note_received(r, len);
			weir_framer_feed(r->framer, r->piece, len, r->stamp);
			return true;
		case WEIR_SOCKET_NOTHING:
			return false;
		case WEIR_SOCKET_ENDED:
			end_stream(r, batch);
			return false;
		case WEIR_SOCKET_FAILED:
			r->socket_failed = true;
			return false;
	}
	return false;
}

/* The framer has used up what it had; false if there is no more now. */
static bool
feed(WeirReader *r, WeirBatch *batch)
{
	if (r->replaying)
	{
		feed_replay(r, batch);
		return true;
	}
	if (r->at_end || r->socket_failed)
		return false;
	if (r->draining)
	{
		finish_record(r, batch);
		r->at_end = true;
		return false;
	}
	return feed_socket(r, batch);
}

/* Takes records into the batch while there are any and there is room. */
static void
fill(WeirReader *r, WeirBatch *batch)
{
	WeirFramedRecord record;

	r->more = false;
	while (!r->too_long)
	{
		if (batch->nrecords >= batch->capacity || weir_decoder_full(r->decoder))
		{
			r->more = true;
			return;
		}
		switch (weir_framer_next(r->framer, &record))
		{
			case WEIR_FRAMING_RECORD:
				take_record(r, batch, &record);
				break;
			case WEIR_FRAMING_MORE:
				CHECK_FOR_INTERRUPTS();
				if (!feed(r, batch))
					return;
				break;
			case WEIR_FRAMING_TOO_LONG:
				r->long_record = record;
				r->too_long = true;
				break;
		}
	}
}

static void
raise_too_long(WeirReader *r)
{
	const WeirFramedRecord *record = &r->long_record;

	r->failed_line = record->line;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("record of stream %s is longer than %d bytes",
					r->stream->name, r->stream->max_record),
			 errdetail("Record: \"%s\"",
					   weir_record_excerpt(record->data, record->len,
										   GetDatabaseEncoding())),
			 errhint("Raise the stream's option \"max_record\", or check format and record delimiter."),
			 errcontext("stream %s, line " INT64_FORMAT, r->stream->name, record->line)));
}

/* What stopped the reading, after everything before it was handed out. */
static void
raise_pending(WeirReader *r)
{
	if (!r->too_long && !r->socket_failed)
		return;
	weir_reader_flush(r, true);
	if (r->too_long)
		raise_too_long(r);
	weir_socket_raise(r->socket);
}

static void
decode(WeirReader *r, WeirBatch *batch)
{
	ErrorData  *error = weir_decoder_run(r->decoder, batch, &r->failed_line);

	if (error == NULL)
		return;
	weir_reader_flush(r, true);
	ReThrowError(error);
}

WeirReadResult
weir_reader_next(WeirReader *r, WeirBatch *batch)
{
	weir_batch_reset(batch);
	weir_decoder_reset(r->decoder);
	weir_reader_flush(r, false);
	if (r->position.ended)
		return WEIR_READ_ENDED;

	fill(r, batch);
	if (batch->nrecords == 0)
	{
		raise_pending(r);
		if (!r->at_end || r->replaying)
			return WEIR_READ_WAIT;
		r->position.ended = true;
		weir_socket_close(r->socket);
		return WEIR_READ_ENDED;
	}
	decode(r, batch);
	r->stats->records = r->position.line;
	r->stats->last_record_at = batch->stamps[batch->nrecords - 1];
	return WEIR_READ_BATCH;
}

int64
weir_reader_failed_line(const WeirReader *r)
{
	return r->failed_line;
}

long
weir_reader_due(WeirReader *r)
{
	int64		due = weir_journal_due(r->journal);

	if (due == 0)
		return -1;
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due);
}

static void
shorten(long *timeout, long ms)
{
	if (ms >= 0 && (*timeout < 0 || ms < *timeout))
		*timeout = ms;
}

pgsocket
weir_reader_wait(WeirReader *r, int *events, long *timeout)
{
	pgsocket	fd = PGINVALID_SOCKET;

	*events = 0;
	*timeout = -1;
	if (!r->position.ended)
	{
		if (r->more || r->replaying || r->at_end || r->too_long ||
			r->socket_failed || r->draining)
			*timeout = 0;
		else if (r->journaled && weir_journal_full(r->journal, r->position.offset))
			*timeout = FULL_RETRY;
		else
			fd = weir_socket_wait(r->socket, events, timeout);
	}
	shorten(timeout, weir_reader_due(r));
	return fd;
}

void
weir_reader_flush(WeirReader *r, bool force)
{
	int64		due = weir_journal_due(r->journal);

	if (due == 0 || (!force && GetCurrentTimestamp() < due))
		return;
	weir_journal_flush(r->journal);
	count_journal(r);
}

void
weir_reader_position(WeirReader *r, WeirPosition *position)
{
	*position = r->position;
}

void
weir_reader_trim(WeirReader *r, int64 offset)
{
	r->trim_offset = Max(r->trim_offset, offset);
	weir_journal_trim(r->journal, r->trim_offset);
	count_journal(r);
}

void
weir_reader_drain(WeirReader *r)
{
	r->draining = true;
}

/* What has arrived but was not read would be lost with the connection. */
static void
rescue_socket(WeirReader *r)
{
	Size		total = 0;
	Size		len;

	while (total < CLOSE_BYTES && weir_socket_is_open(r->socket))
	{
		switch (weir_socket_read(r->socket, r->piece, PIECE_BYTES, &len))
		{
			case WEIR_SOCKET_DATA:
				note_received(r, len);
				total += len;
				break;
			case WEIR_SOCKET_ENDED:
				note_journal(r, WEIR_ROW_END, next_stamp(r), NULL, 0);
				return;
			case WEIR_SOCKET_NOTHING:
			case WEIR_SOCKET_FAILED:
				return;
		}
	}
}

/*
 * Whoever takes the connection reads what has arrived, but there may be nobody:
 * it is left to him only if the journal has no room.
 */
static void
save(WeirReader *r)
{
	bool		live = r->journaled && !r->replaying && !r->at_end && !r->draining &&
		!r->socket_failed;

	if (live && !weir_journal_full(r->journal, r->position.offset))
		rescue_socket(r);
	weir_reader_flush(r, true);
	if (!live || weir_journal_end(r->journal) != r->received ||
		weir_handover_give(r->socket, r->received))
		return;
	rescue_socket(r);
	weir_reader_flush(r, true);
}

void
weir_reader_close(WeirReader *r)
{
	save(r);
	cancel_before_shmem_exit(save_at_exit, PointerGetDatum(r));
	weir_socket_close(r->socket);
	weir_framer_destroy(r->framer);
	MemoryContextDelete(r->context);
}

/*
 * The task ends by an error, or was told to terminate.  It must not wait for a
 * standby, which nothing could interrupt any more.
 */
static void
save_at_exit(int code, Datum arg)
{
	AbortOutOfAnyTransaction();
	synchronous_commit = Min(synchronous_commit, SYNCHRONOUS_COMMIT_LOCAL_FLUSH);
	save((WeirReader *) DatumGetPointer(arg));
}
