/*
 * bottleneck_test.c
 *		Who holds whom back.
 */
#include "decide/bottleneck.h"
#include "tap.h"

#define MAX_STAGES 4

typedef struct Case
{
	const char *name;
	int			from[MAX_STAGES];	/* exchanges; both 0: no further one */
	int			to[MAX_STAGES];
	int			tasks;			/* of each stage but the first */
	WeirLoad	load[MAX_STAGES];	/* of each task; of the first task alone, if uneven */
	bool		uneven;
	WeirBottleneck expected;
} Case;

#define CHAIN {0, 1, 0}, {1, 2, 0}
#define NOBODY {WEIR_NOBODY, -1, false, false}

static const Case cases[] = {
	{"all keep up", CHAIN, 1, {{0.5, 0, 0}, {0.4, 0, 0}, {0.2, 0, 0.1}}, false, NOBODY},
	{"all are idle", CHAIN, 1, {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}, false, NOBODY},
	{"the sink's statement is slow", CHAIN, 1, {{0.1, 0.9, 0}, {0.1, 0.9, 0}, {1, 0, 0.97}}, false,
	{WEIR_HOLDS_BACK, 2, true, false}},
	{"the step is slow, the sink keeps up", CHAIN, 1, {{0.1, 0.9, 0}, {0.95, 0, 0}, {0.1, 0, 0.1}}, false,
	{WEIR_HOLDS_BACK, 1, false, false}},
	{"the step is busy and waits a little for the sink, which is busier", CHAIN, 1,
	{{0.1, 0.9, 0}, {0.6, 0.2, 0}, {0.8, 0, 0.1}}, false, {WEIR_HOLDS_BACK, 2, false, false}},
	{"waiting for a moment is nothing", CHAIN, 1, {{0.5, 0.05, 0}, {0.7, 0, 0}, {0.2, 0, 0.1}}, false, NOBODY},
	{"the source is all there is", CHAIN, 1, {{0.97, 0, 0}, {0.4, 0, 0}, {0.2, 0, 0.1}}, false,
	{WEIR_AT_ITS_LIMIT, 0, false, false}},
	{"one that is waited for goes before one that is at its limit", CHAIN, 1, {{1, 0, 0}, {0.1, 0.4, 0}, {0.6, 0, 0}}, false,
	{WEIR_HOLDS_BACK, 2, false, false}},
	{"one task of four has all the keys", {0, 0}, {1, 0}, 4, {{0.1, 0.8, 0}, {1, 0, 0}}, true,
	{WEIR_HOLDS_BACK, 1, false, true}},
	{"the one of two sinks that is slow", {0, 0, 0}, {1, 2, 0}, 1, {{0.1, 0.8, 0}, {0.2, 0, 0.2}, {0.9, 0, 0.9}}, false,
	{WEIR_HOLDS_BACK, 2, true, false}},
	{"a checkpoint holds all: they wait, and nobody works", CHAIN, 1, {{0, 1, 0}, {0, 1, 0}, {0, 0, 0}}, false, NOBODY}
};

static int
count_exchanges(const Case *c)
{
	int			n = 0;

	while (n < MAX_STAGES && c->to[n] > 0)
		n++;
	return n;
}

static void
set_loads(const Case *c, WeirStageLoad *stages)
{
	static const WeirLoad none = {0, 0, 0};

	for (int i = 0; i < MAX_STAGES; i++)
	{
		weir_stage_load_init(&stages[i]);
		for (int n = 0; n < (i == 0 ? 1 : c->tasks); n++)
			weir_stage_load_add(&stages[i], n > 0 && c->uneven ? &none : &c->load[i]);
	}
}

void
test_bottleneck(void)
{
	for (int i = 0; i < COUNT(cases); i++)
	{
		const Case *c = &cases[i];
		WeirStageLoad stages[MAX_STAGES];
		WeirBottleneck b;

		set_loads(c, stages);
		b = weir_bottleneck(stages, MAX_STAGES, c->from, c->to, count_exchanges(c));
		if (!ok(b.verdict == c->expected.verdict && b.stage == c->expected.stage &&
				b.in_sink == c->expected.in_sink && b.uneven == c->expected.uneven, "bottleneck: %s", c->name))
			diag("verdict %d, stage %d, in_sink %d, uneven %d", b.verdict, b.stage, b.in_sink, b.uneven);
	}
}
