/*
 * sink/epoch.c
 *		The epoch transaction.
 *
 * It begins with the epoch's first record, so that an idle task holds no
 * transaction, goes on through many statements, and ends at the checkpoint:
 * prepared (exactly_once) or committed.  An aborted checkpoint leaves it open.
 * Any error in it ends the attempt, so there is no way to roll it back here:
 * the process leaves.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "base/fault.h"
#include "sink/epoch.h"

static bool epoch_open = false;
static int64 epoch_began = 0;
static Oid	epoch_owner = InvalidOid;
static MemoryContext epoch_caller;	/* of weir_epoch_enter, for weir_epoch_leave */

bool
weir_epoch_is_open(void)
{
	return epoch_open;
}

int64
weir_epoch_began(void)
{
	return epoch_began;
}

void
weir_epoch_owned_by(Oid owner)
{
	epoch_owner = owner;
}

void
weir_epoch_be_owner(void)
{
	if (GetUserId() != epoch_owner)
		SetUserIdAndSecContext(epoch_owner, 0);
}

/* A deferred check would fire inside PREPARE, with no record to blame. */
void
weir_epoch_check_at_once(void)
{
	ConstraintsSetStmt *stmt = makeNode(ConstraintsSetStmt);

	stmt->constraints = NIL;
	stmt->deferred = false;
	AfterTriggerSetState(stmt);
}

void
weir_epoch_enter(void)
{
	epoch_caller = CurrentMemoryContext;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (!epoch_open)
	{
		BeginTransactionBlock();
		CommitTransactionCommand();
		StartTransactionCommand();
		weir_epoch_check_at_once();
		epoch_open = true;
		epoch_began = weir_now();
	}
	weir_epoch_be_owner();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
weir_epoch_leave(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(epoch_caller);
}

void
weir_epoch_commit(void)
{
	MemoryContext caller = CurrentMemoryContext;

	WEIR_FAULT(before_epoch_commit);
	StartTransactionCommand();
	EndTransactionBlock(false);
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	WEIR_FAULT(after_epoch_commit);
	epoch_open = false;
}

void
weir_epoch_prepare(const char *gid)
{
	MemoryContext caller = CurrentMemoryContext;

	WEIR_FAULT(before_prepare);
	StartTransactionCommand();
	weir_epoch_be_owner();
	if (!PrepareTransactionBlock(gid))
		elog(ERROR, "epoch transaction is not open");
	CommitTransactionCommand();
	MemoryContextSwitchTo(caller);
	WEIR_FAULT(after_prepare);
	epoch_open = false;
}
