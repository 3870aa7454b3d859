/*
 * source/incoming.h
 *		One of the senders that have connected to a listening stream: its
 *		connection, and what it has sent of a record that is not whole yet.
 */
#ifndef WEIR_SOURCE_INCOMING_H
#define WEIR_SOURCE_INCOMING_H

#include "postgres.h"

#include "decide/framing.h"
#include "decide/socket_position.h"
#include "source/stream.h"
#include "source/transport.h"

/* Read at a time of one sender. */
#define WEIR_INCOMING_PIECE	(64 * 1024)

typedef struct WeirIncoming
{
	WeirTransport *transport;
	int			events;			/* that it is waited for */
	char		peer[WEIR_PEER_SIZE];
	int64		connected_at;
	Size		greeted;		/* bytes of the greeting that are sent */
	bool		begun;			/* records of it were handed out */
	const char *broken;			/* no record follows: why */

	WeirFramer *framer;
	int64		base;			/* its offset at the first byte held */
	char	   *held;			/* read and not whole, behind bytes that were handed out */
	Size		len;
	Size		size;			/* room */
	Size		handed_out;		/* of len */
} WeirIncoming;

/* What a sender has brought. */
typedef struct WeirArrival
{
	const char *data;			/* valid until the listener's next call */
	Size		len;
	const char *peer;			/* as valid */
	bool		first;			/* these are its connection's first records */
	bool		left;			/* no whole record: what the connection left without an end */
} WeirArrival;

/* In CurrentMemoryContext, which it keeps. */
extern WeirIncoming *weir_incoming_create(const WeirStream *stream, WeirTransport *transport,
									  const char *peer);
/* It goes on with these bytes of a record. */
extern void weir_incoming_resume(WeirIncoming *s, const char *data, Size len);
/* Closes the connection. */
extern void weir_incoming_destroy(WeirIncoming *s);

/* Sends what there is room for of the greeting. */
extern void weir_incoming_greet(WeirIncoming *s, const WeirStream *stream);

/*
 * Reads a piece, into "piece" where nothing is held: whole records are in arrival,
 * whose length is 0 if there are none, the begin of another is held.  What is no
 * record is held, too, and "broken" says so.
 */
extern WeirIo weir_incoming_read(WeirIncoming *s, char *piece, WeirArrival *arrival);

/* Bytes held of a record that is not whole. */
static inline Size
weir_incoming_unfinished(const WeirIncoming *s)
{
	return s->len - s->handed_out;
}

/* What was handed out is not needed any more. */
extern void weir_incoming_forget(WeirIncoming *s);

#endif
