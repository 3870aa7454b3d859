/*
 * source/feed/lock.h
 *		Who writes to a stream fed from SQL, and who reads it by now.
 *
 * Taken by a transaction until its end, at the latest by then every source of the
 * stream is woken.
 */
#ifndef WEIR_SOURCE_FEED_LOCK_H
#define WEIR_SOURCE_FEED_LOCK_H

#include "postgres.h"

/* This transaction writes: before it takes a place for a row. */
extern void weir_feed_lock_write(Oid stream);

/* This transaction changes which jobs read it: waits for all who write. */
extern void weir_feed_lock_readers(Oid stream);

/* The transactions but this one that have either lock, each by a number of its own. */
extern uint64 *weir_feed_writers(Oid stream, int *n);

/* The process that such a transaction runs in; 0: it is prepared, or has ended. */
extern int	weir_feed_writer_pid(uint64 writer);

#endif
