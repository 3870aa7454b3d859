/*
 * source/listener.c
 *		The port that senders of a stream connect to, and those that have.
 *
 *		sender --> held --+
 *		sender --> held --+--> whole records, in one order --> input.c
 *		sender --> held --+
 *
 * decide/listener.c says who is let in, whose turn it is and who is closed; here it
 * is carried out.  All sockets are waited for as one (pollset.c).  Nothing is read
 * but when the reader asks, so that its back pressure is every sender's.
 *
 * A sender that closes, or is closed, within a record leaves what is no record.
 * Where the stream has dead letters that is handed out, as such, at most
 * max_record bytes of it; else it is a WARNING here and nobody hears of it.
 *
 * No call waits, but for the resolver's.
 */
#include "postgres.h"

#include <limits.h>

#include "common/ip.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/text.h"
#include "source/allow.h"
#include "source/excerpt.h"
#include "source/listener_int.h"
#include "source/tcp.h"

#define LOOK_AT			64		/* sockets that are ready, at a time */
#define ACCEPT_AT_ONCE	16
#define DEAF_FOR		INT64CONST(1000000) /* us, where a sender cannot be let in */

/* Tags of the set: a sender's is its place. */
#define PORT_TAG(i)		(-1 - (i))

WeirListener *
weir_listener_create(const WeirStream *stream, WeirSourceStats *stats)
{
	WeirListener *l = palloc0(sizeof(WeirListener));
	WeirListenerConfig config = {stream->max_connections, stream->idle_timeout, stream->max_record};

	l->context = CurrentMemoryContext;
	l->scratch = AllocSetContextCreate(l->context, "weir listener", ALLOCSET_SMALL_SIZES);
	l->stream = stream;
	l->stats = stats;
	l->last = -1;
	weir_listening_init(&l->listening, &config);
	stats->status = WEIR_SOURCE_CONNECTING;
	return l;
}

static void
show_senders(WeirListener *l)
{
	char	   *peer = l->stats->peer;

	peer[0] = '\0';
	for (int i = 0; i < WEIR_MAX_SENDERS && l->listening.n == 1; i++)
	{
		if (l->senders[i] != NULL)
			strlcpy(peer, l->senders[i]->peer, sizeof(l->stats->peer));
	}
	if (l->listening.n > 1)
		snprintf(peer, sizeof(l->stats->peer), "%d senders", l->listening.n);
}

void
weir_listener_remark(WeirListener *l, const char *peer, const char *what, const char *why)
{
	int			unsaid;
	char		others[64] = "";
	char		problem[256];

	snprintf(problem, sizeof(problem), "%s %s: %s", what, peer, why);
	weir_text_copy(l->stats->last_error, problem, sizeof(l->stats->last_error));
	if (!weir_listening_say(&l->listening, weir_now(), &unsaid))
		return;
	if (unsaid > 0)
		snprintf(others, sizeof(others), " %d like it were not logged.", unsaid);
	ereport(LOG,
			(errmsg("stream %s %s", l->stream->name, problem),
			 others[0] != '\0' ? errdetail("%s", others + 1) : 0,
			 errhidestmt(true)));
}

void
weir_listener_warn_of_loss(WeirListener *l, const WeirIncoming *s, const char *reason)
{
	Size		len = weir_incoming_unfinished(s);
	char	   *text = weir_record_excerpt(s->held + s->handed_out, len, l->stream->encoding);
	int			unsaid;

	l->stats->partial_records++;
	if (weir_listening_say(&l->listening, weir_now(), &unsaid))
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("stream %s: %zu bytes from %s are no record", l->stream->name, len, s->peer),
				 errdetail("%s Bytes: \"%s\"", reason, text),
				 errhint("A sender must end its last record before it closes. Set the stream's option on_error to 'dead_letter' to keep such bytes.")));
	pfree(text);
}

static void
raise_cannot_listen(WeirListener *l, const struct addrinfo *address, int error)
{
	char		name[64] = "";

	weir_tcp_name(address, name, sizeof(name));
	weir_listener_close(l);
	snprintf(l->stats->last_error, sizeof(l->stats->last_error), "could not listen on %s: %s",
			 name, strerror(error));
	ereport(ERROR,
			(errcode(error == EADDRINUSE ? ERRCODE_OBJECT_IN_USE :
					 error == EACCES ? ERRCODE_INSUFFICIENT_PRIVILEGE : ERRCODE_CONNECTION_FAILURE),
			 errmsg("could not listen on %s: %s", name, strerror(error)),
			 errdetail("Stream %s.", l->stream->name),
			 error == EADDRINUSE ?
			 errhint("Another job that reads a stream of the same server, or another program, has the port; a server's option \"port\" gives another one.") :
			 error == EACCES ?
			 errhint("Ports below 1024 are the system's: give the server's option \"port\" another one.") :
			 errhint("Check the server's option \"host\": an address of this machine, or '*' for all.")));
}

/* The addresses of the host; without one, those of the loopback. */
static struct addrinfo *
resolve(const WeirStream *stream)
{
	bool		any = stream->host != NULL && strcmp(stream->host, "*") == 0;
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = any ? AI_PASSIVE : 0};
	struct addrinfo *addresses;
	char		port[16];
	int			error;

	snprintf(port, sizeof(port), "%d", stream->port);
	error = getaddrinfo(any ? NULL : stream->host, port, &hints, &addresses);
	if (error != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("could not resolve host \"%s\": %s", stream->host ? stream->host : "",
						gai_strerror(error)),
				 errdetail("Stream %s.", stream->name),
				 errhint("Check the server's option \"host\": a name or an address of this machine, or '*' for all.")));
	return addresses;
}

/* An address family that the machine has not is no matter if there is another. */
static void
listen_on(WeirListener *l, struct addrinfo *addresses)
{
	struct addrinfo *missing = NULL;
	int			why = 0;
	int			error;

	for (struct addrinfo *a = addresses; a != NULL && l->nports < WEIR_MAX_PORTS; a = a->ai_next)
	{
		pgsocket	fd = weir_tcp_listen(a, &error);

		if (fd != PGINVALID_SOCKET)
		{
			weir_listener_add_port(l, fd);
			continue;
		}
		missing = a;
		why = error;
		if (error != EAFNOSUPPORT && error != EADDRNOTAVAIL)
			break;
	}
	if (missing != NULL && (l->nports == 0 || (why != EAFNOSUPPORT && why != EADDRNOTAVAIL)))
		raise_cannot_listen(l, missing, why);
}

void
weir_listener_prepare(WeirListener *l)
{
	MemoryContext caller = MemoryContextSwitchTo(l->context);

	if (l->stream->sslmode != WEIR_SSL_DISABLE)
		l->tls = weir_tls_server_context(l->stream);
	l->set = weir_pollset_create();
	l->piece = palloc(WEIR_INCOMING_PIECE);
	l->stats->status = WEIR_SOURCE_LISTENING;
	show_senders(l);
	MemoryContextSwitchTo(caller);
}

void
weir_listener_add_port(WeirListener *l, pgsocket fd)
{
	(void) weir_pollset_add(l->set, fd, WL_SOCKET_READABLE, PORT_TAG(l->nports));
	l->ports[l->nports++] = fd;
}

void
weir_listener_open(WeirListener *l)
{
	struct addrinfo *addresses;

	if (l->set != NULL)
		return;
	addresses = resolve(l->stream);
	PG_TRY();
	{
		weir_listener_prepare(l);
		listen_on(l, addresses);
	}
	PG_FINALLY();
	{
		freeaddrinfo(addresses);
	}
	PG_END_TRY();
	ereport(LOG,
			(errmsg("stream %s listens on port %d", l->stream->name, l->stream->port),
			 errhidestmt(true)));
}

bool
weir_listener_allows(WeirListener *l, const char *name)
{
	MemoryContext caller = MemoryContextSwitchTo(l->scratch);
	const char *end = strrchr(name, ':');
	bool		bracket = name[0] == '[';
	char	   *address = pnstrdup(name + bracket, end - name - 2 * bracket);
	bool		allowed = weir_allow_admits(l->stream->allow, address);

	MemoryContextSwitchTo(caller);
	MemoryContextReset(l->scratch);
	return allowed;
}

bool
weir_listener_seat(WeirListener *l, int place, WeirIncoming *sender)
{
	sender->events = WL_SOCKET_READABLE;
	if (!weir_pollset_add(l->set, sender->transport->fd, sender->events, place))
		return false;
	l->senders[place] = sender;
	show_senders(l);
	return true;
}

void
weir_listener_dismiss(WeirListener *l, int place)
{
	weir_pollset_remove(l->set, l->senders[place]->transport->fd);
	weir_incoming_destroy(l->senders[place]);
	l->senders[place] = NULL;
	weir_listening_leave(&l->listening, place);
	show_senders(l);
}

static WeirTransport *
make_transport(WeirListener *l, pgsocket fd, const struct addrinfo *address)
{
	char		host[NI_MAXHOST] = "";

	weir_tcp_watch(fd, l->stream->keepalive_idle);
	if (l->tls == NULL)
		return weir_plain_transport(fd);
	(void) pg_getnameinfo_all((struct sockaddr_storage *) address->ai_addr, address->ai_addrlen,
							  host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	return weir_tls_server_transport(fd, l->stream, l->tls, host);
}

static void
let_in(WeirListener *l, pgsocket fd, const struct addrinfo *address, const char *name)
{
	MemoryContext caller = MemoryContextSwitchTo(l->context);
	WeirIncoming *sender = weir_incoming_create(l->stream, make_transport(l, fd, address), name);
	int			place = weir_listening_enter(&l->listening, l->tls != NULL, weir_now());

	MemoryContextSwitchTo(caller);
	sender->connected_at = l->stats->connected_at = weir_date();
	if (weir_listener_seat(l, place, sender))
		return;
	weir_listener_remark(l, name, "cannot serve sender", strerror(errno));
	weir_incoming_destroy(sender);
	weir_listening_leave(&l->listening, place);
}

static void
judge(WeirListener *l, pgsocket fd, const struct addrinfo *address)
{
	char		name[WEIR_PEER_SIZE] = "";

	weir_tcp_name(address, name, sizeof(name));
	switch (weir_listening_judge(&l->listening, name[0] != '\0' && weir_listener_allows(l, name)))
	{
		case WEIR_ADMIT:
			let_in(l, fd, address, name);
			return;
		case WEIR_REFUSE_ADDRESS:
			weir_listener_remark(l, name, "refused sender", "its address is not in the server's option allow");
			break;
		case WEIR_REFUSE_NUMBER:
			weir_listener_remark(l, name, "refused sender", "there are max_connections of them already");
			break;
	}
	weir_tcp_close(fd);
}

/* Ports stay ready while nobody can be let in, so for a while they are not looked at. */
static void
turn_deaf(WeirListener *l, int error)
{
	l->deaf_until = weir_now() + DEAF_FOR;
	for (int i = 0; i < l->nports; i++)
		weir_pollset_modify(l->set, l->ports[i], 0, PORT_TAG(i));
	weir_listener_remark(l, "", "cannot let a sender in", strerror(error));
}

static void
listen_again(WeirListener *l)
{
	if (l->deaf_until == 0 || weir_now() < l->deaf_until)
		return;
	l->deaf_until = 0;
	for (int i = 0; i < l->nports; i++)
		weir_pollset_modify(l->set, l->ports[i], WL_SOCKET_READABLE, PORT_TAG(i));
}

static bool
is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void
accept_senders(WeirListener *l, pgsocket port)
{
	for (int i = 0; i < ACCEPT_AT_ONCE; i++)
	{
		struct sockaddr_storage peer;
		struct addrinfo address;
		int			error;
		pgsocket	fd = weir_tcp_accept(port, &peer, &address, &error);

		if (fd != PGINVALID_SOCKET)
			judge(l, fd, &address);
		else if (is_shortage(error))
		{
			turn_deaf(l, error);
			return;
		}
		else if (error != EINTR && error != ECONNABORTED)
			return;
	}
}

static void
look(WeirListener *l)
{
	int			tags[LOOK_AT];
	int			n;

	listen_again(l);
	n = weir_pollset_look(l->set, tags, LOOK_AT);
	for (int i = 0; i < n; i++)
	{
		if (tags[i] >= 0)
			weir_listening_ready(&l->listening, tags[i]);
	}
	for (int i = 0; i < n; i++)
	{
		if (tags[i] < 0)
			accept_senders(l, l->ports[-1 - tags[i]]);
	}
}

/* There is nothing more of it now. */
static void
wait_for(WeirListener *l, int place)
{
	WeirIncoming *s = l->senders[place];
	int			events = s->transport->events;

	if (s->greeted < l->stream->greeting_len && l->listening.places[place].state == WEIR_SENDER_OPEN)
		events |= WL_SOCKET_WRITEABLE;
	weir_listening_dry(&l->listening, place);
	if (events == s->events)
		return;
	s->events = events;
	weir_pollset_modify(l->set, s->transport->fd, events, place);
}

/*
 * Its connection ends.  True: what it left is to be handed out first; else it is
 * gone.
 */
static bool
part_with(WeirListener *l, int place, const char *reason, WeirArrival *arrival)
{
	WeirIncoming *s = l->senders[place];
	Size		len = weir_incoming_unfinished(s);

	l->last = place;
	l->leaves = true;
	if (len == 0)
		return false;
	if (!l->stream->dead_letter)
	{
		weir_listener_warn_of_loss(l, s, reason);
		return false;
	}
	arrival->data = s->held + s->handed_out;
	arrival->len = Min(len, (Size) l->stream->max_record);
	arrival->peer = s->peer;
	arrival->first = !s->begun;
	arrival->left = true;
	return true;
}

static bool
break_off(WeirListener *l, int place, const char *why, WeirArrival *arrival)
{
	weir_listener_remark(l, l->senders[place]->peer, "closed sender", why);
	return part_with(l, place, "Its connection was closed within a record.", arrival);
}

/* Hands are shaken, or the sender is gone; false: there is nothing to read yet. */
static bool
shake(WeirListener *l, int place)
{
	WeirTransport *t = l->senders[place]->transport;

	switch (t->routine->handshake(t))
	{
		case WEIR_IO_DONE:
			weir_listening_opened(&l->listening, place, weir_now());
			return true;
		case WEIR_IO_WAIT:
			wait_for(l, place);
			return false;
		case WEIR_IO_END:
		case WEIR_IO_FAILED:
			break;
	}
	weir_listener_remark(l, l->senders[place]->peer, "closed sender", t->problem);
	weir_listener_dismiss(l, place);
	return false;
}

/* A piece came; is there something to hand out? */
static bool
take_piece(WeirListener *l, int place, WeirArrival *arrival)
{
	WeirIncoming *s = l->senders[place];

	weir_listening_heard(&l->listening, place, weir_now());
	if (s->broken == NULL && weir_listening_too_long(&l->listening, weir_incoming_unfinished(s)))
		s->broken = "a record is longer than max_record";
	if (arrival->len > 0)
	{
		l->last = place;
		return true;
	}
	weir_incoming_forget(s);
	return false;
}

/* It is its turn.  True: it has brought something. */
static bool
serve(WeirListener *l, int place, WeirArrival *arrival)
{
	WeirIncoming *s = l->senders[place];

	if (l->listening.places[place].state == WEIR_SENDER_SHAKING && !shake(l, place))
		return false;
	if (s->broken != NULL)
		return break_off(l, place, s->broken, arrival);
	weir_incoming_greet(s, l->stream);
	switch (weir_incoming_read(s, l->piece, arrival))
	{
		case WEIR_IO_DONE:
			return take_piece(l, place, arrival);
		case WEIR_IO_WAIT:
			wait_for(l, place);
			return false;
		case WEIR_IO_END:
			return part_with(l, place, "The sender closed within a record.", arrival);
		case WEIR_IO_FAILED:
			break;
	}
	return break_off(l, place, s->transport->problem, arrival);
}

/* What the last call handed out is used. */
static void
settle(WeirListener *l)
{
	if (l->last < 0)
		return;
	if (l->leaves)
		weir_listener_dismiss(l, l->last);
	else
		weir_incoming_forget(l->senders[l->last]);
	l->last = -1;
	l->leaves = false;
}

bool
weir_listener_read(WeirListener *l, WeirArrival *arrival)
{
	int			place;

	if (l->set == NULL)
		return false;
	settle(l);
	look(l);
	while ((place = weir_listening_next(&l->listening)) >= 0)
	{
		if (serve(l, place, arrival))
			return true;
		settle(l);
	}
	while ((place = weir_listening_overdue(&l->listening, weir_now())) >= 0)
	{
		if (break_off(l, place, l->listening.places[place].state == WEIR_SENDER_OPEN ?
					  "it was silent for idle_timeout" : "it has not completed the TLS handshake within 30 s",
					  arrival))
			return true;
		settle(l);
	}
	return false;
}

int64
weir_listener_unfinished(const WeirListener *l)
{
	int64		bytes = 0;

	for (int i = 0; i < WEIR_MAX_SENDERS; i++)
	{
		if (l->senders[i] != NULL)
			bytes += weir_incoming_unfinished(l->senders[i]);
	}
	return bytes;
}

pgsocket
weir_listener_wait(WeirListener *l, int *events, long *timeout)
{
	int64		left = weir_listening_wait(&l->listening, weir_now());

	*events = WL_SOCKET_READABLE;
	*timeout = left < 0 ? -1 : (long) Min((left + 999) / 1000, INT_MAX);
	if (l->deaf_until > 0 && (*timeout < 0 || *timeout > DEAF_FOR / 1000))
		*timeout = DEAF_FOR / 1000;
	return l->set ? weir_pollset_fd(l->set) : PGINVALID_SOCKET;
}

void
weir_listener_close(WeirListener *l)
{
	if (l->set == NULL)
		return;
	settle(l);
	for (int i = 0; i < WEIR_MAX_SENDERS; i++)
	{
		if (l->senders[i] != NULL)
			weir_listener_dismiss(l, i);
	}
	while (l->nports > 0)
		weir_tcp_close(l->ports[--l->nports]);
	weir_pollset_destroy(l->set);
	l->set = NULL;
	if (l->tls != NULL)
		weir_tls_forget(l->tls);
	l->tls = NULL;
	l->stats->status = WEIR_SOURCE_CLOSED;
}
