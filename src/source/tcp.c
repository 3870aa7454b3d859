/*
 * source/tcp.c
 *		A TCP connection by its descriptor: begun, accepted, established, watched.
 *
 * A port that nobody listens on can be the one that the kernel picks for our own
 * end: then the two ends are one, and established.  That is a refusal, and is
 * taken back by a reset, so that the port is free at once.
 */
#include "postgres.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "common/ip.h"
#include "storage/fd.h"

#include "decide/keepalive.h"
#include "source/tcp.h"

void
weir_tcp_close(pgsocket fd)
{
	close(fd);
	ReleaseExternalFD();
}

/* A program that is started, as by COPY FROM PROGRAM, is none of the connection's ends. */
static bool
prepare(pgsocket fd)
{
	return pg_set_noblock(fd) && fcntl(fd, F_SETFD, FD_CLOEXEC) >= 0;
}

pgsocket
weir_tcp_begin(const struct addrinfo *address, int *error)
{
	pgsocket	fd;

	if (!AcquireExternalFD())
	{
		*error = EMFILE;
		return PGINVALID_SOCKET;
	}
	fd = socket(address->ai_family, SOCK_STREAM, 0);
	if (fd == PGINVALID_SOCKET)
	{
		*error = errno;
		ReleaseExternalFD();
		return PGINVALID_SOCKET;
	}
	if (prepare(fd) &&
		(connect(fd, address->ai_addr, address->ai_addrlen) == 0 ||
		 errno == EINPROGRESS || errno == EINTR))
		return fd;
	*error = errno;
	weir_tcp_close(fd);
	return PGINVALID_SOCKET;
}

/* A port is taken again at once, with connections of before in TIME_WAIT. */
static int
bind_and_listen(pgsocket fd, const struct addrinfo *address)
{
	int			on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -1;
#ifdef IPV6_V6ONLY
	if (address->ai_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -1;
#endif
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0)
		return -1;
	return listen(fd, SOMAXCONN);
}

pgsocket
weir_tcp_listen(const struct addrinfo *address, int *error)
{
	pgsocket	fd;

	*error = EMFILE;
	if (!AcquireExternalFD())
		return PGINVALID_SOCKET;
	fd = socket(address->ai_family, SOCK_STREAM, 0);
	if (fd != PGINVALID_SOCKET && prepare(fd) && bind_and_listen(fd, address) == 0)
		return fd;
	*error = errno;
	if (fd != PGINVALID_SOCKET)
		close(fd);
	ReleaseExternalFD();
	return PGINVALID_SOCKET;
}

pgsocket
weir_tcp_accept(pgsocket listener, struct sockaddr_storage *peer, struct addrinfo *address,
				int *error)
{
	socklen_t	len = sizeof(*peer);
	pgsocket	fd;

	*error = EMFILE;
	if (!AcquireExternalFD())
		return PGINVALID_SOCKET;
	fd = accept(listener, (struct sockaddr *) peer, &len);
	*error = errno;
	if (fd == PGINVALID_SOCKET)
	{
		ReleaseExternalFD();
		return PGINVALID_SOCKET;
	}
	if (!prepare(fd))
	{
		weir_tcp_close(fd);
		return PGINVALID_SOCKET;
	}
	memset(address, 0, sizeof(*address));
	address->ai_family = peer->ss_family;
	address->ai_addr = (struct sockaddr *) peer;
	address->ai_addrlen = len;
	return fd;
}

static bool
leads_to_itself(pgsocket fd)
{
	struct sockaddr_storage here;
	struct sockaddr_storage there;
	socklen_t	here_len = sizeof(here);
	socklen_t	there_len = sizeof(there);

	memset(&here, 0, sizeof(here));
	memset(&there, 0, sizeof(there));
	return getsockname(fd, (struct sockaddr *) &here, &here_len) == 0 &&
		getpeername(fd, (struct sockaddr *) &there, &there_len) == 0 &&
		here_len == there_len && memcmp(&here, &there, here_len) == 0;
}

static void
reset_at_close(pgsocket fd)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	(void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

bool
weir_tcp_decided(pgsocket fd, int *error)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	socklen_t	len = sizeof(*error);

	if (poll(&ready, 1, 0) <= 0)
		return false;
	*error = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, error, &len) < 0)
		*error = errno;
	if (*error == 0 && leads_to_itself(fd))
	{
		reset_at_close(fd);
		*error = ECONNREFUSED;
	}
	return true;
}

static void
set_option(pgsocket fd, int level, int option, int value)
{
	(void) setsockopt(fd, level, option, &value, sizeof(value));
}

void
weir_tcp_watch(pgsocket fd, int64 keepalive_idle)
{
	WeirKeepalive k = weir_keepalive(keepalive_idle);

	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (k.idle == 0)
		return;
#ifdef TCP_KEEPIDLE
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, k.idle);
#endif
#ifdef TCP_KEEPINTVL
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, k.interval);
#endif
#ifdef TCP_KEEPCNT
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, k.count);
#endif
	/* No probe is sent while an answer to data is outstanding. */
#ifdef TCP_USER_TIMEOUT
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, k.user_timeout);
#endif
}

int
weir_tcp_error(pgsocket fd)
{
	int			error;
	socklen_t	len = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

bool
weir_tcp_is_drained(pgsocket fd)
{
#ifdef SIOCOUTQ
	int			left;

	return ioctl(fd, SIOCOUTQ, &left) < 0 || left == 0;
#else
	return true;
#endif
}

void
weir_tcp_name(const struct addrinfo *address, char *name, Size size)
{
	char		host[NI_MAXHOST];
	char		port[NI_MAXSERV];

	if (pg_getnameinfo_all((struct sockaddr_storage *) address->ai_addr, address->ai_addrlen,
						   host, sizeof(host), port, sizeof(port),
						   NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(name, size, address->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}
