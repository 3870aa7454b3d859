/*
 * server/claim.c
 *		What jobs take of the server: workers, prepared transactions, places.
 *
 * A job is admitted as a whole, its coordinator and all its tasks: start_job
 * claims for its transaction, the launcher admits what was running when the
 * server ended.  A job that finds too little waits in its slot; whatever becomes
 * free goes to those that wait, in their order, to each that fits.  start_job
 * leaves to them what they wait for: so each is overtaken at most once by every
 * other that waits, and none by one that is started later.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "miscadmin.h"
#include "replication/logicallauncher.h"

#include "base/settings.h"
#include "server/registry_int.h"

int
weir_registry_foreign_workers(void)
{
	return 1 + (max_logical_replication_workers > 0 ? 1 : 0);
}

void
weir_registry_limit(WeirResources *limit)
{
	limit->workers = max_worker_processes - weir_registry_foreign_workers();
	limit->prepared = max_prepared_xacts;
	limit->jobs = weir_max_jobs;
}

static bool
fits(const WeirResources *need, const WeirResources *others, const WeirResources *limit)
{
	return need->workers + others->workers <= limit->workers &&
		(need->prepared == 0 || need->prepared + others->prepared <= limit->prepared) &&
		need->jobs + others->jobs <= limit->jobs;
}

static void
need_of(const WeirJobSlot *slot, WeirResources *need)
{
	need->workers = slot->workers;
	need->prepared = slot->prepared;
	need->jobs = 1;
}

/* Will it run once others have ended?  Else it waits for nothing that can come. */
static bool
can_ever_run(const WeirJobSlot *slot, const WeirResources *limit)
{
	WeirResources need;
	WeirResources none = {0};

	need_of(slot, &need);
	return fits(&need, &none, limit);
}

static void
add(WeirResources *sum, const WeirJobSlot *slot)
{
	sum->workers += slot->workers;
	sum->prepared += slot->prepared;
}

/*
 * What every job but this one takes, with "waiting" also what those wait for, and
 * whether one of them has ended and will give it back in a moment; the caller
 * holds the lock.
 */
static bool
sum_others(const WeirJobSlot *mine, bool waiting, const WeirResources *limit, WeirResources *sum)
{
	bool		leaving = weir_registry->overflow > 0 && weir_registry->freed;

	memset(sum, 0, sizeof(*sum));
	if (waiting)
		sum->jobs = weir_registry->overflow;
	for (int i = 0; i < weir_registry->nslots; i++)
	{
		WeirJobSlot *slot = &weir_registry->slots[i];

		if (!slot->used || slot == mine)
			continue;
		sum->jobs++;
		if (slot->admitted || (waiting && can_ever_run(slot, limit)))
			add(sum, slot);
		leaving = leaving || (slot->ended && !slot->wanted && !slot->claimed);
	}
	return leaving;
}

/* Without a name only looks. */
static bool
try_claim(int64 job, const char *name, const WeirResources *need, const WeirResources *limit,
		  WeirResources *others, bool *leaving)
{
	WeirJobSlot *slot;
	bool		ok;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot = weir_slot_find(MyDatabaseId, job);
	*leaving = sum_others(slot, true, limit, others);
	ok = fits(need, others, limit);
	if (ok && name)
	{
		if (slot == NULL)
			slot = weir_slot_claim(MyDatabaseId, job);
		strlcpy(slot->name, name, sizeof(slot->name));
		slot->claimed = true;
		slot->admitted = true;
		slot->workers = need->workers;
		slot->prepared = need->prepared;
	}
	LWLockRelease(weir_registry->lock);
	return ok;
}

static bool
wait_to_claim(int64 job, const char *name, const WeirResources *need, const WeirResources *limit,
			  WeirResources *others)
{
	bool		leaving;
	bool		ok;

	weir_registry_prepare_wait();
	while (!(ok = try_claim(job, name, need, limit, others, &leaving)) && leaving)
		(void) weir_registry_wait(-1);
	weir_registry_end_wait();
	return ok;
}

bool
weir_registry_claim(int64 job, const char *name, const WeirResources *need,
					const WeirResources *limit, WeirResources *others)
{
	/* First, so that no error can leave the claim behind. */
	weir_registry_release_at_end(job);
	return wait_to_claim(job, name, need, limit, others);
}

bool
weir_registry_fits(int64 job, const WeirResources *need, const WeirResources *limit,
				   WeirResources *others)
{
	return wait_to_claim(job, NULL, need, limit, others);
}

/* What is short, and what to set; the caller holds the lock. */
static void
say_what_is_short(WeirJobSlot *slot, const WeirResources *others, const WeirResources *limit)
{
	int			foreign = weir_registry_foreign_workers();

	if (slot->workers + others->workers > limit->workers)
		weir_slot_waits(slot, "it needs %d background workers beside %d others, and max_worker_processes is %d: set that to %d, or stop another job",
						slot->workers, others->workers + foreign, max_worker_processes,
						slot->workers + others->workers + foreign);
	else
		weir_slot_waits(slot, "it needs %d prepared transactions beside %d of other jobs, and max_prepared_transactions is %d: set that to %d, or stop another job",
						slot->prepared, others->prepared, max_prepared_xacts,
						slot->prepared + others->prepared);
}

bool
weir_slot_admit(WeirJobSlot *slot)
{
	WeirResources need;
	WeirResources others;
	WeirResources limit;

	if (slot->admitted)
		return true;
	weir_registry_limit(&limit);
	(void) sum_others(slot, false, &limit, &others);
	others.jobs = 0;			/* it has its place */
	need_of(slot, &need);
	slot->admitted = fits(&need, &others, &limit);
	if (slot->admitted)
		slot->since = 0;
	else
		say_what_is_short(slot, &others, &limit);
	return slot->admitted;
}

bool
weir_registry_reserve(WeirJobSlot *slot, int workers, int prepared)
{
	WeirResources need = {workers, prepared, 0};
	WeirResources others;
	WeirResources limit;
	bool		ok;

	weir_registry_limit(&limit);
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	(void) sum_others(slot, false, &limit, &others);
	others.jobs = 0;
	ok = (workers <= slot->workers && prepared <= slot->prepared) || fits(&need, &others, &limit);
	if (ok)
	{
		/* what it gives back others may wait for */
		if (workers < slot->workers || prepared < slot->prepared)
			weir_registry_wake_launcher();
		slot->workers = workers;
		slot->prepared = prepared;
	}
	else
	{
		WeirJobSlot wanted = *slot;

		wanted.workers = workers;
		wanted.prepared = prepared;
		say_what_is_short(&wanted, &others, &limit);
		strlcpy(slot->reason, wanted.reason, sizeof(slot->reason));
	}
	LWLockRelease(weir_registry->lock);
	return ok;
}

bool
weir_registry_is_admitted(int64 job)
{
	WeirJobSlot *slot;
	bool		admitted;

	LWLockAcquire(weir_registry->lock, LW_SHARED);
	slot = weir_slot_find(MyDatabaseId, job);
	admitted = slot != NULL && !weir_slot_has_ended(slot) && (slot->admitted || slot->coordinator != NULL);
	LWLockRelease(weir_registry->lock);
	return admitted;
}

bool
weir_registry_is_full(void)
{
	bool		full;

	if (!weir_registry_available())
		return false;
	LWLockAcquire(weir_registry->lock, LW_SHARED);
	full = weir_registry->overflow > 0;
	LWLockRelease(weir_registry->lock);
	return full;
}

bool
weir_registry_withdraw(int64 job)
{
	WeirJobSlot *slot;
	bool		waits;

	/* First, so that no error can leave it withdrawn. */
	weir_registry_withdraw_at_commit(job);
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot = weir_slot_find(MyDatabaseId, job);
	waits = slot != NULL && slot->wanted && !slot->claimed && slot->coordinator == NULL;
	if (waits)
	{
		slot->wanted = false;
		slot->claimed = true;
		slot->withdrawn = true;
	}
	LWLockRelease(weir_registry->lock);
	return waits;
}
