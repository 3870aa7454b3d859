/*
 * recovery.c
 *		What an attempt begins with: as job/recovery.c, a transaction a step.
 */
#include "sim.h"

bool
lives(const Attempt *a)
{
	int			i;

	for (i = 0; i < a->ntasks; i++)
	{
		if (a->tasks[i].alive)
			return true;
	}
	return false;
}

bool
recovery_wait_gone(World *w)
{
	if (mutant != MUTANT_RESTART_EARLY && (lives(&w->attempts[0]) || lives(&w->attempts[1])))
		return false;
	w->co.state = C_RESOLVE;
	return true;
}

static int
completed_refs(const World *w, WeirCompletedRef *refs)
{
	int			i;

	for (i = 0; i < w->db.ncompleted; i++)
	{
		refs[i].attempt = w->db.completed[i].attempt;
		refs[i].checkpoint = w->db.completed[i].checkpoint;
	}
	return w->db.ncompleted;
}

/* Resolves one prepared transaction, found by its name; false when none is left. */
bool
recovery_resolve_one(World *w)
{
	WeirCompletedRef refs[MAX_COMPLETED];
	WeirGid		gid;
	int			i;

	if (w->db.nprepared == 0)
		return false;
	i = below(w, w->db.nprepared);
	if (fault(w, 16))
		return true;			/* it errs, and is tried again */
	if (!weir_gid_parse(w->db.prepared[i].name, &gid))
		violate(w, "a prepared transaction's name is ours");
	else
		db_finish_prepared(w, i, mutant != MUTANT_DROP_IN_DOUBT &&
						   weir_recovery_commits(&gid, refs, completed_refs(w, refs)));
	return true;
}

static int
listed_gids(const World *w, WeirGid *gids, int limit)
{
	int			n = 0;
	int			i;
	int			t;

	for (i = 0; i < w->db.ncompleted; i++)
	{
		const Completed *row = &w->db.completed[i];

		for (t = 0; t < MAX_TASKS; t++)
		{
			if ((row->listed >> t & 1) && n < limit)
				gid_of(&gids[n++], row->attempt, row->checkpoint, t);
		}
	}
	return n;
}

static void
check_by_hand(World *w)
{
	WeirGid		listed[4 * MAX_COMPLETED];
	WeirGid		markers[MAX_MARKERS];
	WeirCompletedRef refs[MAX_COMPLETED];
	WeirGid		which;
	int			nlisted = listed_gids(w, listed, COUNT(listed));
	int			nmarkers = 0;
	int			i;

	for (i = 0; i < w->db.nmarkers; i++)
	{
		const Marker *m = &w->db.markers[i];

		if (m->owner == COMMITTED)
			gid_of(&markers[nmarkers++], m->attempt, m->checkpoint, m->task);
	}
	if (weir_recovery_by_hand(listed, nlisted, markers, nmarkers, refs, completed_refs(w, refs),
							  &which) != WEIR_BY_HAND_NONE)
		violate(w, "nobody resolved a transaction by hand");
}

static bool
is_newer(World *w, const Chunk *c, int checkpoint)
{
	return c->timeline == w->db.timeline && c->checkpoint > checkpoint && c->owner == COMMITTED;
}

static bool
is_kept_newer(World *w, const Kept *k, int checkpoint)
{
	(void) w;
	return k->checkpoint > checkpoint && k->owner == COMMITTED;
}

static int
choose_target(World *w)
{
	int64_t		ids[MAX_COMPLETED];
	int			n = 0;
	int			i;

	if (mutant == MUTANT_RECOVER_TRIGGERED)
		return w->db.next_checkpoint - 1;
	for (i = 0; i < w->db.ncompleted; i++)
	{
		const Completed *row = &w->db.completed[i];

		if (row->timeline == w->db.timeline || mutant == MUTANT_OTHER_TIMELINE)
			ids[n++] = row->checkpoint;
	}
	return (int) weir_recovery_target(ids, n, w->db.base);
}

/* Markers, what to restore, which ids are free. */
bool
recovery_choose(World *w)
{
	Coordinator *co = &w->co;

	check_by_hand(w);
	co->restore = choose_target(w);
	if (w->db.next_checkpoint > co->next_checkpoint)
		co->next_checkpoint = w->db.next_checkpoint;
	if (mutant == MUTANT_REUSE_ID)
		co->next_checkpoint = co->restore + 1;
	else
	{
		db_delete_chunks(w, is_newer, db_newest(w) != NULL ? co->restore : 0);
		if (db_newest(w) != NULL)
			drop_kept(w, is_kept_newer, co->restore);
	}
	db_commit_sync(w);
	TRACE(w, "coordinator: restores %d, goes on with %d", co->restore, co->next_checkpoint);
	if (co->restore < w->oracle.told)
		violate(w, "what was told complete is not lost");
	co->state = C_START;
	return true;
}
