/*
 * source/socket.c
 *		The connection to a stream's peer.
 *
 *			      connect               established, shaken hands
 *		 WAITING ----------> CONNECTING ----------> OPEN
 *		   ^ ^                  | refused            | | closed, reset | silent
 *		   | +--- retry_delay --+--------------------+ |               |
 *		   |       a retry left                        | none left     |
 *		   |                                           v               |
 *		   |                                         CLOSED            |
 *		   +-----------------------------------------------------------+
 *
 * A socket begins WAITING, or OPEN with the connection of the attempt before
 * (handover.c), which counts as no retry.  decide/dialer.c decides; here it is
 * carried out.
 *
 * No call waits, but for the resolver's.  When no retry is left and the peer has
 * not closed in order, it is an error of class 08.  In the protocol "resume" a
 * peer that has closed in order is still told what has become of its bytes,
 * until weir_socket_close.
 */
#include "postgres.h"

#include <limits.h>
#include <unistd.h>

#include "common/hashfn.h"
#include "storage/fd.h"
#include "storage/latch.h"

#include "base/clock.h"
#include "base/text.h"
#include "decide/dialer.h"
#include "source/socket.h"
#include "source/tcp.h"
#include "source/transport.h"

#define HINT_LISTENS "Check that the peer listens there, or raise the server's option \"max_retries\"."
#define HINT_HOST "Check the server's option \"host\": a name that the database server can resolve, or an address."
#define HINT_TLS "Check the server's options \"sslmode\", \"sslrootcert\", \"sslcert\" and \"sslkey\" against what the peer has."
#define HINT_SPEAKS_TLS "Set the server's option \"sslmode\", to \"verify-full\" if the peer's certificate can be verified."
#define REMARK_SILENT "connected, but nothing has come: a peer that waits for a request needs option \"greeting\", one that speaks TLS \"sslmode\""

struct WeirSocket
{
	const WeirStream *stream;
	WeirSourceStats *stats;
	WeirDialer	dialer;
	pgsocket	fd;				/* while CONNECTING and OPEN */
	WeirTransport *transport;	/* once the TCP connection is established */
	Size		greeted;		/* bytes of the greeting that are sent */
	struct addrinfo *addresses; /* of the host, while dialling */
	struct addrinfo *address;	/* being tried */
	WeirTlsContext *tls;		/* credentials, while dialling */
	bool		one_way;		/* for what is written: an end of what the peer says is none of the connection */
	bool		mute;			/* the peer says nothing more */
	bool		broken;			/* a write failed */
	bool		was_open;		/* when it was lost last */
	char		problem[256];	/* why */
	const char *hint;
};

WeirSocket *
weir_socket_create(const WeirStream *stream, WeirSourceStats *stats)
{
	WeirSocket *sock = palloc0(sizeof(WeirSocket));
	WeirDialerConfig config;

	config.max_retries = stream->max_retries;
	config.retry_delay = stream->retry_delay;
	config.connect_timeout = stream->connect_timeout;
	config.idle_timeout = stream->idle_timeout;
	weir_dialer_init(&sock->dialer, &config, weir_now());
	sock->stream = stream;
	sock->stats = stats;
	sock->fd = PGINVALID_SOCKET;
	stats->status = WEIR_SOURCE_CONNECTING;
	return sock;
}

static void
disconnect(WeirSocket *sock)
{
	if (sock->transport != NULL)
		sock->transport->routine->close(sock->transport);
	sock->transport = NULL;
	if (sock->fd != PGINVALID_SOCKET)
		weir_tcp_close(sock->fd);
	sock->fd = PGINVALID_SOCKET;
	sock->mute = sock->broken = false;
}

/* What only dialling needs. */
static void
end_dialling(WeirSocket *sock)
{
	if (sock->addresses != NULL)
		freeaddrinfo(sock->addresses);
	sock->addresses = sock->address = NULL;
	if (sock->tls != NULL)
		weir_tls_forget(sock->tls);
	sock->tls = NULL;
}

static void
note_problem(WeirSocket *sock, const char *problem, const char *hint)
{
	weir_text_copy(sock->problem, problem, sizeof(sock->problem));
	weir_text_copy(sock->stats->last_error, problem, sizeof(sock->stats->last_error));
	sock->hint = hint;
}

/* The connection is gone, or none came about. */
static WeirSocketResult
connection_lost(WeirSocket *sock, bool in_order)
{
	WeirDialerLoss loss;

	sock->was_open = sock->dialer.state == WEIR_DIALER_OPEN;
	loss = weir_dialer_lost(&sock->dialer, in_order, weir_now());
	if (!in_order || loss == WEIR_DIALER_RETRY || !sock->stream->resume)
		disconnect(sock);
	end_dialling(sock);
	if (loss == WEIR_DIALER_RETRY)
	{
		sock->stats->retries++;
		sock->stats->status = WEIR_SOURCE_CONNECTING;
		return WEIR_SOCKET_NOTHING;
	}
	sock->stats->status = WEIR_SOURCE_CLOSED;
	return loss == WEIR_DIALER_ENDED ? WEIR_SOCKET_ENDED : WEIR_SOCKET_FAILED;
}

static WeirSocketResult
failed(WeirSocket *sock, const char *problem, const char *hint)
{
	note_problem(sock, problem, hint);
	return connection_lost(sock, false);
}

static WeirSocketResult
transport_failed(WeirSocket *sock)
{
	return failed(sock, sock->transport->problem,
				  sock->stream->sslmode == WEIR_SSL_DISABLE ? HINT_LISTENS : HINT_TLS);
}

static WeirSocketResult
connection_made(WeirSocket *sock)
{
	weir_tcp_name(sock->address, sock->stats->peer, sizeof(sock->stats->peer));
	end_dialling(sock);
	weir_dialer_opened(&sock->dialer, false, weir_now());
	sock->greeted = 0;
	sock->stats->status = WEIR_SOURCE_CONNECTED;
	sock->stats->connected_at = weir_date();
	return WEIR_SOCKET_CONNECTED;
}

/* Starts on sock->address and those after it, until one is under way. */
static WeirSocketResult
try_addresses(WeirSocket *sock, int error)
{
	for (; sock->address != NULL; sock->address = sock->address->ai_next)
	{
		sock->fd = weir_tcp_begin(sock->address, &error);
		if (sock->fd != PGINVALID_SOCKET)
		{
			weir_dialer_connecting(&sock->dialer, weir_now());
			return WEIR_SOCKET_NOTHING;
		}
	}
	return failed(sock, strerror(error), HINT_LISTENS);
}

static WeirSocketResult
try_next_address(WeirSocket *sock, int error)
{
	disconnect(sock);
	sock->address = sock->address->ai_next;
	return try_addresses(sock, error);
}

static WeirSocketResult
start_dialling(WeirSocket *sock)
{
	const WeirStream *stream = sock->stream;
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	char		port[16];
	char		problem[256];
	int			error;

	if (stream->sslmode != WEIR_SSL_DISABLE)
		sock->tls = weir_tls_context(stream);
	snprintf(port, sizeof(port), "%d", stream->port);
	error = getaddrinfo(stream->host, port, &hints, &sock->addresses);
	if (error != 0)
	{
		sock->addresses = NULL;
		snprintf(problem, sizeof(problem), "could not resolve host \"%s\": %s",
				 stream->host, gai_strerror(error));
		return failed(sock, problem, HINT_HOST);
	}
	sock->address = sock->addresses;
	return try_addresses(sock, EHOSTUNREACH);
}

static void
begin_transport(WeirSocket *sock)
{
	WeirTlsContext *tls = sock->tls;

	weir_tcp_watch(sock->fd, sock->stream->keepalive_idle);
	sock->tls = NULL;
	sock->transport = tls ? weir_tls_transport(sock->fd, sock->stream, tls) :
		weir_plain_transport(sock->fd);
}

/* It has taken too long; another address may be quicker, another handshake not. */
static WeirSocketResult
give_up_connecting(WeirSocket *sock)
{
	if (sock->transport != NULL)
		return failed(sock, "the peer has not completed the TLS handshake within connect_timeout", HINT_TLS);
	return try_next_address(sock, ETIMEDOUT);
}

/* Has the connection been established, or refused? */
static WeirSocketResult
look_at_connecting(WeirSocket *sock)
{
	int			error;
	WeirIo		io;

	if (sock->transport == NULL && weir_tcp_decided(sock->fd, &error))
	{
		if (error != 0)
			return try_next_address(sock, error);
		begin_transport(sock);
	}
	io = sock->transport ? sock->transport->routine->handshake(sock->transport) : WEIR_IO_WAIT;
	if (io == WEIR_IO_DONE)
		return connection_made(sock);
	if (io != WEIR_IO_WAIT)
		return transport_failed(sock);
	if (weir_dialer_overdue(&sock->dialer, weir_now()))
		return give_up_connecting(sock);
	return WEIR_SOCKET_NOTHING;
}

/* An alert: how a peer that speaks TLS answers to anything else. */
static bool
is_tls_alert(const char *data, Size len)
{
	return len >= 5 && data[0] == 0x15 && data[1] == 0x03 && data[2] <= 0x04 &&
		data[3] == 0 && data[4] == 2;
}

static WeirSocketResult
bytes_came(WeirSocket *sock, const char *data, Size *len)
{
	if (!sock->dialer.heard && sock->stream->sslmode == WEIR_SSL_DISABLE && is_tls_alert(data, *len))
	{
		*len = 0;
		return failed(sock, "the peer speaks TLS", HINT_SPEAKS_TLS);
	}
	if (sock->dialer.remarked && !sock->dialer.heard)
		sock->stats->last_error[0] = '\0';
	weir_dialer_received(&sock->dialer, weir_now());
	return WEIR_SOCKET_DATA;
}

/* Nothing was there to read. */
static WeirSocketResult
silence(WeirSocket *sock)
{
	if (weir_dialer_overdue(&sock->dialer, weir_now()))
	{
		note_problem(sock, "the peer was silent for idle_timeout", HINT_LISTENS);
		ereport(LOG,
				(errmsg("stream %s dials again", sock->stream->name),
				 errdetail("Nothing has come from %s for longer than the server's option \"idle_timeout\".",
						   sock->stats->peer),
				 errhidestmt(true)));
		sock->stats->retries++;
		weir_socket_reconnect(sock);
	}
	else if (weir_dialer_remarkable(&sock->dialer, weir_now()))
		strlcpy(sock->stats->last_error, REMARK_SILENT, sizeof(sock->stats->last_error));
	return WEIR_SOCKET_NOTHING;
}

/* Whether the connection still stands, a read will tell. */
static void
greet(WeirSocket *sock)
{
	const WeirStream *stream = sock->stream;
	Size		done = 0;

	if (sock->greeted < stream->greeting_len)
		(void) sock->transport->routine->write(sock->transport, stream->greeting + sock->greeted,
											   stream->greeting_len - sock->greeted, &done);
	sock->greeted += done;
}

/* TLS has no such end: what ends there ends both ways. */
static WeirSocketResult
end_came(WeirSocket *sock)
{
	if (sock->one_way && sock->stream->sslmode == WEIR_SSL_DISABLE)
	{
		sock->mute = true;
		sock->transport->events &= ~WL_SOCKET_READABLE;
		return WEIR_SOCKET_NOTHING;
	}
	note_problem(sock, "the peer closed the connection", HINT_LISTENS);
	return connection_lost(sock, true);
}

/* Behind the end of what a peer says a read tells nothing of a reset. */
static WeirSocketResult
look_at_mute(WeirSocket *sock)
{
	int			error = weir_tcp_error(sock->fd);

	return error == 0 ? WEIR_SOCKET_NOTHING : failed(sock, strerror(error), HINT_LISTENS);
}

static WeirSocketResult
receive(WeirSocket *sock, char *buffer, Size size, Size *got)
{
	greet(sock);
	if (sock->broken)
		return transport_failed(sock);
	if (sock->mute)
		return look_at_mute(sock);
	switch (sock->transport->routine->read(sock->transport, buffer, size, got))
	{
		case WEIR_IO_DONE:
			return bytes_came(sock, buffer, got);
		case WEIR_IO_WAIT:
			return silence(sock);
		case WEIR_IO_END:
			return end_came(sock);
		case WEIR_IO_FAILED:
			break;
	}
	return transport_failed(sock);
}

WeirSocketResult
weir_socket_read(WeirSocket *sock, char *buffer, Size size, Size *got)
{
	WeirSocketResult result = WEIR_SOCKET_NOTHING;

	*got = 0;
	if (weir_dialer_due(&sock->dialer, weir_now()))
		result = start_dialling(sock);
	if (sock->dialer.state == WEIR_DIALER_CONNECTING)
		return look_at_connecting(sock);
	if (sock->dialer.state == WEIR_DIALER_OPEN)
		return receive(sock, buffer, size, got);
	return result;
}

void
weir_socket_delivered(WeirSocket *sock)
{
	weir_dialer_delivered(&sock->dialer);
}

Size
weir_socket_write(WeirSocket *sock, const char *data, Size len)
{
	Size		done = 0;

	if (sock->transport != NULL && sock->dialer.state != WEIR_DIALER_CONNECTING &&
		sock->transport->routine->write(sock->transport, data, len, &done) == WEIR_IO_FAILED)
		sock->broken = sock->one_way;
	return done;
}

void
weir_socket_only_write(WeirSocket *sock)
{
	sock->one_way = true;
}

bool
weir_socket_is_mute(const WeirSocket *sock)
{
	return sock->mute;
}

void
weir_socket_reconnect(WeirSocket *sock)
{
	disconnect(sock);
	weir_dialer_redial(&sock->dialer, weir_now());
	sock->stats->status = WEIR_SOURCE_CONNECTING;
}

bool
weir_socket_is_open(const WeirSocket *sock)
{
	return sock->dialer.state == WEIR_DIALER_OPEN;
}

bool
weir_socket_is_drained(const WeirSocket *sock)
{
	return weir_socket_is_open(sock) && weir_tcp_is_drained(sock->fd);
}

pgsocket
weir_socket_wait(WeirSocket *sock, int *events, long *timeout)
{
	int64		left = weir_dialer_wait(&sock->dialer, weir_now());

	*events = 0;
	*timeout = left < 0 ? -1 : (long) Min((left + 999) / 1000, INT_MAX);
	switch (sock->dialer.state)
	{
		case WEIR_DIALER_WAITING:
			break;
		case WEIR_DIALER_CONNECTING:
			*events = sock->transport ? sock->transport->events : WL_SOCKET_WRITEABLE;
			break;
		case WEIR_DIALER_OPEN:
			*events = sock->transport->events;
			if (sock->greeted < sock->stream->greeting_len)
				*events |= WL_SOCKET_WRITEABLE;
			break;
		case WEIR_DIALER_CLOSED:
			return PGINVALID_SOCKET;
	}
	return sock->fd;
}

void
weir_socket_raise(WeirSocket *sock)
{
	const WeirStream *stream = sock->stream;

	ereport(ERROR,
			(errcode(sock->was_open ? ERRCODE_CONNECTION_FAILURE :
					 ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
			 sock->was_open ?
			 errmsg("lost connection to \"%s\", port %d: %s",
					stream->host, stream->port, sock->problem) :
			 errmsg("could not connect to \"%s\", port %d: %s",
					stream->host, stream->port, sock->problem),
			 errdetail("Stream %s, %d of %d retries used.", stream->name,
					   sock->dialer.retries, stream->max_retries),
			 errhint("%s", sock->hint)));
}

void
weir_socket_close(WeirSocket *sock)
{
	disconnect(sock);
	end_dialling(sock);
	weir_dialer_close(&sock->dialer);
	sock->stats->status = WEIR_SOURCE_CLOSED;
}

/* Of the options that a connection is made with, as far as they are not in the description. */
static uint32
greeting_hash(const WeirStream *stream)
{
	return hash_bytes((const unsigned char *) (stream->greeting ? stream->greeting : ""),
					  stream->greeting_len);
}

bool
weir_socket_describe(const WeirSocket *sock, WeirConnection *connection)
{
	const WeirStream *stream = sock->stream;

	if (sock->dialer.state != WEIR_DIALER_OPEN || !sock->transport->routine->movable ||
		sock->greeted < stream->greeting_len || strlen(stream->host) >= sizeof(connection->host))
		return false;
	connection->fd = sock->fd;
	connection->relid = stream->relid;
	connection->resume = stream->resume;
	connection->port = stream->port;
	connection->greeting = greeting_hash(stream);
	strlcpy(connection->host, stream->host, sizeof(connection->host));
	strlcpy(connection->peer, sock->stats->peer, sizeof(connection->peer));
	connection->connected_at = sock->stats->connected_at;
	return true;
}

static bool
leads_there(const WeirConnection *connection, const WeirStream *stream)
{
	return connection->fd != PGINVALID_SOCKET && connection->relid == stream->relid &&
		connection->resume == stream->resume && connection->port == stream->port &&
		connection->greeting == greeting_hash(stream) && stream->sslmode == WEIR_SSL_DISABLE &&
		strcmp(connection->host, stream->host) == 0;
}

bool
weir_socket_adopt(WeirSocket *sock, const WeirConnection *connection)
{
	if (!leads_there(connection, sock->stream))
		return false;
	ReserveExternalFD();
	sock->fd = connection->fd;
	begin_transport(sock);
	sock->greeted = sock->stream->greeting_len;
	weir_dialer_opened(&sock->dialer, true, weir_now());
	sock->stats->status = WEIR_SOURCE_CONNECTED;
	strlcpy(sock->stats->peer, connection->peer, sizeof(sock->stats->peer));
	sock->stats->connected_at = connection->connected_at;
	return true;
}
