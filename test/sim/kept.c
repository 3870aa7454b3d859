/*
 * kept.c
 *		Rows that a barrier passed: kept with its checkpoint, fed first by who
 *		restores it, and until then not in what is visible.
 */
#include <string.h>

#include "decide/keygroup.h"
#include "sim.h"

/* ---- the database ---- */

static void
add_kept(World *w, const Task *t, int checkpoint, const Message *row, int node)
{
	Database   *db = &w->db;
	Kept	   *k = &db->kept[db->nkept];

	if (db->nkept == MAX_KEPT)
	{
		give_up(w);
		return;
	}
	k->checkpoint = (int16_t) checkpoint;
	k->owner = OPEN(t->slot);
	k->row = *row;
	k->row.node = (uint8_t) node;
	db->nkept++;
	w->events[E_KEPT]++;
	TRACE(w, "task %d: keeps record %d, lane %d of node %d with %d", t->index, row->index,
		  row->lane, node, checkpoint);
}

/* Their order stays. */
void
drop_kept(World *w, bool (*condemned) (World *w, const Kept *k, int arg), int arg)
{
	Database   *db = &w->db;
	int			kept = 0;
	int			i;

	for (i = 0; i < db->nkept; i++)
	{
		if (!condemned(w, &db->kept[i], arg))
			db->kept[kept++] = db->kept[i];
	}
	db->nkept = kept;
}

/* ---- a task ---- */

/* Where the barrier stands in a channel; -1: not there. */
static int
find_barrier(const Ring *r, int checkpoint)
{
	int			i;

	for (i = 0; i < r->n; i++)
	{
		const Message *m = &r->m[(r->first + i) % RING];

		if (m->kind == M_BARRIER && m->checkpoint == checkpoint)
			return i;
	}
	return -1;
}

static void
keep_input(World *w, Task *t, const Ring *r, int checkpoint)
{
	int			end = mutant == MUTANT_PASSED_BEHIND ? r->n : find_barrier(r, checkpoint);
	int			i;

	for (i = 0; i < end; i++)
	{
		Message		m = r->m[(r->first + i) % RING];

		if (m.kind != M_ROW)
			continue;
		time_keep(t, &m);
		add_kept(w, t, checkpoint, &m, t->node);
	}
}

/* What it was restored with and has not worked off, then what waits in its inputs. */
void
keep_rows(World *w, Task *t, int checkpoint)
{
	int			i;

	w->events[E_OVERTOOK]++;
	for (i = t->next_restored; i < t->nrestored && mutant != MUTANT_RESTORED_LOST; i++)
		add_kept(w, t, checkpoint, &t->restored[i], t->restored[i].node);
	for (i = 0; i < t->nin && mutant != MUTANT_PASSED_LOST; i++)
		keep_input(w, t, &attempt_of(w, t)->channels[t->in[i]], checkpoint);
}

static bool
owns_row(World *w, const Task *t, const Message *row)
{
	const Attempt *a = attempt_of(w, (Task *) t);
	int			source = w->graph.nodes[row->node].lane[row->lane];
	int			width = w->width[t->node];
	int			owner = weir_group_task(group_at(w, t->node, w->key[source][row->index]), width,
										w->groups);

	if (mutant == MUTANT_PASSED_ANYWHERE)
		owner = row->index % width;
	return owner == weir_task_subtask(&a->topology, t->index);
}

static void
restore_node(World *w, Task *t, int node)
{
	const Attempt *a = attempt_of(w, t);
	int			i;

	for (i = 0; i < w->db.nkept; i++)
	{
		const Kept *k = &w->db.kept[i];

		if (k->checkpoint != a->restore || k->owner != COMMITTED || k->row.node != node ||
			!owns_row(w, t, &k->row))
			continue;
		if (t->nrestored + 2 > MAX_RESTORED)
		{
			give_up(w);
			return;
		}
		t->restored[t->nrestored++] = k->row;
		if (mutant == MUTANT_PASSED_TWICE)
			t->restored[t->nrestored++] = k->row;
		TRACE(w, "task %d: is to work off record %d, lane %d of node %d", t->index, k->row.index,
			  k->row.lane, node);
	}
}

/* Those of a sink that now runs in the tasks of the node before it stand before that node's. */
void
restore_rows(World *w, Task *t)
{
	Attempt    *a = attempt_of(w, t);
	int			sink = a->sink[weir_task_stage(&a->topology, t->index)];

	if (a->restore == 0)
		return;
	if (sink != MAX_NODES && sink != t->node)
		restore_node(w, t, sink);
	restore_node(w, t, t->node);
}

static int64_t
due_of(const World *w, int checkpoint)
{
	if ((w->full[checkpoint] || w->final[checkpoint]) && mutant != MUTANT_SAVEPOINT_OVERTAKES)
		return INT64_MAX;
	return w->triggered[checkpoint] + w->unaligned_after;
}

/* The barriers in each input, whatever stands before them. */
void
look_ahead(World *w, Task *t)
{
	Attempt    *a = attempt_of(w, t);
	int			i;
	int			k;

	for (i = 0; i < t->nin; i++)
	{
		const Ring *r = &a->channels[t->in[i]];

		for (k = 0; k < r->n; k++)
		{
			const Message *m = &r->m[(r->first + k) % RING];

			if (m->kind == M_BARRIER)
				weir_align_announce(t->align, i, m->checkpoint, due_of(w, m->checkpoint));
		}
	}
	weir_align_clock(t->align, w->now);
}

/* ---- what lacks them ---- */

/* A row that was kept is missing at its node, and at all behind it on its way. */
void
find_missing(World *w, int checkpoint, Missing *missing)
{
	Missing		own;
	int			i;
	int			n;

	memset(&own, 0, sizeof(own));
	memset(missing, 0, sizeof(*missing));
	for (i = 0; i < w->db.nkept; i++)
	{
		const Kept *k = &w->db.kept[i];
		uint16_t   *rows = &own.rows[k->row.node][k->row.lane];

		if (k->checkpoint != checkpoint)
			continue;
		if (exactly_once(w) && (*rows >> k->row.index & 1))
			violate(w, "a row is kept once");
		*rows |= (uint16_t) (1 << k->row.index);
	}
	for (n = 0; n < w->graph.nnodes; n++)
	{
		const Node *node = &w->graph.nodes[n];

		for (i = 0; i < node->nlanes; i++)
		{
			uint16_t	before = node->source ? 0 : missing->rows[node->from[i]][node->from_lane[i]];

			if (exactly_once(w) && (before & own.rows[n][i]) != 0)
				violate(w, "a row is kept once on its way");
			missing->rows[n][i] = before | own.rows[n][i];
		}
	}
}
