/*
 * job/group_run.c
 *		A job whose stream several servers share: while an attempt runs.
 *
 * When what is assigned changes, or a partition that was waited for can be had, a
 * checkpoint is asked for, and the attempt ends with it.  If there comes none, it ends
 * without: what was worked off since the last one is worked off again, here or at
 * whoever takes the partition.
 */
#include "postgres.h"

#include "storage/latch.h"

#include "base/clock.h"
#include "catalog/group.h"
#include "job/group.h"

#define HEAR_EVERY		USECS_PER_SEC
#define LONGEST_PAUSE	(10 * USECS_PER_SEC)
#define LEAVE_WITHIN	(15 * USECS_PER_SEC)

static bool
assignment_changed(const WeirServerGroup *g)
{
	const int32 *assigned;
	int			n;

	if (!g->ops->membership->is_known(g->membership))
		return false;
	n = g->ops->membership->assigned(g->membership, &assigned);
	return n != g->nassigned || memcmp(assigned, g->assigned, sizeof(int32) * n) != 0;
}

/* The attempt is to end with the next checkpoint. */
static void
leave(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;

	if (g->first_id != 0 || co->stop.stopping || co->outcome != WEIR_OUTCOME_NONE)
		return;
	if (!co->run.started)
	{
		co->outcome = WEIR_OUTCOME_REGROUP;
		return;
	}
	g->first_id = co->checkpoints.next_id;
	g->leave_by = weir_now() + LEAVE_WITHIN;
	weir_checkpointer_request(co->checkpoints.checkpointer, WEIR_MANUAL, 0, weir_now());
}

static void
ask_again(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;

	if (g->peers->busy)
	{
		if (!weir_peers_advance(g->peers))
			return;
		if (weir_group_could_act(co))
		{
			g->pause = HEAR_EVERY;
			leave(co);
		}
		else
			g->pause = Min(g->pause * 2, LONGEST_PAUSE);
		g->ask_at = weir_now() + g->pause;
		return;
	}
	if (weir_now() < g->ask_at)
		return;
	weir_group_read_rows(co);
	weir_peers_ask(g->peers, co->job->name, g->name);
}

void
weir_group_tick(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;

	if (g == NULL || co->checkpoints.deciding)
		return;
	g->ops->membership->hear(g->membership);
	if (assignment_changed(g))
		leave(co);
	else if (g->waits && g->first_id == 0)
		ask_again(co);
	if (g->first_id != 0 && weir_now() >= g->leave_by && !co->stop.stopping &&
		co->outcome == WEIR_OUTCOME_NONE)
		co->outcome = WEIR_OUTCOME_REGROUP;
}

int64
weir_group_due(const WeirCoordinator *co)
{
	const WeirServerGroup *g = co->group;
	int64		due;

	if (g == NULL)
		return PG_INT64_MAX;
	due = weir_now() + HEAR_EVERY;
	if (g->waits && !g->peers->busy)
		due = Min(due, g->ask_at);
	if (g->first_id != 0)
		due = Min(due, g->leave_by);
	return due;
}

/* The peers' answers, while they are asked; the membership is heard every second then. */
pgsocket
weir_group_wait(const WeirCoordinator *co, int *events)
{
	const WeirServerGroup *g = co->group;
	long		timeout;

	*events = WL_SOCKET_READABLE;
	if (g == NULL)
		return PGINVALID_SOCKET;
	if (g->peers->busy)
		return weir_peers_wait(g->peers, events, &timeout);
	return g->ops->membership->wait(g->membership);
}

void
weir_group_checkpoint_ended(WeirCoordinator *co, int64 checkpoint)
{
	const WeirServerGroup *g = co->group;

	if (g != NULL && g->first_id != 0 && checkpoint >= g->first_id && !co->stop.stopping &&
		co->outcome == WEIR_OUTCOME_NONE)
		co->outcome = WEIR_OUTCOME_REGROUP;
}

bool
weir_group_holds(WeirCoordinator *co)
{
	const WeirServerGroup *g = co->group;

	if (g == NULL || weir_partitions_hold(co->job->id, g->nread, g->read, g->epochs))
		return true;
	weir_coordinator_end(co, false);
	co->outcome = WEIR_OUTCOME_REGROUP;
	return false;
}
