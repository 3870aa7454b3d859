/*
 * server/notice.c
 *		What a transaction has to say to the registry when it ends.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "server/registry_int.h"

/* What to do when the current transaction ends. */
typedef enum PendingAction
{
	PENDING_CLAIM,				/* give it back, unless the job was started */
	PENDING_WITHDRAWAL,			/* at commit: the job waits no more; else it does again */
	PENDING_START,				/* at commit: start the job */
	PENDING_NOTIFY,				/* at commit: send its coordinator "kind" */
	PENDING_SCAN				/* at commit: look for jobs that should run */
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

/* One that waits needs no more than a coordinator that finds it gone. */
static void
cancel(WeirJobSlot *slot)
{
	slot->cancel = true;
	if (slot->admitted || slot->coordinator)
		return;
	slot->workers = 1;
	slot->prepared = 0;
	weir_registry_wake_launcher();
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
	slot = weir_slot_find(MyDatabaseId, job);
	nobody = slot == NULL || weir_slot_has_ended(slot);
	if (slot)
	{
		if (kind == WEIR_REQUEST_CANCEL)
			cancel(slot);
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
	slot = weir_slot_find(MyDatabaseId, job);
	if (slot && slot->claimed)
	{
		slot->claimed = false;
		if (slot->coordinator == NULL)
			slot->ended = true;
		weir_registry_wake_launcher();
	}
	LWLockRelease(weir_registry->lock);
}

/* The launcher frees the slot, or finds the job waiting in its turn; nothing happens if it was started. */
static void
end_withdrawal(int64 job, bool commit)
{
	WeirJobSlot *slot;

	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	slot = weir_slot_find(MyDatabaseId, job);
	if (slot && slot->withdrawn)
	{
		slot->withdrawn = false;
		slot->claimed = false;
		slot->ended = commit;
		if (!commit)
			weir_slot_want(slot);
		weir_registry_wake_launcher();
	}
	LWLockRelease(weir_registry->lock);
	weir_registry_changed();
}

/* The launcher looks into every database again; what runs there it knows. */
static void
scan_again(void)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	weir_registry->scanned = false;
	weir_registry->scan_asked = true;
	weir_registry_wake_launcher();
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
		else if (p->action == PENDING_WITHDRAWAL)
			end_withdrawal(p->job, commit);
		else if (commit && p->action == PENDING_START)
			weir_registry_start(MyDatabaseId, p->job);
		else if (commit && p->action == PENDING_SCAN)
			scan_again();
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
						 errmsg("cannot PREPARE a transaction that has started, stopped, changed or dropped a job"),
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
			else if (undone->action == PENDING_WITHDRAWAL)
				end_withdrawal(undone->job, false);
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
weir_registry_release_at_end(int64 job)
{
	remember(PENDING_CLAIM, 0, job);
}

void
weir_registry_withdraw_at_commit(int64 job)
{
	remember(PENDING_WITHDRAWAL, 0, job);
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

void
weir_registry_scan_at_commit(void)
{
	if (weir_registry_available())
		remember(PENDING_SCAN, 0, 0);
}
