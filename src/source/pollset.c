/*
 * source/pollset.c
 *		Many sockets that are waited for as one: an epoll descriptor of Linux,
 *		which a task waits for like for any socket.
 *
 * It is made once and changed with the connections, where a WaitEventSet would
 * have to be made for every wait.
 */
#include "postgres.h"

#include "source/pollset.h"

#ifdef __linux__

#include <sys/epoll.h>
#include <unistd.h>

#include "storage/fd.h"

#define LOOK_AT		64			/* events at a time; others are seen the next time */

struct WeirPollset
{
	int			fd;
};

bool
weir_pollset_supported(void)
{
	return true;
}

WeirPollset *
weir_pollset_create(void)
{
	WeirPollset *set = palloc(sizeof(WeirPollset));

	set->fd = AcquireExternalFD() ? epoll_create1(EPOLL_CLOEXEC) : -1;
	if (set->fd < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not create a set of sockets to wait for: %m"),
				 errhint("Raise the limit of open files (ulimit -n) and max_files_per_process.")));
	return set;
}

void
weir_pollset_destroy(WeirPollset *set)
{
	close(set->fd);
	ReleaseExternalFD();
	pfree(set);
}

pgsocket
weir_pollset_fd(const WeirPollset *set)
{
	return set->fd;
}

static int
control(WeirPollset *set, int operation, pgsocket fd, int events, int tag)
{
	struct epoll_event event = {0};

	if (events & WL_SOCKET_READABLE)
		event.events |= EPOLLIN;
	if (events & WL_SOCKET_WRITEABLE)
		event.events |= EPOLLOUT;
	event.data.fd = tag;
	return epoll_ctl(set->fd, operation, fd, &event);
}

bool
weir_pollset_add(WeirPollset *set, pgsocket fd, int events, int tag)
{
	return control(set, EPOLL_CTL_ADD, fd, events, tag) == 0;
}

void
weir_pollset_modify(WeirPollset *set, pgsocket fd, int events, int tag)
{
	(void) control(set, EPOLL_CTL_MOD, fd, events, tag);
}

void
weir_pollset_remove(WeirPollset *set, pgsocket fd)
{
	(void) control(set, EPOLL_CTL_DEL, fd, 0, 0);
}

int
weir_pollset_look(WeirPollset *set, int *tags, int max)
{
	struct epoll_event events[LOOK_AT];
	int			n = epoll_wait(set->fd, events, Min(max, LOOK_AT), 0);

	for (int i = 0; i < n; i++)
		tags[i] = events[i].data.fd;
	return Max(n, 0);
}

#else

bool
weir_pollset_supported(void)
{
	return false;
}

WeirPollset *
weir_pollset_create(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("waiting for several senders is not supported on this platform")));
}

void
weir_pollset_destroy(WeirPollset *set)
{
}

pgsocket
weir_pollset_fd(const WeirPollset *set)
{
	return PGINVALID_SOCKET;
}

bool
weir_pollset_add(WeirPollset *set, pgsocket fd, int events, int tag)
{
	return false;
}

void
weir_pollset_modify(WeirPollset *set, pgsocket fd, int events, int tag)
{
}

void
weir_pollset_remove(WeirPollset *set, pgsocket fd)
{
}

int
weir_pollset_look(WeirPollset *set, int *tags, int max)
{
	return 0;
}

#endif
