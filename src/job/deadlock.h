/*
 * job/deadlock.h
 *		Deadlocks between a job and a user's session.
 */
#ifndef WEIR_JOB_DEADLOCK_H
#define WEIR_JOB_DEADLOCK_H

#include "postgres.h"

#include "task/attempt.h"

/* How often to look while epochs are open; well below deadlock_timeout. */
#define WEIR_DEADLOCK_LOOK_MS 200

extern bool weir_waits_for_lock(const WeirTaskSlot *slot);

/* Tells one wait from the next; 0: it waits for none. */
extern uint64 weir_lock_wait_began(const WeirTaskSlot *slot);

/* True if a task waits for a session that waits for the job; which they are. */
extern bool weir_find_deadlock(const WeirAttempt *attempt, int *task, int *session);

#endif
