/*
 * source/changes/reader.c
 *		Reads the changes of a table of another server, or of this one.
 *
 * The source keeps what it has not been told is done with, by a replication slot;
 * it is told when a checkpoint that holds the position has completed.  It sends whole
 * transactions, in the order of their commits.  What an attempt, or a connection, had
 * read behind its position is sent again, and what had been handed out before
 * the position within a transaction is passed over.
 *
 * A connection that is lost is no error of the attempt: the source is dialled until
 * it is there.  What the source refuses, is.
 */
#include "postgres.h"

#include "access/xact.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "base/text.h"
#include "source/changes/reader_int.h"

WeirChangesPosition
weir_changes_read_position(const WeirPosition *bytes)
{
	WeirChangesPosition position;

	if (!weir_changes_position_decode(bytes, &position))
		weir_position_refuse(bytes, "weir");
	return position;
}

void
weir_changes_refuse(WeirChanges *r, int code, char *message, char *detail, const char *hint)
{
	r->hopeless = true;
	ereport(ERROR,
			(errcode(code),
			 errmsg_internal("%s", message),
			 detail ? errdetail_internal("%s", detail) : 0,
			 errhint("%s", hint)));
}

void
weir_changes_raise(WeirChanges *r, const char *doing, const char *hint)
{
	const WeirRemoteError *error = weir_remote_error(r->remote);

	ereport(ERROR,
			(errcode(error->sqlstate),
			 errmsg("could not %s of stream %s: %s", doing, r->stream->name, error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 hint ? errhint("%s", hint) : error->hint ? errhint("%s", error->hint) : 0,
			 error->sql ? errcontext("command of another server: %s", error->sql) : 0));
}

void
weir_changes_note(WeirChanges *r, const char *problem)
{
	weir_text_copy(r->stats->last_error, problem, sizeof(r->stats->last_error));
}

/* ---- open and close ---- */

static WeirChangeSlot *
read_row(WeirChanges *r)
{
	WeirChangeSlot *row = weir_change_slot(r->options.job, r->stream->relid);

	return row && row->database == MyDatabaseId ? row : NULL;
}

static void
read_names(WeirChanges *r)
{
	const WeirChangesOptions *wanted = r->wanted;
	char	   *made = weir_changes_slot_name(r->options.job, r->stream->relid);

	r->schema = wanted->schema_name ? wanted->schema_name : get_namespace_name(get_rel_namespace(r->stream->relid));
	r->table = wanted->table_name ? wanted->table_name : get_rel_name(r->stream->relid);
	r->slot = wanted->slot ? wanted->slot : r->row && r->row->made ? r->row->slot : made;
	r->own_publication = wanted->publication == NULL;
	r->publication = wanted->publication ? wanted->publication :
		r->row && r->row->publication ? r->row->publication : made;
}

/* Rows that were handed out for good are not handed out again, whatever the position says. */
static void
pass_handed_out(WeirChanges *r)
{
	WeirChangesPosition handed;

	if (r->row == NULL || r->row->handed.len == 0 ||
		(r->options.checkpointing && !r->options.at_most_once))
		return;
	handed = weir_changes_read_position(&r->row->handed);
	if (weir_changes_position_is_behind(&handed, &r->position))
		r->position = handed;
}

/* start_job of a job that a drain had finished; durable, so that no later attempt meets the end again. */
static void
pass_end(WeirChanges *r)
{
	r->passed = r->row ? r->row->passed : 0;
	if (r->position.ended > r->passed && r->options.pass_end && r->row)
	{
		weir_change_slot_set_passed(r->options.job, r->stream->relid, r->position.ended);
		ForceSyncCommit();
		r->passed = r->position.ended;
	}
	r->began_ended = r->position.ended > r->passed;
	if (!r->began_ended)
		r->position.ended = 0;
}

static void
find_start(WeirChanges *r, const WeirPosition *start)
{
	MemoryContext caller = CurrentMemoryContext;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(r->context);
	r->row = read_row(r);
	read_names(r);
	r->server = weir_changes_server(GetForeignServerIdByRelId(r->stream->relid), GetUserId());
	r->watch_server = weir_changes_server(r->server->server, r->server->user);
	weir_changes_read_columns(r);
	r->position = weir_changes_read_position(start);
	pass_handed_out(r);
	pass_end(r);
	PopActiveSnapshot();
	CommitTransactionCommand();
	SetLatch(MyLatch);			/* a wait for a standby takes wake-ups */
	MemoryContextSwitchTo(caller);
	weir_changes_server_check(r->server);
	weir_changes_watch_at(r, weir_now());
	weir_conninfo_set(r->server->info, "replication", "database");
}

static void
begin_dialling(WeirChanges *r)
{
	WeirDialerConfig config = {0};

	config.max_retries = -1;
	config.retry_delay = r->stream->retry_delay;
	config.connect_timeout = r->stream->connect_timeout;
	weir_dialer_init(&r->dialer, &config, weir_now());
}

WeirChanges *
weir_changes_open(const WeirStream *stream, const WeirSourceOptions *options, const WeirPosition *start,
				  WeirSourceStats *stats)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "weir changes",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	WeirChanges *r = palloc0(sizeof(WeirChanges));

	r->source.ops = &weir_changes_source;
	r->context = context;
	r->scratch = AllocSetContextCreate(context, "weir changes step", ALLOCSET_SMALL_SIZES);
	r->watch_scratch = AllocSetContextCreate(context, "weir changes watch", ALLOCSET_SMALL_SIZES);
	r->stream = stream;
	r->wanted = weir_changes_options(stream);
	r->options = *options;
	r->stats = stats ? stats : &r->own_stats;
	r->decoder = weir_decoder_create(stream, options->suspects);
	r->message = palloc0(sizeof(WeirPgoutput));
	initStringInfo(&r->line);
	initStringInfo(&r->piece);
	r->quiet_at = PG_INT64_MIN;
	find_start(r, start);
	begin_dialling(r);
	r->stats->status = WEIR_SOURCE_CONNECTING;
	r->stats->records = r->stats->records_before = r->position.line;
	MemoryContextSwitchTo(caller);
	return r;
}

void
weir_changes_hang_up(WeirChanges *r)
{
	if (r->remote)
		weir_remote_close(r->remote);
	r->remote = NULL;
	r->state = WEIR_CHANGES_AWAY;
	r->in_transaction = false;
	r->waits = false;
	r->again_at = 0;
	r->busy = false;
	r->quiet_at = PG_INT64_MIN;
}

void
weir_changes_close(WeirChanges *r)
{
	weir_changes_hang_up(r);
	weir_changes_end_watch(r);
	r->stats->status = WEIR_SOURCE_CLOSED;
	MemoryContextDelete(r->context);
}

/* ---- dialling ---- */

/* Words of a server that cannot let anybody in for now. */
static bool
may_pass(const char *text)
{
	static const char *const words[] = {"starting up", "shutting down", "recovery", "too many", "remaining connection slots",
	"not yet accepting", "max_wal_senders"};

	for (int i = 0; i < lengthof(words); i++)
	{
		if (strstr(text, words[i]) != NULL)
			return true;
	}
	return false;
}

/* There is a server, and it does not want us: an error, unless it did before. */
static void
check_refusal(WeirChanges *r, const WeirRemoteError *error)
{
	if (r->known || error->detail == NULL || strstr(error->detail, "FATAL:") == NULL || may_pass(error->detail))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
			 errmsg("could not connect to the source of stream %s", r->stream->name),
			 errdetail_internal("%s", error->detail),
			 errhint("Who connects needs the attributes LOGIN and REPLICATION, and pg_hba.conf must let him into the database.")));
}

void
weir_changes_lost(WeirChanges *r)
{
	const WeirRemoteError *error = weir_remote_error(r->remote);

	if (r->state == WEIR_CHANGES_DIALLING)
		check_refusal(r, error);
	if (error)
		weir_changes_note(r, error->detail ? error->detail : error->message);
	(void) weir_dialer_lost(&r->dialer, false, weir_now());
	r->stats->status = WEIR_SOURCE_CONNECTING;
	weir_changes_hang_up(r);
}

static void
dial(WeirChanges *r)
{
	MemoryContext caller = MemoryContextSwitchTo(r->context);

	weir_dialer_connecting(&r->dialer, weir_now());
	r->remote = weir_remote_begin(r->server->info->keywords, r->server->info->values);
	r->state = WEIR_CHANGES_DIALLING;
	MemoryContextSwitchTo(caller);
	if (weir_remote_error(r->remote))
		weir_changes_lost(r);
}

static void
note_connected(WeirChanges *r)
{
	weir_changes_server_check_connected(r->server, r->remote);
	weir_dialer_opened(&r->dialer, true, weir_now());
	weir_dialer_delivered(&r->dialer);
	weir_text_copy(r->stats->peer, weir_remote_peer(r->remote), sizeof(r->stats->peer));
	r->stats->connected_at = weir_date();
	r->known = true;
	weir_changes_begin_setup(r);
}

static bool
establish(WeirChanges *r)
{
	switch (weir_remote_establish(r->remote))
	{
		case WEIR_REMOTE_DONE:
			note_connected(r);
			return true;
		case WEIR_REMOTE_FAILED:
			weir_changes_lost(r);
			return true;
		case WEIR_REMOTE_WAIT:
			break;
	}
	if (!weir_dialer_overdue(&r->dialer, weir_now()))
		return false;
	weir_changes_note(r, "the source does not answer");
	(void) weir_dialer_lost(&r->dialer, false, weir_now());
	weir_changes_hang_up(r);
	return false;
}

/* One step towards changes that come; false: there is nothing to do but to wait. */
static bool
step(WeirChanges *r)
{
	switch (r->state)
	{
		case WEIR_CHANGES_AWAY:
			if (!weir_dialer_due(&r->dialer, weir_now()))
				return false;
			dial(r);
			return true;
		case WEIR_CHANGES_DIALLING:
			return establish(r);
		case WEIR_CHANGES_SETTING_UP:
			return weir_changes_set_up(r);
		case WEIR_CHANGES_COPYING:
			return weir_changes_copy(r);
		case WEIR_CHANGES_FOLLOWING:
			break;
	}
	return false;
}

/* ---- handing out ---- */

static void
prepare(WeirChanges *r, WeirScanInput *scan)
{
	MemoryContext caller = CurrentMemoryContext;

	if (r->prepared)
		return;
	StartTransactionCommand();
	weir_decoder_prepare(r->decoder, scan->batch);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	r->max_abouts = scan->batch->capacity;
	r->abouts = MemoryContextAlloc(r->context, sizeof(WeirChangeAbout) * r->max_abouts);
	r->prepared = true;
}

bool
weir_changes_has_room(const WeirChanges *r, const WeirScanInput *scan)
{
	return scan->batch->nrows < Min(scan->limit, r->max_abouts) && !weir_decoder_full(r->decoder);
}

void
weir_changes_take(WeirChanges *r, WeirScanInput *scan, const WeirChangeAbout *about, int64 stamp,
				  const char *data, int len)
{
	WeirFramedRecord record = {0};
	WeirChangeAbout *kept = &r->abouts[scan->batch->nrows];

	*kept = *about;
	r->position.clock = Max(r->position.clock, stamp);
	r->position.line++;
	record.data = data;
	record.len = len;
	record.line = r->position.line;
	record.stamp = r->position.clock;
	weir_decoder_describe(r->decoder, kept);
	weir_decoder_add(r->decoder, scan, &record);
	r->stats->bytes += len;
}

static void
fill(WeirChanges *r, WeirScanInput *scan)
{
	CHECK_FOR_INTERRUPTS();
	while (step(r))
		CHECK_FOR_INTERRUPTS();
	if (r->position.phase == WEIR_CHANGES_COPY)
	{
		if (weir_changes_hand_out_copy(r, scan))
			return;
		r->position.phase = WEIR_CHANGES_FOLLOW;
		r->stats->moves++;
	}
	if (r->state == WEIR_CHANGES_FOLLOWING)
		weir_changes_follow(r, scan);
}

/* Without checkpoints, or at most once, what is handed out is forgotten before. */
static void
forget_handed_out(WeirChanges *r)
{
	MemoryContext caller = CurrentMemoryContext;
	int			durable = synchronous_commit;
	WeirPosition bytes = {0};

	if (r->options.checkpointing && !r->options.at_most_once)
		return;
	weir_changes_position_encode(&r->position, &bytes);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	weir_change_slot_set_handed(r->options.job, r->stream->relid, &bytes);
	PopActiveSnapshot();
	if (!r->options.checkpointing)
		synchronous_commit = SYNCHRONOUS_COMMIT_OFF;
	CommitTransactionCommand();
	synchronous_commit = durable;
	SetLatch(MyLatch);			/* a wait for a standby takes wake-ups */
	MemoryContextSwitchTo(caller);
}

/* Within no transaction, so that none is cut in two. */
bool
weir_changes_is_drained(WeirChanges *r)
{
	if (!r->draining || r->position.halves > 0)
		return false;
	if (r->drain_mark != 0 && weir_changes_has_reached(r, r->drain_mark))
		r->drain_mark = 0;
	return r->drain_mark == 0;
}

WeirReadResult
weir_changes_next(WeirChanges *r, WeirScanInput *scan)
{
	ErrorData  *error;

	weir_scan_input_reset(scan);
	weir_decoder_reset(r->decoder);
	if (r->position.ended > 0)
		return WEIR_READ_ENDED;
	prepare(r, scan);
	weir_changes_watch(r);
	fill(r, scan);
	if (scan->batch->nrows == 0)
	{
		if (!weir_changes_is_drained(r))
			return WEIR_READ_WAIT;
		r->position.ended = r->passed + 1;
		return WEIR_READ_ENDED;
	}
	forget_handed_out(r);
	error = weir_decoder_run(r->decoder, scan, &r->failed_line);
	if (error != NULL)
		ReThrowError(error);
	r->stats->records = r->position.line;
	r->stats->last_record_at = scan->batch->stamps[scan->batch->nrows - 1];
	return WEIR_READ_BATCH;
}

bool
weir_changes_began_ended(const WeirChanges *r)
{
	return r->began_ended;
}

bool
weir_changes_hopeless(const WeirChanges *r)
{
	return r->hopeless;
}

int64
weir_changes_failed_line(const WeirChanges *r)
{
	return r->failed_line;
}

/* ---- waiting ---- */

static long
sooner(long a, long b)
{
	return a < 0 ? b : b < 0 ? a : Min(a, b);
}

pgsocket
weir_changes_wait(WeirChanges *r, int *events, long *timeout)
{
	int64		us = weir_dialer_wait(&r->dialer, weir_now());

	*events = 0;
	*timeout = r->state == WEIR_CHANGES_AWAY || r->state == WEIR_CHANGES_DIALLING ?
		(us < 0 ? -1 : (long) ((us + 999) / 1000)) : -1;
	*timeout = sooner(*timeout, weir_changes_due(r));
	if (r->busy)
		*timeout = 0;
	if (r->again_at != 0)
		*timeout = sooner(*timeout, weir_ms_until(r->again_at));
	if (r->remote == NULL)
		return PGINVALID_SOCKET;
	return weir_remote_wait(r->remote, events);
}

static long
until_tell(const WeirChanges *r)
{
	if (r->state != WEIR_CHANGES_FOLLOWING)
		return -1;
	return r->tell ? 0 : weir_ms_until(r->told_at + r->pulse);
}

long
weir_changes_due(WeirChanges *r)
{
	return sooner(until_tell(r), weir_changes_watch_due(r));
}

/* Also while nothing can be handed out. */
void
weir_changes_flush(WeirChanges *r)
{
	weir_changes_watch(r);
	if (until_tell(r) == 0)
		weir_changes_tell(r);
}

/* An end that a drain made is part of a final checkpoint alone. */
void
weir_changes_position(const WeirChanges *r, bool final, WeirChangesPosition *position)
{
	*position = r->position;
	if (!final && !r->began_ended)
		position->ended = 0;
}

/* The copy is handed out for good. */
static void
forget_copy(WeirChanges *r)
{
	MemoryContext caller = CurrentMemoryContext;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	weir_change_copy_delete(r->options.job, r->stream->relid);
	weir_change_slot_set_copied(r->options.job, r->stream->relid, 0, 0);
	PopActiveSnapshot();
	CommitTransactionCommand();
	SetLatch(MyLatch);			/* a wait for a standby takes wake-ups */
	MemoryContextSwitchTo(caller);
	r->row->copied = 0;
}

void
weir_changes_trim(WeirChanges *r, const WeirChangesPosition *position)
{
	if (position->phase != WEIR_CHANGES_FOLLOW)
		return;
	if (r->row && r->row->copied != 0 && r->position.phase == WEIR_CHANGES_FOLLOW)
		forget_copy(r);
	if (position->lsn <= r->confirmed)
		return;
	r->confirmed = position->lsn;
	r->tell = true;
}

int64
weir_changes_tick(WeirChanges *r)
{
	if (r->quiet_at != PG_INT64_MIN)
		r->position.clock = Max(r->position.clock, r->quiet_at);
	return r->quiet_at;
}

void
weir_changes_drain(WeirChanges *r)
{
	r->draining = true;
	r->drain_mark = weir_changes_committed(r);
}
