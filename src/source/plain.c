/*
 * source/plain.c
 *		A TCP connection as it is.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "storage/latch.h"
#include "utils/memutils.h"

#include "source/transport.h"

static WeirIo
plain_handshake(WeirTransport *t)
{
	return WEIR_IO_DONE;
}

static WeirIo
failed_call(WeirTransport *t)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return WEIR_IO_WAIT;
	strlcpy(t->problem, strerror(errno), sizeof(t->problem));
	return WEIR_IO_FAILED;
}

static WeirIo
plain_read(WeirTransport *t, char *buffer, Size size, Size *done)
{
	ssize_t		n;

	do
	{
		n = recv(t->fd, buffer, size, 0);
	} while (n < 0 && errno == EINTR);
	*done = Max(n, 0);
	if (n < 0)
		return failed_call(t);
	return n > 0 ? WEIR_IO_DONE : WEIR_IO_END;
}

static WeirIo
plain_write(WeirTransport *t, const char *data, Size len, Size *done)
{
	ssize_t		n;

	do
	{
		n = send(t->fd, data, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	*done = Max(n, 0);
	return n < 0 ? failed_call(t) : WEIR_IO_DONE;
}

static void
plain_close(WeirTransport *t)
{
	pfree(t);
}

static const WeirTransportRoutine plain_routine = {
	.handshake = plain_handshake,
	.read = plain_read,
	.write = plain_write,
	.close = plain_close,
	.movable = true
};

WeirTransport *
weir_plain_transport(pgsocket fd)
{
	WeirTransport *t = MemoryContextAllocZero(TopMemoryContext, sizeof(WeirTransport));

	t->routine = &plain_routine;
	t->fd = fd;
	t->events = WL_SOCKET_READABLE;
	return t;
}
