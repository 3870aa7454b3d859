/*
 * job/deadlock.c
 *		Deadlocks between a job and a user's session.
 *
 * A task waits for a row that a session holds; the session waits for a row of
 * the same task, or of another task of the job, which has voted and waits for
 * the coordinator.  PostgreSQL sees the first only from whoever waits last,
 * which may be the user, and the second not at all.  While epochs are open the
 * coordinator therefore looks now and then whether a task waits for a lock and
 * whether those it waits for are themselves waiting for the job: then the
 * attempt gives way.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "pgstat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "job/deadlock.h"

#define MAX_BLOCKERS 16			/* of one process that are looked at */
#define MAX_SESSIONS 64			/* that are asked whom they wait for */

/* Sessions met on the way from a task: each is asked once, however many wait for it. */
typedef struct Chain
{
	int			n;
	int			pids[MAX_SESSIONS];
} Chain;

bool
weir_waits_for_lock(const WeirTaskSlot *slot)
{
	const PGPROC *proc = slot->proc;

	return proc != NULL && proc->pid == slot->pid &&
		(proc->wait_event_info & 0xFF000000) == PG_WAIT_LOCK;
}

uint64
weir_lock_wait_began(const WeirTaskSlot *slot)
{
	return weir_waits_for_lock(slot) ? pg_atomic_read_u64(&slot->proc->waitStart) : 0;
}

static int
task_of(const WeirAttempt *attempt, int pid)
{
	for (int i = 0; i < attempt->topology.ntasks; i++)
	{
		if (attempt->tasks[i].pid == pid)
			return i;
	}
	return -1;
}

/* Whom does this process wait for?  0 stands for a prepared transaction, which is soon committed. */
static int
blockers_of(int pid, int *pids)
{
	ArrayType  *array;
	Datum	   *values;
	int			n;

	array = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids, Int32GetDatum(pid)));
	deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, &values, NULL, &n);
	n = Min(n, MAX_BLOCKERS);
	for (int i = 0; i < n; i++)
		pids[i] = DatumGetInt32(values[i]);
	return n;
}

static void
add_session(Chain *chain, int pid)
{
	for (int i = 0; i < chain->n; i++)
	{
		if (chain->pids[i] == pid)
			return;
	}
	if (chain->n < MAX_SESSIONS)
		chain->pids[chain->n++] = pid;
}

/* Does a session wait, directly or through others, for a task of the job? */
static bool
waits_for_job(const WeirAttempt *attempt, int session)
{
	Chain		chain = {1, {session}};

	for (int next = 0; next < chain.n; next++)
	{
		int			pids[MAX_BLOCKERS];
		int			n = blockers_of(chain.pids[next], pids);

		for (int i = 0; i < n; i++)
		{
			if (pids[i] != 0 && task_of(attempt, pids[i]) >= 0)
				return true;
			if (pids[i] != 0)
				add_session(&chain, pids[i]);
		}
	}
	return false;
}

static bool
find_deadlock(const WeirAttempt *attempt, int *task, int *session)
{
	for (*task = 0; *task < attempt->topology.ntasks; (*task)++)
	{
		const WeirTaskSlot *slot = &attempt->tasks[*task];
		int			pids[MAX_BLOCKERS];
		int			n;

		if (!weir_waits_for_lock(slot))
			continue;
		n = blockers_of(slot->pid, pids);
		for (int i = 0; i < n; i++)
		{
			*session = pids[i];
			if (pids[i] != 0 && task_of(attempt, pids[i]) < 0 &&
				waits_for_job(attempt, pids[i]))
				return true;
		}
	}
	return false;
}

bool
weir_find_deadlock(const WeirAttempt *attempt, int *task, int *session)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "weir deadlock",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	bool		found = find_deadlock(attempt, task, session);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return found;
}
