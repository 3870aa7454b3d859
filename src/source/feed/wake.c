/*
 * source/feed/wake.c
 *		How the end of a transaction wakes the sources of the streams it wrote to.
 *
 * In shared memory each process has an entry, with the stream that it reads.  A
 * source sets its entry before it looks for rows for the first time, a writer
 * reads the entries when its rows are visible and its lock is released: either
 * the source sees the rows, or the writer sees the entry.  Latches are set for
 * nothing at times, which does no harm.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/resowner.h"

#include "source/feed/wake.h"

#define MOST_STREAMS 16			/* of a transaction; of one that has more all sources are woken */

/* By the number of its process: database and stream; 0: it is no source. */
static pg_atomic_uint64 *readers = NULL;
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

/* What the current transaction has written to. */
static Oid	written[MOST_STREAMS];
static int	nwritten = 0;

static Size
memory_size(void)
{
	return mul_size(MaxBackends, sizeof(pg_atomic_uint64));
}

static void
request_memory(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(memory_size());
}

static void
startup_memory(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	readers = ShmemInitStruct("weir feeds", memory_size(), &found);
	for (int i = 0; i < MaxBackends && !found; i++)
		pg_atomic_init_u64(&readers[i], 0);
	LWLockRelease(AddinShmemInitLock);
}

void
weir_feed_wake_init(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_memory;
}

static uint64
entry_of(Oid stream)
{
	return (uint64) MyDatabaseId << 32 | stream;
}

static void
set_entry(uint64 entry)
{
	int			number = (int) (MyProc - ProcGlobal->allProcs);

	Assert(number < MaxBackends);
	(void) pg_atomic_exchange_u64(&readers[number], entry);
}

static void
forget_me(int code, Datum arg)
{
	set_entry(0);
}

void
weir_feed_wake_me(Oid stream)
{
	static bool registered = false;

	if (!registered)
		before_shmem_exit(forget_me, 0);
	registered = true;
	set_entry(OidIsValid(stream) ? entry_of(stream) : 0);
}

/* InvalidOid: whatever they read. */
static void
wake(Oid stream)
{
	pg_memory_barrier();
	for (int i = 0; readers != NULL && i < MaxBackends; i++)
	{
		uint64		entry = pg_atomic_read_u64(&readers[i]);

		if (entry == entry_of(stream) || (!OidIsValid(stream) && entry >> 32 == MyDatabaseId))
			SetLatch(&ProcGlobal->allProcs[i].procLatch);
	}
}

void
weir_feed_wake_all(void)
{
	wake(InvalidOid);
}

static void
transaction_ended(ResourceReleasePhase phase, bool is_commit, bool is_top_level, void *arg)
{
	if (phase != RESOURCE_RELEASE_AFTER_LOCKS || !is_top_level || nwritten == 0)
		return;
	if (nwritten > MOST_STREAMS)
		wake(InvalidOid);
	for (int i = 0; i < nwritten && nwritten <= MOST_STREAMS; i++)
		wake(written[i]);
	nwritten = 0;
}

void
weir_feed_wake_at_end(Oid stream)
{
	static bool registered = false;

	if (!registered)
		RegisterResourceReleaseCallback(transaction_ended, NULL);
	registered = true;
	for (int i = 0; i < Min(nwritten, MOST_STREAMS); i++)
	{
		if (written[i] == stream)
			return;
	}
	if (nwritten < MOST_STREAMS)
		written[nwritten] = stream;
	nwritten = Min(nwritten + 1, MOST_STREAMS + 1);
}
