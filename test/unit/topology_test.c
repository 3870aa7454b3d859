/*
 * topology_test.c
 *		Tasks and channels of an attempt, numbered.
 */
#include <string.h>

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
	test_refused();
}
