/*
 * topology_test.c
 *		Tasks and channels of an attempt, numbered.
 */
#include <string.h>

#include "decide/participant.h"
#include "decide/topology.h"
#include "tap.h"

/* source a (1), source b (2) -> keyed (3) -> keyed (2) -> sink (1) */
static WeirTopology
two_sources_a_chain(void)
{
	WeirTopology t = {
		.nstages = 5, .nexchanges = 4,
		.stages = {
			{.source = true, .parallelism = 1}, {.source = true, .parallelism = 2},
			{.keyed = true, .parallelism = 3}, {.keyed = true, .parallelism = 2},
			{.sink = true, .parallelism = 1}},
		.exchanges = {
			{.from = 0, .to = 2}, {.from = 1, .to = 2}, {.from = 2, .to = 3},
			{.from = 3, .to = 4, .kind = WEIR_TO_ONE}}};

	return t;
}

/* Each channel is an output of the one and an input of the other end, and of nobody else. */
static bool
channels_agree(const WeirTopology *t)
{
	int			channels[16];
	int			seen[17] = {0};
	int			task;
	int			i;

	for (task = 0; task < t->ntasks; task++)
	{
		for (i = weir_task_inputs(t, task, channels) - 1; i >= 0; i--)
			seen[channels[i]] += weir_channel_ends(t, channels[i]).to == task ? 1 : 100;
		for (i = weir_task_outputs(t, task, channels) - 1; i >= 0; i--)
			seen[channels[i]] += weir_channel_ends(t, channels[i]).from == task ? 10 : 100;
	}
	for (i = 0; i < t->nchannels; i++)
	{
		if (seen[i] != 11)
			return false;
	}
	return true;
}

static void
test_numbers(void)
{
	WeirTopology t = two_sources_a_chain();
	int			channels[16];
	WeirChannelEnds ends;

	ok(weir_topology_finish(&t), "topology: two sources and a chain are sound");
	ok(t.ntasks == 9, "topology: 9 tasks");
	ok(t.nchannels == 3 + 6 + 6 + 2, "topology: 17 channels");
	ok(weir_task_stage(&t, 2) == 1, "topology: task 2 is the second source's");
	ok(weir_task_subtask(&t, 2) == 1, "topology: its second task");
	ok(t.stages[3].ordinal == 1, "topology: the second keyed stage");
	ok(weir_task_inputs(&t, 3, channels) == 3, "topology: a keyed task reads three sources");
	ok(channels[2] == 6, "topology: the third of them by channel 6");
	ends = weir_channel_ends(&t, 6);
	ok(ends.exchange == 1 && ends.from == 2 && ends.to == 3, "topology: and back");
	ok(weir_task_outputs(&t, 3, channels) == 2, "topology: it writes to two");
	ok(weir_task_outputs(&t, 8, channels) == 0, "topology: the sink to none");
	ok(weir_topology_writers(&t) == 1, "topology: one task writes output");
	ok(weir_task_number(&t, 2) == 2, "topology: it is the third source task");
	ok(weir_task_number(&t, 3) == 0, "topology: the first keyed task");
	ok(weir_task_leads_to(&t, 0, 8), "topology: a source leads to the sink");
	ok(!weir_task_leads_to(&t, 0, 1), "topology: not to another source");
	ok(!weir_task_leads_to(&t, 8, 0), "topology: nothing leads back");
	ok(!weir_task_leads_to(&t, 3, 4), "topology: nor to a task of the same stage");
	ok(channels_agree(&t), "topology: every channel has two ends");
}

/* source -> keyed (2), which writes, and -> keyed -> sink */
static void
test_participants(void)
{
	WeirTopology t = {
		.nstages = 4, .nexchanges = 3,
		.stages = {
			{.source = true, .parallelism = 1}, {.keyed = true, .parallelism = 2},
			{.keyed = true, .sink = true, .parallelism = 2}, {.sink = true, .parallelism = 1}},
		.exchanges = {{.from = 0, .to = 1}, {.from = 0, .to = 2}, {.from = 1, .to = 3}}};

	ok(weir_topology_finish(&t), "participant: two branches are sound");
	ok(channels_agree(&t), "participant: channels of two branches have two ends");
	ok(weir_participant_is_told(&t, 0, false), "participant: a source is told of a checkpoint");
	ok(!weir_participant_is_told(&t, 1, false), "participant: who has input hears by barriers");
	ok(!weir_participant_is_told(&t, 5, false), "participant: a sink too");
	ok(weir_participant_is_told(&t, 1, true), "participant: whose input has ended is told");
	ok(!weir_participant_catches_up(&t, 0), "participant: a source that ends has heard of all");
	ok(weir_participant_catches_up(&t, 5), "participant: another that ends has not");
	ok(weir_participant_vote(&t, 0, WEIR_EXACTLY_ONCE, true) == WEIR_VOTE_ACK,
	   "participant: a source acknowledges");
	ok(weir_participant_vote(&t, 2, WEIR_EXACTLY_ONCE, true) == WEIR_VOTE_ACK,
	   "participant: a step that feeds another acknowledges");
	ok(weir_participant_vote(&t, 3, WEIR_EXACTLY_ONCE, true) == WEIR_VOTE_READY,
	   "participant: a step that writes is ready to prepare");
	ok(weir_participant_vote(&t, 5, WEIR_EXACTLY_ONCE, false) == WEIR_VOTE_READY_EMPTY,
	   "participant: a sink without output too");
	ok(weir_participant_vote(&t, 5, WEIR_AT_LEAST_ONCE, true) == WEIR_VOTE_ACK,
	   "participant: in at_least_once it has committed");
}

/* source -> keyed (2) twice, as a stream that is united with itself; keyed -> sink for two outputs */
static void
test_twice(void)
{
	WeirTopology t = {
		.nstages = 3, .nexchanges = 4,
		.stages = {
			{.source = true, .parallelism = 1}, {.keyed = true, .parallelism = 2},
			{.sink = true, .parallelism = 1}},
		.exchanges = {
			{.from = 0, .to = 1}, {.from = 0, .to = 1},
			{.from = 0, .to = 2, .kind = WEIR_TO_ONE}, {.from = 1, .to = 2, .kind = WEIR_TO_ONE}}};
	int			channels[16];

	ok(weir_topology_finish(&t), "topology: two exchanges between the same stages are sound");
	ok(t.nchannels == 2 + 2 + 1 + 2, "topology: each has its channels");
	ok(channels_agree(&t), "topology: every one of these has two ends");
	ok(weir_task_inputs(&t, 1, channels) == 2 && channels[0] == 0 && channels[1] == 2,
	   "topology: a task reads both");
	ok(weir_channel_ends(&t, 2).exchange == 1, "topology: and knows one from the other");
	ok(weir_task_outputs(&t, 0, channels) == 5, "topology: the source writes all of its");
	ok(weir_task_inputs(&t, 3, channels) == 3, "topology: one sink task reads for all outputs");
}

static void
test_refused(void)
{
	WeirTopology t = two_sources_a_chain();

	t.exchanges[2].to = 2;
	ok(!weir_topology_finish(&t), "topology: an exchange that leads back");
	t = two_sources_a_chain();
	t.nexchanges = 3;
	ok(!weir_topology_finish(&t), "topology: a stage that leads nowhere");
	t = two_sources_a_chain();
	t.stages[4].parallelism = 2;
	ok(!weir_topology_finish(&t), "topology: two tasks behind TO_ONE");
	t = two_sources_a_chain();
	t.stages[0].source = false;
	ok(!weir_topology_finish(&t), "topology: a step without input");
}

void
test_topology(void)
{
	test_numbers();
	test_participants();
	test_twice();
	test_refused();
}
