/*
 * task.c
 *		What all tasks have in common: their begin and end, and their channels.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/keygroup.h"
#include "sim.h"

/* ---- queues ---- */

void
ring_put(Ring *r, Message m)
{
	if (r->n == RING)
	{
		fprintf(stderr, "the model has room for more messages\n");
		abort();
	}
	r->m[(r->first + r->n++) % RING] = m;
}

bool
ring_get(Ring *r, Message *m)
{
	if (r->n == 0)
		return false;
	*m = r->m[r->first];
	r->first = --r->n == 0 ? 0 : (uint8_t) ((r->first + 1) % RING);
	return true;
}

static void
ring_clear(Ring *r)
{
	r->first = r->n = 0;
}

/* ---- begin and end ---- */

static void
add_out(World *w, const Attempt *a, Task *t, int exchange)
{
	const WeirExchange *x = &a->topology.exchanges[exchange];
	const Edge *e = &w->graph.edges[a->edge[exchange]];
	Out		   *o = &t->out[t->nout++];

	o->node = e->to;
	o->width = (uint8_t) a->topology.stages[x->to].parallelism;
	o->first = (uint8_t) (x->first_channel + weir_task_subtask(&a->topology, t->index) * o->width);
	o->first_lane = e->first_lane;
	o->by_key = x->kind == WEIR_BY_KEY;
}

static void
connect_channels(World *w, Attempt *a, Task *t, int stage)
{
	const WeirTopology *topology = &a->topology;
	int			channels[MAX_CHANNELS];
	int			n = weir_task_inputs(topology, t->index, channels);
	int			i;

	for (i = 0; i < n; i++)
		t->in[t->nin++] = (uint8_t) channels[i];
	for (i = 0; i < topology->nexchanges; i++)
	{
		if (topology->exchanges[i].from == stage)
			add_out(w, a, t, i);
	}
	n = weir_task_outputs(topology, t->index, channels);
	for (i = 0; i < n; i++)
	{
		ring_clear(&a->channels[channels[i]]);
		a->said[channels[i]] = 0;
	}
}

void
task_create(World *w, Attempt *a, int index)
{
	Task	   *t = &a->tasks[index];
	int			stage = weir_task_stage(&a->topology, index);
	const WeirStage *s = &a->topology.stages[stage];

	memset(t, 0, offsetof(Task, in));
	ring_clear(&t->control);
	ring_clear(&t->report);
	t->alive = true;
	t->index = (uint8_t) index;
	t->slot = (uint8_t) ((a - w->attempts) * MAX_TASKS + index);
	t->node = a->node[stage];
	t->is_source = s->source;
	t->is_keyed = s->keyed;
	t->has_sink = s->sink;
	t->failed_record = -1;
	if (s->source)
		t->source = (uint8_t) weir_task_number(&a->topology, index);
	if (s->sink)
		t->sink = w->graph.nodes[a->sink[stage]].output;
	connect_channels(w, a, t, stage);
	if (!s->source)
		t->align = weir_align_create(t->nin, exactly_once(w) ? WEIR_ALIGN_EXACTLY_ONCE :
									 WEIR_ALIGN_AT_LEAST_ONCE);
}

void
task_kill(World *w, Task *t)
{
	if (!t->alive)
		return;
	t->alive = false;
	if (t->align != NULL)
		weir_align_destroy(t->align);
	t->align = NULL;
	if (t->watermarks != NULL)
		weir_watermark_merge_destroy(t->watermarks);
	t->watermarks = NULL;
	db_abort(w, OPEN(t->slot));
	t->output.open = false;
}

static void
load(World *w, Task *t)
{
	if (t->is_source)
		source_load(w, t);
	else
		operator_load(w, t);
	t->loaded = true;
	task_report(w, t, M_RUNNING, 0, WEIR_VOTE_ACK);
}

/* ---- what it sends ---- */

void
task_report(World *w, Task *t, MessageKind kind, int checkpoint, WeirVote vote)
{
	Message		m = {0};

	(void) w;
	m.kind = (uint8_t) kind;
	m.checkpoint = (int16_t) checkpoint;
	m.value = (uint8_t) vote;
	m.index = t->position;
	m.ended = t->ended_at_vote;
	ring_put(&t->report, m);
}

/* To each reader, there to the task that owns the group of its key. */
void
send_row(World *w, Task *t, Message row)
{
	Attempt    *a = attempt_of(w, t);
	int			source = w->graph.nodes[t->node].lane[row.lane];
	int			lane = row.lane;
	int			i;

	for (i = 0; i < t->nout; i++)
	{
		const Out  *o = &t->out[i];
		int			to = 0;

		if (o->by_key)
			to = weir_group_task(group_at(w, o->node, w->key[source][row.index]), o->width, w->groups);
		row.lane = (uint8_t) (o->first_lane + lane);
		ring_put(&a->channels[o->first + to], row);
	}
}

static bool
is_left_out(MessageKind kind, int edge)
{
	return edge > 0 && ((mutant == MUTANT_ONE_EDGE_CANCELLED && kind == M_CANCEL) ||
						(mutant == MUTANT_ONE_EDGE_BARRIER && kind == M_BARRIER));
}

/* To all tasks of all readers. */
void
send_all(World *w, Task *t, MessageKind kind, int checkpoint)
{
	Attempt    *a = attempt_of(w, t);
	Message		m = {0};
	int			i;
	int			k;

	m.kind = (uint8_t) kind;
	m.checkpoint = (int16_t) checkpoint;
	for (i = 0; i < t->nout; i++)
	{
		for (k = t->out[i].first; k < t->out[i].first + t->out[i].width; k++)
		{
			if (is_left_out(kind, i))
				continue;
			ring_put(&a->channels[k], m);
			a->said[k] = a->said[k] * 31 + (uint32_t) (checkpoint * 4 + kind);
		}
	}
	check_said(w, t);
}

bool
has_room(World *w, const Task *t)
{
	const Attempt *a = attempt_of(w, (Task *) t);
	int			i;
	int			k;

	for (i = 0; i < t->nout; i++)
	{
		for (k = t->out[i].first; k < t->out[i].first + t->out[i].width; k++)
		{
			if (a->channels[k].n >= CHANNEL_ROWS)
				return false;
		}
	}
	return true;
}

/* Somebody this task sends to has not taken much for long. */
static bool
is_blocked(World *w, const Task *t)
{
	const Attempt *a = attempt_of(w, (Task *) t);
	int			i;
	int			k;

	if (t->report.n > RING_BUSY)
		return true;
	for (i = 0; i < t->nout; i++)
	{
		for (k = t->out[i].first; k < t->out[i].first + t->out[i].width; k++)
		{
			if (a->channels[k].n > RING_BUSY)
				return true;
		}
	}
	return false;
}

bool
task_step(World *w, Task *t)
{
	if (!t->alive)
		return false;
	if (attempt_of(w, t)->stopping && (w->calm || below(w, 3) == 0))
	{
		TRACE(w, "task %d: leaves", t->index);
		task_kill(w, t);
		return true;
	}
	if (!t->loaded)
	{
		load(w, t);
		return true;
	}
	if (is_blocked(w, t))
		return false;
	return t->is_source ? source_step(w, t) : operator_step(w, t);
}
