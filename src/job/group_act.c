/*
 * job/group_act.c
 *		Carries out what decide/ownership.h says of each partition, by the rows
 *		here and the answers of the peers.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "job/group.h"
#include "job/remote_call.h"

/* What was decided of one partition, by the row as it was then. */
typedef struct Decided
{
	int			partition;
	bool		wanted;
	WeirPartition row;
	WeirClaim	own;
	WeirOwnership what;
	char	   *who;			/* for people: the server that it is about */
} Decided;

/* A server as a number, by the name that it has in the group; NULL: nobody. */
static int
number_of(const WeirServerGroup *g, const char *member)
{
	int			peer;

	if (member == NULL)
		return WEIR_SERVER_NOBODY;
	if (strcmp(member, g->member) == 0)
		return WEIR_SERVER_SELF;
	peer = weir_peer_by_member(g->peers, member);
	return peer >= 0 ? peer : WEIR_SERVER_UNKNOWN;
}

static WeirClaim
claim_of(const WeirServerGroup *g, const WeirPartition *row)
{
	WeirClaim	claim = {WEIR_OWNED_NONE, 0, WEIR_SERVER_NOBODY, false, WEIR_SERVER_NOBODY, true};

	if (row == NULL)
		return claim;
	claim.state = row->state;
	claim.epoch = row->state != WEIR_OWNED_NONE ? row->epoch : 0;
	claim.to = number_of(g, row->to);
	claim.taking = row->taking;
	claim.from = number_of(g, row->from);
	claim.certain = row->certain;
	return claim;
}

/* Those that the other servers tell of a partition, in CurrentMemoryContext. */
static WeirAnswer *
answers_of(const WeirServerGroup *g, int partition)
{
	WeirAnswer *answers = palloc0(sizeof(WeirAnswer) * Max(g->peers->n, 1));

	for (int i = 0; i < g->peers->n; i++)
	{
		answers[i].known = g->peers->peers[i].known;
		answers[i].claim = claim_of(g, weir_peer_partition(&g->peers->peers[i], partition));
	}
	return answers;
}

/* For people.  One that is none of the peers is known by what rows call it. */
static char *
name_of(const WeirServerGroup *g, const Decided *d)
{
	const WeirServer *peer;

	if (d->what.server >= 0)
	{
		peer = &g->peers->peers[d->what.server];
		if (peer->known)
			return psprintf("%s (%s)", peer->member ? peer->member : "no member yet", peer->info->place);
		return psprintf("%s (%s), which cannot be asked: %s", peer->member ? peer->member : "a server",
						peer->info->place, peer->why ? peer->why : "it was not");
	}
	if (d->row.taking && d->row.from)
		return psprintf("%s, which is none of the peers", d->row.from);
	if (d->row.to)
		return psprintf("%s, which is none of the peers", d->row.to);
	return pstrdup("a server that is none of the peers");
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

static Decided *
decide(const WeirServerGroup *g, int partition, const WeirPartition *row)
{
	Decided    *d = palloc0(sizeof(Decided));

	d->partition = partition;
	d->wanted = is_assigned(g, partition);
	if (row)
		d->row = *row;
	d->row.partition = partition;
	d->row.certain = row == NULL || row->certain;
	d->own = claim_of(g, &d->row);
	d->what = weir_ownership_next(&d->own, d->wanted, answers_of(g, partition), g->peers->n);
	d->who = name_of(g, d);
	return d;
}

static const WeirPartition *
find_row(List *rows, int partition)
{
	ListCell   *lc;

	foreach(lc, rows)
	{
		const WeirPartition *row = lfirst(lc);

		if (row->partition == partition)
			return row;
	}
	return NULL;
}

/* The highest partition that anybody knows of. */
static int
last_partition(const WeirServerGroup *g, List *rows)
{
	int			last = g->nassigned > 0 ? g->assigned[g->nassigned - 1] : -1;
	ListCell   *lc;

	foreach(lc, rows)
		last = Max(last, ((WeirPartition *) lfirst(lc))->partition);
	for (int i = 0; i < g->peers->n; i++)
	{
		foreach(lc, g->peers->peers[i].rows)
			last = Max(last, ((WeirPartition *) lfirst(lc))->partition);
	}
	return last;
}

/* What is written down here, before the others are asked. */
void
weir_group_read_rows(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;
	MemoryContext old;

	MemoryContextReset(g->rows_context);
	weir_coordinator_begin(co);
	old = MemoryContextSwitchTo(g->rows_context);
	g->rows = weir_partitions(co->job->id);
	MemoryContextSwitchTo(old);
	weir_coordinator_end(co, false);
}

/* Of every partition; in the context of the question, which outlives it. */
static List *
decide_all(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;
	MemoryContext old = MemoryContextSwitchTo(g->peers->asking);
	List	   *decided = NIL;
	int			last;

	last = Min(last_partition(g, g->rows), co->job->max_parallelism - 1);
	for (int p = 0; p <= last; p++)
		decided = lappend(decided, decide(g, p, find_row(g->rows, p)));
	MemoryContextSwitchTo(old);
	return decided;
}

/* ---- rows here ---- */

static bool
is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The row as it was when that was decided, locked; NULL: another has changed it. */
static WeirPartition *
lock_row(WeirCoordinator *co, const Decided *d)
{
	WeirPartition *row = weir_partition_lock(co->job->id, d->partition);

	if (row->state != d->row.state || row->epoch != d->row.epoch || row->taking != d->row.taking ||
		row->certain != d->row.certain || !is_same_text(row->to, d->row.to) ||
		!is_same_text(row->from, d->row.from))
		return NULL;
	return row;
}

static char *
member_of(const WeirServerGroup *g, int server)
{
	return server >= 0 ? g->peers->peers[server].member : NULL;
}

/* False: there is nothing more to be written of it. */
static bool
change_row(const WeirCoordinator *co, WeirPartition *row, const Decided *d)
{
	const WeirServerGroup *g = co->group;

	row->waits_for = NULL;
	switch (d->what.kind)
	{
		case WEIR_OWNERSHIP_CONFIRM:
			row->certain = true;
			return true;
		case WEIR_OWNERSHIP_LOSE:
			row->certain = true;
			weir_group_give(co->job, row, member_of(g, d->what.server));
			return false;
		case WEIR_OWNERSHIP_CLAIM:
			row->taking = true;
			row->from = member_of(g, d->what.server);
			return true;
		case WEIR_OWNERSHIP_RETRACT:
			row->taking = false;
			row->from = NULL;
			row->certain = true;
			return true;
		case WEIR_OWNERSHIP_BEGIN:
			row->state = WEIR_OWNED_OWNED;
			row->epoch = 1;
			row->taking = false;
			row->certain = true;
			return true;
		case WEIR_OWNERSHIP_WAIT:
			row->waits_for = d->wanted || d->row.state == WEIR_OWNED_OWNED ? d->who : NULL;
			return !is_same_text(row->waits_for, d->row.waits_for);
		default:
			return d->row.waits_for != NULL;
	}
}

/* All rows here in one transaction.  True: something other than a wait. */
static bool
change_rows(WeirCoordinator *co, List *decided)
{
	bool		changed = false;
	ListCell   *lc;

	weir_coordinator_begin(co);
	weir_coordinator_limit_waits(co);
	foreach(lc, decided)
	{
		const Decided *d = lfirst(lc);
		bool		acts = d->what.kind != WEIR_OWNERSHIP_NOTHING && d->what.kind != WEIR_OWNERSHIP_WAIT;
		WeirPartition *row;

		if (d->what.kind == WEIR_OWNERSHIP_TAKE || d->what.kind == WEIR_OWNERSHIP_CLEAR ||
			(!acts && d->what.kind == WEIR_OWNERSHIP_NOTHING && d->row.waits_for == NULL))
			continue;
		row = lock_row(co, d);
		changed = changed || acts;
		if (row && change_row(co, row, d))
			weir_partition_put(co->job->id, row);
	}
	weir_coordinator_end(co, true);
	return changed;
}

/* ---- there ---- */

static void
note_wait(WeirCoordinator *co, const Decided *d, const char *why)
{
	WeirPartition *row;

	weir_coordinator_begin(co);
	row = weir_partition_lock(co->job->id, d->partition);
	row->waits_for = psprintf("%s: %s", d->who, why);
	weir_partition_put(co->job->id, row);
	weir_coordinator_end(co, true);
}

static void
say_taken(WeirCoordinator *co, const Decided *d)
{
	ereport(LOG,
			(errmsg("job \"%s\" has taken partition %d from %s", co->job->name, d->partition, d->who),
			 errhidestmt(true)));
}

/* True: ask again. */
static bool
take(WeirCoordinator *co, const Decided *d)
{
	char	   *why = NULL;

	if (!weir_group_can_take(co))
	{
		note_wait(co, d, "taken when this job has completed a checkpoint");
		return false;
	}
	if (weir_group_take_over(co, &co->group->peers->peers[d->what.server], d->partition, &why))
	{
		say_taken(co, d);
		return true;
	}
	if (why)
		note_wait(co, d, why);
	return why == NULL;
}

static bool
clear(WeirCoordinator *co, const Decided *d)
{
	char	   *why;

	if (weir_call_clear(&co->group->peers->peers[d->what.server], co->job->name, co->group->name,
						d->partition, &why))
		return true;
	note_wait(co, d, why);
	return false;
}

WeirActed
weir_group_act(WeirCoordinator *co)
{
	List	   *decided = decide_all(co);
	WeirActed	acted = {.again = change_rows(co, decided)};
	ListCell   *lc;

	foreach(lc, decided)
	{
		const Decided *d = lfirst(lc);

		if (d->what.kind == WEIR_OWNERSHIP_TAKE)
			acted.again = take(co, d) || acted.again;
		else if (d->what.kind == WEIR_OWNERSHIP_CLEAR)
			acted.again = clear(co, d) || acted.again;
		acted.waits = acted.waits || d->what.kind == WEIR_OWNERSHIP_WAIT ||
			d->what.kind == WEIR_OWNERSHIP_TAKE || d->what.kind == WEIR_OWNERSHIP_CLEAR;
	}
	return acted;
}

bool
weir_group_could_act(WeirCoordinator *co)
{
	List	   *decided = decide_all(co);
	ListCell   *lc;

	foreach(lc, decided)
	{
		const Decided *d = lfirst(lc);

		if (d->what.kind != WEIR_OWNERSHIP_NOTHING && d->what.kind != WEIR_OWNERSHIP_WAIT &&
			(d->what.kind != WEIR_OWNERSHIP_TAKE || weir_group_can_take(co)))
			return true;
	}
	(void) change_rows(co, decided);
	return false;
}

bool
weir_group_must_ask(WeirCoordinator *co)
{
	WeirServerGroup  *g = co->group;
	ListCell   *lc;

	foreach(lc, g->rows)
	{
		const WeirPartition *row = lfirst(lc);
		WeirClaim	own = claim_of(g, row);

		if (weir_ownership_must_ask(&own, is_assigned(g, row->partition)))
			return true;
	}
	for (int i = 0; i < g->nassigned; i++)
	{
		if (find_row(g->rows, g->assigned[i]) == NULL)
			return true;
	}
	return false;
}
