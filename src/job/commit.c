/*
 * job/commit.c
 *		COMMIT PREPARED of a checkpoint that is decided.
 *
 * What is decided becomes visible whatever happens: a COMMIT PREPARED that
 * fails (the disk is full, another session is at it) is tried again at growing
 * distances by the coordinator's loop, which meanwhile hears of cancels, stops,
 * and tasks that died as ever.  Until it is done the checkpoint stays in doubt,
 * so no task is told, nothing is trimmed and no later one is prepared.  If the
 * attempt ends first, recovery goes on with it, as patiently.
 *
 * A transaction that is no longer there was resolved by somebody else.  Its
 * marker row tells which way, but nobody can tell what that session knew: the
 * job fails and says so.
 */
#include "postgres.h"

#include "access/twophase.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/fault.h"
#include "catalog/checkpoint.h"
#include "job/coordinator.h"
#include "server/prepared.h"
#include "task/task.h"

/* "resolved by hand" and which way, by the marker. */
static void
fail_by_hand(WeirCoordinator *co, const char *name)
{
	WeirGid		gid;
	WeirGid    *markers;
	int			n;
	bool		committed = false;
	WeirFailure failure = {.sqlstate = ERRCODE_DATA_CORRUPTED};

	(void) weir_gid_parse(name, &gid);
	weir_coordinator_begin(co);
	markers = weir_marker_all(co->job->id, &n);
	for (int i = 0; i < n; i++)
	{
		if (markers[i].attempt == gid.attempt && markers[i].checkpoint == gid.checkpoint &&
			markers[i].task == gid.task)
			committed = true;
	}
	weir_coordinator_end(co, false);
	failure.message = psprintf("the transaction task %d prepared for completed checkpoint "
							   INT64_FORMAT " was %s by hand",
							   gid.task, gid.checkpoint, committed ? "committed" : "rolled back");
	weir_coordinator_fail(co, WEIR_OUTCOME_HOPELESS, &failure);
}

/* The row and the log tell what keeps the output from being visible. */
static void
put_off(WeirCoordinator *co, const char *name, const ErrorData *failure)
{
	char	   *reason = psprintf("could not commit prepared transaction \"%s\": %s",
								  name, failure->message);

	weir_retry_failed(&co->commit.retry, weir_now());
	ereport(LOG,
			(errmsg("job \"%s\" %s", co->job->name, reason),
			 errdetail("It is tried again in %.3f s.",
					   Max(co->commit.retry.due - weir_now(), 0) / 1e6),
			 errhidestmt(true)));
	weir_coordinator_note(co, co->job->status, reason, reason);
}

static void
try_commit(WeirCoordinator *co)
{
	ListCell   *lc;
	const char *failed = NULL;
	ErrorData  *failure = NULL;

	foreach(lc, co->commit.names)
	{
		char	   *name = lfirst(lc);
		ErrorData  *error = weir_finish_prepared(name, true);

		if (error == NULL)
		{
			co->commit.names = foreach_delete_current(co->commit.names, lc);
			pfree(name);
			WEIR_FAULT(after_commit_prepared);
		}
		else if (weir_commit_was_resolved(unpack_sql_state(error->sqlerrcode)))
		{
			fail_by_hand(co, name);
			return;
		}
		else
		{
			failed = name;
			failure = error;
		}
	}
	if (failed)
		put_off(co, failed, failure);
}

static void
commit_what_is_left(WeirCoordinator *co)
{
	MemoryContextSwitchTo(co->run.context);
	try_commit(co);
	MemoryContextSwitchTo(co->run.context);
	if (co->commit.names != NIL || co->outcome != WEIR_OUTCOME_NONE)
		return;
	if (co->commit.retry.failures > 0)
		weir_coordinator_note(co, co->job->status, NULL, NULL);
	MemoryContextSwitchTo(co->run.context);
	weir_checkpointer_committed(co->checkpoints.checkpointer, co->commit.checkpoint, weir_now());
	co->commit.checkpoint = 0;
}

void
weir_commit_begin(WeirCoordinator *co, int64 checkpoint, List *names)
{
	co->commit.names = names;
	co->commit.checkpoint = checkpoint;
	memset(&co->commit.retry, 0, sizeof(co->commit.retry));
	commit_what_is_left(co);
}

int64
weir_commit_due(const WeirCoordinator *co)
{
	return co->commit.checkpoint != 0 ? co->commit.retry.due : PG_INT64_MAX;
}

void
weir_commit_go_on(WeirCoordinator *co)
{
	if (weir_commit_due(co) <= weir_now())
		commit_what_is_left(co);
}
