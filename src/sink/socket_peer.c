/*
 * sink/socket_peer.c
 *		Sends lines of the outbox over a connection.
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

#include "lib/stringinfo.h"
#include "storage/latch.h"

#include "catalog/outbox.h"
#include "sink/line.h"
#include "source/peer.h"
#include "source/socket.h"

#define ACKNOWLEDGED_MS	10		/* nobody is woken by an acknowledgement */

typedef struct SocketPeer
{
	WeirPeer	peer;
	WeirSocket *sock;
	WeirSourceStats stats;
	int64		retries_told;
	int64		position;		/* id of the last line that is in the buffer, or was */
	int64		epoch_end;		/* "epoch": up to here whole epochs were written to this connection */
	bool		within;			/* "epoch": an epoch was begun */
	StringInfoData buffer;
	int			written;		/* bytes of it */
} SocketPeer;

/* A sink that is silent is no fault, and its peer is tried for as long as it takes unless an option says otherwise. */
static void
open_peer(WeirPeer *peer)
{
	SocketPeer *s = (SocketPeer *) peer;

	peer->stream->idle_timeout = 0;
	if (!peer->stream->max_retries_given)
		peer->stream->max_retries = -1;
	s->sock = weir_socket_create(peer->stream, &s->stats);
	weir_socket_only_write(s->sock);
	initStringInfo(&s->buffer);
}

/* Epochs that the peer's kernel has, whole, are not asked for again. */
static void
forget_epochs(SocketPeer *s)
{
	if (s->epoch_end == 0 || !weir_socket_is_drained(s->sock))
		return;
	weir_outbox_delete(s->peer.job, s->peer.table, s->epoch_end);
	s->epoch_end = 0;
}

static void
begin_epoch(SocketPeer *s)
{
	int64		checkpoint = weir_outbox_epoch(s->peer.job, s->peer.table, s->position);

	forget_epochs(s);
	if (checkpoint == 0)
		return;
	weir_line_frame(s->peer.stream, psprintf("EPOCH " INT64_FORMAT, checkpoint), &s->buffer);
	s->within = true;
}

/* Lines into the buffer; false if there are none. */
static bool
fill(SocketPeer *s)
{
	WeirOutboxLine *lines;
	int			n;

	resetStringInfo(&s->buffer);
	s->written = 0;
	weir_peer_begin(&s->peer);
	if (s->peer.stream->epoch && !s->within)
		begin_epoch(s);
	n = weir_outbox_read(s->peer.job, s->peer.table, s->position, &lines);
	for (int i = 0; i < n; i++)
	{
		if (lines[i].text)
			weir_line_frame(s->peer.stream, lines[i].text, &s->buffer);
		else
			s->within = false;
		s->position = lines[i].id;
	}
	weir_peer_end(&s->peer);
	return n > 0;
}

/* All of the buffer is the kernel's. */
static void
buffer_sent(SocketPeer *s)
{
	resetStringInfo(&s->buffer);
	s->written = 0;
	s->stats.retries = s->retries_told = 0;
	s->peer.error[0] = '\0';
	if (weir_socket_is_open(s->sock))
		weir_socket_delivered(s->sock);
	if (s->peer.stream->epoch)
	{
		if (!s->within)
			s->epoch_end = s->position;
		return;
	}
	weir_peer_has(&s->peer, s->position);
}

/* A new connection: from the first line on that is there. */
static void
rewind_peer(SocketPeer *s)
{
	resetStringInfo(&s->buffer);
	s->written = 0;
	s->position = 0;
	s->epoch_end = 0;
	s->within = false;
}

/* Once for each peer that is away. */
static void
tell_loss(SocketPeer *s)
{
	if (s->stats.retries == s->retries_told)
		return;
	if (s->retries_told == 0)
		ereport(LOG,
				(errmsg("sink %s waits for its peer, \"%s\", port %d: %s",
						s->peer.stream->name, s->peer.stream->host, s->peer.stream->port,
						s->stats.last_error),
				 errhidestmt(true)));
	s->retries_told = s->stats.retries;
	strlcpy(s->peer.error, s->stats.last_error, sizeof(s->peer.error));
}

/* Sees to the connection; true if there is one to write to.  What the peer says is not heard. */
static bool
look_after(SocketPeer *s)
{
	char		heard[1024];
	Size		len;

	switch (weir_socket_read(s->sock, heard, sizeof(heard), &len))
	{
		case WEIR_SOCKET_CONNECTED:
			rewind_peer(s);
			break;
		case WEIR_SOCKET_ENDED:
		case WEIR_SOCKET_FAILED:
			weir_socket_raise(s->sock);
			break;
		case WEIR_SOCKET_DATA:
		case WEIR_SOCKET_NOTHING:
			tell_loss(s);
			break;
	}
	return weir_socket_is_open(s->sock);
}

/* All of the buffer is written, and waits for the peer's kernel. */
static bool
is_unsure(const SocketPeer *s)
{
	return s->buffer.len > 0 && s->written == s->buffer.len;
}

/* drained: before the connection was looked at, so that it was no reset that has emptied it. */
static WeirEmitResult
write_buffer(SocketPeer *s, bool drained)
{
	Size		n;

	if (is_unsure(s))
	{
		if (!drained)
			return WEIR_EMIT_WAIT;
		buffer_sent(s);
		return WEIR_EMIT_PROGRESS;
	}
	n = weir_socket_write(s->sock, s->buffer.data + s->written, s->buffer.len - s->written);
	s->written += (int) n;
	if (s->written < s->buffer.len)
		return n > 0 ? WEIR_EMIT_PROGRESS : WEIR_EMIT_WAIT;
	if (!weir_socket_is_mute(s->sock))
		buffer_sent(s);
	return WEIR_EMIT_PROGRESS;
}

static WeirEmitResult
turn(WeirPeer *peer)
{
	SocketPeer *s = (SocketPeer *) peer;
	bool		drained = weir_socket_is_drained(s->sock);

	if (!look_after(s))
		return WEIR_EMIT_WAIT;
	if (s->buffer.len > 0)
		return write_buffer(s, drained);
	if (!fill(s))
		return WEIR_EMIT_DONE;
	if (s->buffer.len == 0)
		buffer_sent(s);
	return WEIR_EMIT_PROGRESS;
}

static pgsocket
wait_for_socket(WeirPeer *peer, int *events, long *timeout)
{
	SocketPeer *s = (SocketPeer *) peer;
	pgsocket	fd = weir_socket_wait(s->sock, events, timeout);

	if (fd == PGINVALID_SOCKET || !weir_socket_is_open(s->sock))
		return fd;
	if (!is_unsure(s))
		*events |= WL_SOCKET_WRITEABLE;
	else if (*timeout < 0 || *timeout > ACKNOWLEDGED_MS)
		*timeout = ACKNOWLEDGED_MS;
	return fd;
}

const WeirPeerOps weir_socket_peer = {
	.written = "as lines to a socket",
	.size = sizeof(SocketPeer),
	.open = open_peer,
	.turn = turn,
	.wait = wait_for_socket,
};
