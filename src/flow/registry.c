/*
 * flow/registry.c
 *		The jobs known to this server, in shared memory.
 *
 * A slot a job: who coordinates it, where its attempt lives, and the requests
 * of backends.  Everything here vanishes with a crash of the server; what must
 * survive is in the tables, and the launcher fills the registry again from
 * there.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "flow/hold.h"
#include "flow/registry_int.h"
#include "settings.h"
#include "source/handover.h"

WeirRegistry *weir_registry = NULL;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

/* What to do when the current transaction ends. */
typedef enum PendingAction
{
	PENDING_CLAIM,				/* give it back, unless the job was started */
	PENDING_START,				/* at commit: start the job */
	PENDING_NOTIFY				/* at commit: send its coordinator "kind" */
} PendingAction;

typedef struct PendingNotice
{
	PendingAction action;
	WeirRequestKind kind;
	int64		job;
	SubTransactionId subxact;
	struct PendingNotice *next;
} PendingNotice;

static PendingNotice *pending = NULL;
static bool callbacks_registered = false;

static Size
requests_offset(void)
{
	return MAXALIGN(add_size(offsetof(WeirRegistry, slots),
							 mul_size(weir_max_jobs, sizeof(WeirJobSlot))));
}

static Size
registry_size(void)
{
	return add_size(requests_offset(), mul_size(MaxBackends, sizeof(WeirRequestSlot)));
}

static void
request_memory(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(registry_size());
	RequestNamedLWLockTranche("weir", 1);
}

static void
startup_memory(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	weir_registry = ShmemInitStruct("weir registry", registry_size(), &found);
	if (!found)
	{
		memset(weir_registry, 0, registry_size());
		weir_registry->lock = &GetNamedLWLockTranche("weir")->lock;
		ConditionVariableInit(&weir_registry->changed);
		weir_registry->next_token = 1;
		weir_registry->nslots = weir_max_jobs;
		weir_registry->nrequests = MaxBackends;
		weir_registry->requests = (WeirRequestSlot *) ((char *) weir_registry + requests_offset());
		/* after a crash: slots are claimed anew */
		for (int i = 0; i < weir_registry->nslots; i++)
			weir_handover_discard(i);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
weir_registry_request_memory(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_memory;
}

bool
weir_registry_available(void)
{
	return weir_registry != NULL;
}

void
weir_registry_changed(void)
{
	ConditionVariableBroadcast(&weir_registry->changed);
}

/* The caller holds the lock. */
static WeirJobSlot *
find_slot(Oid database, int64 job)
{
	for (int i = 0; i < weir_registry->nslots; i++)
	{
		WeirJobSlot *slot = &weir_registry->slots[i];

		if (slot->used && !slot->dropped && slot->database == database && slot->job == job)
			return slot;
	}
	return NULL;
}

/* Its coordinator is done with the job or there was none, and no other is wanted. */
static bool
has_ended(const WeirJobSlot *slot)
{
	return (slot->ended || slot->claimed) && !slot->wanted;
}

static WeirJobSlot *
claim_slot(Oid database, int64 job)
{
	for (int i = 0; i < weir_registry->nslots; i++)
	{
		WeirJobSlot *slot = &weir_registry->slots[i];

		if (slot->used)
			continue;
		memset(slot, 0, sizeof(*slot));
		slot->used = true;
		slot->database = database;
		slot->job = job;
		slot->attempt = DSM_HANDLE_INVALID;
		weir_handover_discard(i);
		return slot;
	}
	return NULL;
}

void
weir_registry_start(Oid database, int64 job)
{
	WeirJobSlot *slot;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot = find_slot(database, job);
	if (slot == NULL)
		slot = claim_slot(database, job);
	if (slot)
	{
		slot->wanted = true;
		slot->claimed = false;
	}
	if (slot && weir_registry->launcher)
		SetLatch(&weir_registry->launcher->procLatch);
	LWLockRelease(weir_registry->lock);
	if (slot == NULL)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no room to start another job"),
				 errdetail("%d jobs are running.", weir_registry->nslots),
				 errhint("Raise weir.max_jobs, restart the server, and start the job again.")));
}

/*
 * A job that was dropped just when it ended has nobody any more to purge it:
 * a coordinator is started that finds it gone.
 */
static void
notify(int64 job, WeirRequestKind kind)
{
	WeirJobSlot *slot;
	bool		nobody;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot = find_slot(MyDatabaseId, job);
	nobody = slot == NULL || has_ended(slot);
	if (slot)
	{
		if (kind == WEIR_REQUEST_CANCEL)
			slot->cancel = true;
		else
			slot->configure = true;
		if (slot->coordinator)
			SetLatch(&slot->coordinator->procLatch);
	}
	LWLockRelease(weir_registry->lock);
	if (nobody && kind == WEIR_REQUEST_CANCEL)
		weir_registry_start(MyDatabaseId, job);
}

/* The launcher frees the slot; nothing happens if the job was started. */
static void
release_claim(int64 job)
{
	WeirJobSlot *slot;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot = find_slot(MyDatabaseId, job);
	if (slot && slot->claimed)
	{
		slot->claimed = false;
		if (slot->coordinator == NULL)
			slot->ended = true;
		if (weir_registry->launcher)
			SetLatch(&weir_registry->launcher->procLatch);
	}
	LWLockRelease(weir_registry->lock);
}

/* Latest first, so that a job is started before its claim ends. */
static void
end_notices(bool commit)
{
	PendingNotice *p = pending;

	pending = NULL;
	for (; p != NULL; p = p->next)
	{
		if (p->action == PENDING_CLAIM)
			release_claim(p->job);
		else if (commit && p->action == PENDING_START)
			weir_registry_start(MyDatabaseId, p->job);
		else if (commit)
			notify(p->job, p->kind);
	}
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
			end_notices(event == XACT_EVENT_COMMIT);
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (pending != NULL)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot PREPARE a transaction that has started, changed or dropped a job"),
						 errhint("COMMIT it.")));
			break;
		default:
			break;
	}
}

/* Does this transaction claim the job otherwise, too? */
static bool
claims(int64 job)
{
	for (PendingNotice *p = pending; p != NULL; p = p->next)
	{
		if (p->action == PENDING_CLAIM && p->job == job)
			return true;
	}
	return false;
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
					  SubTransactionId parent, void *arg)
{
	PendingNotice **link = &pending;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	while (*link != NULL)
	{
		if ((*link)->subxact == mine && event == SUBXACT_EVENT_ABORT_SUB)
		{
			PendingNotice *undone = *link;

			*link = undone->next;
			if (undone->action == PENDING_CLAIM && !claims(undone->job))
				release_claim(undone->job);
			continue;
		}
		if ((*link)->subxact == mine)
			(*link)->subxact = parent;
		link = &(*link)->next;
	}
}

static void
remember(PendingAction action, WeirRequestKind kind, int64 job)
{
	PendingNotice *p;

	if (!callbacks_registered)
	{
		RegisterXactCallback(at_transaction_end, NULL);
		RegisterSubXactCallback(at_subtransaction_end, NULL);
		callbacks_registered = true;
	}
	p = MemoryContextAllocZero(TopTransactionContext, sizeof(PendingNotice));
	p->action = action;
	p->kind = kind;
	p->job = job;
	p->subxact = GetCurrentSubTransactionId();
	p->next = pending;
	pending = p;
}

void
weir_registry_start_at_commit(int64 job)
{
	remember(PENDING_START, 0, job);
}

void
weir_registry_notify_at_commit(int64 job, WeirRequestKind kind)
{
	if (weir_registry_available())
		remember(PENDING_NOTIFY, kind, job);
}

bool
weir_registry_is_active(int64 job)
{
	WeirJobSlot *slot;
	bool		active;

	if (!weir_registry_available())
		return false;
	LWLockAcquire(weir_registry->lock, LW_SHARED);
	slot = find_slot(MyDatabaseId, job);
	active = slot != NULL && !has_ended(slot);
	LWLockRelease(weir_registry->lock);
	return active;
}

void
weir_registry_reserve(int64 job, int workers, int prepared)
{
	WeirJobSlot *slot;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot = find_slot(MyDatabaseId, job);
	if (slot)
	{
		slot->workers = workers;
		slot->prepared = prepared;
	}
	LWLockRelease(weir_registry->lock);
}

/*
 * What every job but this one takes, and whether one of them has ended and will
 * give it back in a moment; the caller holds the lock.
 */
static bool
sum_others(const WeirJobSlot *mine, WeirResources *sum)
{
	bool		leaving = false;

	memset(sum, 0, sizeof(*sum));
	for (int i = 0; i < weir_registry->nslots; i++)
	{
		WeirJobSlot *slot = &weir_registry->slots[i];

		if (!slot->used || slot == mine)
			continue;
		sum->workers += slot->workers;
		sum->prepared += slot->prepared;
		sum->jobs++;
		leaving = leaving || (slot->ended && !slot->wanted && !slot->claimed);
	}
	return leaving;
}

static bool
fits(const WeirResources *need, const WeirResources *others, const WeirResources *limit)
{
	return need->workers + others->workers <= limit->workers &&
		(need->prepared == 0 || need->prepared + others->prepared <= limit->prepared) &&
		need->jobs + others->jobs <= limit->jobs;
}

static bool
try_claim(int64 job, const WeirResources *need, const WeirResources *limit,
		  WeirResources *others, bool take, bool *leaving)
{
	WeirJobSlot *slot;
	bool		ok;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot = find_slot(MyDatabaseId, job);
	*leaving = sum_others(slot, others);
	ok = fits(need, others, limit);
	if (ok && take)
	{
		if (slot == NULL)
			slot = claim_slot(MyDatabaseId, job);
		slot->claimed = true;
		slot->workers = need->workers;
		slot->prepared = need->prepared;
	}
	LWLockRelease(weir_registry->lock);
	return ok;
}

static bool
wait_to_claim(int64 job, const WeirResources *need, const WeirResources *limit,
			  WeirResources *others, bool take)
{
	bool		leaving;
	bool		ok;

	weir_registry_prepare_wait();
	while (!(ok = try_claim(job, need, limit, others, take, &leaving)) && leaving)
		(void) weir_registry_wait(-1);
	weir_registry_end_wait();
	return ok;
}

bool
weir_registry_claim(int64 job, const WeirResources *need, const WeirResources *limit,
					WeirResources *others)
{
	/* First, so that no error can leave the claim behind. */
	remember(PENDING_CLAIM, 0, job);
	return wait_to_claim(job, need, limit, others, true);
}

bool
weir_registry_fits(int64 job, const WeirResources *need, const WeirResources *limit,
				   WeirResources *others)
{
	return wait_to_claim(job, need, limit, others, false);
}

static bool
extension_goes(void)
{
	bool		goes = false;

	LWLockAcquire(weir_registry->lock, LW_SHARED);
	for (int i = 0; i < WEIR_MAX_HOLDS; i++)
	{
		WeirHold   *hold = &weir_registry->holds[i];

		goes = goes || (hold->drop && hold->database == MyDatabaseId);
	}
	LWLockRelease(weir_registry->lock);
	return goes;
}

void
weir_registry_prepare_wait(void)
{
	ConditionVariablePrepareToSleep(&weir_registry->changed);
}

bool
weir_registry_wait(long timeout_ms)
{
	/* It holds the jobs and needs the tables, which this transaction has read. */
	if (!weir_hold_drops(MyDatabaseId) && extension_goes())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot wait for a job while extension weir is being dropped")));
	return ConditionVariableTimedSleep(&weir_registry->changed, timeout_ms,
									   PG_WAIT_EXTENSION);
}

void
weir_registry_end_wait(void)
{
	ConditionVariableCancelSleep();
}

static WeirRequestSlot *
free_request(void)
{
	for (int i = 0; i < weir_registry->nrequests; i++)
	{
		if (weir_registry->requests[i].state == WEIR_SLOT_FREE)
			return &weir_registry->requests[i];
	}
	return NULL;
}

/* Puts the request; NULL when abandoned ones leave no room. */
static WeirRequestSlot *
put_request(int64 job, WeirRequestKind kind, const char *name)
{
	WeirJobSlot *slot;
	WeirRequestSlot *request;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot = find_slot(MyDatabaseId, job);
	if (slot == NULL || has_ended(slot))
	{
		LWLockRelease(weir_registry->lock);
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the job is not running"),
				 errhint("Start it with weir.start_job.")));
	}
	request = free_request();
	if (request)
	{
		memset(request, 0, sizeof(*request));
		request->state = WEIR_SLOT_ASKED;
		request->job = slot;
		slot->asked = true;
		request->kind = kind;
		request->token = weir_registry->next_token++;
		if (name)
			strlcpy(request->name, name, NAMEDATALEN);
		if (slot->coordinator)
			SetLatch(&slot->coordinator->procLatch);
	}
	LWLockRelease(weir_registry->lock);
	return request;
}

/*
 * The backend stops waiting: the slot is freed now or, as long as the
 * coordinator may look up the name in it, by the coordinator.
 */
static void
leave_request(WeirRequestSlot *request, uint64 token)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	if (request->token == token && request->state == WEIR_SLOT_TAKEN &&
		request->name[0] != '\0')
		request->abandoned = true;
	else if (request->token == token)
		request->state = WEIR_SLOT_FREE;
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
}

static bool
request_done(WeirRequestSlot *request, WeirRequestResult *result)
{
	bool		done;

	LWLockAcquire(weir_registry->lock, LW_SHARED);
	done = request->state == WEIR_SLOT_DONE;
	if (done)
		*result = request->result;
	LWLockRelease(weir_registry->lock);
	return done;
}

void
weir_registry_request(int64 job, WeirRequestKind kind, const char *name,
					  WeirRequestResult *result)
{
	WeirRequestSlot *volatile request;
	volatile uint64 token = 0;

	weir_registry_prepare_wait();
	while ((request = put_request(job, kind, name)) == NULL)
		weir_registry_wait(-1);
	token = request->token;
	PG_TRY();
	{
		while (!request_done(request, result))
			weir_registry_wait(-1);
	}
	PG_FINALLY();
	{
		weir_registry_end_wait();
		leave_request(request, token);
	}
	PG_END_TRY();
}
