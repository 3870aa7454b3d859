/*
 * flow/lock_wait.h
 *		How long a job's processes wait for a lock, and who kept it from them.
 */
#ifndef WEIR_FLOW_LOCK_WAIT_H
#define WEIR_FLOW_LOCK_WAIT_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* Once, where signals are set up: remembers what is waited for when the time is over. */
extern void weir_lock_wait_watch(void);

/* A lock not had within this time (us) is an error, lock_not_available. */
extern void weir_lock_wait_limit(int64 lock_wait);

/* After that error: appends who holds the lock. */
extern void weir_lock_wait_describe(StringInfo buf);

#endif
