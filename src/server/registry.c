/*
 * server/registry.c
 *		The jobs known to this server, in shared memory.
 *
 * A slot a job: who coordinates it, where its attempt lives, and the requests
 * of backends.  Everything here vanishes with a crash of the server; what must
 * survive is in the tables, and the launcher fills the registry again from
 * there.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "base/clock.h"
#include "base/settings.h"
#include "server/hold.h"
#include "server/registry_int.h"
#include "source/handover.h"

#define START_WITHIN_MS 30000	/* for what needs a job whose tasks run */

WeirRegistry *weir_registry = NULL;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

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

void
weir_registry_wake_launcher(void)
{
	if (weir_registry->launcher)
		SetLatch(&weir_registry->launcher->procLatch);
}

WeirJobSlot *
weir_slot_find(Oid database, int64 job)
{
	for (int i = 0; i < weir_registry->nslots; i++)
	{
		WeirJobSlot *slot = &weir_registry->slots[i];

		if (slot->used && !slot->dropped && slot->database == database && slot->job == job)
			return slot;
	}
	return NULL;
}

bool
weir_slot_has_ended(const WeirJobSlot *slot)
{
	return (slot->ended || slot->claimed) && !slot->wanted;
}

WeirJobSlot *
weir_slot_claim(Oid database, int64 job)
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
weir_slot_want(WeirJobSlot *slot)
{
	slot->wanted = true;
	slot->claimed = false;
	slot->withdrawn = false;
	if (slot->since == 0)
		slot->since = weir_registry->next_token++;
}

void
weir_registry_start(Oid database, int64 job)
{
	WeirJobSlot *slot;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot = weir_slot_find(database, job);
	if (slot == NULL)
	{
		slot = weir_slot_claim(database, job);
		if (slot)
			slot->workers = 1;	/* a coordinator, for what a dropped job has left */
	}
	if (slot)
		weir_slot_want(slot);
	else
		weir_registry->overflow++;
	weir_registry_wake_launcher();
	LWLockRelease(weir_registry->lock);
}

void
weir_registry_leave_alone(void)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	weir_registry->left_alone = true;
	LWLockRelease(weir_registry->lock);
}

void
weir_registry_enter(const WeirJob *job)
{
	WeirJobSlot *slot;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot = weir_slot_find(MyDatabaseId, job->id);
	if (slot == NULL)
		slot = weir_slot_claim(MyDatabaseId, job->id);
	if (slot)
	{
		strlcpy(slot->name, job->name, sizeof(slot->name));
		slot->workers = job->workers;
		slot->prepared = job->prepared;
		weir_slot_want(slot);
	}
	else
		weir_registry->overflow++;
	LWLockRelease(weir_registry->lock);
	if (slot == NULL)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("job \"%s\" waits until another job ends", job->name),
				 errdetail("%d jobs run, and weir.max_jobs is %d.",
						   weir_registry->nslots, weir_registry->nslots),
				 errhint("Raise weir.max_jobs and restart the server."),
				 errhidestmt(true)));
}

bool
weir_registry_is_active(int64 job)
{
	WeirJobSlot *slot;
	bool		active;

	if (!weir_registry_available())
		return false;
	LWLockAcquire(weir_registry->lock, LW_SHARED);
	slot = weir_slot_find(MyDatabaseId, job);
	active = slot != NULL && !weir_slot_has_ended(slot);
	LWLockRelease(weir_registry->lock);
	return active;
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

/* Puts the request; NULL when abandoned ones leave no room, or it is done already. */
static WeirRequestSlot *
put_request(int64 job, WeirRequestKind kind, const char *name, WeirRequestResult *result)
{
	WeirJobSlot *slot;
	WeirRequestSlot *request;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot = weir_slot_find(MyDatabaseId, job);
	if (slot == NULL || weir_slot_has_ended(slot))
	{
		LWLockRelease(weir_registry->lock);
		result->ok = kind == WEIR_REQUEST_CANCEL;	/* it ended meanwhile */
		if (result->ok)
			return NULL;
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

/* Takes it back, unless the coordinator has it. */
static bool
withdraw_request(WeirRequestSlot *request, uint64 token)
{
	bool		asked;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	asked = request->token == token && request->state == WEIR_SLOT_ASKED;
	if (asked)
		request->state = WEIR_SLOT_FREE;
	LWLockRelease(weir_registry->lock);
	return asked;
}

/* A job that is starting gets a while for it; one that is to stop all the time it takes. */
static void
wait_for_request(WeirRequestSlot *request, uint64 token, bool needs_tasks, WeirRequestResult *result)
{
	int64		begun = weir_now();

	while (!request_done(request, result))
	{
		long		passed = (weir_now() - begun) / 1000;

		if (needs_tasks && passed >= START_WITHIN_MS)
		{
			if (withdraw_request(request, token))
			{
				memset(result, 0, sizeof(*result));
				strlcpy(result->error, "the job's tasks are not running yet", sizeof(result->error));
				return;
			}
			needs_tasks = false;
		}
		weir_registry_wait(needs_tasks ? START_WITHIN_MS - passed : -1);
	}
}

void
weir_registry_request(int64 job, WeirRequestKind kind, const char *name,
					  WeirRequestResult *result)
{
	WeirRequestSlot *volatile request;
	volatile uint64 token = 0;

	memset(result, 0, sizeof(*result));
	weir_registry_prepare_wait();
	while ((request = put_request(job, kind, name, result)) == NULL && !result->ok)
		weir_registry_wait(-1);
	if (result->ok)
	{
		weir_registry_end_wait();
		return;
	}
	token = request->token;
	PG_TRY();
	{
		wait_for_request(request, token, kind == WEIR_REQUEST_CHECKPOINT ||
						 kind == WEIR_REQUEST_SAVEPOINT || name != NULL, result);
	}
	PG_FINALLY();
	{
		weir_registry_end_wait();
		leave_request(request, token);
	}
	PG_END_TRY();
}
