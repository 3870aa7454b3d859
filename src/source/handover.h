/*
 * source/handover.h
 *		A connection's way from one attempt's source to the next one's; that of a
 *		listener, with its connections, too.
 */
#ifndef WEIR_SOURCE_HANDOVER_H
#define WEIR_SOURCE_HANDOVER_H

#include "postgres.h"

#include "source/listener.h"
#include "source/socket.h"

/* In the postmaster, at preload: makes room for so many jobs. */
extern void weir_handover_init(int nslots);

/* This process reads this stream of the job, which has this slot of the registry. */
extern void weir_handover_begin(int slot, int64 job, int ordinal);

/* What a source leaves to the job's next one. */
typedef struct WeirHandover
{
	WeirSocket *sock;			/* to be given, if it is open; NULL: none */
	WeirListener *listener;		/* the same */
	int			rows;			/* what the journal could not write (unwritten.h); -1: nothing */
	int64		offset;			/* the journal's end; -1: none is kept, and it does not matter */
	int64		end;			/* that with the rows: no byte behind it was read */
	int64		bytes;			/* of the stream that will not come again */
} WeirHandover;

/*
 * Gives it and closes the connection here.  False if there is nothing, or it is
 * not possible: it stays as it is.
 */
extern bool weir_handover_give(const WeirHandover *handover);

/*
 * Takes what was given, if it continues at the journal's end; closes whatever
 * else was given.  True: the socket has the connection, else it will connect; the
 * listener has its ports, else it is to open some.  One of the two is NULL.  *rows: a
 * descriptor to load and close, -1: none.
 */
extern bool weir_handover_take(WeirSocket *sock, WeirListener *listener, int64 offset, int *rows);

/* Closes what was given to the next source of this slot: there will be none. */
extern void weir_handover_discard(int slot);

#endif
