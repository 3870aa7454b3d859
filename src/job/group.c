/*
 * job/group.c
 *		A job whose stream several servers share: what goes before an attempt.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_control.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "decide/keygroup.h"
#include "graph/kinds/source.h"
#include "job/group.h"

#define ROUNDS			50			/* of asking, before an attempt begins with what there is */
#define HEAR_MS			1000
#define FIRST_PAUSE		USECS_PER_SEC

/* ---- as the job's owner ---- */

static char *
default_member(void)
{
	return psprintf(UINT64_FORMAT ".%u", GetSystemIdentifier(), MyDatabaseId);
}

/* Whose name has partitions keeps it. */
static char *
choose_member(WeirCoordinator *co, const WeirGroupOptions *options)
{
	char	   *group;
	char	   *member;
	bool		known = weir_group_get(co->job->id, &group, &member);

	if (known && weir_partitions(co->job->id) != NIL &&
		(strcmp(group, options->group) != 0 || (options->member && strcmp(member, options->member) != 0)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job \"%s\" has partitions as member \"%s\" of group \"%s\"",
						co->job->name, member, group),
				 errdetail("Options group and member now say \"%s\" of \"%s\".",
						   options->member ? options->member : member, options->group),
				 errhint("Set them to what they were. To leave a group, drop the job and create it anew.")));
	if (options->member)
		return pstrdup(options->member);
	return known ? member : default_member();
}

static void
require_no_group(WeirCoordinator *co)
{
	char	   *group;
	char	   *member;

	if (!weir_group_get(co->job->id, &group, &member) || weir_partitions(co->job->id) == NIL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("job \"%s\" is of group \"%s\", and the server of its stream is not", co->job->name, group),
			 errhint("Set option group of the server again. To leave a group, drop the job and create it anew.")));
}

/* State that is not by partition could not be told from what other servers have. */
static void
require_no_state(WeirCoordinator *co, const char *group)
{
	if (co->start.restore == 0 || weir_group_is_of(co->job->id))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("job \"%s\" has state from before its stream's server was in group \"%s\"",
					co->job->name, group),
			 errhint("Drop the job and create it anew to share its stream with other servers.")));
}

static bool
equal_texts(List *a, List *b)
{
	ListCell   *lca;
	ListCell   *lcb;

	if (list_length(a) != list_length(b))
		return false;
	forboth(lca, a, lcb, b)
	{
		if (strcmp(lfirst(lca), lfirst(lcb)) != 0)
			return false;
	}
	return true;
}

static List *
copy_texts(List *texts)
{
	List	   *copy = NIL;
	ListCell   *lc;

	foreach(lc, texts)
		copy = lappend(copy, pstrdup(lfirst(lc)));
	return copy;
}

/* Servers may be added to the group, and leave it. */
static void
set_peers(WeirServerGroup *g, List *conninfos)
{
	MemoryContext old;

	if (g->peers && equal_texts(g->peers_by, conninfos))
		return;
	if (g->peers_context)
		MemoryContextDelete(g->peers_context);
	g->peers_context = AllocSetContextCreate(g->context, "weir group peers", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(g->peers_context);
	g->peers_by = copy_texts(conninfos);
	g->peers = weir_peers_create(g->peers_by);
	g->verified = false;
	MemoryContextSwitchTo(old);
}

static void
create(WeirCoordinator *co, const WeirNode *source, const WeirGroupOptions *options)
{
	WeirServerGroup  *g;
	MemoryContext context = AllocSetContextCreate(co->context, "weir group", ALLOCSET_SMALL_SIZES);
	char	   *member = choose_member(co, options);
	MemoryContext old = MemoryContextSwitchTo(context);
	WeirStream *stream;

	g = palloc0(sizeof(WeirServerGroup));
	g->context = context;
	g->stream = weir_source_plan(source)->stream;
	g->source = source->number;
	g->ops = weir_source_of(g->stream);
	g->name = pstrdup(options->group);
	g->member = pstrdup(member);
	set_peers(g, options->peers);
	g->rows_context = AllocSetContextCreate(context, "weir group rows", ALLOCSET_SMALL_SIZES);
	g->pause = FIRST_PAUSE;
	stream = weir_stream_get(g->stream);
	g->membership = g->ops->membership->join(stream, co->job->name, g->member);
	co->group = g;
	MemoryContextSwitchTo(old);
}

/* What it was made of may be others since: its member joins again. */
void
weir_group_open(WeirCoordinator *co, const WeirGraph *graph)
{
	WeirGroupOptions options;
	const WeirNode *source = weir_group_source(co->job, graph, &options);

	if (source == NULL)
	{
		require_no_group(co);
		return;
	}
	require_no_state(co, options.group);
	if (co->group == NULL)
		create(co, source, &options);
	else
		set_peers(co->group, options.peers);
	weir_group_set(co->job->id, co->group->name, co->group->member);
}

/* ---- before an attempt ---- */

/* Is the attempt not to be? */
static bool
gives_up(WeirCoordinator *co)
{
	static const WeirFailure terminated = {.sqlstate = ERRCODE_ADMIN_SHUTDOWN,
	.message = "the job's coordinator was terminated"};

	weir_requests_take(co);
	if (ShutdownRequestPending)
		weir_coordinator_fail(co, WEIR_OUTCOME_FAILED, &terminated);
	else if (weir_stop_ends_job(&co->stop))
		co->outcome = WEIR_OUTCOME_CANCELLED;
	return co->outcome != WEIR_OUTCOME_NONE;
}

static void
wait_on(WeirCoordinator *co, pgsocket socket, int events, long timeout)
{
	(void) WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | events,
							 socket, timeout, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	co->group->ops->membership->hear(co->group->membership);
}

static void
say_waits(WeirCoordinator *co, const char *trouble)
{
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	weir_slot_waits(co->slot, "group \"%s\" has not said yet which partitions it is to read%s%s",
					co->group->name, trouble ? ": " : "", trouble ? trouble : "");
	LWLockRelease(weir_registry->lock);
	if (trouble)
		weir_slot_say(co->slot);
}

static bool
wait_for_assignment(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;
	const WeirMembershipOps *ops = g->ops->membership;

	ops->hear(g->membership);
	while (!ops->is_known(g->membership))
	{
		say_waits(co, ops->trouble(g->membership));
		if (gives_up(co))
			return false;
		wait_on(co, ops->wait(g->membership), WL_SOCKET_READABLE, HEAR_MS);
	}
	LWLockAcquire(weir_registry->lock, LW_EXCLUSIVE);
	weir_slot_goes_on(co->slot);
	LWLockRelease(weir_registry->lock);
	return true;
}

static bool
ask_peers(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;
	int			events;
	long		timeout;
	pgsocket	socket;

	weir_peers_ask(g->peers, co->job->name, g->name);
	while (!weir_peers_advance(g->peers))
	{
		if (gives_up(co))
			return false;
		socket = weir_peers_wait(g->peers, &events, &timeout);
		wait_on(co, socket, socket == PGINVALID_SOCKET ? 0 : events, timeout);
	}
	return true;
}

/* Takes what can be had. */
static bool
gather(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;
	WeirActed	acted = {.again = true};

	weir_group_read_rows(co);
	for (int i = 0; acted.again && i < ROUNDS && (!g->verified || weir_group_must_ask(co)); i++)
	{
		if (!ask_peers(co))
			return false;
		acted = weir_group_act(co);
		g->verified = true;
		weir_group_read_rows(co);
	}
	g->waits = acted.waits || (acted.again && weir_group_must_ask(co));
	g->ask_at = weir_now() + g->pause;
	return true;
}

static void
check_assigned(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;

	if (g->nassigned == 0 || g->assigned[g->nassigned - 1] < co->job->max_parallelism)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the topic has more partitions than job \"%s\" has key groups", co->job->name),
			 errdetail("There is a partition %d, and max_parallelism is %d.",
					   g->assigned[g->nassigned - 1], co->job->max_parallelism),
			 errhint("Drop the job and create it anew with a max_parallelism of at least the topic's partitions.")));
}

static void
note_assigned(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;
	MemoryContext old = MemoryContextSwitchTo(g->context);
	const int32 *assigned;
	int			n = g->ops->membership->assigned(g->membership, &assigned);

	if (g->assigned)
	{
		pfree(g->assigned);
		pfree(g->read);
		pfree(g->epochs);
	}
	g->nassigned = n;
	g->assigned = palloc(sizeof(int32) * Max(n, 1));
	memcpy(g->assigned, assigned, sizeof(int32) * n);
	g->nread = 0;
	g->read = palloc(sizeof(int32) * Max(n, 1));
	g->epochs = palloc(sizeof(int64) * Max(n, 1));
	list_free(g->owned);
	g->owned = NIL;
	g->first_id = 0;
	MemoryContextSwitchTo(old);
}

static bool
is_assigned(const WeirServerGroup *g, int partition)
{
	for (int i = 0; i < g->nassigned; i++)
	{
		if (g->assigned[i] == partition)
			return true;
	}
	return false;
}

static void
note_owned(WeirServerGroup *g, int partition)
{
	MemoryContext old = MemoryContextSwitchTo(g->context);

	g->owned = lappend_int(g->owned, partition);
	MemoryContextSwitchTo(old);
}

/* What is owned and assigned is read. */
static void
choose_read(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;
	List	   *read = NIL;
	ListCell   *lc;

	weir_coordinator_begin(co);
	foreach(lc, weir_partitions(co->job->id))
	{
		const WeirPartition *row = lfirst(lc);

		if (row->state == WEIR_OWNED_GIVEN && g->source < co->start.npositions)
			g->ops->membership->without(&co->start.positions[g->source], row->partition);
		if (row->state != WEIR_OWNED_OWNED || !row->certain)
			continue;
		note_owned(g, row->partition);
		if (!is_assigned(g, row->partition))
			continue;
		g->read[g->nread] = row->partition;
		g->epochs[g->nread++] = row->epoch;
		read = lappend_int(read, row->partition);
	}
	weir_partitions_set_reading(co->job->id, read);
	weir_coordinator_end(co, true);
}

bool
weir_group_settle(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;

	if (g == NULL)
		return true;
	g->ops->membership->release(g->membership);
	if (!wait_for_assignment(co))
		return false;
	note_assigned(co);
	check_assigned(co);
	if (!gather(co))
		return false;
	choose_read(co);
	return true;
}

long
weir_group_idle(WeirCoordinator *co, long left)
{
	WeirServerGroup  *g = co->group;

	if (g == NULL)
		return left;
	g->ops->membership->hear(g->membership);
	g->ops->membership->release(g->membership);
	return Min(left, HEAR_MS);
}

static void
set_bit(uint8 *bits, int bit)
{
	bits[bit / 8] |= (uint8) (1 << bit % 8);
}

/* State is loaded of what is owned, read or not: it stays in the checkpoints until it is given. */
void
weir_group_fill(const WeirCoordinator *co, WeirAttempt *attempt)
{
	const WeirServerGroup *g = co->group;
	ListCell   *lc;

	attempt->grouped = g != NULL;
	if (g == NULL)
		return;
	for (int i = 0; i < g->nread; i++)
		set_bit(attempt->read, g->read[i]);
	foreach(lc, g->owned)
		set_bit(attempt->owned, lfirst_int(lc));
}
