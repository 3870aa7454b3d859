/*
 * decide/topology.c
 *		Tasks and channels of an attempt, numbered.
 *
 *	stages		source a (1)   source b (1)   keyed (2)    sink (1)
 *	tasks		0              1              2, 3         4
 *	exchanges	a -> keyed: channels 0, 1     b -> keyed: 2, 3     keyed -> sink: 4, 5
 */
#include "decide/topology.h"

#include <assert.h>
#include <string.h>

static bool
is_sound(const WeirTopology *t)
{
	bool		read[WEIR_MAX_STAGES] = {false};
	bool		leads[WEIR_MAX_STAGES] = {false};

	if (t->nstages < 1 || t->nstages > WEIR_MAX_STAGES ||
		t->nexchanges < 0 || t->nexchanges > WEIR_MAX_EXCHANGES)
		return false;
	for (int i = 0; i < t->nexchanges; i++)
	{
		const WeirExchange *x = &t->exchanges[i];

		if (x->from < 0 || x->from >= x->to || x->to >= t->nstages ||
			(x->kind == WEIR_TO_ONE && t->stages[x->to].parallelism != 1))
			return false;
		read[x->to] = true;
		leads[x->from] = true;
	}
	for (int i = 0; i < t->nstages; i++)
	{
		const WeirStage *s = &t->stages[i];

		if (s->parallelism < 1 || s->source == read[i] || s->sink == leads[i])
			return false;
	}
	return true;
}

bool
weir_topology_finish(WeirTopology *t)
{
	if (!is_sound(t))
		return false;
	t->ntasks = 0;
	t->nchannels = 0;
	for (int i = 0; i < t->nstages; i++)
	{
		WeirStage  *s = &t->stages[i];

		s->ordinal = 0;
		for (int j = 0; j < i; j++)
			s->ordinal += strcmp(weir_stage_kind(&t->stages[j]), weir_stage_kind(s)) == 0;
		s->first_task = t->ntasks;
		t->ntasks += s->parallelism;
	}
	for (int i = 0; i < t->nexchanges; i++)
	{
		WeirExchange *x = &t->exchanges[i];

		x->first_channel = t->nchannels;
		t->nchannels += t->stages[x->from].parallelism * t->stages[x->to].parallelism;
	}
	return true;
}

int
weir_task_stage(const WeirTopology *t, int task)
{
	int			stage = t->nstages - 1;

	assert(task >= 0 && task < t->ntasks);
	while (t->stages[stage].first_task > task)
		stage--;
	return stage;
}

int
weir_task_subtask(const WeirTopology *t, int task)
{
	return task - t->stages[weir_task_stage(t, task)].first_task;
}

int
weir_task_number(const WeirTopology *t, int task)
{
	const WeirStage *stage = &t->stages[weir_task_stage(t, task)];
	int			number = task - stage->first_task;

	for (const WeirStage *s = t->stages; s < stage; s++)
	{
		if (strcmp(weir_stage_kind(s), weir_stage_kind(stage)) == 0)
			number += s->parallelism;
	}
	return number;
}

/* Exchanges lead to later stages only, so one pass over those behind finds all. */
bool
weir_task_leads_to(const WeirTopology *t, int from, int to)
{
	bool		reached[WEIR_MAX_STAGES] = {false};
	int			first = weir_task_stage(t, from);
	int			last = weir_task_stage(t, to);

	reached[first] = true;
	for (int stage = first; stage < last; stage++)
	{
		for (int i = 0; reached[stage] && i < t->nexchanges; i++)
		{
			if (t->exchanges[i].from == stage)
				reached[t->exchanges[i].to] = true;
		}
	}
	return first != last && reached[last];
}

WeirChannelEnds
weir_channel_ends(const WeirTopology *t, int channel)
{
	WeirChannelEnds ends;
	const WeirExchange *x;
	int			width;

	assert(channel >= 0 && channel < t->nchannels);
	ends.exchange = t->nexchanges - 1;
	while (t->exchanges[ends.exchange].first_channel > channel)
		ends.exchange--;
	x = &t->exchanges[ends.exchange];
	width = t->stages[x->to].parallelism;
	ends.from = t->stages[x->from].first_task + (channel - x->first_channel) / width;
	ends.to = t->stages[x->to].first_task + (channel - x->first_channel) % width;
	return ends;
}

static void
add_channel(int *channels, int *n, int channel)
{
	if (channels)
		channels[*n] = channel;
	++*n;
}

int
weir_task_inputs(const WeirTopology *t, int task, int *channels)
{
	int			stage = weir_task_stage(t, task);
	int			subtask = task - t->stages[stage].first_task;
	int			n = 0;

	for (int i = 0; i < t->nexchanges; i++)
	{
		const WeirExchange *x = &t->exchanges[i];

		for (int from = 0; x->to == stage && from < t->stages[x->from].parallelism; from++)
			add_channel(channels, &n,
						x->first_channel + from * t->stages[stage].parallelism + subtask);
	}
	return n;
}

int
weir_task_outputs(const WeirTopology *t, int task, int *channels)
{
	int			stage = weir_task_stage(t, task);
	int			subtask = task - t->stages[stage].first_task;
	int			n = 0;

	for (int i = 0; i < t->nexchanges; i++)
	{
		const WeirExchange *x = &t->exchanges[i];
		int			width = t->stages[x->to].parallelism;

		for (int to = 0; x->from == stage && to < width; to++)
			add_channel(channels, &n, x->first_channel + subtask * width + to);
	}
	return n;
}

int
weir_topology_writers(const WeirTopology *t)
{
	int			n = 0;

	for (int i = 0; i < t->nstages; i++)
		n += t->stages[i].sink ? t->stages[i].parallelism : 0;
	return n;
}

const char *
weir_stage_kind(const WeirStage *stage)
{
	return stage->source ? "source" : stage->keyed ? "keyed" : "sink";
}
