/*
 * sink/emitter.c
 *		Sends what the outbox holds for peers, table by table.
 *
 * What is not deleted has to be sent; each peer deletes what it has (peer.h).
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog/outbox.h"
#include "sink/emitter.h"
#include "source/source.h"

struct WeirEmitter
{
	int64		job;
	const char *job_name;
	MemoryContext context;
	MemoryContext scratch;
	bool		active;
	List	   *peers;
	List	   *tables;			/* still to be looked at */
	WeirPeer   *peer;			/* at work; NULL: none */
};

WeirEmitter *
weir_emitter_create(int64 job, const char *job_name)
{
	WeirEmitter *e = palloc0(sizeof(WeirEmitter));

	e->job = job;
	e->job_name = job_name;
	e->context = CurrentMemoryContext;
	e->scratch = AllocSetContextCreate(CurrentMemoryContext, "weir emitter", ALLOCSET_DEFAULT_SIZES);
	return e;
}

static void
begin_transaction(WeirEmitter *e)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(e->scratch);
}

static void
end_transaction(WeirEmitter *e)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(e->context);
	MemoryContextReset(e->scratch);
}

void
weir_emitter_begin(WeirEmitter *e)
{
	List	   *tables;

	begin_transaction(e);
	tables = weir_outbox_tables(e->job);
	MemoryContextSwitchTo(e->context);
	e->tables = list_copy(tables);
	end_transaction(e);
	e->active = true;
}

bool
weir_emitter_is_active(const WeirEmitter *e)
{
	return e->active;
}

static WeirPeer *
open_peer(WeirEmitter *e, Oid table)
{
	MemoryContext old = MemoryContextSwitchTo(e->context);
	WeirStream *stream = weir_stream_get(table);
	WeirPeer   *peer;

	if (stream->source->peer == NULL)
		elog(ERROR, "no rows can be sent to stream %s", stream->name);
	peer = palloc0(stream->source->peer->size);
	peer->ops = stream->source->peer;
	peer->job = e->job;
	peer->job_name = e->job_name;
	peer->table = table;
	peer->stream = stream;
	peer->context = e->context;
	peer->scratch = e->scratch;
	peer->ops->open(peer);
	e->peers = lappend(e->peers, peer);
	MemoryContextSwitchTo(old);
	return peer;
}

/* The table of a job that was altered may be gone: its rows go with it. */
static WeirPeer *
find_peer(WeirEmitter *e, Oid table)
{
	ListCell   *lc;

	foreach(lc, e->peers)
	{
		WeirPeer   *peer = lfirst(lc);

		if (peer->table == table)
			return peer;
	}
	if (get_rel_relkind(table) != '\0')
		return open_peer(e, table);
	weir_outbox_delete(e->job, table, PG_INT64_MAX);
	return NULL;
}

/* The next table that has rows. */
static void
next_peer(WeirEmitter *e)
{
	Oid			table = linitial_oid(e->tables);

	e->tables = list_delete_first(e->tables);
	begin_transaction(e);
	e->peer = find_peer(e, table);
	end_transaction(e);
}

WeirEmitResult
weir_emitter_turn(WeirEmitter *e)
{
	WeirEmitResult result;

	if (e->peer == NULL)
	{
		e->active = e->tables != NIL;
		if (!e->active)
			return WEIR_EMIT_DONE;
		next_peer(e);
		return WEIR_EMIT_PROGRESS;
	}
	result = e->peer->ops->turn(e->peer);
	if (result != WEIR_EMIT_DONE)
		return result;
	e->peer = NULL;
	return WEIR_EMIT_PROGRESS;
}

int64
weir_emitter_record(const WeirEmitter *e)
{
	return e->peer ? e->peer->record : 0;
}

const char *
weir_emitter_error(const WeirEmitter *e)
{
	return e->peer ? e->peer->error : "";
}

pgsocket
weir_emitter_wait(WeirEmitter *e, int *events, long *timeout)
{
	if (e->peer != NULL)
		return e->peer->ops->wait(e->peer, events, timeout);
	*events = 0;
	*timeout = 0;				/* a turn is due */
	return PGINVALID_SOCKET;
}
