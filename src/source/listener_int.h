/*
 * source/listener_int.h
 *		What the parts of a listener share.
 */
#ifndef WEIR_SOURCE_LISTENER_INT_H
#define WEIR_SOURCE_LISTENER_INT_H

#include "postgres.h"

#include "source/listener.h"
#include "source/pollset.h"

struct WeirListener
{
	MemoryContext context;
	MemoryContext scratch;		/* of a sender that is judged */
	const WeirStream *stream;
	WeirSourceStats *stats;
	WeirListening listening;
	WeirPollset *set;			/* NULL: not open */
	pgsocket	ports[WEIR_MAX_PORTS];
	int			nports;
	int64		deaf_until;		/* no sender is let in before; 0: they are */
	WeirTlsContext *tls;
	WeirIncoming *senders[WEIR_MAX_SENDERS];	/* by place */
	char	   *piece;
	int			last;			/* place that the last arrival was of; -1: none */
	bool		leaves;			/* it is to be closed once that is used */
};

/* Makes what listening needs; ports and senders come to it. */
extern void weir_listener_prepare(WeirListener *l);
/* Takes a port that is listened on. */
extern void weir_listener_add_port(WeirListener *l, pgsocket fd);
/* A sender has the place: it is waited for.  False: it cannot be. */
extern bool weir_listener_seat(WeirListener *l, int place, WeirIncoming *sender);
/* Its connection is closed and its place free. */
extern void weir_listener_dismiss(WeirListener *l, int place);
/* Of a sender, for the log and weir.sources. */
extern void weir_listener_remark(WeirListener *l, const char *peer, const char *what, const char *why);
/* What it left without an end is lost. */
extern void weir_listener_warn_of_loss(WeirListener *l, const WeirIncoming *sender, const char *reason);
/* Is its address one of those whose senders are let in? */
extern bool weir_listener_allows(WeirListener *l, const char *name);

#endif
