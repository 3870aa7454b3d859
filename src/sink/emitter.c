/*
 * sink/emitter.c
 *		Sends what the outbox holds for sockets.
 *
 *	outbox --- a batch of lines ---> buffer ---> connection --- all written --->
 *	the lines are deleted, and the next batch is read
 *
 * What is not deleted is sent again over the next connection, of this process or
 * another: lines may be repeated, whole, and in order.  What the kernel has taken
 * counts as sent; of a peer that has ended what it says, and so may be gone, what
 * its kernel has acknowledged.
 *
 * In the protocol "epoch" the lines of a checkpoint follow a line with its number,
 * and are deleted when the peer's kernel has acknowledged all of them, which is
 * looked at before the next epoch.  Until then a new connection begins with the
 * first of them again, so that who counts an epoch's lines misses and doubles none.
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "storage/latch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/fault.h"
#include "catalog/outbox.h"
#include "sink/emitter.h"
#include "sink/line.h"
#include "source/socket.h"

#define ACKNOWLEDGED_MS	10		/* nobody is woken by an acknowledgement */

/* A table that lines are for. */
typedef struct Peer
{
	Oid			table;
	WeirStream *stream;
	WeirSocket *sock;
	WeirSourceStats stats;
	int64		retries_told;
	int64		position;		/* id of the last line that is in the buffer, or was */
	int64		epoch_end;		/* "epoch": up to here whole epochs were written to this connection */
	bool		within;			/* "epoch": an epoch was begun */
} Peer;

struct WeirEmitter
{
	int64		job;
	MemoryContext context;
	MemoryContext scratch;
	bool		active;
	List	   *peers;
	List	   *tables;			/* still to be looked at */
	Peer	   *peer;			/* at work; NULL: none */
	StringInfoData buffer;
	int			written;		/* bytes of it */
};

WeirEmitter *
weir_emitter_create(int64 job)
{
	WeirEmitter *e = palloc0(sizeof(WeirEmitter));

	e->job = job;
	e->context = CurrentMemoryContext;
	e->scratch = AllocSetContextCreate(CurrentMemoryContext, "weir emitter", ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&e->buffer);
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

/* A sink that is silent is no fault, and its peer is tried for as long as it takes unless an option says otherwise. */
static Peer *
open_peer(WeirEmitter *e, Oid table)
{
	MemoryContext old = MemoryContextSwitchTo(e->context);
	Peer	   *peer = palloc0(sizeof(Peer));

	peer->table = table;
	peer->stream = weir_stream_get(table);
	peer->stream->idle_timeout = 0;
	if (!peer->stream->max_retries_given)
		peer->stream->max_retries = -1;
	peer->sock = weir_socket_create(peer->stream, &peer->stats);
	weir_socket_only_write(peer->sock);
	e->peers = lappend(e->peers, peer);
	MemoryContextSwitchTo(old);
	return peer;
}

/* The table of a job that was altered may be gone: its lines go with it. */
static Peer *
find_peer(WeirEmitter *e, Oid table)
{
	ListCell   *lc;

	foreach(lc, e->peers)
	{
		Peer	   *peer = lfirst(lc);

		if (peer->table == table)
			return peer;
	}
	if (get_rel_relkind(table) != '\0')
		return open_peer(e, table);
	weir_outbox_delete(e->job, table, PG_INT64_MAX);
	return NULL;
}

/* Epochs that the peer's kernel has, whole, are not asked for again. */
static void
forget_epochs(WeirEmitter *e, Peer *peer)
{
	if (peer->epoch_end == 0 || !weir_socket_is_drained(peer->sock))
		return;
	weir_outbox_delete(e->job, peer->table, peer->epoch_end);
	peer->epoch_end = 0;
}

static void
begin_epoch(WeirEmitter *e, Peer *peer)
{
	int64		checkpoint = weir_outbox_epoch(e->job, peer->table, peer->position);

	forget_epochs(e, peer);
	if (checkpoint == 0)
		return;
	weir_line_frame(peer->stream, psprintf("EPOCH " INT64_FORMAT, checkpoint), &e->buffer);
	peer->within = true;
}

/* Lines into the buffer; false if there are none. */
static bool
fill(WeirEmitter *e, Peer *peer)
{
	WeirOutboxLine *lines;
	int			n;

	resetStringInfo(&e->buffer);
	e->written = 0;
	begin_transaction(e);
	if (peer->stream->epoch && !peer->within)
		begin_epoch(e, peer);
	n = weir_outbox_read(e->job, peer->table, peer->position, &lines);
	for (int i = 0; i < n; i++)
	{
		if (lines[i].text)
			weir_line_frame(peer->stream, lines[i].text, &e->buffer);
		else
			peer->within = false;
		peer->position = lines[i].id;
	}
	end_transaction(e);
	return n > 0;
}

/* All of the buffer is the kernel's. */
static void
buffer_sent(WeirEmitter *e, Peer *peer)
{
	resetStringInfo(&e->buffer);
	e->written = 0;
	peer->stats.retries = peer->retries_told = 0;
	if (weir_socket_is_open(peer->sock))
		weir_socket_delivered(peer->sock);
	if (peer->stream->epoch)
	{
		if (!peer->within)
			peer->epoch_end = peer->position;
		return;
	}
	WEIR_FAULT(before_emit_commit);
	begin_transaction(e);
	weir_outbox_delete(e->job, peer->table, peer->position);
	end_transaction(e);
	WEIR_FAULT(after_emit);
}

/* A new connection: from the first line on that is there. */
static void
rewind_peer(WeirEmitter *e, Peer *peer)
{
	resetStringInfo(&e->buffer);
	e->written = 0;
	peer->position = 0;
	peer->epoch_end = 0;
	peer->within = false;
}

/* Once for each peer that is away. */
static void
tell_loss(Peer *peer)
{
	if (peer->stats.retries == peer->retries_told)
		return;
	if (peer->retries_told == 0)
		ereport(LOG,
				(errmsg("sink %s waits for its peer, \"%s\", port %d: %s",
						peer->stream->name, peer->stream->host, peer->stream->port,
						peer->stats.last_error),
				 errhidestmt(true)));
	peer->retries_told = peer->stats.retries;
}

/* Sees to the connection; true if there is one to write to.  What the peer says is not heard. */
static bool
look_after(WeirEmitter *e, Peer *peer)
{
	char		heard[1024];
	Size		len;

	switch (weir_socket_read(peer->sock, heard, sizeof(heard), &len))
	{
		case WEIR_SOCKET_CONNECTED:
			rewind_peer(e, peer);
			break;
		case WEIR_SOCKET_ENDED:
		case WEIR_SOCKET_FAILED:
			weir_socket_raise(peer->sock);
			break;
		case WEIR_SOCKET_DATA:
		case WEIR_SOCKET_NOTHING:
			tell_loss(peer);
			break;
	}
	return weir_socket_is_open(peer->sock);
}

/* All of the buffer is written, and waits for the peer's kernel. */
static bool
is_unsure(const WeirEmitter *e)
{
	return e->buffer.len > 0 && e->written == e->buffer.len;
}

/* drained: before the connection was looked at, so that it was no reset that has emptied it. */
static WeirEmitResult
write_buffer(WeirEmitter *e, Peer *peer, bool drained)
{
	Size		n;

	if (is_unsure(e))
	{
		if (!drained)
			return WEIR_EMIT_WAIT;
		buffer_sent(e, peer);
		return WEIR_EMIT_PROGRESS;
	}
	n = weir_socket_write(peer->sock, e->buffer.data + e->written, e->buffer.len - e->written);
	e->written += (int) n;
	if (e->written < e->buffer.len)
		return n > 0 ? WEIR_EMIT_PROGRESS : WEIR_EMIT_WAIT;
	if (!weir_socket_is_mute(peer->sock))
		buffer_sent(e, peer);
	return WEIR_EMIT_PROGRESS;
}

/* The next table that has lines. */
static void
next_peer(WeirEmitter *e)
{
	Oid			table = linitial_oid(e->tables);

	e->tables = list_delete_first(e->tables);
	begin_transaction(e);
	e->peer = find_peer(e, table);
	end_transaction(e);
	e->written = 0;
	resetStringInfo(&e->buffer);
}

WeirEmitResult
weir_emitter_turn(WeirEmitter *e)
{
	bool		drained;

	if (e->peer == NULL)
	{
		e->active = e->tables != NIL;
		if (!e->active)
			return WEIR_EMIT_DONE;
		next_peer(e);
		return WEIR_EMIT_PROGRESS;
	}
	drained = weir_socket_is_drained(e->peer->sock);
	if (!look_after(e, e->peer))
		return WEIR_EMIT_WAIT;
	if (e->buffer.len > 0)
		return write_buffer(e, e->peer, drained);
	if (!fill(e, e->peer))
		e->peer = NULL;
	else if (e->buffer.len == 0)
		buffer_sent(e, e->peer);
	return WEIR_EMIT_PROGRESS;
}

pgsocket
weir_emitter_wait(WeirEmitter *e, int *events, long *timeout)
{
	pgsocket	fd = weir_socket_wait(e->peer->sock, events, timeout);

	if (fd == PGINVALID_SOCKET || !weir_socket_is_open(e->peer->sock))
		return fd;
	if (!is_unsure(e))
		*events |= WL_SOCKET_WRITEABLE;
	else if (*timeout < 0 || *timeout > ACKNOWLEDGED_MS)
		*timeout = ACKNOWLEDGED_MS;
	return fd;
}
