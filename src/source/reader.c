/*
 * source/reader.c
 *		Reads a stream: journal, then what its peer sends; frames, decodes.
 *
 *		   journal --replay--+
 *							 +--> framer --> decoder --> batch
 *		   input ------------+
 *
 * Bytes have the offset in the stream and the arrival stamp that the journal
 * gave them, so a replay cuts the same records with the same lines and stamps.
 * A partial record is joined with what comes after it, across connections and
 * attempts; only an end of the stream makes it a record, or that another stream
 * of the sender begins.  Before a gap it is dropped.
 *
 * The stream has ended if the last mark of the journal is an end.  A resume mark
 * behind an end takes it back: start_job of a finished job writes one.  A drain
 * writes no end; that the position says so counts as one.
 *
 * Records may be handed out before their bytes are committed, since a position
 * is used only after weir_reader_flush.  At most once is another matter: a
 * sender that is asked again for what was handed out would repeat it.
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

#include "clock.h"
#include "source/decode.h"
#include "source/input.h"
#include "source/journal.h"
#include "source/reader.h"

struct WeirReader
{
	MemoryContext context;
	const WeirStream *stream;
	WeirSourceStats *stats;
	WeirSourceStats own_stats;	/* if the caller wants none */

	WeirReaderOptions options;
	WeirJournal *journal;
	WeirInput  *input;
	bool		replaying;		/* the journal still has bytes to read */
	WeirFramer *framer;
	WeirDecoder *decoder;

	WeirPosition position;		/* behind the records handed out */
	WeirOrigin	origin;			/* of the bytes fed to the framer */

	int			taken;			/* records that came for the batch, also those passed over */
	bool		more;			/* the last batch was full: there may be more */
	bool		at_end;			/* an end was met: the tail is a record */
	bool		draining;
	bool		input_failed;
	bool		too_long;
	WeirFramedRecord long_record;
	int64		failed_line;
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

/*
 * At most once a plain peer is not asked again, so nothing need be kept; a
 * sender in the protocol "resume" is told what has come.
 */
static bool
keeps_journal(const WeirReader *r)
{
	return r->stream->journal && r->options.checkpointing &&
		(!r->options.at_most_once || r->stream->resume);
}

/*
 * Takes back the end that stands at the journal's end, or, from a drain, in
 * the start position alone: durable, as the end is.
 */
static void
pass_the_end(WeirReader *r, const WeirPosition *start, int64 *stamp)
{
	char		kind = weir_journal_last_kind(r->journal);
	bool		drained = start->ended && kind != WEIR_ROW_RESUME &&
		weir_journal_end(r->journal) == start->offset;

	if (kind == WEIR_ROW_END || (drained && keeps_journal(r)))
	{
		weir_journal_mark(r->journal, WEIR_ROW_RESUME, ++*stamp, "", 0);
		weir_journal_flush(r->journal);
	}
	r->at_end = false;
}

static void
open_journal(WeirReader *r, const WeirPosition *start)
{
	int64		stamp;

	r->journal = weir_journal_open(r->stream, r->options.job, r->options.ordinal);
	weir_journal_check_start(r->journal, start->offset);
	stamp = Max(start->clock, weir_journal_last_stamp(r->journal));
	if (start->offset > weir_journal_end(r->journal))
		weir_journal_skip_to(r->journal, start->offset);
	r->at_end = start->ended;	/* unless the journal goes on from there */
	if (r->options.pass_end)
		pass_the_end(r, start, &stamp);
	weir_journal_rewind(r->journal, start->offset);
	r->replaying = true;
	r->input = weir_input_create(r->stream, r->journal, keeps_journal(r),
								 r->options.allow_gap, stamp, r->stats);
}

static void save_at_exit(int code, Datum arg);

WeirReader *
weir_reader_open(const WeirStream *stream, const WeirReaderOptions *options,
				 const WeirPosition *start, WeirSourceStats *stats)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "weir reader",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	WeirReader *r = palloc0(sizeof(WeirReader));

	r->context = context;
	r->stream = stream;
	r->options = *options;
	r->stats = stats != NULL ? stats : &r->own_stats;
	r->stats->records = start->line;
	r->position = *start;
	r->position.ended = false;
	r->origin = start->origin;
	r->framer = weir_stream_framer(stream, start->offset, start->line, stream->dead_letter);
	r->decoder = weir_decoder_create(stream, options->suspects);
	open_journal(r, start);
	before_shmem_exit(save_at_exit, PointerGetDatum(r));
	MemoryContextSwitchTo(caller);
	return r;
}

/* At most once, what the journal holds may have been handed out before. */
static bool
skips(const WeirReader *r)
{
	return r->replaying && r->options.checkpointing && r->options.at_most_once;
}

static void
take_record(WeirReader *r, WeirBatch *batch, const WeirFramedRecord *record)
{
	r->position.offset = record->end_offset;
	r->position.line = record->line;
	r->position.clock = Max(r->position.clock, record->stamp);
	r->taken++;
	if (!skips(r) && !(r->stream->skip_empty && record->len == 0))
		weir_decoder_add(r->decoder, batch, record);
}

/* The rest of it is missing. */
static void
drop_tail(WeirReader *r)
{
	if (weir_framer_tail(r->framer) > 0)
		ereport(LOG,
				(errmsg("stream %s: the partial record behind line " INT64_FORMAT " is dropped",
						r->stream->name, weir_framer_line(r->framer)),
				 errdetail("%zu bytes of it had been received before the gap.",
						   weir_framer_tail(r->framer)),
				 errhidestmt(true)));
	weir_framer_drop(r->framer);
}

/* The stream ends, or once ended, where the framer stands: the tail is a record. */
static void
finish_record(WeirReader *r, WeirBatch *batch)
{
	WeirFramedRecord record;

	if (weir_framer_finish(r->framer, &record))
		take_record(r, batch, &record);
}

/*
 * What was fed ends here, and other bytes follow: of another stream, or behind
 * a gap.  A position here needs nothing of what lies before.
 */
static void
cross(WeirReader *r, WeirBatch *batch, bool gap, int64 offset, const WeirOrigin *origin)
{
	if (gap)
		drop_tail(r);
	else
		finish_record(r, batch);
	r->position.offset = offset;
	r->position.origin = r->origin = *origin;
}

static void
begin_live(WeirReader *r)
{
	r->replaying = false;
	if (!r->at_end)
		weir_input_begin(r->input, &r->origin, weir_framer_tail(r->framer),
						 weir_framer_line(r->framer));
}

static void
replay_mark(WeirReader *r, WeirBatch *batch, const WeirJournalRow *row)
{
	WeirOrigin	origin;

	if (row->kind == WEIR_ROW_END || row->kind == WEIR_ROW_RESUME)
	{
		finish_record(r, batch);
		r->at_end = row->kind == WEIR_ROW_END;
		return;
	}
	if (!weir_origin_parse(row->data, row->len, &origin))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("journal of stream %s has an invalid mark at byte " INT64_FORMAT,
						r->stream->name, row->offset)));
	cross(r, batch, row->kind == WEIR_ROW_GAP, row->offset, &origin);
	r->at_end = false;
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
	if (row.kind != WEIR_ROW_DATA)
	{
		replay_mark(r, batch, &row);
		return;
	}
	weir_framer_feed(r->framer, row.data, row.len, row.stamp);
	r->at_end = false;
}

/* Feeds the framer with what the peer has sent; false if there is nothing now. */
static bool
feed_live(WeirReader *r, WeirBatch *batch)
{
	WeirInputResult result;
	char	   *data;
	Size		len;
	int64		stamp;

	result = weir_input_read(r->input, r->position.offset, &data, &len, &stamp);
	switch (result)
	{
		case WEIR_INPUT_DATA:
			weir_framer_feed(r->framer, data, len, stamp);
			return true;
		case WEIR_INPUT_ANOTHER:
		case WEIR_INPUT_GAP:
			cross(r, batch, result == WEIR_INPUT_GAP, weir_input_received(r->input),
				  weir_input_origin(r->input));
			return true;
		case WEIR_INPUT_NOTHING:
			return false;
		case WEIR_INPUT_ENDED:
			finish_record(r, batch);
			r->at_end = true;
			return false;
		case WEIR_INPUT_FAILED:
			r->input_failed = true;
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
	if (r->at_end || r->input_failed)
		return false;
	if (r->draining)
	{
		finish_record(r, batch);
		r->at_end = true;
		return false;
	}
	return feed_live(r, batch);
}

/* A record that is skipped to its end must not fill the disk where it has none. */
static bool
is_endless(WeirReader *r)
{
	if (!r->stream->journal || (int64) weir_framer_tail(r->framer) <= weir_journal_limit(r->journal))
		return false;
	memset(&r->long_record, 0, sizeof(r->long_record));
	r->long_record.data = "";
	r->long_record.line = weir_framer_line(r->framer) + 1;
	r->too_long = true;
	return true;
}

/* Takes records into the batch while there are any and there is room. */
static void
fill(WeirReader *r, WeirBatch *batch)
{
	WeirFramedRecord record;

	r->more = false;
	r->taken = 0;
	while (!r->too_long)
	{
		if (r->taken >= batch->capacity || weir_decoder_full(r->decoder))
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
				if (!is_endless(r) && !feed(r, batch))
					return;
				break;
			case WEIR_FRAMING_TOO_LONG:
				r->long_record = record;
				r->too_long = true;
				break;
		}
	}
}

/* What stopped the reading, after everything before it was handed out. */
static void
raise_pending(WeirReader *r)
{
	if (!r->too_long && !r->input_failed)
		return;
	weir_reader_flush(r, true);
	if (r->too_long)
	{
		r->failed_line = r->long_record.line;
		weir_record_too_long(r->stream, &r->long_record);
	}
	weir_input_raise(r->input);
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

/* Without checkpoints nobody comes back to what was handed out. */
static void
forget_handed_out(WeirReader *r)
{
	if (!r->options.checkpointing)
		weir_input_trim(r->input, r->position.offset);
}

WeirReadResult
weir_reader_next(WeirReader *r, WeirBatch *batch)
{
	weir_batch_reset(batch);
	weir_decoder_reset(r->decoder);
	weir_reader_flush(r, false);
	forget_handed_out(r);
	if (r->position.ended)
		return WEIR_READ_ENDED;

	fill(r, batch);
	if (batch->nrecords == 0)
	{
		r->stats->records = r->position.line;
		raise_pending(r);
		if (r->more || !r->at_end || r->replaying)
			return WEIR_READ_WAIT;
		r->position.ended = true;
		weir_input_finish(r->input);
		forget_handed_out(r);
		return WEIR_READ_ENDED;
	}
	if (r->options.at_most_once)
		weir_reader_flush(r, true);
	decode(r, batch);
	r->stats->records = r->position.line;
	r->stats->last_record_at = batch->stamps[batch->nrecords - 1];
	return WEIR_READ_BATCH;
}

bool
weir_reader_hopeless(const WeirReader *r)
{
	return r->input_failed && weir_input_lost(r->input);
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
	return weir_ms_until(due);
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
			r->input_failed || r->draining)
			*timeout = 0;
		else
			fd = weir_input_wait(r->input, r->position.offset, events, timeout);
	}
	shorten(timeout, weir_reader_due(r));
	return fd;
}

void
weir_reader_flush(WeirReader *r, bool force)
{
	weir_input_flush(r->input, force);
}

void
weir_reader_position(WeirReader *r, WeirPosition *position)
{
	*position = r->position;
}

void
weir_reader_trim(WeirReader *r, int64 offset)
{
	weir_input_trim(r->input, offset);
}

void
weir_reader_drain(WeirReader *r)
{
	r->draining = true;
}

static void
save(WeirReader *r)
{
	weir_input_save(r->input, r->position.offset,
					!r->replaying && !r->at_end && !r->draining && !r->input_failed);
}

void
weir_reader_close(WeirReader *r)
{
	save(r);
	cancel_before_shmem_exit(save_at_exit, PointerGetDatum(r));
	weir_input_close(r->input);
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
	WeirReader *r = (WeirReader *) DatumGetPointer(arg);

	AbortOutOfAnyTransaction();
	synchronous_commit = Min(synchronous_commit, SYNCHRONOUS_COMMIT_LOCAL_FLUSH);
	weir_input_leave(r->input);
	save(r);
}
