/*
 * source/changes/follow.c
 *		What the source sends of transactions, as records.
 *
 * Of a keepalive between transactions the position takes how far the source has
 * come, so that it may forget what was nobody's change, too.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/clock.h"
#include "source/changes/reader_int.h"

#define MOVE_BYTES	(1024 * 1024)
#define MESSAGES	10000		/* at a time */

void
weir_changes_begin_follow(WeirChanges *r)
{
	r->state = WEIR_CHANGES_FOLLOWING;
	r->stats->status = WEIR_SOURCE_CONNECTED;
	r->stats->last_error[0] = '\0';
	r->in_transaction = false;
	r->waits = false;
	r->relation = 0;
	r->described = false;
	r->partition = NULL;
	r->received = 0;
	r->quiet_at = PG_INT64_MIN;
	r->tell = true;
}

void
weir_changes_tell(WeirChanges *r)
{
	uint8		bytes[WEIR_WAL_STATUS];

	weir_wal_status(bytes, Max(r->received, r->confirmed), r->confirmed, weir_date(), false);
	r->told_at = weir_now();
	r->tell = false;
	if (weir_remote_copy_put(r->remote, (const char *) bytes, sizeof(bytes)) == WEIR_REMOTE_FAILED)
		weir_changes_lost(r);
}

static void
begin_transaction(WeirChanges *r)
{
	const WeirPgoutput *m = r->message;

	r->in_transaction = true;
	r->commit_lsn = m->lsn;
	r->transaction.xid = m->xid;
	r->transaction.committed_at = m->committed_at;
	r->skip = m->lsn == r->position.transaction ? r->position.halves : 0;
	if (r->skip == 0 && r->position.halves > 0)
		weir_changes_refuse(r, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
							psprintf("a transaction of stream %s does not come again", r->stream->name),
							psprintf("Part of the one that committed at %X/%X was handed out; what comes now committed at %X/%X.",
									 LSN_FORMAT_ARGS((XLogRecPtr) r->position.transaction), LSN_FORMAT_ARGS((XLogRecPtr) m->lsn)),
							"Was the publication changed, or the source set back? Begin with a new copy by weir.start_job(fresh => true).");
}

static void
end_transaction(WeirChanges *r)
{
	r->in_transaction = false;
	r->position.lsn = Max(r->position.lsn, r->message->end_lsn);
	r->position.transaction = 0;
	r->position.halves = 0;
}

/*
 * A partition's rows come as rows of the root, but what is sent of them is up to the replica
 * identity of the partition, which is described behind the root where a change of it follows.
 */
static void
meet_partition(WeirChanges *r)
{
	const WeirPgoutput *m = r->message;

	if (r->kind == 'p' && r->described && !weir_changes_knows_old(r, m))
		r->partition = MemoryContextStrdup(r->context, quote_qualified_identifier(m->schema, m->name));
}

static void
check_partition(WeirChanges *r)
{
	if (r->partition)
		weir_changes_refuse(r, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
							psprintf("partition %s of stream %s does not send the old rows", r->partition, r->stream->name),
							psprintf("A change of it was in the transaction that committed at %X/%X.",
									 LSN_FORMAT_ARGS((XLogRecPtr) r->commit_lsn)),
							psprintf("Have the source send them: ALTER TABLE %s REPLICA IDENTITY FULL; then start the job with weir.start_job(fresh => true).",
									 r->partition));
}

/* The table is told by its name, by which it was looked up. */
static void
describe_relation(WeirChanges *r)
{
	const WeirPgoutput *m = r->message;

	if (strcmp(m->schema[0] == '\0' ? "pg_catalog" : m->schema, r->schema) == 0 && strcmp(m->name, r->table) == 0)
	{
		weir_changes_match(r, m);
		r->relation = m->relation;
		r->described = true;
		return;
	}
	if (m->relation == r->relation)
		weir_changes_refuse(r, ERRCODE_UNDEFINED_TABLE,
							psprintf("table %s.%s of stream %s was renamed", r->schema, r->table, r->stream->name),
							psprintf("It is %s.%s by now.", m->schema, m->name),
							"Set the options schema_name and table_name of the foreign table, and start the job again.");
	meet_partition(r);
	r->described = false;
}

static void
meet_truncate(WeirChanges *r)
{
	if (r->wanted->pass_truncate)
		return;
	for (int i = 0; i < r->message->ntruncated; i++)
	{
		if (weir_pgoutput_truncated(r->message, i) == r->relation)
			weir_changes_refuse(r, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
								psprintf("table %s.%s of stream %s was truncated", r->schema, r->table, r->stream->name),
								psprintf("TRUNCATE was in the transaction that committed at %X/%X; there are no records of the rows that went.",
										 LSN_FORMAT_ARGS((XLogRecPtr) r->commit_lsn)),
								"Begin with a new copy by weir.start_job(fresh => true), or set the option on_truncate 'ignore' of the foreign table.");
	}
}

/* The operation of a half, or -1: it is no record. */
static int
operation_of(const WeirChanges *r, int half)
{
	switch (r->message->kind)
	{
		case WEIR_PGOUTPUT_INSERT:
			return half == 1 ? WEIR_CHANGE_INSERT : -1;
		case WEIR_PGOUTPUT_DELETE:
			return half == 1 ? WEIR_CHANGE_DELETE : -1;
		default:
			break;
	}
	if (r->wanted->pair)
		return half == 0 ? WEIR_CHANGE_UPDATE_BEFORE : WEIR_CHANGE_UPDATE_AFTER;
	return half == 1 ? WEIR_CHANGE_UPDATE : -1;
}

/* An update that leaves the replica identity alone sends no old row: what is asked of it is as it was. */
static const WeirChangedTuple *
old_of(const WeirPgoutput *m)
{
	if (m->kind == WEIR_PGOUTPUT_UPDATE)
		return m->old_kind == WEIR_OLD_NONE ? &m->row : &m->old;
	return m->kind == WEIR_PGOUTPUT_DELETE ? &m->old : NULL;
}

static void
take_record(WeirChanges *r, WeirScanInput *scan, int operation)
{
	const WeirPgoutput *m = r->message;
	const WeirChangedTuple *old = old_of(m);
	bool		is_old = operation == WEIR_CHANGE_DELETE || operation == WEIR_CHANGE_UPDATE_BEFORE;

	r->transaction.operation = operation;
	r->transaction.lsn = r->wal.start;
	weir_changes_line(r, is_old ? old : &m->row, old);
	weir_changes_take(r, scan, &r->transaction, r->transaction.committed_at, r->line.data, r->line.len);
}

/* The halves of a change, but those that were handed out before; false: there is no room. */
static bool
take_change(WeirChanges *r, WeirScanInput *scan)
{
	for (; r->half < 2; r->half++)
	{
		int			operation = operation_of(r, r->half);

		if (r->skip > 0)
		{
			r->skip--;
			continue;
		}
		if (operation >= 0)
		{
			if (!weir_changes_has_room(r, scan))
				return false;
			take_record(r, scan, operation);
		}
		r->position.transaction = r->commit_lsn;
		r->position.halves++;
	}
	return true;
}

static void
begin_change(WeirChanges *r)
{
	if (r->relation == 0 || r->message->relation != r->relation)
		return;
	check_partition(r);
	if (r->message->kind == WEIR_PGOUTPUT_UPDATE)
		(void) weir_pgoutput_complete(r->message);
	r->waits = true;
	r->half = 0;
}

static void
refuse_message(WeirChanges *r, const char *problem, size_t at)
{
	weir_changes_refuse(r, ERRCODE_PROTOCOL_VIOLATION,
						psprintf("the source of stream %s sends what is no change", r->stream->name),
						psprintf("Of a message, at byte %zu: %s.", at, problem ? problem : "it is of an unknown kind"),
						"Is the slot's plugin pgoutput?");
}

static void
handle_data(WeirChanges *r)
{
	WeirPgoutput *m = r->message;

	r->received = Max(r->received, r->wal.start);
	r->quiet_at = PG_INT64_MIN;
	if (!weir_pgoutput_parse(m, r->wal.data, r->wal.len))
		refuse_message(r, m->problem, m->problem_at);
	switch (m->kind)
	{
		case WEIR_PGOUTPUT_BEGIN:
			begin_transaction(r);
			break;
		case WEIR_PGOUTPUT_COMMIT:
			end_transaction(r);
			break;
		case WEIR_PGOUTPUT_RELATION:
			describe_relation(r);
			break;
		case WEIR_PGOUTPUT_TRUNCATE:
			meet_truncate(r);
			break;
		case WEIR_PGOUTPUT_INSERT:
		case WEIR_PGOUTPUT_UPDATE:
		case WEIR_PGOUTPUT_DELETE:
			begin_change(r);
			break;
		case WEIR_PGOUTPUT_ORIGIN:
		case WEIR_PGOUTPUT_TYPE:
		case WEIR_PGOUTPUT_MESSAGE:
			break;
	}
	if (m->kind != WEIR_PGOUTPUT_RELATION && m->kind != WEIR_PGOUTPUT_TYPE)
	{
		r->described = false;
		r->partition = NULL;
	}
}

/*
 * It is worth a checkpoint when the source could forget some WAL, but not what a checkpoint
 * itself has written there.
 */
static void
move_on(WeirChanges *r, int64 lsn)
{
	if (lsn <= r->position.lsn)
		return;
	r->position.lsn = lsn;
	if (lsn - Max(r->moved, r->confirmed) < MOVE_BYTES)
		return;
	r->moved = lsn;
	r->stats->moves++;
}

static void
handle_keepalive(WeirChanges *r)
{
	r->received = Max(r->received, r->wal.end);
	r->tell = r->tell || r->wal.reply;
	if (r->in_transaction || r->position.halves > 0)
		return;
	move_on(r, r->wal.end);
	r->quiet_at = r->wal.sent_at;
}

/* The source has ended its stream: by an error, or because it goes down. */
static void
end_of_stream(WeirChanges *r)
{
	const WeirRemoteError *error;

	if (weir_remote_result(r->remote, NULL) != WEIR_REMOTE_FAILED)
		(void) weir_remote_result(r->remote, NULL);
	error = weir_remote_error(r->remote);
	if (error && !error->lost)
		weir_changes_raise(r, "follow the changes",
						   error->sqlstate == ERRCODE_UNDEFINED_OBJECT ?
						   "A publication that was made anew is not there for what was changed before: begin with a new copy by weir.start_job(fresh => true)." : NULL);
	if (error == NULL)
	{
		weir_changes_note(r, "the source has ended the connection");
		(void) weir_remote_flush(r->remote);
	}
	weir_changes_lost(r);
}

/* A message; false: there is none now. */
static bool
receive(WeirChanges *r)
{
	const char *data;
	int			len;

	switch (weir_remote_copy_next(r->remote, &data, &len))
	{
		case WEIR_REMOTE_WAIT:
			return false;
		case WEIR_REMOTE_FAILED:
			weir_changes_lost(r);
			return false;
		case WEIR_REMOTE_DONE:
			break;
	}
	if (data == NULL)
	{
		end_of_stream(r);
		return false;
	}
	if (!weir_wal_parse(&r->wal, data, len))
		refuse_message(r, NULL, 0);
	if (r->wal.kind == WEIR_WAL_DATA)
		handle_data(r);
	else
		handle_keepalive(r);
	return true;
}

/* Much may come that is no record: whoever asks for something meanwhile is heard. */
void
weir_changes_follow(WeirChanges *r, WeirScanInput *scan)
{
	int			n = 0;

	r->busy = false;
	while (weir_changes_has_room(r, scan))
	{
		if (n++ >= MESSAGES)
		{
			r->busy = true;
			return;
		}
		if (r->waits)
		{
			r->waits = !take_change(r, scan);
			continue;
		}
		if (weir_changes_is_drained(r) || !receive(r))
			return;
	}
}
