/*
 * source/reader_record.c
 *		What becomes of a stream's records, and of bytes that are none.
 *
 * The position moves with what is taken or dropped, so that a replay from it
 * comes to the same.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "source/excerpt.h"
#include "source/reader_int.h"

#define RUN_RECORDS		256

/*
 * At most once a plain peer is not asked again, so nothing need be kept; a
 * sender in the protocol "resume" is told what has come.
 */
bool
weir_reader_keeps_journal(const WeirReader *r)
{
	return r->stream->journal && r->options.checkpointing &&
		(!r->options.at_most_once || r->stream->resume);
}

/* At most once, what the journal holds may have been handed out before. */
static bool
skips(const WeirReader *r)
{
	return r->replaying && r->options.checkpointing && r->options.at_most_once;
}

/* The position is behind it. */
static void
pass_record(WeirReader *r, const WeirFramedRecord *record)
{
	r->position.offset = record->end_offset;
	r->position.line = record->line;
	r->position.clock = Max(r->position.clock, record->stamp);
	r->position.passing = record->passing;
	strlcpy(r->position.peer, r->peer, sizeof(r->position.peer));
	r->passing = record->passing != 0;
}

/* Bytes that become no record and no dead letter. */
static void
warn_of_loss(WeirReader *r, const char *data, Size len, int64 line, int64 size,
			 const char *reason, const char *advice)
{
	char	   *text = weir_record_excerpt(data, len, r->stream->encoding);

	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("stream %s: " INT64_FORMAT " bytes behind line " INT64_FORMAT " are no record",
					r->stream->name, size, line),
			 errdetail("%s Bytes: \"%s\"", reason, text),
			 errhint("%s", advice)));
	pfree(text);
}

/* Some programs begin a text with U+FEFF, which says nothing in UTF8. */
static void
drop_byte_order_mark(const WeirStream *stream, WeirFramedRecord *record)
{
	if ((stream->encoding == PG_UTF8 || stream->encoding == PG_SQL_ASCII) && record->len >= 3 &&
		memcmp(record->data, "\xef\xbb\xbf", 3) == 0)
	{
		record->data += 3;
		record->len -= 3;
	}
}

/* Whether it is the first of its connection the framer knows also in a replay. */
static void
add_record(WeirReader *r, WeirScanInput *scan, WeirFramedRecord record)
{
	if (record.fault == WEIR_RECORD_WHOLE)
	{
		if (record.first && r->stream->header)
			return;
		if (record.first)
			drop_byte_order_mark(r->stream, &record);
		if (record.len == 0 && r->stream->skip_empty)
			return;
	}
	weir_decoder_add(r->decoder, scan, &record);
}

void
weir_reader_take(WeirReader *r, WeirScanInput *scan, const WeirFramedRecord *record)
{
	bool		aside = record->fault != WEIR_RECORD_WHOLE && !r->stream->dead_letter;

	if (aside && r->passing)
		warn_of_loss(r, record->data, record->len, record->line - 1, record->size,
					 "The job began within a record.",
					 "Set the stream's option on_error to 'dead_letter' to keep such bytes.");
	else if (aside)
	{
		r->broken = *record;
		r->is_broken = true;
		return;
	}
	pass_record(r, record);
	r->taken++;
	if (!aside && !skips(r))
		add_record(r, scan, *record);
}

int
weir_reader_take_run(WeirReader *r, WeirScanInput *scan)
{
	WeirRecordSpan spans[RUN_RECORDS];
	int64		line;
	int64		stamp;
	int			n = (int) weir_framer_run(r->framer, spans,
										  Min(scan->limit - r->taken, RUN_RECORDS),
										  &line, &stamp);

	if (n == 0)
		return 0;
	r->position.offset = weir_framer_offset(r->framer);
	r->position.line = weir_framer_line(r->framer);
	r->position.clock = Max(r->position.clock, stamp);
	r->position.passing = 0;
	strlcpy(r->position.peer, r->peer, sizeof(r->position.peer));
	r->passing = false;
	r->taken += n;
	if (!skips(r))
		weir_decoder_add_run(r->decoder, scan, spans, n, line, stamp);
	return n;
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

void
weir_reader_leave(WeirReader *r, WeirScanInput *scan)
{
	WeirFramedRecord record;

	if (!weir_framer_leave(r->framer, &record))
	{
		r->passing = false;
		return;
	}
	if (record.fault == WEIR_RECORD_PARTIAL)
	{
		r->stats->partial_records++;
		warn_of_loss(r, record.data, record.len, record.line - 1, record.size,
					 r->stream->listen ? "The sender's connection ended within a record." :
					 "The connection ended within a record, and another began.",
					 r->stream->listen ? "A sender must end its last record before it closes." :
					 "If the peer goes on where it was, set the server's option partial to 'join', or protocol to 'resume' if it can.");
	}
	if (r->stream->dead_letter || record.fault != WEIR_RECORD_PARTIAL)
		weir_reader_take(r, scan, &record);
	else
		pass_record(r, &record);
}

void
weir_reader_begin_connection(WeirReader *r, WeirScanInput *scan)
{
	if (!r->stream->join_partial)
		weir_reader_leave(r, scan);
	if (weir_framer_tail(r->framer) == 0)
		weir_framer_connected(r->framer);
	r->connected = false;
}

void
weir_reader_finish_record(WeirReader *r, WeirScanInput *scan, int64 stamp)
{
	WeirFramedRecord record;

	if (weir_framer_finish(r->framer, &record))
	{
		record.stamp = Max(record.stamp, stamp);
		weir_reader_take(r, scan, &record);
	}
	else
		r->passing = false;
}

void
weir_reader_cross(WeirReader *r, WeirScanInput *scan, bool gap, int64 offset, const WeirOrigin *origin,
				  int64 stamp)
{
	if (gap)
		drop_tail(r);
	else
		weir_reader_finish_record(r, scan, stamp);
	if (r->is_broken)
		return;
	if (!gap)
		weir_framer_connected(r->framer);
	r->position.offset = offset;
	r->position.passing = 0;
	r->position.origin = r->origin = *origin;
}

void
weir_reader_describe(WeirReader *r, WeirScanInput *scan)
{
	if (r->stream->nmetadata > 0)
		weir_decoder_describe(r->decoder, r->peer[0] == '\0' ? NULL :
							  MemoryContextStrdup(scan->batch->context, r->peer));
}

void
weir_reader_end_drain(WeirReader *r)
{
	const char *text;
	Size		len;

	r->at_end = r->drain_ended = true;
	if (weir_reader_keeps_journal(r) || r->stream->resume || weir_framer_tail(r->framer) == 0)
		return;
	text = weir_framer_text(r->framer, &len);
	warn_of_loss(r, text, len, weir_framer_line(r->framer), (int64) weir_framer_tail(r->framer),
				 "The stream was drained within a record.",
				 "With the server's option journal 'on', and checkpoints, such bytes are kept.");
}

void
weir_reader_watch_growth(WeirReader *r)
{
	/* behind a full batch whole records may wait */
	Size		bytes = r->more ? 0 : weir_framer_tail(r->framer);
	int64		now = weir_now();

	r->stats->record_bytes = bytes + weir_input_unfinished(r->input);
	if (r->replaying || r->position.ended ||
		!weir_growth_look(&r->growth, r->position.offset, bytes, r->stream->max_record,
						  now))
		return;
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("stream %s: the record behind line " INT64_FORMAT " has %zu bytes and is not whole",
					r->stream->name, weir_framer_line(r->framer), bytes),
			 errdetail("It has stood open since %s.", timestamptz_to_str(weir_date() - (now - r->growth.since))),
			 r->stream->csv ?
			 errhint("If a quote in it is never closed, records behind it are taken for part of it, up to \"max_record\" bytes.") :
			 errhint("If the peer does not end records as the stream's server says, check its options \"framing\" and \"record_delimiter\".")));
}
