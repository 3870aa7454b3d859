/*
 * source/changes/setup.c
 *		What is asked of a source, and made there, before changes come.
 *
 *	identify -> table -> columns -> slot --+--> publication ---------> start
 *										   |							 ^
 *					  (there is none yet)  +--> (drop) -> publish -> begin -> make slot -> copy
 *
 * Each step is a command over the connection of replication, sent when the one before
 * it is done.  What is made is noted in the catalog before, so that drop_job knows of it.
 *
 * The slot is made in a transaction that takes its snapshot, and what is there is
 * copied in the same one: the copy shows the table as it was where the changes begin.
 * To make a slot the source waits for transactions that write, this job's own, if
 * it is the same server, among them: meanwhile the reader goes on to be asked, and
 * barriers pass.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "source/changes/reader_int.h"

#define MAX_PULSE_US	(10 * USECS_PER_SEC)	/* between two words to the source */
#define AGAIN_US	(100 * 1000)	/* until what is in use is looked at again */

typedef struct Step
{
	const char *doing;			/* could not .. of stream x */
	char	   *(*command) (WeirChanges *r);
	/* The next step is set, or what follows the setup has begun. */
	void		(*done) (WeirChanges *r, const WeirRemoteRows *rows);
} Step;

enum
{
	IDENTIFY,
	LOOK_AT_TABLE,
	LOOK_AT_COLUMNS,
	LOOK_AT_SLOT,
	DROP_FORMER,
	DROP_SLOT,
	LOOK_AT_PUBLICATION,
	UNPUBLISH,
	PUBLISH,
	BEGIN,
	MAKE_SLOT,
	COPY,
	COMMIT,
	START
};

static void
go(WeirChanges *r, int step)
{
	r->step = step;
	r->sent = false;
	r->again_at = 0;
}

static char *
literal(WeirChanges *r, const char *value)
{
	return weir_remote_literal(r->remote, value);
}

int64
weir_changes_parse_lsn(const char *text)
{
	uint32		high = 0;
	uint32		low = 0;

	if (text == NULL || sscanf(text, "%X/%X", &high, &low) != 2)
		return 0;
	return (int64) (((uint64) high << 32) | low);
}

static bool
is_true(const char *text)
{
	return text != NULL && text[0] == 't';
}

/* ---- identify ---- */

static char *
identify(WeirChanges *r)
{
	return "IDENTIFY_SYSTEM";
}

static void
identified(WeirChanges *r, const WeirRemoteRows *rows)
{
	r->source_system = (int64) strtoull(weir_remote_value(rows, 0, 0), NULL, 10);
	r->source_lsn = weir_changes_parse_lsn(weir_remote_value(rows, 0, 2));
	weir_changes_check_system(r);
	go(r, LOOK_AT_TABLE);
}

/* ---- the table ---- */

/* The source ends the connection of who says nothing for wal_sender_timeout, in ms. */
static void
set_pulse(WeirChanges *r, const char *timeout)
{
	int64		us = timeout ? strtoll(timeout, NULL, 10) * 1000 / 4 : 0;

	r->pulse = us > 0 ? Min(us, MAX_PULSE_US) : MAX_PULSE_US;
}

static void
looked_at_table(WeirChanges *r, const WeirRemoteRows *rows)
{
	r->in_recovery = is_true(weir_remote_value(rows, 0, 1));
	r->kind = weir_remote_value(rows, 0, 3) ? weir_remote_value(rows, 0, 3)[0] : '\0';
	r->identity = weir_remote_value(rows, 0, 4)[0];
	set_pulse(r, weir_remote_value(rows, 0, 7));
	weir_changes_check_source(r, weir_remote_value(rows, 0, 0));
	weir_changes_check_table(r, weir_remote_value(rows, 0, 3), weir_remote_value(rows, 0, 5),
							 is_true(weir_remote_value(rows, 0, 6)));
	go(r, LOOK_AT_COLUMNS);
}

/* ---- its columns ---- */

/* Changes that are on their way are of columns as they were: what lacks then is told then. */
static void
looked_at_columns(WeirChanges *r, const WeirRemoteRows *rows)
{
	if (r->position.phase == WEIR_CHANGES_NOWHERE || r->kind == 'p')
		weir_changes_check_columns(r, rows);
	go(r, LOOK_AT_SLOT);
}

/* ---- the slot ---- */

static char *
look_at_slot(WeirChanges *r)
{
	return psprintf("SELECT plugin, database, active_pid, wal_status, confirmed_flush_lsn, database = pg_catalog.current_database()"
					" FROM pg_catalog.pg_replication_slots WHERE slot_name = %s", literal(r, r->slot));
}

static void
wait_for_slot(WeirChanges *r, const char *pid)
{
	weir_changes_note(r, psprintf("replication slot \"%s\" is in use by process %s of the source", r->slot, pid ? pid : "?"));
	go(r, LOOK_AT_SLOT);
	r->again_at = weir_now() + AGAIN_US;
}

/* What Weir makes is noted before it is there. */
static void
note_slot(WeirChanges *r)
{
	MemoryContext caller = CurrentMemoryContext;
	WeirChangeSlot *row = r->row;

	if (row == NULL)
		r->row = row = MemoryContextAllocZero(r->context, sizeof(WeirChangeSlot));
	row->stream = r->stream->relid;
	row->database = MyDatabaseId;
	row->server = r->server->server;
	row->owner = r->server->user;
	row->made = r->anew || weir_changes_made(r);
	row->slot = r->slot;
	row->publication = r->own_publication ? r->publication : NULL;
	row->copied = 0;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	weir_change_slot_put(r->options.job, row);
	PopActiveSnapshot();
	CommitTransactionCommand();
	SetLatch(MyLatch);			/* a wait for a standby takes wake-ups */
	MemoryContextSwitchTo(caller);
}

/* The row is to name another slot than the one that Weir had made: that goes first. */
static bool
has_former(WeirChanges *r)
{
	if (r->row == NULL || !r->row->made || strcmp(r->row->slot, r->slot) == 0)
		return false;
	go(r, DROP_FORMER);
	return true;
}

static char *
drop_former(WeirChanges *r)
{
	return psprintf("SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = %s",
					literal(r, r->row->slot));
}

static void
dropped_former(WeirChanges *r, const WeirRemoteRows *rows)
{
	r->row->made = false;
	go(r, LOOK_AT_SLOT);
}

/* Where there is none to go on with. */
static void
make_anew(WeirChanges *r, bool exists)
{
	if (has_former(r))
		return;
	r->anew = true;
	r->copies = r->wanted->copy && r->position.phase == WEIR_CHANGES_NOWHERE;
	note_slot(r);
	go(r, exists ? DROP_SLOT : r->own_publication ? UNPUBLISH : LOOK_AT_PUBLICATION);
}

static void
meet_no_slot(WeirChanges *r)
{
	if (r->position.phase != WEIR_CHANGES_NOWHERE && !r->options.allow_gap)
		weir_changes_refuse(r, ERRCODE_UNDEFINED_OBJECT,
							psprintf("replication slot \"%s\" of stream %s is gone", r->slot, r->stream->name),
							"The source no longer has the changes since the last checkpoint.",
							"Begin with a new copy by weir.start_job(fresh => true), or go on without what is missing by weir.start_job(allow_gap => true).");
	make_anew(r, false);
}

/* The WAL that it needs is gone. */
static void
meet_lost_slot(WeirChanges *r)
{
	if (!r->options.allow_gap && r->position.phase != WEIR_CHANGES_NOWHERE)
		weir_changes_refuse(r, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
							psprintf("replication slot \"%s\" of stream %s has been invalidated", r->slot, r->stream->name),
							"The source has removed WAL that it needs, as max_slot_wal_keep_size has it do, and the changes since the last checkpoint with it.",
							"Begin with a new copy by weir.start_job(fresh => true), or go on without what is missing by weir.start_job(allow_gap => true).");
	make_anew(r, true);
}

/*
 * A slot that has been told to forget more than the position would go on behind that without a word.
 * Without checkpoints it may have been: a crash forgets the last of what was handed out.
 * With a gap allowed the position of a source that was set back is its slot's, too.
 */
static void
check_confirmed(WeirChanges *r, int64 confirmed)
{
	bool		set_back = r->position.lsn > r->source_lsn;

	if (confirmed <= r->position.lsn && !set_back)
		return;
	if (!r->options.allow_gap && r->options.checkpointing)
		weir_changes_refuse(r, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
							psprintf("replication slot \"%s\" of stream %s no longer has the start position", r->slot, r->stream->name),
							psprintf("The start is at %X/%X, the slot stands at %X/%X.",
									 LSN_FORMAT_ARGS((XLogRecPtr) r->position.lsn), LSN_FORMAT_ARGS((XLogRecPtr) confirmed)),
							"Start the job from a later savepoint, with a new copy by weir.start_job(fresh => true), or without what is missing by weir.start_job(allow_gap => true).");
	r->position.lsn = confirmed;
	r->position.transaction = 0;
	r->position.halves = 0;
	r->confirmed = Min(r->confirmed, confirmed);
	r->moved = Min(r->moved, confirmed);
}

static void
go_on_with_slot(WeirChanges *r, const WeirRemoteRows *rows)
{
	int64		confirmed = weir_changes_parse_lsn(weir_remote_value(rows, 0, 4));

	if (r->position.phase == WEIR_CHANGES_NOWHERE)
	{
		r->position.phase = WEIR_CHANGES_FOLLOW;
		r->position.system = r->source_system;
		r->position.lsn = confirmed;
		r->stats->moves++;
	}
	else
		check_confirmed(r, confirmed);
	weir_changes_check_copy(r);
	if (r->position.phase == WEIR_CHANGES_FOLLOW && has_former(r))
		return;
	if (r->row == NULL || (r->position.phase == WEIR_CHANGES_FOLLOW && strcmp(r->row->slot, r->slot) != 0))
		note_slot(r);
	go(r, LOOK_AT_PUBLICATION);
}

static void
looked_at_slot(WeirChanges *r, const WeirRemoteRows *rows)
{
	r->anew = r->copies = false;
	if (rows->nrows == 0)
	{
		meet_no_slot(r);
		return;
	}
	weir_changes_check_slot(r, weir_remote_value(rows, 0, 0), weir_remote_value(rows, 0, 1),
							is_true(weir_remote_value(rows, 0, 5)));
	if (weir_remote_value(rows, 0, 2) != NULL)
		wait_for_slot(r, weir_remote_value(rows, 0, 2));
	else if (weir_remote_value(rows, 0, 3) && strcmp(weir_remote_value(rows, 0, 3), "lost") == 0)
		meet_lost_slot(r);
	else if (r->position.phase == WEIR_CHANGES_NOWHERE && r->wanted->copy)
		make_anew(r, true);
	else
		go_on_with_slot(r, rows);
}

static char *
drop_slot(WeirChanges *r)
{
	return psprintf("DROP_REPLICATION_SLOT %s", quote_identifier(r->slot));
}

static void
dropped_slot(WeirChanges *r, const WeirRemoteRows *rows)
{
	go(r, r->own_publication ? UNPUBLISH : LOOK_AT_PUBLICATION);
}

/* ---- the publication ---- */

static char *
look_at_publication(WeirChanges *r)
{
	return psprintf("SELECT t.pubname IS NOT NULL, t.rowfilter FROM pg_catalog.pg_publication p"
					" LEFT JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname AND t.schemaname = %s AND t.tablename = %s"
					" WHERE p.pubname = %s",
					literal(r, r->schema), literal(r, r->table), literal(r, r->publication));
}

static void
set_filter(WeirChanges *r, const char *filter)
{
	if (r->filter)
		pfree(r->filter);
	r->filter = filter ? MemoryContextStrdup(r->context, filter) : NULL;
}

static void
looked_at_publication(WeirChanges *r, const WeirRemoteRows *rows)
{
	if (rows->nrows == 0)
		weir_changes_refuse(r, ERRCODE_UNDEFINED_OBJECT,
							psprintf("publication \"%s\" of stream %s does not exist on its source", r->publication, r->stream->name),
							r->row && r->row->publication ? "Weir had made it." : NULL,
							r->own_publication ? "Begin with a new copy by weir.start_job(fresh => true): one that is made anew is not there for what was changed before." :
							psprintf("On the source: CREATE PUBLICATION %s FOR TABLE %s; what was changed before that does not come through it.",
									 quote_identifier(r->publication), weir_changes_table(r)));
	if (!is_true(weir_remote_value(rows, 0, 0)))
		weir_changes_refuse(r, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
							psprintf("publication \"%s\" of stream %s does not have its table", r->publication, r->stream->name),
							psprintf("Table %s.%s is not in it.", r->schema, r->table),
							r->own_publication ? "Was the table dropped and made anew? Begin with a new copy by weir.start_job(fresh => true)." :
							psprintf("On the source: ALTER PUBLICATION %s ADD TABLE %s; of a partitioned table it must be WITH (publish_via_partition_root = true).",
									 quote_identifier(r->publication), weir_changes_table(r)));
	set_filter(r, weir_remote_value(rows, 0, 1));
	go(r, r->anew ? BEGIN : START);
}

static char *
unpublish(WeirChanges *r)
{
	return psprintf("DROP PUBLICATION IF EXISTS %s", quote_identifier(r->publication));
}

static void
unpublished(WeirChanges *r, const WeirRemoteRows *rows)
{
	go(r, PUBLISH);
}

static char *
publish(WeirChanges *r)
{
	return psprintf("CREATE PUBLICATION %s FOR TABLE %s WITH (publish_via_partition_root = true)",
					quote_identifier(r->publication), weir_changes_only(r));
}

static void
published(WeirChanges *r, const WeirRemoteRows *rows)
{
	go(r, BEGIN);
}

/* ---- a slot is made ---- */

static char *
begin(WeirChanges *r)
{
	return "BEGIN READ ONLY ISOLATION LEVEL REPEATABLE READ";
}

static void
begun(WeirChanges *r, const WeirRemoteRows *rows)
{
	weir_changes_note(r, psprintf("the source makes replication slot \"%s\", for which it waits for transactions that write", r->slot));
	go(r, MAKE_SLOT);
}

static char *
make_slot(WeirChanges *r)
{
	if (weir_remote_version(r->remote) < 150000)
		return psprintf("CREATE_REPLICATION_SLOT %s LOGICAL pgoutput USE_SNAPSHOT", quote_identifier(r->slot));
	return psprintf("CREATE_REPLICATION_SLOT %s LOGICAL pgoutput (SNAPSHOT 'use'%s)", quote_identifier(r->slot),
					r->wanted->failover ? ", FAILOVER" : "");
}

static void
made_slot(WeirChanges *r, const WeirRemoteRows *rows)
{
	int64		lsn = weir_changes_parse_lsn(weir_remote_value(rows, 0, 1));

	r->stats->last_error[0] = '\0';
	if (r->copies)
	{
		weir_changes_begin_copy(r, lsn);
		go(r, COPY);
		return;
	}
	r->position.phase = WEIR_CHANGES_FOLLOW;
	r->position.system = r->source_system;
	r->position.lsn = lsn;
	r->position.transaction = 0;
	r->position.halves = 0;
	r->stats->moves++;
	go(r, COMMIT);
}

static void
copying(WeirChanges *r, const WeirRemoteRows *rows)
{
	r->state = WEIR_CHANGES_COPYING;
	r->stats->status = WEIR_SOURCE_CONNECTED;
}

void
weir_changes_copied(WeirChanges *r)
{
	r->state = WEIR_CHANGES_SETTING_UP;
	go(r, COMMIT);
}

static char *
commit(WeirChanges *r)
{
	return "COMMIT";
}

static void
committed(WeirChanges *r, const WeirRemoteRows *rows)
{
	go(r, START);
}

/* ---- the changes begin ---- */

static char *
quoted(const char *text)
{
	StringInfoData result;

	initStringInfo(&result);
	appendStringInfoChar(&result, '\'');
	for (; *text; text++)
	{
		if (*text == '\'')
			appendStringInfoChar(&result, '\'');
		appendStringInfoChar(&result, *text);
	}
	appendStringInfoChar(&result, '\'');
	return result.data;
}

static char *
start(WeirChanges *r)
{
	return psprintf("START_REPLICATION SLOT %s LOGICAL %X/%X (proto_version '1', publication_names %s)",
					quote_identifier(r->slot), LSN_FORMAT_ARGS((XLogRecPtr) r->position.lsn),
					quoted(quote_identifier(r->publication)));
}

static void
started(WeirChanges *r, const WeirRemoteRows *rows)
{
	weir_changes_begin_follow(r);
}

static const Step steps[] = {
	[IDENTIFY] = {"identify the source", identify, identified},
	[LOOK_AT_TABLE] = {"look at the table", weir_changes_ask_table, looked_at_table},
	[LOOK_AT_COLUMNS] = {"look at the columns", weir_changes_ask_columns, looked_at_columns},
	[LOOK_AT_SLOT] = {"look at the replication slot", look_at_slot, looked_at_slot},
	[DROP_FORMER] = {"drop the replication slot of another name", drop_former, dropped_former},
	[DROP_SLOT] = {"drop the replication slot of before", drop_slot, dropped_slot},
	[LOOK_AT_PUBLICATION] = {"look at the publication", look_at_publication, looked_at_publication},
	[UNPUBLISH] = {"drop the publication of before", unpublish, unpublished},
	[PUBLISH] = {"make a publication", publish, published},
	[BEGIN] = {"begin to make a replication slot", begin, begun},
	[MAKE_SLOT] = {"make a replication slot", make_slot, made_slot},
	[COPY] = {"copy the table", weir_changes_copy_command, copying},
	[COMMIT] = {"make a replication slot", commit, committed},
	[START] = {"begin with the changes", start, started},
};

void
weir_changes_begin_setup(WeirChanges *r)
{
	r->state = WEIR_CHANGES_SETTING_UP;
	go(r, IDENTIFY);
}

static const char *
hint_for(WeirChanges *r, int sqlstate)
{
	const char *user = quote_identifier(weir_conninfo_get(r->server->info, "user"));

	if (sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE && (r->step == PUBLISH || r->step == UNPUBLISH))
		return psprintf("Have the table's owner make one: CREATE PUBLICATION .. FOR TABLE %s, and name it by the option publication of the foreign table.",
						weir_changes_table(r));
	if (sqlstate == ERRCODE_READ_ONLY_SQL_TRANSACTION)
		return psprintf("A standby publishes what its primary does: CREATE PUBLICATION .. FOR TABLE %s there, and name it by the option publication of the foreign table.",
						weir_changes_table(r));
	if (sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE && r->step == COPY)
		return psprintf("On the source: GRANT SELECT ON %s TO %s.", weir_changes_table(r), user);
	if (sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE)
		return psprintf("On the source: ALTER ROLE %s REPLICATION.", user);
	if (sqlstate == ERRCODE_CONFIGURATION_LIMIT_EXCEEDED)
		return "Increase max_replication_slots of the source, or drop slots that nobody uses.";
	return NULL;
}

static void
fail(WeirChanges *r)
{
	const WeirRemoteError *error = weir_remote_error(r->remote);

	if (error->lost)
		weir_changes_lost(r);
	else if (error->sqlstate == ERRCODE_OBJECT_IN_USE)
		wait_for_slot(r, NULL);
	else
		weir_changes_raise(r, steps[r->step].doing, hint_for(r, error->sqlstate));
}

static void
run(WeirChanges *r)
{
	weir_remote_send(r->remote, steps[r->step].command(r), 0, NULL);
	r->sent = true;
}

static bool
look_for_result(WeirChanges *r)
{
	WeirRemoteRows *rows = NULL;

	switch (weir_remote_result(r->remote, &rows))
	{
		case WEIR_REMOTE_WAIT:
			return false;
		case WEIR_REMOTE_FAILED:
			fail(r);
			return true;
		case WEIR_REMOTE_DONE:
			break;
	}
	steps[r->step].done(r, rows);
	return true;
}

bool
weir_changes_set_up(WeirChanges *r)
{
	MemoryContext caller;
	bool		progress = true;

	if (r->again_at != 0 && weir_now() < r->again_at)
		return false;
	caller = MemoryContextSwitchTo(r->scratch);
	if (!r->sent)
		run(r);
	else
		progress = look_for_result(r);
	MemoryContextSwitchTo(caller);
	if (!r->sent)
		MemoryContextReset(r->scratch);
	return progress;
}
