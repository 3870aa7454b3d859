/*
 * source/listener.h
 *		The port that senders of a stream connect to, and those that have.
 */
#ifndef WEIR_SOURCE_LISTENER_H
#define WEIR_SOURCE_LISTENER_H

#include "postgres.h"

#include <netdb.h>

#include "decide/listener.h"
#include "source/incoming.h"
#include "source/source.h"

typedef struct WeirListener WeirListener;

/* Of a host there are so many addresses at most that are listened on. */
#define WEIR_MAX_PORTS	16

/* In CurrentMemoryContext, which it keeps. */
extern WeirListener *weir_listener_create(const WeirStream *stream, WeirSourceStats *stats);
/* Listens, unless it took the ports over; an error if it cannot. */
extern void weir_listener_open(WeirListener *l);

/* The next that a sender has brought, in turn; false: there is nothing now. */
extern bool weir_listener_read(WeirListener *l, WeirArrival *arrival);
/* Bytes of records that are not whole. */
extern int64 weir_listener_unfinished(const WeirListener *l);
extern pgsocket weir_listener_wait(WeirListener *l, int *events, long *timeout);
extern void weir_listener_close(WeirListener *l);

/* A listener on its way to another process (handover.c). */
typedef struct WeirListenerGift
{
	Oid			relid;			/* the stream */
	uint32		greeting;		/* what senders are greeted with, hashed */
	int			port;
	char		host[NI_MAXHOST];
	int			nports;
	int			nsenders;
	bool		has_heads;
	/* ports, senders, then memory that says whose connections these are */
	pgsocket	fds[WEIR_MAX_PORTS + WEIR_MAX_SENDERS + 1];
} WeirListenerGift;

extern int	weir_listener_gift_size(const WeirListenerGift *gift);
/*
 * Describes it; false if it is not open, or cannot be.  Senders that cannot go on
 * elsewhere are closed.
 */
extern bool weir_listener_describe(WeirListener *l, WeirListenerGift *gift);
/* Frees what describing took; the listener is as it was. */
extern void weir_listener_undescribe(WeirListenerGift *gift);
/* Takes what can go on, and closes the rest; false if the ports are others. */
extern bool weir_listener_adopt(WeirListener *l, WeirListenerGift *gift);
extern void weir_listener_gift_close(WeirListenerGift *gift);

#endif
