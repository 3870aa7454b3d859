/*
 * decide/crash.c
 *		What an end of the server means for a job that ran.
 *
 * A job whose own process crashes takes the whole server with it, and would at
 * every start of the server again: after a few times in a row it is failed,
 * whatever its restart strategy.  What ends such a row is a checkpoint of the
 * job: it has come farther than where it crashed.
 *
 * A process that crashed is told from those that the postmaster sends away for
 * it: they can say that they leave.  Where no process could, nobody is to be
 * blamed; still, a job that never comes to a checkpoint before everything is
 * killed may be what fills the memory.  Of those it takes more, and a job that
 * ran for a while is cleared.  So is one that takes no checkpoints, as nothing
 * else could clear it.
 */
#include "decide/crash.h"

#define STEADY INT64_C(60000000)	/* us */

WeirCrashVerdict
weir_crash_count(WeirCrashes *c, WeirServerEnd end, bool killed)
{
	if (!killed)
		return WEIR_CRASH_GO_ON;
	if (end == WEIR_SERVER_CRASHED)
		return ++c->ours >= WEIR_CRASH_OURS_LIMIT ? WEIR_CRASH_HOPELESS : WEIR_CRASH_FAILURE;
	return ++c->unknown >= WEIR_CRASH_UNKNOWN_LIMIT ? WEIR_CRASH_HOPELESS : WEIR_CRASH_GO_ON;
}

bool
weir_crash_is_suspect(const WeirCrashes *c)
{
	return c->ours > 0 || c->unknown > 0;
}

void
weir_crash_progress(WeirCrashes *c)
{
	c->ours = 0;
	c->unknown = 0;
}

bool
weir_crash_steady(WeirCrashes *c, bool checkpointing, int64_t ran, int64_t *due)
{
	*due = INT64_MAX;
	if (c->unknown == 0 && (c->ours == 0 || checkpointing))
		return false;
	if (ran < STEADY)
	{
		*due = STEADY - ran;
		return false;
	}
	c->unknown = 0;
	if (!checkpointing)
		c->ours = 0;
	return true;
}
