/*
 * server/hold.c
 *		Jobs kept from running while a command needs them out of the way.
 *
 * DROP DATABASE and its like need a database without sessions, DROP EXTENSION
 * needs its tables without locks, and both need nothing prepared:
 *
 *	1.	the hold is entered in the registry: no coordinator of what is held is
 *		started from here on, and one just being started leaves when it claims
 *		its slot
 *	2.	the coordinators that run are terminated; each ends its attempt as for
 *		a shutdown
 *	3.	a worker in that database waits until the last task is gone, and
 *		commits or rolls back what is prepared (settle.c)
 *	4.	the command runs
 *	5.	at the end of its (sub)transaction the hold is taken out, and the
 *		launcher starts what is still there; slots of what was dropped are freed
 *
 * A hold belongs to a transaction, so that it ends with its backend however
 * that ends.  It is in shared memory only: after a crash of the server nothing
 * is held, and the launcher finds what is to run.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "server/hold.h"
#include "server/registry_int.h"
#include "server/settle.h"

#define INSIST_AFTER_MS 10000	/* then a coordinator is terminated at once */
#define GIVE_UP_AFTER_MS 60000

/* A hold of the current transaction. */
typedef struct MyHold
{
	int			index;			/* in the registry */
	Oid			database;
	int64		job;
	bool		drop;			/* its jobs go at commit */
	SubTransactionId subxact;
	struct MyHold *next;
} MyHold;

static MyHold *my_holds = NULL;

/* The caller holds the lock. */
bool
weir_slot_is_held(const WeirJobSlot *slot)
{
	for (int i = 0; i < WEIR_MAX_HOLDS; i++)
	{
		WeirHold   *hold = &weir_registry->holds[i];

		if (hold->database == slot->database && (hold->job == 0 || hold->job == slot->job))
			return true;
	}
	return false;
}

static bool
covers(const MyHold *hold, const WeirJobSlot *slot)
{
	return slot->used && slot->database == hold->database &&
		(hold->job == 0 || hold->job == slot->job);
}

/*
 * Before the commit: a job that the same transaction starts, in an extension
 * created anew, may have the id of one that goes.
 */
static void
mark_dropped(const MyHold *hold, bool dropped)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	for (int i = 0; hold->drop && i < weir_registry->nslots; i++)
	{
		if (covers(hold, &weir_registry->slots[i]))
			weir_registry->slots[i].dropped = dropped;
	}
	LWLockRelease(weir_registry->lock);
}

/* Takes the hold out; what was dropped leaves its slots to the launcher to free. */
static void
release(const MyHold *hold)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < weir_registry->nslots; i++)
	{
		WeirJobSlot *slot = &weir_registry->slots[i];

		if (!covers(hold, slot) || !slot->dropped)
			continue;
		slot->ended = true;
		slot->wanted = false;
	}
	memset(&weir_registry->holds[hold->index], 0, sizeof(WeirHold));
	weir_registry_wake_launcher();
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	MyHold	   *hold = my_holds;

	if (event == XACT_EVENT_PRE_PREPARE && hold != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has stopped jobs"),
				 errhint("Use COMMIT.")));
	if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	if (event != XACT_EVENT_PRE_COMMIT)
		my_holds = NULL;
	for (; hold != NULL; hold = hold->next)
	{
		if (event != XACT_EVENT_COMMIT)
			mark_dropped(hold, event == XACT_EVENT_PRE_COMMIT);
		if (event != XACT_EVENT_PRE_COMMIT)
			release(hold);
	}
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
					  SubTransactionId parent, void *arg)
{
	MyHold	  **link = &my_holds;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	while (*link != NULL)
	{
		if ((*link)->subxact == mine && event == SUBXACT_EVENT_ABORT_SUB)
		{
			release(*link);
			*link = (*link)->next;
			continue;
		}
		if ((*link)->subxact == mine)
			(*link)->subxact = parent;
		link = &(*link)->next;
	}
}

static MyHold *
new_hold(Oid database, int64 job)
{
	static bool registered = false;
	MyHold	   *hold = MemoryContextAllocZero(TopTransactionContext, sizeof(MyHold));

	if (!registered)
	{
		RegisterXactCallback(at_transaction_end, NULL);
		RegisterSubXactCallback(at_subtransaction_end, NULL);
		registered = true;
	}
	hold->index = -1;
	hold->database = database;
	hold->job = job;
	hold->subxact = GetCurrentSubTransactionId();
	return hold;
}

/* Nothing between the entry and its note may fail. */
static MyHold *
enter(Oid database, int64 job)
{
	MyHold	   *hold = new_hold(database, job);

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	for (int i = 0; i < WEIR_MAX_HOLDS && hold->index < 0; i++)
	{
		if (!OidIsValid(weir_registry->holds[i].database))
			hold->index = i;
	}
	if (hold->index >= 0)
	{
		WeirHold   *entry = &weir_registry->holds[hold->index];

		entry->database = database;
		entry->job = job;
		entry->settled = false;
		entry->drop = false;
		hold->next = my_holds;
		my_holds = hold;
	}
	LWLockRelease(weir_registry->lock);
	if (hold->index < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many commands keep jobs from running"),
				 errdetail("At most %d jobs and databases can be held at a time.", WEIR_MAX_HOLDS),
				 errhint("Wait until another such command has ended.")));
	return hold;
}

/* How many coordinators are there still?  With "terminate" they are told to leave. */
static int
coordinators_left(const MyHold *hold, bool terminate)
{
	int			left = 0;

	LWLockAcquire(weir_registry->lock, LW_SHARED);
	for (int i = 0; i < weir_registry->nslots; i++)
	{
		WeirJobSlot *slot = &weir_registry->slots[i];

		if (!covers(hold, slot) || slot->coordinator == NULL)
			continue;
		if (terminate)
			(void) kill(slot->coordinator->pid, SIGTERM);
		left++;
	}
	LWLockRelease(weir_registry->lock);
	return left;
}

/* Has the registry anything of what is held? */
static bool
is_known(const MyHold *hold)
{
	bool		found = false;

	LWLockAcquire(weir_registry->lock, LW_SHARED);
	for (int i = 0; i < weir_registry->nslots; i++)
		found = found || covers(hold, &weir_registry->slots[i]);
	LWLockRelease(weir_registry->lock);
	return found;
}

static void
stop_coordinators(const MyHold *hold, const char *command)
{
	int64		start = weir_now();
	bool		insisted = false;

	(void) coordinators_left(hold, true);
	weir_registry_prepare_wait();
	while (coordinators_left(hold, false) > 0)
	{
		long		passed = (weir_now() - start) / 1000;

		if (passed >= GIVE_UP_AFTER_MS)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("the jobs could not be stopped for %s", command),
					 errdetail("A coordinator still runs after %d s.", GIVE_UP_AFTER_MS / 1000),
					 errhint("Stop them with weir.stop_job(..., cancel => true), then try again.")));
		if (passed >= INSIST_AFTER_MS && !insisted)
		{
			(void) coordinators_left(hold, true);
			insisted = true;
		}
		(void) weir_registry_wait((insisted ? GIVE_UP_AFTER_MS : INSIST_AFTER_MS) - passed + 1);
	}
	weir_registry_end_wait();
}

static bool
is_held_already(Oid database, int64 job)
{
	for (MyHold *hold = my_holds; hold != NULL; hold = hold->next)
	{
		if (hold->database == database && (hold->job == 0 || hold->job == job))
			return true;
	}
	return false;
}

void
weir_hold(Oid database, int64 job, const char *command)
{
	MyHold	   *hold;

	if (is_held_already(database, job))
		return;
	hold = enter(database, job);
	if (is_known(hold))
		stop_coordinators(hold, command);
	else if (!weir_is_unsettled(database, job))
		return;
	weir_settle(hold->index, command);
}

/* The tables cannot go while a session that has read them waits for a job that is held. */
static void
send_waiters_away(Oid database)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	for (MyHold *hold = my_holds; hold != NULL; hold = hold->next)
	{
		if (hold->database == database && hold->job == 0)
			weir_registry->holds[hold->index].drop = true;
	}
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
}

void
weir_hold_drop(Oid database)
{
	for (MyHold *hold = my_holds; hold != NULL; hold = hold->next)
	{
		if (hold->database == database && hold->job == 0)
			hold->drop = true;
	}
	if (database == MyDatabaseId)
		send_waiters_away(database);
}

bool
weir_hold_drops(Oid database)
{
	for (MyHold *hold = my_holds; hold != NULL; hold = hold->next)
	{
		if (hold->database == database && hold->drop)
			return true;
	}
	return false;
}
