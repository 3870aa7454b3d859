/*
 * source/changes/watch.c
 *		What a source is asked beside the changes, over a connection of its own: how
 *		much WAL the slot keeps, and how far commits have come.
 *
 * It is asked every few seconds, and when somebody wants to know what was committed by
 * now (a mark).  A slot that keeps more than max_slot_lag is dropped, so that the source's
 * disk does not fill, and the job fails.
 *
 * The connection is not among what a task waits for: while it has to answer it is looked at
 * every few milliseconds.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "source/changes/reader_int.h"

#define LOOK_US		(5 * USECS_PER_SEC)
#define ANSWER_US	5000
#define TIMEOUT_US	(30 * USECS_PER_SEC)

/* Somebody asked what was committed by then. */
typedef struct Mark
{
	int64		number;
	bool		asked;			/* the question under way is later */
	bool		known;
	int64		lsn;			/* 0: the source cannot be asked, what was read is all */
} Mark;

void
weir_changes_watch_at(WeirChanges *r, int64 at)
{
	if (r->watch_at == 0 || at < r->watch_at)
		r->watch_at = at;
}

static void
hang_up(WeirChanges *r)
{
	if (r->watch)
		weir_remote_close(r->watch);
	r->watch = NULL;
	r->watch_asks = r->watch_open = false;
}

void
weir_changes_end_watch(WeirChanges *r)
{
	hang_up(r);
}

static void
answer_marks(WeirChanges *r, int64 lsn)
{
	ListCell   *lc;

	foreach(lc, r->marks)
	{
		Mark	   *mark = lfirst(lc);

		if (!mark->asked || mark->known)
			continue;
		mark->known = true;
		mark->lsn = lsn;
	}
}

static void
note_asked(WeirChanges *r)
{
	ListCell   *lc;

	foreach(lc, r->marks)
		((Mark *) lfirst(lc))->asked = true;
}

/* It is tried again later; who waits for an answer gets none. */
static void
give_up(WeirChanges *r)
{
	note_asked(r);
	answer_marks(r, 0);
	hang_up(r);
	r->watch_at = weir_now() + LOOK_US;
}

static void
dial(WeirChanges *r)
{
	MemoryContext caller = MemoryContextSwitchTo(r->context);

	r->watch = weir_remote_begin(r->watch_server->info->keywords, r->watch_server->info->values);
	r->watch_since = weir_now();
	MemoryContextSwitchTo(caller);
}

static void
ask(WeirChanges *r)
{
	const char *slot = r->slot;

	weir_remote_send(r->watch,
					 "SELECT l.at, (l.at - s.restart_lsn)::bigint FROM"
					 " (SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
					 " ELSE pg_catalog.pg_current_wal_flush_lsn() END) l (at)"
					 " LEFT JOIN pg_catalog.pg_replication_slots s ON s.slot_name = $1", 1, &slot);
	note_asked(r);
	r->watch_asks = true;
	r->watch_since = weir_now();
	r->watch_at = 0;
}

static void
exceed(WeirChanges *r, int64 lag)
{
	weir_changes_hang_up(r);
	weir_change_slot_drop_there(r->watch, r->slot);
	weir_changes_refuse(r, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
						psprintf("replication slot \"%s\" of stream %s has exceeded max_slot_lag", r->slot, r->stream->name),
						psprintf("The source kept " INT64_FORMAT " bytes of WAL for it, of at most " INT64_FORMAT
								 "; the slot has been dropped, so that the source can remove them.",
								 lag, r->wanted->max_slot_lag),
						"Do checkpoints complete, and in time? Then begin with a new copy by weir.start_job(fresh => true); the option max_slot_lag of the foreign table is the limit.");
}

static void
take_answer(WeirChanges *r, const WeirRemoteRows *rows)
{
	int64		lag = weir_remote_value(rows, 0, 1) ? strtoll(weir_remote_value(rows, 0, 1), NULL, 10) : 0;

	answer_marks(r, weir_changes_parse_lsn(weir_remote_value(rows, 0, 0)));
	r->watch_asks = false;
	weir_changes_watch_at(r, weir_now() + LOOK_US);
	if (r->wanted->max_slot_lag > 0 && lag > r->wanted->max_slot_lag && weir_changes_made(r))
		exceed(r, lag);
}

/* True: it goes on at once. */
static bool
step(WeirChanges *r)
{
	WeirRemoteRows *rows = NULL;
	WeirRemoteState state;

	if (r->watch == NULL)
	{
		if (r->watch_at == 0 || weir_now() < r->watch_at)
			return false;
		dial(r);
		return true;
	}
	if (r->watch_open && !r->watch_asks)
	{
		if (r->watch_at == 0 || weir_now() < r->watch_at)
			return false;
		ask(r);
		return true;
	}
	state = r->watch_open ? weir_remote_result(r->watch, &rows) : weir_remote_establish(r->watch);
	if (state == WEIR_REMOTE_FAILED || (state == WEIR_REMOTE_WAIT && weir_now() > r->watch_since + TIMEOUT_US))
		give_up(r);
	else if (state == WEIR_REMOTE_WAIT)
		return false;
	else if (r->watch_open)
		take_answer(r, rows);
	else
	{
		weir_changes_server_check_connected(r->watch_server, r->watch);
		r->watch_open = true;
	}
	return true;
}

void
weir_changes_watch(WeirChanges *r)
{
	MemoryContext caller = MemoryContextSwitchTo(r->watch_scratch);

	while (step(r))
		CHECK_FOR_INTERRUPTS();
	MemoryContextSwitchTo(caller);
	MemoryContextReset(r->watch_scratch);
}

long
weir_changes_watch_due(const WeirChanges *r)
{
	if (r->watch && (r->watch_asks || !r->watch_open))
		return ANSWER_US / 1000;
	return r->watch_at == 0 ? -1 : weir_ms_until(r->watch_at);
}

int64
weir_changes_committed(WeirChanges *r)
{
	MemoryContext caller = MemoryContextSwitchTo(r->context);
	Mark	   *mark = palloc0(sizeof(Mark));

	mark->number = ++r->nmarks;
	r->marks = lappend(r->marks, mark);
	MemoryContextSwitchTo(caller);
	weir_changes_watch_at(r, weir_now());
	return mark->number;
}

static bool
is_reached(const WeirChanges *r, const Mark *mark)
{
	if (!mark->known)
		return false;
	return mark->lsn == 0 || (r->position.phase == WEIR_CHANGES_FOLLOW && r->position.lsn >= mark->lsn);
}

bool
weir_changes_has_reached(WeirChanges *r, int64 number)
{
	ListCell   *lc;

	foreach(lc, r->marks)
	{
		Mark	   *mark = lfirst(lc);

		if (mark->number != number)
			continue;
		if (!is_reached(r, mark))
			return false;
		r->marks = foreach_delete_current(r->marks, lc);
		pfree(mark);
		break;
	}
	return true;
}
