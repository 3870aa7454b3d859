/*
 * source/handover.h
 *		A connection's way from one attempt's source to the next one's.
 */
#ifndef WEIR_SOURCE_HANDOVER_H
#define WEIR_SOURCE_HANDOVER_H

#include "postgres.h"

#include "source/socket.h"

/* In the postmaster, at preload: makes room for so many jobs. */
extern void weir_handover_init(int nslots);

/* This process reads this stream of the job, which has this slot of the registry. */
extern void weir_handover_begin(int slot, int64 job, int ordinal);

/*
 * Gives an open connection, of which all bytes before the offset are committed
 * to the journal and none behind it was read, to the job's next source, and
 * closes it here.  False if that is not possible: it stays as it is.
 */
extern bool weir_handover_give(WeirSocket *sock, int64 offset);

/*
 * Takes the connection that was given, if it continues at the offset; closes
 * whatever else was given.  False if there was none: the socket will connect.
 */
extern bool weir_handover_take(WeirSocket *sock, int64 offset);

/* Closes what was given to the next source of this slot: there will be none. */
extern void weir_handover_discard(int slot);

#endif
