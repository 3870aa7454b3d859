/*
 * source/feed/feed_source.c
 *		The source weir_feed: a reader, and what its positions say.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/snapmgr.h"

#include "catalog/feed.h"
#include "source/feed/journal.h"
#include "source/feed/reader.h"
#include "source/metadata.h"
#include "source/stream_option.h"

#define MAX_RECORD	(256 * 1024 * 1024)	/* of a line given to weir.try_job */

static const WeirStreamOption server_options[] = {
	{"idle_timeout", weir_set_idle_timeout, "0"},
	{NULL, NULL, NULL},
};

static const WeirStreamOption table_options[] = {
	{"max_journal", weir_set_max_journal, WEIR_FEED_MAX_JOURNAL},
	{"on_error", weir_set_on_error, "stop"},
	{"max_dead_letters", weir_set_max_dead_letters, "1000"},
	{"late", weir_set_late, "drop"},
	{"idle_timeout", weir_set_idle_timeout, NULL},	/* instead of the server's */
	{NULL, NULL, NULL},
};

/* What the options of other sources say, for whoever asks a stream for it. */
static void
complete(WeirStream *stream)
{
	stream->journal = true;
	stream->max_retries = -1;
	stream->max_record = MAX_RECORD;
}

static void
authorize(const WeirStream *stream)
{
}

static WeirFeedPosition
read_position(const WeirPosition *bytes)
{
	WeirFeedPosition position;

	if (!weir_feed_position_decode(bytes, &position))
		weir_position_refuse(bytes, "weir");
	return position;
}

static WeirSource *
open_feed(const WeirStream *stream, const WeirSourceOptions *options, const WeirPosition *start,
		  WeirSourceStats *stats)
{
	return (WeirSource *) weir_feed_reader_open(stream, options, start, stats);
}

static void
close_feed(WeirSource *source)
{
	weir_feed_reader_close((WeirFeedReader *) source);
}

static WeirReadResult
poll_feed(WeirSource *source, WeirScanInput *scan)
{
	return weir_feed_reader_next((WeirFeedReader *) source, scan);
}

/* No error of its is a record's. */
static bool
feed_hopeless(const WeirSource *source)
{
	return false;
}

static int64
feed_failed_line(const WeirSource *source)
{
	return 0;
}

static pgsocket
wait_for_rows(WeirSource *source, int *events, long *timeout)
{
	*events = 0;
	*timeout = weir_feed_reader_timeout((WeirFeedReader *) source);
	return PGINVALID_SOCKET;
}

/* Whoever writes makes it durable. */
static long
feed_due(WeirSource *source)
{
	return -1;
}

static void
flush_feed(WeirSource *source, bool force)
{
}

static void
feed_position(WeirSource *source, bool final, WeirPosition *position)
{
	WeirFeedPosition at;

	weir_feed_reader_position((WeirFeedReader *) source, final, &at);
	weir_feed_position_encode(&at, position);
}

static void
trim_feed(WeirSource *source, const WeirPosition *position)
{
	WeirFeedPosition at = read_position(position);

	weir_feed_reader_trim((WeirFeedReader *) source, &at);
}

static void
drain_feed(WeirSource *source)
{
	weir_feed_reader_drain((WeirFeedReader *) source);
}

static bool
feed_began_ended(const WeirSource *source)
{
	return weir_feed_reader_began_ended((const WeirFeedReader *) source);
}

static int64
tick_feed(WeirSource *source)
{
	return weir_feed_reader_tick((WeirFeedReader *) source);
}

static int64
committed(WeirSource *source)
{
	return (int64) GetXLogInsertRecPtr();
}

static bool
has_reached(WeirSource *source, int64 mark)
{
	WeirFeedPosition at;

	weir_feed_reader_position((WeirFeedReader *) source, true, &at);
	return at.ended || at.place >= mark;
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

/* Are rows behind the position forgotten? */
static bool
lacks(int64 job, Oid stream, const WeirFeedPosition *position, WeirFeedPosition *oldest)
{
	WeirFeedJournal *journal;

	PushActiveSnapshot(GetLatestSnapshot());
	journal = weir_feed_journal(job, stream);
	PopActiveSnapshot();
	if (journal == NULL || journal->forgotten.len == 0)
		return false;
	*oldest = read_position(&journal->forgotten);
	return weir_feed_position_is_behind(oldest, position);
}

static char *
missing(int64 job, int ordinal, Oid stream, const WeirPosition *position)
{
	WeirFeedPosition at = read_position(position);
	WeirFeedPosition oldest;

	if (!lacks(job, stream, &at, &oldest))
		return NULL;
	return psprintf(INT64_FORMAT " rows are missing: the savepoint stands behind row "
					INT64_FORMAT ", the journal begins behind row " INT64_FORMAT ".",
					oldest.line - at.line, at.line, oldest.line);
}

static int64
pass_gap(int64 job, int ordinal, Oid stream, WeirPosition *position, int nknown,
		 const WeirPosition *known, char **detail)
{
	WeirFeedPosition start = read_position(position);
	WeirFeedPosition oldest;

	if (!lacks(job, stream, &start, &oldest))
		return 0;
	weir_feed_position_encode(&oldest, position);
	*detail = psprintf("It starts behind row " INT64_FORMAT ", where its journal begins.", oldest.line);
	return Max(oldest.line - start.line, 1);
}

static const WeirMetadata *const metadata[] = {
	&weir_metadata_line_number,
	&weir_metadata_arrival,
	&weir_metadata_stream,
	NULL,
};

const WeirSourceOps weir_feed_source = {
	.name = "feed",
	.handler = "weir_feed_handler",
	.unit = "rows",
	.typed = true,
	.options = server_options,
	.complete = complete,
	.authorize = authorize,
	.table_options = table_options,
	.metadata = metadata,
	.open = open_feed,
	.close = close_feed,
	.poll = poll_feed,
	.began_ended = feed_began_ended,
	.hopeless = feed_hopeless,
	.failed_line = feed_failed_line,
	.wait = wait_for_rows,
	.due = feed_due,
	.flush = flush_feed,
	.position = feed_position,
	.trim = trim_feed,
	.drain = drain_feed,
	.tick = tick_feed,
	.committed = committed,
	.has_reached = has_reached,
	.position_ended = position_ended,
	.position_clock = position_clock,
	.missing = missing,
	.pass_gap = pass_gap,
	.keep = weir_feed_keep,
	.forget = weir_feed_forget,
};
