/*
 * row.c
 *		What a task with input does with a row, and what it keeps of it.
 */
#include <string.h>

#include "sim.h"

static int
source_of(const World *w, const Task *t, const Message *row)
{
	return w->graph.nodes[t->node].lane[row->lane];
}

static void
fail_on_lock(World *w, Task *t, const Message *row)
{
	t->lock_wait = true;
	t->failed_record = source_of(w, t, row) * MAX_RECORDS + row->index;
	TRACE(w, "task %d: waits for a lock too long", t->index);
	task_kill(w, t);
}

static void
write_row(World *w, Task *t, const Message *row)
{
	uint16_t	bit = (uint16_t) (1 << row->index);
	Output	   *out = &t->output;

	if (w->now < w->locked_until)
	{
		fail_on_lock(w, t, row);
		return;
	}
	out->open = true;
	out->repeated = out->repeated || (out->rows[row->lane] & bit);
	out->rows[row->lane] |= bit;
	out->wrong = out->wrong || row->wrong;
	TRACE(w, "task %d: writes row of record %d of source %d, lane %d%s", t->index, row->index,
		  source_of(w, t, row), row->lane, row->wrong ? ", wrong" : "");
}

/* Counts it, and holds the count against the right one. */
static void
count_row(World *w, Task *t, Message *row)
{
	const Attempt *a = attempt_of(w, t);
	int			source = source_of(w, t, row);
	int			key = w->key[source][row->index];
	int			right = w->before[source][row->index + 1][key] -
		w->before[source][a->from[source]][key];
	int			count = ++t->count[key][row->lane];

	t->dirty |= (uint8_t) (1 << key);
	if (exactly_once(w) ? count != right : count < right)
		row->wrong = true;
	TRACE(w, "task %d: record %d of source %d, lane %d, count %d of %d", t->index, row->index,
		  source, row->lane, count, right);
}

void
process_row(World *w, Task *t, Message row)
{
	t->records_in++;
	if (t->is_keyed)
		count_row(w, t, &row);
	send_row(w, t, row);
	if (t->has_sink)
		write_row(w, t, &row);
}

/* A restored row; one of a sink that runs in these tasks now has been through the step. */
void
process_restored(World *w, Task *t)
{
	Message		row = t->restored[t->next_restored++];

	time_of_restored(w, t, &row);

	if (row.node == t->node)
	{
		process_row(w, t, row);
		return;
	}
	t->records_in++;
	write_row(w, t, &row);
}

/* ---- snapshots ---- */

static bool
writes_full(World *w, const Task *t, int checkpoint)
{
	return (attempt_of((World *) w, t)->write_full && !t->completed) || w->full[checkpoint];
}

bool
state_changed(World *w, const Task *t, int checkpoint)
{
	return t->is_keyed && (t->dirty != 0 || writes_full(w, t, checkpoint));
}

uint8_t
keys_of_group(const World *w, int node, int group)
{
	uint8_t		keys = 0;
	int			k;

	for (k = 0; k < KEYS; k++)
	{
		if (group_at(w, node, k) == group)
			keys |= (uint8_t) (1 << k);
	}
	return keys;
}

/* In the task's transaction: what changed since its last snapshot, or the whole group. */
static void
write_chunk(World *w, Task *t, int group, bool full, int checkpoint)
{
	Chunk		chunk;
	uint8_t		keys = keys_of_group(w, t->node, group);

	if (!full && (t->dirty & keys) == 0)
		return;
	full = full || below(w, 4) == 0;
	chunk.checkpoint = (int16_t) checkpoint;
	chunk.timeline = (int8_t) w->db.timeline;
	chunk.step = (int8_t) w->graph.nodes[t->node].step;
	chunk.group = (int8_t) group;
	chunk.owner = OPEN(t->slot);
	chunk.full = full;
	chunk.keys = full ? keys : keys & t->dirty;
	memcpy(chunk.count, t->count, sizeof(chunk.count));
	db_add_chunk(w, &chunk);
}

void
write_state(World *w, Task *t, int checkpoint)
{
	bool		full = writes_full(w, t, checkpoint);
	int			g;

	for (g = 0; g < w->groups && t->is_keyed; g++)
	{
		if (t->owned >> g & 1)
			write_chunk(w, t, g, full, checkpoint);
	}
	t->dirty = 0;
	TRACE(w, "task %d: writes %sstate of %d", t->index, full ? "full " : "", checkpoint);
}
