/*
 * server/lock.h
 *		Locks of a job, and who held a lock that could not be had in time.
 */
#ifndef WEIR_SERVER_LOCK_H
#define WEIR_SERVER_LOCK_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* Session locks: one shared by all tasks of a job, one of its coordinator. */
extern bool weir_lock_tasks(int64 job, bool exclusive, bool wait);
extern void weir_unlock_tasks(int64 job);
extern bool weir_lock_coordinator(int64 job, bool wait);

/* Handler of SIGINT, which is how lock_timeout arrives. */
extern void weir_lock_handle_cancel(SIGNAL_ARGS);

/* "Process 123 holds the lock." for what the last expired wait was for. */
extern void weir_lock_describe_holders(StringInfo buf);

#endif
