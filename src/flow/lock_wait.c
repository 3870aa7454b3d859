/*
 * flow/lock_wait.c
 *		How long a job's processes wait for a lock, and who kept it from them.
 *
 * Tasks and coordinator wait no longer than the job's lock_wait; what comes
 * then ends the attempt, and last_error names who held the lock.
 */
#include "postgres.h"

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "flow/lock_wait.h"
#include "flow/task.h"

/* What this process waited for when lock_timeout struck. */
static LOCKTAG waited_tag;
static LOCKMODE waited_mode = NoLock;

/*
 * SIGINT is how lock_timeout arrives.  The lock waited for is this process's
 * own to read; its tag is copied while the wait still stands.
 */
static void
handle_cancel(SIGNAL_ARGS)
{
	if (MyProc && MyProc->waitLock)
	{
		waited_tag = MyProc->waitLock->tag;
		waited_mode = MyProc->waitLockMode;
	}
	StatementCancelHandler(postgres_signal_arg);
}

/* The modes that keep another from having this one. */
static LOCKMASK
conflicts_with(LOCKMODE mode)
{
	LOCKMASK	mask = 0;

	for (LOCKMODE other = AccessShareLock; other <= MaxLockMode; other++)
	{
		if (DoLockModesConflict(mode, other))
			mask |= LOCKBIT_ON(other);
	}
	return mask;
}

/* "Process 123 holds the lock." for one that could not be had in time. */
void
weir_lock_wait_describe(StringInfo buf)
{
	LockData   *locks;

	if (waited_mode == NoLock)
		return;
	locks = GetLockStatusData();
	for (int i = 0; i < locks->nelements; i++)
	{
		LockInstanceData *lock = &locks->locks[i];

		if (memcmp(&lock->locktag, &waited_tag, sizeof(LOCKTAG)) != 0 ||
			lock->pid == MyProcPid || lock->pid == 0)
			continue;
		if (lock->holdMask & conflicts_with(waited_mode))
			appendStringInfo(buf, "%sProcess %d holds the lock.", buf->len ? " " : "", lock->pid);
		else if (lock->waitLockMode != NoLock && DoLockModesConflict(lock->waitLockMode, waited_mode))
			appendStringInfo(buf, "%sProcess %d waits for it too.",
							 buf->len ? " " : "", lock->pid);
	}
}

void
weir_lock_wait_watch(void)
{
	pqsignal(SIGINT, handle_cancel);
}

void
weir_lock_wait_limit(int64 lock_wait)
{
	char		buf[32];

	snprintf(buf, sizeof(buf), "%d", weir_milliseconds(lock_wait));
	SetConfigOption("lock_timeout", buf, PGC_SUSET, PGC_S_OVERRIDE);
}
