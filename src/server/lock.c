/*
 * server/lock.c
 *		Locks of a job, and who held a lock that could not be had in time.
 *
 * All tasks of a job share a session lock; whoever starts another attempt takes
 * it exclusively first, so that nothing of the old attempt lives.  A second one
 * belongs to the job's coordinator.
 *
 * A wait for a user's lock ends after lock_wait.  By then PostgreSQL has
 * forgotten what was waited for, so the signal handler notes it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"

#include "base/compat.h"
#include "server/lock.h"

#define LOCK_CLASS_TASKS 7		/* apart from 1 and 2 of advisory locks in SQL */
#define LOCK_CLASS_COORDINATOR 8

/* What this process waited for when lock_timeout struck. */
static LOCKTAG waited_tag;
static LOCKMODE waited_mode = NoLock;

static void
job_locktag(LOCKTAG *tag, int64 job, int class)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (job >> 32), (uint32) job, class);
}

bool
weir_lock_tasks(int64 job, bool exclusive, bool wait)
{
	LOCKTAG		tag;

	job_locktag(&tag, job, LOCK_CLASS_TASKS);
	return LockAcquire(&tag, exclusive ? ExclusiveLock : ShareLock, true, !wait) !=
		LOCKACQUIRE_NOT_AVAIL;
}

void
weir_unlock_tasks(int64 job)
{
	LOCKTAG		tag;

	job_locktag(&tag, job, LOCK_CLASS_TASKS);
	LockRelease(&tag, ExclusiveLock, true);
}

bool
weir_lock_coordinator(int64 job, bool wait)
{
	LOCKTAG		tag;

	job_locktag(&tag, job, LOCK_CLASS_COORDINATOR);
	return LockAcquire(&tag, ExclusiveLock, true, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * SIGINT is how lock_timeout arrives.  The lock waited for is this process's
 * own to read; its tag is copied while the wait still stands.
 */
void
weir_lock_handle_cancel(SIGNAL_ARGS)
{
	if (MyProc && MyProc->waitLock)
	{
		waited_tag = MyProc->waitLock->tag;
		waited_mode = MyProc->waitLockMode;
	}
	StatementCancelHandler(WEIR_SIGNAL);
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

void
weir_lock_describe_holders(StringInfo buf)
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
