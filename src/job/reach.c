/*
 * job/reach.c
 *		What goes before a checkpoint that somebody asks for: sources that can tell
 *		what was committed before the call are to hand that out first.
 *
 * Only then is the checkpoint asked for of the decision code.  Until then it is
 * no checkpoint: others are taken meanwhile, and it fails with its timeout if a
 * transaction that is in the way does not end.
 */
#include "postgres.h"

#include "base/clock.h"
#include "decide/clock.h"
#include "job/coordinator.h"

/* A request that waits for sources. */
typedef struct Reach
{
	uint64		token;
	WeirCheckpointKind kind;
	int			nsources;		/* that have not got there */
	int64		deadline;
} Reach;

static Reach *
find(WeirCoordinator *co, uint64 token)
{
	ListCell   *lc;

	foreach(lc, co->checkpoints.reaching)
	{
		Reach	   *reach = lfirst(lc);

		if (reach->token == token)
			return reach;
	}
	return NULL;
}

static void
drop(WeirCoordinator *co, Reach *reach)
{
	co->checkpoints.reaching = list_delete_ptr(co->checkpoints.reaching, reach);
	pfree(reach);
}

static void
ask_for_checkpoint(WeirCoordinator *co, Reach *reach)
{
	weir_checkpointer_request(co->checkpoints.checkpointer, reach->kind, reach->token, weir_now());
	drop(co, reach);
}

void
weir_reach_request(WeirCoordinator *co, WeirCheckpointKind kind, uint64 token)
{
	WeirControl message = {.checkpoint = (int64) token};
	MemoryContext caller = MemoryContextSwitchTo(co->run.context);
	Reach	   *reach = palloc0(sizeof(Reach));

	reach->token = token;
	reach->kind = kind;
	reach->deadline = weir_time_after(weir_now(), co->job->checkpoint.timeout);
	for (int i = 0; i < co->run.ntasks; i++)
	{
		if (!co->run.attempt->tasks[i].reaches || co->run.tasks[i].ended)
			continue;
		weir_attempt_tell(co, i, WEIR_CONTROL_REACH, &message);
		reach->nsources++;
	}
	co->checkpoints.reaching = lappend(co->checkpoints.reaching, reach);
	MemoryContextSwitchTo(caller);
	if (reach->nsources == 0)
		ask_for_checkpoint(co, reach);
}

void
weir_reach_message(WeirCoordinator *co, uint64 token)
{
	Reach	   *reach = find(co, token);

	if (reach != NULL && --reach->nsources == 0)
		ask_for_checkpoint(co, reach);
}

/* What keeps a source from getting there; NULL: its rows are many. */
static char *
obstacle(WeirCoordinator *co)
{
	for (int i = 0; i < co->run.ntasks; i++)
	{
		const WeirTaskSlot *slot = &co->run.attempt->tasks[i];

		if (slot->reaches && slot->source.held_by > 0)
			return psprintf("The transaction of process %d, which writes to stream %s, has not ended.",
							slot->source.held_by, slot->stream);
		if (slot->reaches && slot->source.held_by < 0)
			return psprintf("A prepared transaction that wrote to stream %s has not ended.", slot->stream);
	}
	return NULL;
}

static void
expire(WeirCoordinator *co, Reach *reach)
{
	char	   *detail = obstacle(co);

	if (detail)
		weir_request_detail(co, reach->token, detail);
	weir_request_done(co, reach->token, false, 0,
					  "what was committed before the call was not read within timeout");
	drop(co, reach);
}

void
weir_reach_tick(WeirCoordinator *co)
{
	int64		now = weir_now();
	List	   *all = list_copy(co->checkpoints.reaching);
	ListCell   *lc;

	foreach(lc, all)
	{
		Reach	   *reach = lfirst(lc);

		if (now >= reach->deadline)
			expire(co, reach);
	}
	list_free(all);
}

int64
weir_reach_due(const WeirCoordinator *co)
{
	int64		due = PG_INT64_MAX;
	ListCell   *lc;

	foreach(lc, co->checkpoints.reaching)
		due = Min(due, ((const Reach *) lfirst(lc))->deadline);
	return due;
}

void
weir_reach_end(WeirCoordinator *co)
{
	ListCell   *lc;

	foreach(lc, co->checkpoints.reaching)
		weir_request_done(co, ((const Reach *) lfirst(lc))->token, false, 0,
						  weir_checkpoint_failure_text(WEIR_FAILURE_RESTART));
	co->checkpoints.reaching = NIL;
}
