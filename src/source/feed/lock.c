/*
 * source/feed/lock.c
 *		Who writes to a stream fed from SQL.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"

#include "base/compat.h"
#include "source/feed/lock.h"
#include "source/feed/wake.h"

/* Of advisory locks, apart from those in SQL, in server/lock.c and in source/handover.c. */
#define LOCK_CLASS_FEED 10

static void
set_tag(LOCKTAG *tag, Oid stream)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, 0, stream, LOCK_CLASS_FEED);
}

static void
lock(Oid stream, LOCKMODE mode)
{
	LOCKTAG		tag;

	set_tag(&tag, stream);
	weir_feed_wake_at_end(stream);
	(void) LockAcquire(&tag, mode, false, false);
}

void
weir_feed_lock_write(Oid stream)
{
	lock(stream, ShareLock);
}

void
weir_feed_lock_readers(Oid stream)
{
	lock(stream, ExclusiveLock);
}

uint64 *
weir_feed_writers(Oid stream, int *n)
{
	LOCKTAG		tag;
	VirtualTransactionId *holders;
	uint64	   *writers;

	set_tag(&tag, stream);
	holders = GetLockConflicts(&tag, ExclusiveLock, n);
	writers = palloc(sizeof(uint64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		writers[i] = weir_transaction_number(holders[i]);
	return writers;
}

int
weir_feed_writer_pid(uint64 writer)
{
	PGPROC	   *proc = weir_transaction_process(writer);

	if (proc == NULL || weir_process_transaction(proc) != (LocalTransactionId) writer)
		return 0;
	return proc->pid;
}
