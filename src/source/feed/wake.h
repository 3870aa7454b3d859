/*
 * source/feed/wake.h
 *		How the end of a transaction wakes the sources of the streams it wrote to.
 */
#ifndef WEIR_SOURCE_FEED_WAKE_H
#define WEIR_SOURCE_FEED_WAKE_H

#include "postgres.h"

/* From _PG_init at preload: room for all processes. */
extern void weir_feed_wake_init(void);

/* This process reads the stream, until it ends or reads another; InvalidOid: none. */
extern void weir_feed_wake_me(Oid stream);

/* When the transaction has ended and its locks are released, its stream's sources are woken. */
extern void weir_feed_wake_at_end(Oid stream);

/* All sources of this database, as a prepared transaction has ended. */
extern void weir_feed_wake_all(void);

#endif
