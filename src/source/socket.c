/*
 * source/socket.c
 *		The TCP connection to a stream's peer.
 *
 *			      connect             established
 *		  IDLE ------------> CONNECTING ----------> OPEN
 *		   ^ |                  | refused            | closed, reset
 *		   | +--- retry_delay --+--------------------+
 *		   |       a retry left |                    | none left
 *		   +--------------------+                    v
 *		                                           CLOSED
 *
 * A socket begins IDLE, or OPEN with the connection of the attempt before
 * (handover.c), which counts as no retry.
 *
 * No call waits, but for the resolver's.  Every lost or refused connection
 * takes one of max_retries, which are counted over the life of the source
 * task.  When none is left the stream has ended if the peer closed the last
 * connection in order, even if it has refused new ones since; else it is an
 * error of class 08.  In the protocol "resume" a peer that has closed in order
 * is still told what has become of its bytes, until weir_socket_close.
 */
#include "postgres.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ip.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "source/socket.h"
#include "text.h"

typedef enum SocketState
{
	SOCKET_IDLE,				/* connects at retry_at */
	SOCKET_CONNECTING,
	SOCKET_OPEN,
	SOCKET_CLOSED				/* for good */
} SocketState;

struct WeirSocket
{
	const WeirStream *stream;
	WeirSourceStats *stats;
	SocketState state;
	pgsocket	fd;				/* valid in CONNECTING and OPEN */
	int64		retry_at;		/* by weir_now() */
	int			retries;		/* used up */
	bool		closed;			/* the peer closed the last connection in order */
	struct addrinfo *addresses; /* of the host, while connecting */
	struct addrinfo *address;	/* being tried */
	int			error;			/* errno of the last failure, 0: orderly close */
	int			resolve_error;	/* of getaddrinfo, 0: none */
};

WeirSocket *
weir_socket_create(const WeirStream *stream, WeirSourceStats *stats)
{
	WeirSocket *sock = palloc0(sizeof(WeirSocket));

	sock->stream = stream;
	sock->stats = stats;
	sock->fd = PGINVALID_SOCKET;
	stats->status = WEIR_SOURCE_CONNECTING;
	return sock;
}

static void
close_fd(WeirSocket *sock)
{
	if (sock->fd == PGINVALID_SOCKET)
		return;
	close(sock->fd);
	ReleaseExternalFD();
	sock->fd = PGINVALID_SOCKET;
}

static void
forget_addresses(WeirSocket *sock)
{
	if (sock->addresses != NULL)
		freeaddrinfo(sock->addresses);
	sock->addresses = sock->address = NULL;
}

static void
describe_failure(WeirSocket *sock, char *text, Size size)
{
	char	   *whole;

	if (sock->resolve_error != 0)
		whole = psprintf("could not resolve host \"%s\": %s",
						 sock->stream->host, gai_strerror(sock->resolve_error));
	else
		whole = pstrdup(sock->error != 0 ? strerror(sock->error) : "the peer closed the connection");
	weir_text_copy(text, whole, size);
	pfree(whole);
}

/* The connection is gone, or none came about: error 0 is an orderly close. */
static WeirSocketResult
connection_lost(WeirSocket *sock, int error)
{
	int			max_retries = sock->stream->max_retries;
	bool		retry = max_retries < 0 || sock->retries < max_retries;

	if (sock->state == SOCKET_OPEN)
		sock->closed = error == 0;
	if (error != 0 || retry || !sock->stream->resume)
		close_fd(sock);
	forget_addresses(sock);
	sock->error = error;
	describe_failure(sock, sock->stats->last_error, sizeof(sock->stats->last_error));
	if (retry)
	{
		sock->retries++;
		sock->stats->retries++;
		sock->stats->status = WEIR_SOURCE_CONNECTING;
		sock->state = SOCKET_IDLE;
		sock->retry_at = weir_now() + sock->stream->retry_delay;
		return WEIR_SOCKET_NOTHING;
	}
	sock->state = SOCKET_CLOSED;
	sock->stats->status = WEIR_SOURCE_CLOSED;
	return sock->closed ? WEIR_SOCKET_ENDED : WEIR_SOCKET_FAILED;
}

static void
note_peer(WeirSocket *sock)
{
	char		host[NI_MAXHOST];
	char		port[NI_MAXSERV];

	if (pg_getnameinfo_all((struct sockaddr_storage *) sock->address->ai_addr,
						   sock->address->ai_addrlen, host, sizeof(host),
						   port, sizeof(port),
						   NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(sock->stats->peer, sizeof(sock->stats->peer), "%s:%s", host, port);
}

static void
connection_made(WeirSocket *sock)
{
	int			on = 1;

	/* Without keepalive a peer that vanished would look idle for ever. */
	(void) setsockopt(sock->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	note_peer(sock);
	forget_addresses(sock);
	sock->state = SOCKET_OPEN;
	sock->error = 0;
	sock->stats->status = WEIR_SOURCE_CONNECTED;
	sock->stats->connected_at = weir_date();
}

/* Starts on sock->address and those after it, until one is under way. */
static WeirSocketResult
try_addresses(WeirSocket *sock)
{
	int			error = EHOSTUNREACH;

	for (; sock->address != NULL; sock->address = sock->address->ai_next)
	{
		struct addrinfo *a = sock->address;

		if (!AcquireExternalFD())
			return connection_lost(sock, EMFILE);
		sock->fd = socket(a->ai_family, SOCK_STREAM, 0);
		if (sock->fd == PGINVALID_SOCKET)
		{
			error = errno;
			ReleaseExternalFD();
			continue;
		}
		if (pg_set_noblock(sock->fd) &&
			(connect(sock->fd, a->ai_addr, a->ai_addrlen) == 0 ||
			 errno == EINPROGRESS || errno == EINTR))
		{
			sock->state = SOCKET_CONNECTING;
			return WEIR_SOCKET_NOTHING;
		}
		error = errno;
		close_fd(sock);
	}
	return connection_lost(sock, error);
}

static WeirSocketResult
start_connecting(WeirSocket *sock)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	char		port[16];

	snprintf(port, sizeof(port), "%d", sock->stream->port);
	sock->resolve_error = getaddrinfo(sock->stream->host, port, &hints, &sock->addresses);
	if (sock->resolve_error != 0)
	{
		sock->addresses = NULL;
		return connection_lost(sock, EHOSTUNREACH);
	}
	sock->address = sock->addresses;
	return try_addresses(sock);
}

/* Has the connection been established, or refused? */
static WeirSocketResult
look_at_connecting(WeirSocket *sock)
{
	struct pollfd ready = {.fd = sock->fd, .events = POLLOUT};
	int			error = 0;
	socklen_t	len = sizeof(error);

	if (poll(&ready, 1, 0) <= 0)
		return WEIR_SOCKET_NOTHING;
	if (getsockopt(sock->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error == 0)
	{
		connection_made(sock);
		return WEIR_SOCKET_CONNECTED;
	}
	close_fd(sock);
	if (sock->address->ai_next == NULL)
		return connection_lost(sock, error);
	sock->address = sock->address->ai_next;
	return try_addresses(sock);
}

static WeirSocketResult
receive(WeirSocket *sock, char *buffer, Size size, Size *got)
{
	ssize_t		n;

	do
	{
		n = recv(sock->fd, buffer, size, 0);
	} while (n < 0 && errno == EINTR);

	if (n > 0)
	{
		*got = n;
		return WEIR_SOCKET_DATA;
	}
	if (n == 0)
		return connection_lost(sock, 0);
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return WEIR_SOCKET_NOTHING;
	return connection_lost(sock, errno);
}

WeirSocketResult
weir_socket_read(WeirSocket *sock, char *buffer, Size size, Size *got)
{
	WeirSocketResult result = WEIR_SOCKET_NOTHING;

	*got = 0;
	if (sock->state == SOCKET_IDLE && weir_now() >= sock->retry_at)
		result = start_connecting(sock);
	if (sock->state == SOCKET_CONNECTING)
		return look_at_connecting(sock);
	if (sock->state == SOCKET_OPEN)
		return receive(sock, buffer, size, got);
	return result;
}

Size
weir_socket_write(WeirSocket *sock, const char *data, Size len)
{
	ssize_t		n;

	if (sock->fd == PGINVALID_SOCKET || sock->state == SOCKET_CONNECTING)
		return 0;
	do
	{
		n = send(sock->fd, data, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? n : 0;
}

void
weir_socket_reconnect(WeirSocket *sock)
{
	close_fd(sock);
	sock->state = SOCKET_IDLE;
	sock->retry_at = weir_now();
	sock->stats->status = WEIR_SOURCE_CONNECTING;
}

bool
weir_socket_is_open(const WeirSocket *sock)
{
	return sock->state == SOCKET_OPEN;
}

pgsocket
weir_socket_wait(WeirSocket *sock, int *events, long *timeout)
{
	*events = 0;
	*timeout = -1;
	switch (sock->state)
	{
		case SOCKET_IDLE:
			*timeout = weir_ms_until(sock->retry_at);
			break;
		case SOCKET_CONNECTING:
			*events = WL_SOCKET_WRITEABLE;
			break;
		case SOCKET_OPEN:
			*events = WL_SOCKET_READABLE;
			break;
		case SOCKET_CLOSED:
			return PGINVALID_SOCKET;
	}
	return sock->fd;
}

void
weir_socket_raise(WeirSocket *sock)
{
	char		reason[256];
	bool		was_open = sock->stats->connected_at != 0 && sock->error == ECONNRESET;

	describe_failure(sock, reason, sizeof(reason));
	ereport(ERROR,
			(errcode(was_open ? ERRCODE_CONNECTION_FAILURE :
					 ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
			 was_open ?
			 errmsg("lost connection to \"%s\", port %d: %s",
					sock->stream->host, sock->stream->port, reason) :
			 errmsg("could not connect to \"%s\", port %d: %s",
					sock->stream->host, sock->stream->port, reason),
			 errdetail("Stream %s, %d of %d retries used.", sock->stream->name,
					   sock->retries, sock->stream->max_retries),
			 errhint("Check that the peer listens there, or raise the server's option \"max_retries\".")));
}

void
weir_socket_close(WeirSocket *sock)
{
	close_fd(sock);
	forget_addresses(sock);
	sock->state = SOCKET_CLOSED;
	sock->stats->status = WEIR_SOURCE_CLOSED;
}

bool
weir_socket_describe(const WeirSocket *sock, WeirConnection *connection)
{
	const WeirStream *stream = sock->stream;

	if (sock->state != SOCKET_OPEN || strlen(stream->host) >= sizeof(connection->host))
		return false;
	connection->fd = sock->fd;
	connection->relid = stream->relid;
	connection->resume = stream->resume;
	connection->port = stream->port;
	strlcpy(connection->host, stream->host, sizeof(connection->host));
	strlcpy(connection->peer, sock->stats->peer, sizeof(connection->peer));
	connection->connected_at = sock->stats->connected_at;
	return true;
}

bool
weir_socket_adopt(WeirSocket *sock, const WeirConnection *connection)
{
	const WeirStream *stream = sock->stream;

	if (connection->fd == PGINVALID_SOCKET || connection->relid != stream->relid ||
		connection->resume != stream->resume || connection->port != stream->port || strcmp(connection->host, stream->host) != 0)
		return false;
	ReserveExternalFD();
	sock->fd = connection->fd;
	sock->state = SOCKET_OPEN;
	sock->stats->status = WEIR_SOURCE_CONNECTED;
	strlcpy(sock->stats->peer, connection->peer, sizeof(sock->stats->peer));
	sock->stats->connected_at = connection->connected_at;
	return true;
}
