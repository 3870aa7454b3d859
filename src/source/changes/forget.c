/*
 * source/changes/forget.c
 *		What sessions ask of a source, and wait for: drops what Weir has made on the servers whose changes a job has read, when
 *		the job, or one of its streams, is dropped.
 *
 * A source that cannot be asked keeps it, and its WAL with it: whoever drops the job
 * is told what to run there.
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "source/changes/reader_int.h"

#define TIMEOUT_MS	10000		/* of the connection, of a command */

static void
drop_publication(WeirRemote *remote, const WeirChangeSlot *row)
{
	if (row->publication)
		(void) weir_remote_exec(remote, psprintf("DROP PUBLICATION IF EXISTS %s", quote_identifier(row->publication)),
								0, NULL, TIMEOUT_MS);
}

/* A task that has just ended may have it still; the source soon sees that. */
void
weir_change_slot_drop_there(WeirRemote *remote, const char *slot)
{
	(void) weir_remote_exec(remote,
							"SELECT pg_catalog.pg_terminate_backend(active_pid, 5000) FROM pg_catalog.pg_replication_slots"
							" WHERE slot_name = $1 AND active_pid IS NOT NULL", 1, &slot, TIMEOUT_MS);
	(void) weir_remote_exec(remote,
							"SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots"
							" WHERE slot_name = $1", 1, &slot, TIMEOUT_MS);
}

static WeirRemote *
connect_to(Oid server_oid, Oid user)
{
	WeirChangesServer *server = weir_changes_server(server_oid, user);
	WeirRemote *remote;

	weir_changes_server_check(server);
	remote = weir_remote_connect(server->info->keywords, server->info->values, TIMEOUT_MS);
	weir_changes_server_check_connected(server, remote);
	return remote;
}

static void
drop_there(const WeirChangeSlot *row)
{
	WeirRemote *remote = connect_to(row->server, row->owner);

	if (row->made)
		weir_change_slot_drop_there(remote, row->slot);
	drop_publication(remote, row);
	weir_remote_close(remote);
}

static char *
statements(const WeirChangeSlot *row)
{
	StringInfoData sql;

	initStringInfo(&sql);
	if (row->made)
		appendStringInfo(&sql, "SELECT pg_drop_replication_slot(%s);", quote_literal_cstr(row->slot));
	if (row->publication)
		appendStringInfo(&sql, "%sDROP PUBLICATION IF EXISTS %s;", sql.len > 0 ? " " : "", quote_identifier(row->publication));
	return sql.data;
}

static void
warn(const WeirChangeSlot *row, const char *why)
{
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("replication slot \"%s\" stays on the source of the job's changes", row->slot),
			 errdetail_internal("%s", why),
			 errhint("It keeps the source from removing WAL. Run there: %s", statements(row))));
}

/* Whatever fails there is no reason to keep the job. */
static void
try_to_drop(const WeirChangeSlot *row)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData  *error;

	PG_TRY();
	{
		drop_there(row);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			PG_RE_THROW();
		FlushErrorState();
		warn(row, error->detail ? error->detail : error->message);
	}
	PG_END_TRY();
}

static void
forget(int64 job, const WeirChangeSlot *row)
{
	if (row->database != MyDatabaseId || (!row->made && row->publication == NULL))
		;						/* another's, or the user's */
	else if (!SearchSysCacheExists1(FOREIGNSERVEROID, ObjectIdGetDatum(row->server)))
		warn(row, "The foreign server that led there has been dropped.");
	else
		try_to_drop(row);
	weir_change_slot_delete(job, row->stream);
}

void
weir_change_slots_keep(int64 job, List *streams)
{
	ListCell   *lc;

	foreach(lc, weir_change_slots_of_job(job))
	{
		WeirChangeSlot *row = lfirst(lc);

		if (!list_member_oid(streams, row->stream))
			forget(job, row);
	}
}

void
weir_change_slots_forget(int64 job)
{
	PushActiveSnapshot(GetTransactionSnapshot());
	weir_change_slots_keep(job, NIL);
	PopActiveSnapshot();
}

/* Where the slot stands; 0: nobody can tell, or there is none, which the job will be told. */
static int64
ask_for_confirmed(const WeirChangeSlot *row)
{
	const char *slot = row->slot;
	WeirRemote *remote = connect_to(row->server, row->owner);
	WeirRemoteRows *rows = weir_remote_exec(remote,
											"SELECT confirmed_flush_lsn FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
											1, &slot, TIMEOUT_MS);
	int64		confirmed = rows->nrows > 0 ? weir_changes_parse_lsn(weir_remote_value(rows, 0, 0)) : 0;

	weir_remote_close(remote);
	return confirmed;
}

char *
weir_changes_missing(int64 job, Oid stream, const WeirChangesPosition *position)
{
	WeirChangeSlot *row;
	int64		confirmed;

	PushActiveSnapshot(GetTransactionSnapshot());
	row = weir_change_slot(job, stream);
	PopActiveSnapshot();
	if (row == NULL || row->database != MyDatabaseId || position->phase == WEIR_CHANGES_NOWHERE)
		return NULL;
	if (position->phase == WEIR_CHANGES_COPY && row->copied == 0)
		return psprintf("The savepoint stands behind row " INT64_FORMAT " of the copy, which is no longer kept.", position->copied);
	confirmed = ask_for_confirmed(row);
	if (confirmed <= position->lsn)
		return NULL;
	return psprintf("The savepoint stands at %X/%X, the replication slot at %X/%X.",
					LSN_FORMAT_ARGS((XLogRecPtr) position->lsn), LSN_FORMAT_ARGS((XLogRecPtr) confirmed));
}
