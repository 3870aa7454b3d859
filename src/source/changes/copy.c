/*
 * source/changes/copy.c
 *		The rows that a table has when its slot is made: kept as lines in
 *		weir_internal.change_copy, then handed out.
 *
 * They come in one transaction of the source, which nobody could begin again with the
 * same snapshot.  So no position names them before all of them are kept; until
 * then an attempt that ends leaves what the next one makes anew, slot and copy.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "source/changes/reader_int.h"

#define PIECE_BYTES	(256 * 1024)

/* The values in the order of the stream's columns; what was before the row nobody knows. */
char *
weir_changes_copy_command(WeirChanges *r)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "COPY (SELECT ");
	for (int i = 0; i < r->ncolumns; i++)
	{
		if (i > 0)
			appendStringInfoString(&sql, ", ");
		appendStringInfoString(&sql, r->columns[i].old ? "NULL" : quote_identifier(r->columns[i].name));
	}
	appendStringInfo(&sql, " FROM %s", weir_changes_only(r));
	if (r->filter)
		appendStringInfo(&sql, " WHERE %s", r->filter);
	appendStringInfoString(&sql, ") TO STDOUT");
	return sql.data;
}

void
weir_changes_begin_copy(WeirChanges *r, int64 lsn)
{
	r->position.lsn = lsn;
	r->copied = 0;
	r->piece_rows = 0;
	resetStringInfo(&r->piece);
	r->copy_stamp = weir_arrival_time();
}

static void
keep_piece(WeirChanges *r, bool last)
{
	MemoryContext caller = CurrentMemoryContext;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (r->piece_rows > 0)
		weir_change_copy_add(r->options.job, r->stream->relid, r->copied, r->piece_rows, r->piece.data, r->piece.len);
	if (last)
		weir_change_slot_set_copied(r->options.job, r->stream->relid, r->position.lsn, r->copy_stamp);
	PopActiveSnapshot();
	CommitTransactionCommand();
	SetLatch(MyLatch);			/* a wait for a standby takes wake-ups */
	MemoryContextSwitchTo(caller);
	r->copied += r->piece_rows;
	r->piece_rows = 0;
	resetStringInfo(&r->piece);
}

/* All rows are kept: from here on a position names them. */
static void
finish(WeirChanges *r)
{
	keep_piece(r, true);
	r->row->copied = r->position.lsn;
	r->row->stamp = r->copy_stamp;
	r->position.phase = WEIR_CHANGES_COPY;
	r->position.system = r->source_system;
	r->position.transaction = 0;
	r->position.halves = 0;
	r->position.copied = 0;
	weir_changes_copied(r);
}

/* The source has sent all, or an error. */
static void
end(WeirChanges *r)
{
	const WeirRemoteError *error;

	if (weir_remote_result(r->remote, NULL) != WEIR_REMOTE_FAILED)
	{
		finish(r);
		return;
	}
	error = weir_remote_error(r->remote);
	if (!error->lost)
		weir_changes_raise(r, "copy the table", NULL);
	weir_changes_lost(r);
}

static void
add_line(WeirChanges *r, const char *data, int len)
{
	appendBinaryStringInfo(&r->piece, data, len);
	r->piece_rows++;
	r->stats->bytes += len;
}

/* A piece at a time, so that whoever asks for something meanwhile is heard. */
bool
weir_changes_copy(WeirChanges *r)
{
	const char *data;
	int			len;

	r->busy = false;
	while (r->piece.len < PIECE_BYTES)
	{
		switch (weir_remote_copy_next(r->remote, &data, &len))
		{
			case WEIR_REMOTE_WAIT:
				return false;
			case WEIR_REMOTE_FAILED:
				weir_changes_lost(r);
				return true;
			case WEIR_REMOTE_DONE:
				break;
		}
		if (data == NULL)
		{
			end(r);
			return true;
		}
		add_line(r, data, len);
	}
	keep_piece(r, false);
	r->busy = true;
	return false;
}

/* ---- handing out ---- */

static void
read_piece(WeirChanges *r)
{
	MemoryContext caller = CurrentMemoryContext;
	int64		before = 0;
	bool		found;

	if (r->lines)
		pfree(r->lines);
	r->lines = NULL;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(r->context);
	found = weir_change_copy_read(r->options.job, r->stream->relid, r->position.copied, &before, &r->lines, &r->lines_len);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	r->line_at = 0;
	for (; found && before < r->position.copied; before++)
		r->line_at = (int) ((char *) memchr(r->lines + r->line_at, '\n', r->lines_len - r->line_at) - r->lines) + 1;
}

static void
take_line(WeirChanges *r, WeirScanInput *scan)
{
	WeirChangeAbout about = {WEIR_CHANGE_COPY, r->position.lsn, 0, 0};
	const char *line = r->lines + r->line_at;
	const char *end = memchr(line, '\n', r->lines_len - r->line_at);

	weir_changes_take(r, scan, &about, r->row->stamp, line, (int) (end - line));
	r->line_at += (int) (end - line) + 1;
	r->position.copied++;
}

bool
weir_changes_hand_out_copy(WeirChanges *r, WeirScanInput *scan)
{
	while (weir_changes_has_room(r, scan))
	{
		if (r->lines == NULL || r->line_at >= r->lines_len)
			read_piece(r);
		if (r->lines == NULL)
			return scan->batch->nrows > 0;
		take_line(r, scan);
	}
	return true;
}
