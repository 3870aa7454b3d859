/*
 * job/remote_call.h
 *		What this server asks another one of its group to do: waiting, at most so long.
 *
 * What goes wrong there is told as a text, not as an error: it is the other server's, and is tried
 * again.
 */
#ifndef WEIR_JOB_REMOTE_CALL_H
#define WEIR_JOB_REMOTE_CALL_H

#include "postgres.h"

#include "job/peers.h"

/* In CurrentMemoryContext; NULL: *why.  It goes with the context. */
extern WeirRemote *weir_call_connect(const WeirServer *peer, char **why);
/* One command, or several, each without rows but the last; NULL: *why. */
extern WeirRemoteRows *weir_call(WeirRemote *remote, const char *sql, char **why);

/* weir.group_clear there; false: *why. */
extern bool weir_call_clear(const WeirServer *peer, const char *job, const char *group, int partition,
							char **why);

#endif
