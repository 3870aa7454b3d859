/*
 * source/changes/changes_source.c
 *		The source weir_changes: a reader, and what its positions say.
 */
#include "postgres.h"

#include "source/changes/option.h"
#include "source/changes/reader.h"
#include "source/changes/reader_int.h"

/* Without what was there changes say little. */
static void
renew(int64 job, Oid stream, WeirPosition *position)
{
	memset(position, 0, sizeof(*position));
	weir_change_slot_forget_handed(job, stream);
}

static WeirSource *
open_changes(const WeirStream *stream, const WeirSourceOptions *options, const WeirPosition *start,
			 WeirSourceStats *stats)
{
	return (WeirSource *) weir_changes_open(stream, options, start, stats);
}

static void
close_changes(WeirSource *source)
{
	weir_changes_close((WeirChanges *) source);
}

static WeirReadResult
poll_changes(WeirSource *source, WeirScanInput *scan)
{
	return weir_changes_next((WeirChanges *) source, scan);
}

static bool
changes_hopeless(const WeirSource *source)
{
	return weir_changes_hopeless((const WeirChanges *) source);
}

static int64
changes_failed_line(const WeirSource *source)
{
	return weir_changes_failed_line((const WeirChanges *) source);
}

static pgsocket
wait_for_changes(WeirSource *source, int *events, long *timeout)
{
	return weir_changes_wait((WeirChanges *) source, events, timeout);
}

/* The source keeps what it has sent; what is due is to tell it that somebody is there. */
static long
changes_due(WeirSource *source)
{
	return weir_changes_due((WeirChanges *) source);
}

static void
flush_changes(WeirSource *source, bool force)
{
	weir_changes_flush((WeirChanges *) source);
}

static void
changes_position(WeirSource *source, bool final, WeirPosition *position)
{
	WeirChangesPosition at;

	weir_changes_position((WeirChanges *) source, final, &at);
	weir_changes_position_encode(&at, position);
}

static void
trim_changes(WeirSource *source, const WeirPosition *position)
{
	WeirChangesPosition at = weir_changes_read_position(position);

	weir_changes_trim((WeirChanges *) source, &at);
}

static void
drain_changes(WeirSource *source)
{
	weir_changes_drain((WeirChanges *) source);
}

static bool
changes_began_ended(const WeirSource *source)
{
	return weir_changes_began_ended((const WeirChanges *) source);
}

static int64
tick_changes(WeirSource *source)
{
	return weir_changes_tick((WeirChanges *) source);
}

static bool
position_ended(const WeirPosition *position)
{
	return weir_changes_read_position(position).ended > 0;
}

static int64
position_clock(const WeirPosition *position)
{
	return weir_changes_read_position(position).clock;
}

static int64
committed(WeirSource *source)
{
	return weir_changes_committed((WeirChanges *) source);
}

static bool
has_reached(WeirSource *source, int64 mark)
{
	return weir_changes_has_reached((WeirChanges *) source, mark);
}

static char *
missing(int64 job, int ordinal, Oid stream, const WeirPosition *position)
{
	WeirChangesPosition at = weir_changes_read_position(position);

	return weir_changes_missing(job, stream, &at);
}

/* The reader passes it when it is connected. */
static int64
pass_gap(int64 job, int ordinal, Oid stream, WeirPosition *position, int nknown, const WeirPosition *known,
		 char **detail)
{
	return 0;
}

const WeirSourceOps weir_changes_source = {
	.name = "changes",
	.handler = "weir_changes_handler",
	.unit = "changes",
	.options = weir_changes_server_options,
	.complete = weir_changes_complete,
	.authorize = weir_changes_authorize,
	.table_options = weir_changes_table_options,
	.column_options = weir_changes_column_options,
	.other_option = weir_changes_other_option,
	.own_size = sizeof(WeirChangesOptions),
	.metadata = weir_changes_metadata,
	.renew = renew,
	.open = open_changes,
	.close = close_changes,
	.poll = poll_changes,
	.began_ended = changes_began_ended,
	.hopeless = changes_hopeless,
	.failed_line = changes_failed_line,
	.wait = wait_for_changes,
	.due = changes_due,
	.flush = flush_changes,
	.position = changes_position,
	.trim = trim_changes,
	.drain = drain_changes,
	.committed = committed,
	.has_reached = has_reached,
	.tick = tick_changes,
	.position_ended = position_ended,
	.position_clock = position_clock,
	.missing = missing,
	.pass_gap = pass_gap,
	.keep = weir_change_slots_keep,
	.forget = weir_change_slots_forget,
};
