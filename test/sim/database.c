/*
 * database.c
 *		The database of the model: what is committed, prepared and open, and
 *		what a crash leaves of it.
 *
 * A commit that is not synced may be lost, together with all such commits
 * behind it; a synced one takes those before it along.  "safe" is the state up
 * to a random place among the commits that are not synced yet.
 */
#include <stddef.h>
#include <string.h>

#include "decide/recovery.h"
#include "sim.h"

/* Of the arrays, what the counts tell is in them. */
static void
copy(Database *to, const Database *from)
{
	memcpy(to, from, offsetof(Database, prepared));
	memcpy(to->prepared, from->prepared, (size_t) from->nprepared * sizeof(PreparedTransaction));
	memcpy(to->completed, from->completed, (size_t) from->ncompleted * sizeof(Completed));
	memcpy(to->kept, from->kept, (size_t) from->nkept * sizeof(Kept));
	memcpy(to->markers, from->markers, (size_t) from->nmarkers * sizeof(Marker));
	memcpy(to->chunks, from->chunks, (size_t) from->nchunks * sizeof(Chunk));
}

/* Call it before the change. */
void
db_commit_async(World *w)
{
	if (w->unsynced && below(w, 4) != 0)
		return;
	copy(&w->safe, &w->db);
	w->unsynced = true;
}

void
db_commit_sync(World *w)
{
	w->unsynced = false;
}

/* Open transactions are gone with their processes. */
static void
abort_open(World *w)
{
	int			slot;

	for (slot = 0; slot < 2 * MAX_TASKS; slot++)
		db_abort(w, OPEN(slot));
}

void
db_lose(World *w)
{
	if (w->unsynced)
		copy(&w->db, &w->safe);
	w->unsynced = false;
	abort_open(w);
}

void
db_power_cut(World *w)
{
	int			s;

	db_lose(w);
	for (s = 0; s < w->graph.nsources; s++)
		w->sender[s].ack = 0;
}

void
db_add_chunk(World *w, const Chunk *chunk)
{
	Database   *db = &w->db;

	if (db->nchunks == MAX_CHUNKS)
	{
		give_up(w);
		return;
	}
	db->chunks[db->nchunks++] = *chunk;
}

void
db_delete_chunks(World *w, bool (*condemned) (World *w, const Chunk *c, int arg), int arg)
{
	Database   *db = &w->db;
	int			kept = 0;
	int			i;

	for (i = 0; i < db->nchunks; i++)
	{
		if (condemned(w, &db->chunks[i], arg))
			continue;
		if (kept != i)
			db->chunks[kept] = db->chunks[i];
		kept++;
	}
	db->nchunks = kept;
}

void
db_add_marker(World *w, int attempt, int checkpoint, int task, int owner)
{
	Database   *db = &w->db;
	Marker	   *m;

	if (db->nmarkers == MAX_MARKERS)
	{
		give_up(w);
		return;
	}
	m = &db->markers[db->nmarkers++];
	m->attempt = (int16_t) attempt;
	m->checkpoint = (int16_t) checkpoint;
	m->task = (int8_t) task;
	m->owner = (uint8_t) owner;
}

/* The marker that this open transaction holds. */
void
db_delete_marker(World *w, int attempt, int task, int owner)
{
	Database   *db = &w->db;
	int			i;

	for (i = 0; i < db->nmarkers; i++)
	{
		const Marker *m = &db->markers[i];

		if (m->attempt == attempt && m->task == task && m->owner == owner)
		{
			db->markers[i] = db->markers[--db->nmarkers];
			return;
		}
	}
}

static void
forget_markers(World *w, int attempt, int checkpoint)
{
	Database   *db = &w->db;
	int			i = 0;

	while (i < db->nmarkers)
	{
		const Marker *m = &db->markers[i];

		if (m->attempt == attempt && m->checkpoint == checkpoint && m->owner == COMMITTED)
			db->markers[i] = db->markers[--db->nmarkers];
		else
			i++;
	}
}

/* Completed rows that neither retention nor a name keeps, with their markers. */
void
db_forget_completed(World *w, int from)
{
	Database   *db = &w->db;
	int			kept = 0;
	int			i;

	for (i = 0; i < db->ncompleted; i++)
	{
		const Completed *row = &db->completed[i];

		if (!row->savepoint && row->checkpoint < from)
			forget_markers(w, row->attempt, row->checkpoint);
		else
			db->completed[kept++] = *row;
	}
	db->ncompleted = kept;
}

static void
change_owner(World *w, int from, int to)
{
	Database   *db = &w->db;
	int			i;

	for (i = 0; i < db->nchunks; i++)
	{
		if (db->chunks[i].owner == from)
			db->chunks[i].owner = (uint8_t) to;
	}
	for (i = 0; i < db->nkept; i++)
	{
		if (db->kept[i].owner == from)
			db->kept[i].owner = (uint8_t) to;
	}
	for (i = 0; i < db->nmarkers; i++)
	{
		if (db->markers[i].owner == from)
			db->markers[i].owner = (uint8_t) to;
	}
}

void
db_commit(World *w, int owner, int sink, Output *output)
{
	int			i;

	if (output != NULL)
	{
		check_visible(w, sink, output);
		for (i = 0; i < MAX_LANES; i++)
			w->db.visible[sink][i] |= output->rows[i];
		memset(output, 0, sizeof(*output));
	}
	change_owner(w, owner, COMMITTED);
	db_commit_sync(w);
}

static bool
is_owned_by(World *w, const Chunk *c, int owner)
{
	(void) w;
	return c->owner == owner;
}

static bool
keeps_owner(World *w, const Kept *k, int owner)
{
	(void) w;
	return k->owner == owner;
}

void
db_abort(World *w, int owner)
{
	Database   *db = &w->db;
	int			i = 0;

	db_delete_chunks(w, is_owned_by, owner);
	drop_kept(w, keeps_owner, owner);
	while (i < db->nmarkers)
	{
		if (db->markers[i].owner == owner)
			db->markers[i] = db->markers[--db->nmarkers];
		else
			i++;
	}
}

static int
free_owner(const Database *db)
{
	int			owner;
	int			i;

	for (owner = PREPARED(0);; owner++)
	{
		for (i = 0; i < db->nprepared && db->prepared[i].owner != owner; i++)
			;
		if (i == db->nprepared)
			return owner;
	}
}

/* PREPARE TRANSACTION of a task's epoch. */
void
db_prepare(World *w, Task *t, int checkpoint)
{
	Database   *db = &w->db;
	PreparedTransaction *p;
	WeirGid		gid;
	int			attempt = attempt_of(w, t)->id;

	if (db->nprepared == MAX_PREPARED)
	{
		give_up(w);
		return;
	}
	gid_of(&gid, attempt, checkpoint, t->index);
	p = &db->prepared[db->nprepared];
	weir_gid_format(p->name, &gid);
	p->sink = t->sink;
	p->attempt = (int16_t) attempt;
	p->checkpoint = (int16_t) checkpoint;
	p->owner = (uint8_t) free_owner(db);
	db->nprepared++;
	p->output = t->output;
	memset(&t->output, 0, sizeof(t->output));
	change_owner(w, OPEN(t->slot), p->owner);
	db_commit_sync(w);
}

int
db_find_prepared(const World *w, const char *name)
{
	int			i;

	for (i = 0; i < w->db.nprepared; i++)
	{
		if (strcmp(w->db.prepared[i].name, name) == 0)
			return i;
	}
	return -1;
}

void
db_finish_prepared(World *w, int i, bool commit)
{
	Database   *db = &w->db;
	PreparedTransaction p = db->prepared[i];

	TRACE(w, "%s %s", commit ? "COMMIT PREPARED" : "ROLLBACK PREPARED", p.name);
	db->prepared[i] = db->prepared[--db->nprepared];
	if (commit)
		db_commit(w, p.owner, p.sink, &p.output);
	else
		db_abort(w, p.owner);
	db_commit_sync(w);
}

const Completed *
db_completed(const World *w, int checkpoint)
{
	int			i;

	for (i = 0; i < w->db.ncompleted; i++)
	{
		if (w->db.completed[i].checkpoint == checkpoint)
			return &w->db.completed[i];
	}
	return NULL;
}

/* The newest of the timeline; NULL if it has none. */
const Completed *
db_newest(const World *w)
{
	const Completed *best = NULL;
	int			i;

	for (i = 0; i < w->db.ncompleted; i++)
	{
		const Completed *row = &w->db.completed[i];

		if (row->timeline == w->db.timeline &&
			(best == NULL || row->checkpoint > best->checkpoint))
			best = row;
	}
	return best;
}

bool
db_is_savepoint(World *w, int checkpoint)
{
	const Completed *row = db_completed(w, checkpoint);
	int			i;

	if (row != NULL)
		return row->savepoint;
	for (i = 0; i < w->co.npending; i++)
	{
		if (w->co.pending[i].checkpoint == checkpoint)
			return w->co.pending[i].named;
	}
	return false;
}

/* The newest full chunk of a group up to a checkpoint; 0: none. */
int
db_base_of(const Database *db, int timeline, int step, int group, int checkpoint)
{
	int			base = 0;
	int			i;

	for (i = 0; i < db->nchunks; i++)
	{
		const Chunk *c = &db->chunks[i];

		if (c->timeline == timeline && c->step == step && c->group == group && c->full &&
			c->owner == COMMITTED && c->checkpoint <= checkpoint && c->checkpoint > base)
			base = c->checkpoint;
	}
	return base;
}

/* Chunks of a group stand in the order of their checkpoints. */
void
db_read(World *w, int step, int timeline, int checkpoint, uint8_t groups,
		uint8_t count[KEYS][MAX_LANES])
{
	const Database *db = &w->db;
	int			base[MAX_GROUPS];
	int			g;
	int			i;
	int			k;

	for (g = 0; g < w->groups; g++)
		base[g] = db_base_of(db, timeline, step, g, checkpoint);
	memset(count, 0, KEYS * MAX_LANES);
	for (i = 0; i < db->nchunks; i++)
	{
		const Chunk *c = &db->chunks[i];

		if (c->owner != COMMITTED || c->timeline != timeline || c->step != step ||
			c->checkpoint > checkpoint ||
			!(groups >> c->group & 1) || c->checkpoint < base[c->group])
			continue;
		for (k = 0; k < KEYS; k++)
		{
			if (c->keys >> k & 1)
				memcpy(count[k], c->count[k], MAX_LANES);
		}
	}
}
