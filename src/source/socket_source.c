/*
 * source/socket_source.c
 *		The source weir_socket: a reader, and what its positions say.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "source/journal.h"
#include "source/metadata.h"
#include "source/peer.h"
#include "source/reader.h"
#include "source/segment.h"
#include "source/stream_option.h"

static WeirSocketPosition
read_position(const WeirPosition *bytes)
{
	WeirSocketPosition position;

	if (!weir_socket_position_decode(bytes, &position))
		weir_position_refuse(bytes, "weir");
	return position;
}

static WeirSource *
open_socket(const WeirStream *stream, const WeirSourceOptions *options,
			const WeirPosition *start, WeirSourceStats *stats)
{
	WeirSocketPosition position = read_position(start);

	return (WeirSource *) weir_reader_open(stream, options, &position, stats);
}

static void
close_socket(WeirSource *source)
{
	weir_reader_close((WeirReader *) source);
}

static WeirReadResult
poll_socket(WeirSource *source, WeirScanInput *scan)
{
	return weir_reader_next((WeirReader *) source, scan);
}

static bool
socket_hopeless(const WeirSource *source)
{
	return weir_reader_hopeless((const WeirReader *) source);
}

static int64
socket_failed_line(const WeirSource *source)
{
	return weir_reader_failed_line((const WeirReader *) source);
}

static pgsocket
wait_for_socket(WeirSource *source, int *events, long *timeout)
{
	return weir_reader_wait((WeirReader *) source, events, timeout);
}

static long
socket_due(WeirSource *source)
{
	return weir_reader_due((WeirReader *) source);
}

static void
flush_socket(WeirSource *source, bool force)
{
	weir_reader_flush((WeirReader *) source, force);
}

static void
socket_position(WeirSource *source, bool final, WeirPosition *position)
{
	WeirSocketPosition at;

	weir_reader_position((WeirReader *) source, final, &at);
	weir_socket_position_encode(&at, position);
}

static void
trim_socket(WeirSource *source, const WeirPosition *position)
{
	weir_reader_trim((WeirReader *) source, read_position(position).offset);
}

static int64
tick_socket(WeirSource *source)
{
	return weir_reader_tick((WeirReader *) source);
}

static bool
socket_began_ended(const WeirSource *source)
{
	return weir_reader_began_ended((const WeirReader *) source);
}

static void
drain_socket(WeirSource *source)
{
	weir_reader_drain((WeirReader *) source);
}

static bool
position_ended(const WeirPosition *position)
{
	return read_position(position).ended;
}

static int64
position_clock(const WeirPosition *position)
{
	return read_position(position).clock;
}

/* Does the journal hold something, but not what follows the offset? */
static bool
lacks(int64 job, int ordinal, int64 offset, int64 *oldest)
{
	return weir_segments_begin_at(job, ordinal, oldest) && offset < *oldest;
}

static char *
missing(int64 job, int ordinal, Oid stream, const WeirPosition *position)
{
	int64		offset = read_position(position).offset;
	int64		oldest;

	if (!lacks(job, ordinal, offset, &oldest))
		return NULL;
	return psprintf(INT64_FORMAT " bytes are missing: the savepoint stands at byte "
					INT64_FORMAT ", the journal begins at byte " INT64_FORMAT ".",
					oldest - offset, offset, oldest);
}

/* The first known end of a record at or behind the oldest byte. */
static bool
find_known(int n, const WeirPosition *known, int64 oldest, WeirSocketPosition *best)
{
	bool		found = false;

	for (int i = 0; i < n; i++)
	{
		WeirSocketPosition p = read_position(&known[i]);

		if (p.offset < oldest || (found && p.offset >= best->offset))
			continue;
		*best = p;
		found = true;
	}
	return found;
}

static int64
pass_gap(int64 job, int ordinal, Oid stream, WeirPosition *position, int nknown,
		 const WeirPosition *known, char **detail)
{
	WeirSocketPosition start = read_position(position);
	int64		before = start.offset;
	int64		oldest;

	if (!lacks(job, ordinal, before, &oldest))
		return 0;
	if (!find_known(nknown, known, oldest, &start))
	{
		/* within a record, as far as anybody knows */
		start.offset = oldest;
		start.passing = -1;
	}
	start.ended = false;
	weir_socket_position_encode(&start, position);
	*detail = psprintf("It starts at byte " INT64_FORMAT "; its journal begins at byte " INT64_FORMAT ".",
					   start.offset, oldest);
	return start.offset - before;
}

/* Where it is known, what the reader says of a record is the name of its peer. */
static bool
peer(const WeirRecordAbout *record, Oid type, Datum *value)
{
	if (record->about == NULL)
		return false;
	*value = CStringGetTextDatum(record->about);
	return true;
}

static const WeirMetadata metadata_peer = {
	"peer", {TEXTOID}, WEIR_METADATA_OF_ABOUT, true, peer
};

static const WeirMetadata *const metadata[] = {
	&weir_metadata_line_number,
	&weir_metadata_arrival,
	&weir_metadata_stream,
	&metadata_peer,
	NULL
};

const WeirSourceOps weir_socket_source = {
	.name = "socket",
	.handler = "weir_socket_handler",
	.unit = "bytes",
	.options = weir_server_options,
	.complete = weir_server_options_complete,
	.authorize = weir_server_options_authorize,
	.table_options = weir_table_options,
	.metadata = metadata,
	.peer = &weir_socket_peer,
	.open = open_socket,
	.close = close_socket,
	.poll = poll_socket,
	.began_ended = socket_began_ended,
	.hopeless = socket_hopeless,
	.failed_line = socket_failed_line,
	.wait = wait_for_socket,
	.due = socket_due,
	.flush = flush_socket,
	.position = socket_position,
	.trim = trim_socket,
	.tick = tick_socket,
	.drain = drain_socket,
	.position_ended = position_ended,
	.position_clock = position_clock,
	.missing = missing,
	.pass_gap = pass_gap,
	.forget = weir_journal_drop,
};
