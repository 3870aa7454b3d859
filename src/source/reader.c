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
 * A partial record is joined with what comes after it, across attempts, and in
 * the protocol "resume" or with partial 'join' across connections too.  Else a
 * peer begins its connection with a whole record: what the one before left is no
 * record, once another brings something.  An end of the stream makes it a record, and
 * so does another stream of the sender.  Before a gap it is dropped.
 *
 * The stream has ended if the last mark of the journal is an end.  A resume mark
 * behind an end takes it back: start_job of a finished job writes one.  A drain
 * writes no end; that the position says so counts as one, also where the journal
 * has the begin of a record behind it.
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

#include "base/clock.h"
#include "source/decode.h"
#include "source/input.h"
#include "source/journal.h"
#include "source/reader_int.h"
#include "source/record_fault.h"

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
 * Takes back the end that stands at the journal's end, or, from a drain, in
 * the start position alone: durable, as the end is.
 */
static void
pass_the_end(WeirReader *r, const WeirSocketPosition *start, int64 *stamp)
{
	char		kind = weir_journal_last_kind(r->journal);

	if (kind == WEIR_ROW_END ||
		(start->ended && kind != WEIR_ROW_RESUME && weir_reader_keeps_journal(r)))
	{
		weir_journal_mark(r->journal, WEIR_ROW_RESUME, ++*stamp, "", 0);
		weir_journal_flush(r->journal);
	}
	r->at_end = r->drained = false;
}

/* Does the journal say behind an end that the stream goes on? */
static bool
is_passed(WeirReader *r, int64 end)
{
	WeirJournalRow row;

	weir_journal_rewind(r->journal, end);
	while (weir_journal_next(r->journal, &row))
	{
		if (row.kind == WEIR_ROW_RESUME || row.kind == WEIR_ROW_STREAM || row.kind == WEIR_ROW_GAP)
			return true;
	}
	return false;
}

static void
open_journal(WeirReader *r, const WeirSocketPosition *start)
{
	int64		stamp;

	r->journal = weir_journal_open(r->stream, r->options.job, r->options.ordinal);
	weir_journal_check_start(r->journal, start->offset);
	stamp = Max(start->clock, weir_journal_last_stamp(r->journal));
	if (start->offset > weir_journal_end(r->journal))
		weir_journal_skip_to(r->journal, start->offset);
	r->at_end = r->drained = start->ended;	/* unless the journal goes on from there */
	r->drained_at = start->offset;
	if (r->options.pass_end)
		pass_the_end(r, start, &stamp);
	r->began_ended = r->at_end && !is_passed(r, start->offset);
	weir_journal_rewind(r->journal, start->offset);
	r->replaying = true;
	r->input = weir_input_create(r->stream, r->journal, weir_reader_keeps_journal(r),
								 r->options.allow_gap, stamp, r->stats);
}

static void save_at_exit(int code, Datum arg);
static void give_at_exit(int code, Datum arg);

WeirReader *
weir_reader_open(const WeirStream *stream, const WeirSourceOptions *options,
				 const WeirSocketPosition *start, WeirSourceStats *stats)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "weir reader",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	WeirReader *r = palloc0(sizeof(WeirReader));

	r->source.ops = &weir_socket_source;
	r->context = context;
	r->stream = stream;
	r->options = *options;
	r->stats = stats != NULL ? stats : &r->own_stats;
	r->stats->records = r->stats->records_before = start->line;
	r->position = *start;
	r->position.ended = false;
	r->origin = start->origin;
	strlcpy(r->peer, start->peer, sizeof(r->peer));
	strlcpy(r->next_peer, start->peer, sizeof(r->next_peer));
	r->framer = weir_stream_framer(stream, start->offset, start->line, stream->dead_letter);
	weir_framer_pass(r->framer, start->passing);
	r->passing = start->passing != 0;
	if (stream->resume && start->offset == start->origin.start)
		weir_framer_connected(r->framer);
	r->decoder = weir_decoder_create(stream, options->suspects);
	open_journal(r, start);
	before_shmem_exit(give_at_exit, PointerGetDatum(r));
	before_shmem_exit(save_at_exit, PointerGetDatum(r));
	MemoryContextSwitchTo(caller);
	return r;
}

static void
begin_live(WeirReader *r)
{
	int64		end = weir_journal_end(r->journal);

	r->replaying = false;
	if (r->at_end || r->begun)
		return;
	r->begun = true;
	if (weir_input_begin(r->input, &r->origin, r->next_peer))
	{
		weir_journal_rewind(r->journal, end);
		r->replaying = true;
	}
}

static bool
names_peer(char kind)
{
	return kind == WEIR_ROW_CONNECTION || kind == WEIR_ROW_PEER || kind == WEIR_ROW_SENDER;
}

/* Journals of earlier versions name none. */
static void
replay_peer(WeirReader *r, WeirScanInput *scan, const WeirJournalRow *row)
{
	if (row->kind == WEIR_ROW_SENDER)
		weir_reader_leave(r, scan);
	if (row->kind == WEIR_ROW_CONNECTION)
		r->connected = true;
	snprintf(r->next_peer, sizeof(r->next_peer), "%.*s", row->len, row->data);
}

static void
replay_mark(WeirReader *r, WeirScanInput *scan, const WeirJournalRow *row)
{
	WeirOrigin	origin;

	if (names_peer(row->kind))
	{
		replay_peer(r, scan, row);
		return;
	}
	if (row->kind == WEIR_ROW_END || row->kind == WEIR_ROW_RESUME)
	{
		if (row->kind == WEIR_ROW_END)
			weir_reader_finish_record(r, scan, row->stamp);
		r->at_end = row->kind == WEIR_ROW_END;
		r->drained = false;
		return;
	}
	if (!weir_origin_parse(row->data, row->len, &origin))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("journal of stream %s has an invalid mark at byte " INT64_FORMAT,
						r->stream->name, row->offset)));
	weir_reader_cross(r, scan, row->kind == WEIR_ROW_GAP, row->offset, &origin, row->stamp);
	r->at_end = false;
}

/* Another connection counts from its first byte on: one that brings nothing ends nothing. */
static void
feed_data(WeirReader *r, WeirScanInput *scan, const char *data, Size len, int64 stamp,
		  const char *peer)
{
	if (r->connected)
		weir_reader_begin_connection(r, scan);
	if (strcmp(r->peer, peer) != 0)
	{
		strlcpy(r->peer, peer, sizeof(r->peer));
		weir_reader_describe(r, scan);
	}
	weir_framer_feed(r->framer, data, len, stamp);
}

/* Feeds the framer from the journal. */
static void
feed_replay(WeirReader *r, WeirScanInput *scan)
{
	WeirJournalRow row;

	if (!weir_journal_next(r->journal, &row))
	{
		begin_live(r);
		return;
	}
	if (row.kind != WEIR_ROW_DATA)
	{
		replay_mark(r, scan, &row);
		return;
	}
	feed_data(r, scan, row.data, row.len, row.stamp, r->next_peer);
	r->at_end = r->drained;
}

/* Feeds the framer with what the peer has sent; false if there is nothing now. */
static bool
feed_live(WeirReader *r, WeirScanInput *scan)
{
	WeirInputResult result;
	const char *data;
	Size		len;
	int64		stamp;

	result = weir_input_read(r->input, r->position.offset, &data, &len, &stamp);
	switch (result)
	{
		case WEIR_INPUT_DATA:
			feed_data(r, scan, data, len, stamp, weir_input_peer(r->input));
			return true;
		case WEIR_INPUT_ANOTHER:
		case WEIR_INPUT_GAP:
			weir_reader_cross(r, scan, result == WEIR_INPUT_GAP, weir_input_received(r->input),
				  weir_input_origin(r->input), stamp);
			return true;
		case WEIR_INPUT_CONNECTION:
			r->connected = true;
			return true;
		case WEIR_INPUT_LEFT:
			weir_reader_leave(r, scan);
			return true;
		case WEIR_INPUT_NOTHING:
			return false;
		case WEIR_INPUT_ENDED:
			weir_reader_finish_record(r, scan, stamp);
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
feed(WeirReader *r, WeirScanInput *scan)
{
	if (r->replaying)
	{
		feed_replay(r, scan);
		return true;
	}
	if (r->at_end || r->input_failed)
		return false;
	if (r->draining)
	{
		weir_reader_end_drain(r);
		return false;
	}
	return feed_live(r, scan);
}

/* Takes records into the batch while there are any and there is room. */
static void
fill(WeirReader *r, WeirScanInput *scan)
{
	WeirFramedRecord record;

	r->more = false;
	r->taken = 0;
	weir_reader_describe(r, scan);
	while (!r->is_broken)
	{
		if (r->taken >= scan->limit || weir_decoder_full(r->decoder))
		{
			r->more = true;
			return;
		}
		if (weir_reader_take_run(r, scan) > 0)
			continue;
		switch (weir_framer_next(r->framer, &record))
		{
			case WEIR_FRAMING_RECORD:
				weir_reader_take(r, scan, &record);
				break;
			case WEIR_FRAMING_MORE:
				CHECK_FOR_INTERRUPTS();
				if (!feed(r, scan))
					return;
				break;
			case WEIR_FRAMING_BROKEN:
				r->broken = record;
				r->is_broken = true;
				break;
		}
	}
}

/* What stopped the reading, after everything before it was handed out. */
static void
raise_pending(WeirReader *r)
{
	if (!r->is_broken && !r->input_failed)
		return;
	weir_reader_flush(r, true);
	if (r->is_broken)
	{
		r->failed_line = r->broken.line;
		weir_record_fault_raise(r->stream, &r->broken);
	}
	weir_input_raise(r->input);
}

static void
decode(WeirReader *r, WeirScanInput *scan)
{
	ErrorData  *error = weir_decoder_run(r->decoder, scan, &r->failed_line);

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

/* Records are read as they come, so the table is looked at before the first. */
static void
prepare(WeirReader *r, WeirScanInput *scan)
{
	MemoryContext caller = CurrentMemoryContext;

	if (r->prepared)
		return;
	StartTransactionCommand();
	weir_decoder_prepare(r->decoder, scan->batch);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	r->prepared = true;
}

WeirReadResult
weir_reader_next(WeirReader *r, WeirScanInput *scan)
{
	weir_scan_input_reset(scan);
	weir_decoder_reset(r->decoder);
	weir_reader_flush(r, false);
	forget_handed_out(r);
	if (r->position.ended)
		return WEIR_READ_ENDED;

	prepare(r, scan);
	fill(r, scan);
	weir_reader_watch_growth(r);
	if (scan->batch->nrows == 0)
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
	decode(r, scan);
	r->stats->records = r->position.line;
	r->stats->last_record_at = scan->batch->stamps[scan->batch->nrows - 1];
	return WEIR_READ_BATCH;
}

bool
weir_reader_began_ended(const WeirReader *r)
{
	return r->began_ended;
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

static void
shorten_until(long *timeout, int64 due)
{
	if (due > 0)
		shorten(timeout, weir_ms_until(due));
}

pgsocket
weir_reader_wait(WeirReader *r, int *events, long *timeout)
{
	pgsocket	fd = PGINVALID_SOCKET;

	*events = 0;
	*timeout = -1;
	if (!r->position.ended)
	{
		if (r->more || r->replaying || r->at_end || r->is_broken ||
			r->input_failed || r->draining)
			*timeout = 0;
		else
		{
			fd = weir_input_wait(r->input, r->position.offset, events, timeout);
			shorten_until(timeout, weir_growth_due(&r->growth));
		}
	}
	shorten(timeout, weir_reader_due(r));
	return fd;
}

void
weir_reader_flush(WeirReader *r, bool force)
{
	weir_input_flush(r->input, force);
}

/* Whoever begins at the end that a drain made stands at it, before it is handed out too. */
void
weir_reader_position(WeirReader *r, bool final, WeirSocketPosition *position)
{
	*position = r->position;
	if (r->drain_ended && !final)
		position->ended = false;
	if (r->drained && r->position.offset == r->drained_at)
		position->ended = true;
}

void
weir_reader_trim(WeirReader *r, int64 offset)
{
	weir_input_trim(r->input, offset);
}

/* What has begun and is not whole has the stamp at which its end comes, which is no earlier. */
int64
weir_reader_tick(WeirReader *r)
{
	int64		stamp;

	if (r->replaying || !r->begun || r->at_end || r->more || r->is_broken || r->input_failed || r->draining)
		return PG_INT64_MIN;
	stamp = weir_input_tick(r->input);
	r->position.clock = Max(r->position.clock, stamp);
	return stamp;
}

void
weir_reader_drain(WeirReader *r)
{
	r->draining = true;
}

/* Does a connection go on? */
static bool
is_live(const WeirReader *r)
{
	return r->begun && !r->at_end && !r->draining && !r->input_failed;
}

void
weir_reader_close(WeirReader *r)
{
	weir_input_save(r->input, r->position.offset, is_live(r));
	weir_input_give(r->input, is_live(r));
	cancel_before_shmem_exit(save_at_exit, PointerGetDatum(r));
	cancel_before_shmem_exit(give_at_exit, PointerGetDatum(r));
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
	weir_input_save(r->input, r->position.offset, is_live(r));
}

/* Behind the one above, also if an error ended that: then it begins anew here. */
static void
give_at_exit(int code, Datum arg)
{
	WeirReader *r = (WeirReader *) DatumGetPointer(arg);

	AbortOutOfAnyTransaction();
	weir_input_give(r->input, is_live(r));
}
