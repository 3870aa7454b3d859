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
#include "base/descriptor.h"
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
	return weir_write_all(fd, &head, sizeof(head)) && weir_write_all(fd, s->held + s->handed_out, head.len);
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
	{
		if (gift->fds[i] != PGINVALID_SOCKET)
			close(gift->fds[i]);
	}
	memset(gift, 0, sizeof(*gift));
}

/* In the listener's context, with the connection, which is its from here on. */
static WeirIncoming *
resume_sender(WeirListener *l, pgsocket *fd, const Head *head, const char *begin)
{
	MemoryContext caller = MemoryContextSwitchTo(l->context);
	WeirIncoming *sender;

	sender = weir_incoming_create(l->stream, weir_plain_transport(*fd), head->peer);
	sender->connected_at = head->connected_at;
	sender->greeted = head->greeted;
	sender->begun = head->begun;
	weir_incoming_resume(sender, begin, head->len);
	ReserveExternalFD();
	*fd = PGINVALID_SOCKET;
	MemoryContextSwitchTo(caller);
	return sender;
}

static void
part_with(WeirListener *l, WeirIncoming *sender, const char *why)
{
	weir_listener_remark(l, sender->peer, "closed sender", why);
	if (weir_incoming_unfinished(sender) > 0)
		weir_listener_warn_of_loss(l, sender, "The connection was closed within a record, since it cannot go on in the restarted job.");
	weir_incoming_destroy(sender);
}

/* Why it may not go on in this process; NULL: it may. */
static const char *
objection(WeirListener *l, const Head *head, bool same)
{
	if (!same)
		return "the stream is listened to elsewhere, or greets in another way";
	if (l->tls != NULL)
		return "its connection is without TLS";
	switch (weir_listening_judge(&l->listening, weir_listener_allows(l, head->peer)))
	{
		case WEIR_ADMIT:
			return NULL;
		case WEIR_REFUSE_ADDRESS:
			return "its address is not in the server's option allow";
		case WEIR_REFUSE_NUMBER:
			break;
	}
	return "there are max_connections of them already";
}

static void
adopt_sender(WeirListener *l, pgsocket *fd, const Head *head, const char *begin, bool same)
{
	const char *why = objection(l, head, same);
	WeirIncoming *sender = resume_sender(l, fd, head, begin);
	int			place;

	if (why != NULL)
	{
		part_with(l, sender, why);
		return;
	}
	place = weir_listening_enter(&l->listening, false, weir_now());
	l->stats->connected_at = Max(l->stats->connected_at, head->connected_at);
	if (weir_listener_seat(l, place, sender))
		return;
	weir_listening_leave(&l->listening, place);
	part_with(l, sender, "it cannot be waited for");
}

static void
adopt_senders(WeirListener *l, WeirListenerGift *gift, bool same)
{
	int			heads = heads_of(gift);
	Head		head;

	(void) lseek(heads, 0, SEEK_SET);
	for (int i = 0; i < gift->nsenders; i++)
	{
		char	   *begin = NULL;

		if (get(heads, &head, sizeof(head)))
			begin = palloc_extended(Max(head.len, 1), MCXT_ALLOC_HUGE);
		if (begin == NULL || !get(heads, begin, head.len))
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read what senders are connected: %m")));
		adopt_sender(l, &gift->fds[gift->nports + i], &head, begin, same);
		pfree(begin);
	}
}

static bool
is_same(const WeirListenerGift *gift, const WeirStream *stream)
{
	return gift->nports > 0 && gift->port == stream->port &&
		gift->greeting == greeting_hash(stream) && strcmp(gift->host, host_of(stream)) == 0;
}

/* What is taken over is the gift's no more. */
static void
adopt_gift(WeirListener *l, WeirListenerGift *gift, bool same)
{
	if (same)
		weir_listener_prepare(l);
	for (int i = 0; i < gift->nports && same; i++)
	{
		pgsocket	port = gift->fds[i];

		ReserveExternalFD();
		gift->fds[i] = PGINVALID_SOCKET;
		weir_listener_add_port(l, port);
	}
	if (gift->has_heads)
		adopt_senders(l, gift, same);
}

bool
weir_listener_adopt(WeirListener *l, WeirListenerGift *gift)
{
	bool		mine = gift->relid == l->stream->relid;
	bool		same = mine && is_same(gift, l->stream);

	PG_TRY();
	{
		if (mine)
			adopt_gift(l, gift, same);
	}
	PG_FINALLY();
	{
		weir_listener_gift_close(gift);
	}
	PG_END_TRY();
	return same;
}
