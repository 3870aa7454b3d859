/*
 * source/handover.c
 *		A connection's way from one attempt's source to the next one's.
 *
 * An attempt ends with its processes, a plain peer's connection must not: what
 * the peer's kernel has sent cannot be asked for again, and a peer may accept
 * but one connection.  So the postmaster makes a pair of sockets for every slot
 * of the registry, which all its children inherit, and a source that leaves
 * puts the descriptor of its connection into the pair of its job (SCM_RIGHTS).
 * While it waits there the kernel keeps the connection open, and the window
 * holds the peer back.
 *
 *	source of attempt n            pair of the slot         source of attempt n+1
 *	  commit what was read
 *	  give {job, offset, fd} ---->  queued: at most one of it
 *	  leave, release the task lock          |               replay the journal
 *	                                        +-------------> take, if its end = offset
 *	                                        |
 *	                                        +-> discard: the job ends, the slot is
 *	                                            claimed, the server crashed
 *
 * Why no byte is lost or read twice:
 *
 * - A connection has one holder: the source that reads it, then the queue, then
 *   the source that took it.  Giving comes after the last read and the commit
 *   of all that was read, and closes the giver's descriptor; so the first byte
 *   that can still be read is the one at the offset given.
 * - It is taken only by the same stream of the same job, when the replay has
 *   met the journal's end and that is the offset given.  Then what is in the
 *   journal and what the connection brings are one stream without gap or
 *   overlap, whatever happened in between.  If the two differ (a committed row
 *   did not survive, say) it is closed, as if it had not been given.
 * - A source that fails before it took leaves the queue as it was, and since it
 *   did not reach the socket it did not move the journal's end either: the next
 *   attempt may still take it.  One that fails after it took either gives again
 *   or crashes, and then the connection ends with it like any other.
 * - A source gives before it releases the job's task lock, at the latest in its
 *   exit callback.  A coordinator starts an attempt, or ends the job, when it
 *   has had that lock or seen all tasks gone.  So nothing is given behind the
 *   back of a taker or of the one who discards.  This holds for a coordinator
 *   that was started because the one before it died, too: the slot is the same.
 * - A source goes live only after it took what there was for it, so that the
 *   queue holds at most one connection a source, and a slot that is claimed holds
 *   none.
 * - Sources of a job take in turn, by a lock: each looks through all that is
 *   queued, and puts back what is for another.
 *
 * Where the journal cannot be written, what was read and not written goes with
 * the connection, or alone if the peer has closed it: the next source writes it
 * before it reads on, or gives it again.
 *
 * A connection that is more than its descriptor, one with TLS, is not given: what
 * has arrived is read and committed, then it is closed.
 *
 * A listener goes in one message: its ports, its senders, and what these have sent
 * of a record (listener_move.c).  Senders that connect meanwhile wait in the ports.
 *
 * When the server crashes and starts again its jobs may get other slots, so the
 * postmaster discards everything while no child lives.  When it ends, the pairs
 * end with it.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/memutils.h"

#include "source/handover.h"

#define LOCK_CLASS_HANDOVER 9	/* of advisory locks, apart from those in SQL and in server/lock.c */

#define GIVING_END	0
#define TAKING_END	1

/* What goes with the descriptors. */
typedef struct HandoverMessage
{
	Oid			database;
	int			ordinal;		/* of the stream in the job */
	int64		job;
	int64		offset;			/* the journal's end; -1: whatever it is */
	int64		end;			/* of the next byte the connection brings */
	int64		bytes;			/* that are in rows alone */
	bool		connected;
	bool		has_rows;
	bool		listening;
	int			rows;
	WeirConnection connection;
	WeirListenerGift gift;
} HandoverMessage;

#define MAX_FDS		(WEIR_MAX_PORTS + WEIR_MAX_SENDERS + 3)

/* A message with room for its descriptors, of which the kernel takes 253. */
typedef struct Envelope
{
	struct msghdr header;
	struct iovec part;
	union
	{
		struct cmsghdr align;
		char		space[CMSG_SPACE(MAX_FDS * sizeof(int))];
	}			control;
} Envelope;

static pgsocket (*pairs)[2] = NULL; /* a slot each */
static int	npairs = 0;

/* What this process reads. */
static int	my_slot = -1;
static int64 my_job;
static int	my_ordinal;

static bool
make_pair(pgsocket *pair)
{
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
		return false;
	for (int i = 0; i < 2; i++)
	{
		if (!pg_set_noblock(pair[i]) || fcntl(pair[i], F_SETFD, FD_CLOEXEC) < 0)
			return false;
	}
	return true;
}

void
weir_handover_init(int nslots)
{
	pairs = MemoryContextAlloc(TopMemoryContext, nslots * sizeof(*pairs));
	for (npairs = 0; npairs < nslots; npairs++)
	{
		if (!make_pair(pairs[npairs]))
			ereport(FATAL,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("could not create a pair of sockets: %m"),
					 errdetail("%d of %d were created, one for each job.", npairs, nslots),
					 errhint("Lower weir.max_jobs, or raise the limit of open files (ulimit -n).")));
	}
}

void
weir_handover_begin(int slot, int64 job, int ordinal)
{
	my_slot = slot;
	my_job = job;
	my_ordinal = ordinal;
}

static void
prepare_envelope(Envelope *envelope, HandoverMessage *message)
{
	memset(envelope, 0, sizeof(*envelope));
	envelope->part.iov_base = message;
	envelope->part.iov_len = sizeof(*message);
	envelope->header.msg_iov = &envelope->part;
	envelope->header.msg_iovlen = 1;
	envelope->header.msg_control = &envelope->control;
	envelope->header.msg_controllen = sizeof(envelope->control);
}

/* The message's descriptors, in their order; how many. */
static int
collect_descriptors(HandoverMessage *message, int *fds[MAX_FDS])
{
	int			n = 0;
	int			gift = message->listening ? weir_listener_gift_size(&message->gift) : 0;

	if (message->connected)
		fds[n++] = &message->connection.fd;
	for (int i = 0; i < gift; i++)
		fds[n++] = &message->gift.fds[i];
	if (message->has_rows)
		fds[n++] = &message->rows;
	return n;
}

static bool
put_message(int slot, HandoverMessage *message)
{
	Envelope	envelope;
	struct cmsghdr *control;
	int		   *from[MAX_FDS];
	int			fds[MAX_FDS];
	int			nfds = collect_descriptors(message, from);
	ssize_t		n;

	prepare_envelope(&envelope, message);
	for (int i = 0; i < nfds; i++)
		fds[i] = *from[i];
	envelope.header.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
	control = CMSG_FIRSTHDR(&envelope.header);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(nfds * sizeof(int));
	memcpy(CMSG_DATA(control), fds, nfds * sizeof(int));
	do
	{
		n = sendmsg(pairs[slot][GIVING_END], &envelope.header, 0);
	} while (n < 0 && errno == EINTR);
	return n == sizeof(*message);
}

/* Not all came: of a listener nothing can be made. */
static void
drop_gift(HandoverMessage *message)
{
	if (!message->listening)
		return;
	for (int i = 0; i < weir_listener_gift_size(&message->gift); i++)
	{
		if (message->gift.fds[i] != PGINVALID_SOCKET)
			close(message->gift.fds[i]);
	}
	message->listening = false;
}

/*
 * The descriptors that came.  They can be missing, if this process may not open
 * others: a connection is closed then.
 */
static void
sort_descriptors(HandoverMessage *message, struct cmsghdr *control)
{
	int		   *to[MAX_FDS];
	int			wanted = collect_descriptors(message, to);
	int			fds[MAX_FDS];
	int			n = 0;

	if (control != NULL && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
	{
		n = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(control), n * sizeof(int));
	}
	message->connection.fd = PGINVALID_SOCKET;
	message->rows = -1;
	for (int i = 0; i < wanted; i++)
		*to[i] = i < n ? fds[i] : PGINVALID_SOCKET;
	if (n < wanted)
		drop_gift(message);
}

/* False if there is none. */
static bool
get_message(int slot, HandoverMessage *message)
{
	Envelope	envelope;
	struct cmsghdr *control;
	ssize_t		n;

	prepare_envelope(&envelope, message);
	do
	{
		n = recvmsg(pairs[slot][TAKING_END], &envelope.header, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return false;
	control = CMSG_FIRSTHDR(&envelope.header);
	sort_descriptors(message, control);
	return true;
}

static void
close_connection(HandoverMessage *message)
{
	if (message->connection.fd != PGINVALID_SOCKET)
		close(message->connection.fd);
	message->connection.fd = PGINVALID_SOCKET;
}

static void
close_rows(HandoverMessage *message)
{
	if (message->rows >= 0)
		close(message->rows);
	message->rows = -1;
}

static void
close_message(HandoverMessage *message)
{
	close_connection(message);
	drop_gift(message);
	close_rows(message);
}

/* Nobody takes it. */
static void
drop_message(HandoverMessage *message)
{
	if (message->bytes > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg(INT64_FORMAT " bytes that a stream has received are lost", message->bytes),
				 errdetail("The journal could not be written, and the job goes on elsewhere or not at all. They follow byte "
						   INT64_FORMAT ".", message->offset),
				 errhidestmt(true)));
	close_message(message);
}

static void
warn_of_failure(const HandoverMessage *message)
{
	ereport(WARNING,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 message->connected ?
			 errmsg("could not hand the connection to %s over to the next attempt: %m",
					message->connection.peer) :
			 message->listening ?
			 errmsg("could not hand the port and its senders over to the next attempt: %m") :
			 errmsg("could not hand what was received over to the next attempt: %m")));
}

bool
weir_handover_give(const WeirHandover *handover)
{
	HandoverMessage message;
	bool		given;

	memset(&message, 0, sizeof(message));
	if (my_slot < 0 || my_slot >= npairs)
		return false;
	message.connected = handover->sock != NULL &&
		weir_socket_describe(handover->sock, &message.connection);
	message.listening = handover->listener != NULL &&
		weir_listener_describe(handover->listener, &message.gift);
	message.has_rows = handover->rows >= 0;
	if (!message.connected && !message.listening && !message.has_rows)
		return false;
	message.rows = handover->rows;
	message.database = MyDatabaseId;
	message.job = my_job;
	message.ordinal = my_ordinal;
	message.offset = handover->offset;
	message.end = handover->end;
	message.bytes = handover->bytes;
	given = put_message(my_slot, &message);
	if (!given)
		warn_of_failure(&message);
	else if (message.connected)
		weir_socket_close(handover->sock);
	if (message.listening)
		weir_listener_undescribe(&message.gift);
	if (given && message.listening)
		weir_listener_close(handover->listener);
	return given;
}

static bool
is_of_other_source(const HandoverMessage *message)
{
	return message->database == MyDatabaseId && message->job == my_job &&
		message->ordinal != my_ordinal;
}

/* Is it this stream's, and does it go on where the journal ends? */
static bool
continues(const HandoverMessage *message, int64 offset)
{
	return message->database == MyDatabaseId && message->job == my_job &&
		message->ordinal == my_ordinal &&
		(message->offset == offset || message->offset < 0 ||
		 (message->has_rows && message->end == offset));
}

/* What is for another source of the job is queued again, in its order. */
static void
put_back(HandoverMessage *others, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (!put_message(my_slot, &others[i]))
		{
			drop_message(&others[i]);
			continue;
		}
		close_message(&others[i]);
	}
}

static HandoverMessage *
add_message(HandoverMessage *all, int *n, const HandoverMessage *message)
{
	Size		size = sizeof(HandoverMessage) * (*n + 1);

	all = all ? repalloc(all, size) : palloc(size);
	all[(*n)++] = *message;
	return all;
}

/* True: it goes on here; else it is closed. */
static bool
adopt(HandoverMessage *message, WeirSocket *sock, WeirListener *listener)
{
	if (message->listening && listener != NULL)
		return weir_listener_adopt(listener, &message->gift);
	if (message->connected && sock != NULL && weir_socket_adopt(sock, &message->connection))
		return true;
	close_connection(message);
	drop_gift(message);
	return false;
}

static bool
take(WeirSocket *sock, WeirListener *listener, int64 offset, int *rows)
{
	HandoverMessage message;
	HandoverMessage *others = NULL;
	int			nothers = 0;
	bool		taken = false;

	while (get_message(my_slot, &message))
	{
		if (is_of_other_source(&message))
		{
			others = add_message(others, &nothers, &message);
			continue;
		}
		if (taken || *rows >= 0 || !continues(&message, offset) ||
			(message.has_rows && message.rows < 0))
		{
			drop_message(&message);
			continue;
		}
		*rows = message.rows;
		if (adopt(&message, sock, listener))
			taken = true;
	}
	put_back(others, nothers);
	return taken;
}

bool
weir_handover_take(WeirSocket *sock, WeirListener *listener, int64 offset, int *rows)
{
	LOCKTAG		tag;
	bool		taken;

	*rows = -1;
	if (my_slot < 0 || my_slot >= npairs)
		return false;
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (my_job >> 32), (uint32) my_job,
						 LOCK_CLASS_HANDOVER);
	(void) LockAcquire(&tag, ExclusiveLock, true, false);
	taken = take(sock, listener, offset, rows);
	LockRelease(&tag, ExclusiveLock, true);
	return taken;
}

void
weir_handover_discard(int slot)
{
	HandoverMessage message;

	if (slot >= npairs)
		return;
	while (get_message(slot, &message))
		drop_message(&message);
}
