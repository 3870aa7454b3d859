/*
 * source/listener_move.c
 *		A listener's way to another process: its ports, so that nobody is refused
 *		meanwhile, and its senders with what they have sent of a record.
 *
 * Whose connections these are, and the begins of records, go in memory that has no
 * name and ends with its last descriptor.  A connection that is more than its
 * descriptor, one with TLS, ends here.
 */
#include "postgres.h"

#include <sys/mman.h>
#include <unistd.h>

#include "common/hashfn.h"
#include "storage/fd.h"

#include "base/clock.h"
#include "source/listener_int.h"

#define MAX_BYTES	(64 * 1024 * 1024)	/* of begins of records */

typedef struct Head
{
	char		peer[WEIR_PEER_SIZE];
	int64		connected_at;
	Size		greeted;
	Size		len;			/* of the begin of a record, which follows */
	bool		begun;
} Head;

int
weir_listener_gift_size(const WeirListenerGift *gift)
{
	return gift->nports + gift->nsenders + (gift->has_heads ? 1 : 0);
}

/* Of the options that a connection is made with, as far as they are not in the gift. */
static uint32
greeting_hash(const WeirStream *stream)
{
	return hash_bytes((const unsigned char *) (stream->greeting ? stream->greeting : ""),
					  stream->greeting_len);
}

static const char *
host_of(const WeirStream *stream)
{
	return stream->host ? stream->host : "";
}

static bool
put(int fd, const void *data, Size len)
{
	const char *p = data;

	while (len > 0)
	{
		ssize_t		n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

static bool
get(int fd, void *data, Size len)
{
	char	   *p = data;

	while (len > 0)
	{
		ssize_t		n = read(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

static int
open_heads(void)
{
#ifdef MFD_CLOEXEC
	return memfd_create("weir senders", MFD_CLOEXEC);
#else
	errno = ENOSYS;
	return -1;
#endif
}

static bool
put_sender(int fd, const WeirIncoming *s)
{
	Head		head = {.connected_at = s->connected_at, .greeted = s->greeted,
		.len = weir_incoming_unfinished(s), .begun = s->begun};

	strlcpy(head.peer, s->peer, sizeof(head.peer));
	return put(fd, &head, sizeof(head)) && put(fd, s->held + s->handed_out, head.len);
}

/* Can it go on elsewhere, with so many bytes? */
static bool
can_move(const WeirListener *l, int place, Size bytes)
{
	return l->senders[place]->transport->routine->movable && l->senders[place]->broken == NULL &&
		bytes + weir_incoming_unfinished(l->senders[place]) <= MAX_BYTES;
}

static void
leave_behind(WeirListener *l, int place)
{
	if (weir_incoming_unfinished(l->senders[place]) > 0)
		weir_listener_warn_of_loss(l, l->senders[place], "The connection was closed within a record, since the job restarts.");
	weir_listener_dismiss(l, place);
}

/* Where the memory could not be written nothing more is to be written to it. */
static void
describe_senders(WeirListener *l, WeirListenerGift *gift, int heads)
{
	Size		bytes = 0;
	bool		writable = heads >= 0;

	for (int i = 0; i < WEIR_MAX_SENDERS; i++)
	{
		WeirIncoming *s = l->senders[i];
		bool		moves = s != NULL && writable && can_move(l, i, bytes);

		if (moves)
			writable = put_sender(heads, s);
		if (moves && writable)
		{
			bytes += weir_incoming_unfinished(s);
			gift->fds[gift->nports + gift->nsenders++] = s->transport->fd;
		}
		else if (s != NULL)
			leave_behind(l, i);
	}
}

bool
weir_listener_describe(WeirListener *l, WeirListenerGift *gift)
{
	const WeirStream *stream = l->stream;
	int			heads;

	memset(gift, 0, sizeof(*gift));
	if (l->set == NULL || strlen(host_of(stream)) >= sizeof(gift->host))
		return false;
	gift->relid = stream->relid;
	gift->port = stream->port;
	gift->greeting = greeting_hash(stream);
	strlcpy(gift->host, host_of(stream), sizeof(gift->host));
	gift->nports = l->nports;
	memcpy(gift->fds, l->ports, l->nports * sizeof(pgsocket));
	heads = open_heads();
	describe_senders(l, gift, heads);
	if (heads < 0)
		return true;
	gift->has_heads = true;
	gift->fds[gift->nports + gift->nsenders] = heads;
	return true;
}

static pgsocket
heads_of(const WeirListenerGift *gift)
{
	return gift->fds[gift->nports + gift->nsenders];
}

void
weir_listener_undescribe(WeirListenerGift *gift)
{
	if (gift->has_heads)
		close(heads_of(gift));
	gift->has_heads = false;
}

void
weir_listener_gift_close(WeirListenerGift *gift)
{
	for (int i = 0; i < weir_listener_gift_size(gift); i++)
		close(gift->fds[i]);
	memset(gift, 0, sizeof(*gift));
}

/* It goes on in this process; false: it may not, or cannot. */
static bool
adopt_sender(WeirListener *l, pgsocket fd, const Head *head, const char *begin)
{
	MemoryContext caller;
	WeirIncoming *sender;
	int			place;

	if (weir_listening_judge(&l->listening, weir_listener_allows(l, head->peer)) != WEIR_ADMIT)
		return false;
	ReserveExternalFD();
	caller = MemoryContextSwitchTo(l->context);
	sender = weir_incoming_create(l->stream, weir_plain_transport(fd), head->peer);
	sender->connected_at = head->connected_at;
	sender->greeted = head->greeted;
	sender->begun = head->begun;
	weir_incoming_resume(sender, begin, head->len);
	MemoryContextSwitchTo(caller);
	place = weir_listening_enter(&l->listening, false, weir_now());
	l->stats->connected_at = Max(l->stats->connected_at, head->connected_at);
	if (weir_listener_seat(l, place, sender))
		return true;
	weir_listening_leave(&l->listening, place);
	weir_incoming_destroy(sender);
	return true;
}

static void
adopt_senders(WeirListener *l, const WeirListenerGift *gift)
{
	int			heads = heads_of(gift);
	Head		head;

	(void) lseek(heads, 0, SEEK_SET);
	for (int i = 0; i < gift->nsenders; i++)
	{
		char	   *begin;

		if (!get(heads, &head, sizeof(head)))
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read what senders are connected: %m")));
		begin = palloc_extended(Max(head.len, 1), MCXT_ALLOC_HUGE);
		if (!get(heads, begin, head.len) || !adopt_sender(l, gift->fds[gift->nports + i], &head, begin))
			close(gift->fds[gift->nports + i]);
		pfree(begin);
	}
	close(heads);
}

static bool
is_same(const WeirListenerGift *gift, const WeirStream *stream)
{
	return gift->nports > 0 && gift->relid == stream->relid && gift->port == stream->port &&
		gift->greeting == greeting_hash(stream) && strcmp(gift->host, host_of(stream)) == 0;
}

bool
weir_listener_adopt(WeirListener *l, WeirListenerGift *gift)
{
	if (!is_same(gift, l->stream))
	{
		weir_listener_gift_close(gift);
		return false;
	}
	weir_listener_prepare(l);
	for (int i = 0; i < gift->nports; i++)
	{
		ReserveExternalFD();
		weir_listener_add_port(l, gift->fds[i]);
	}
	if (gift->has_heads && l->tls == NULL)
		adopt_senders(l, gift);
	else
	{
		gift->nports = 0;
		memmove(gift->fds, gift->fds + l->nports, sizeof(pgsocket) * weir_listener_gift_size(gift));
		weir_listener_gift_close(gift);
	}
	memset(gift, 0, sizeof(*gift));
	return true;
}
