/*
 * rewrite_test.c
 *		Which key groups a checkpoint writes in full.
 */
#include <string.h>

#include "decide/rewrite.h"
#include "tap.h"

#define MAX_GROUPS 128

/* Sizes of each group; expected: a letter each, F for full, c for its changes. */
typedef struct Case
{
	const char *name;
	WeirRewriteGroup groups[6];
	const char *expected;
} Case;

#define G(base, live, debt, changes) {0, base, live, debt, changes, false}

static const Case cases[] = {
	{"nothing has changed", {{0}}, ""},
	{"the first snapshot is full", {G(false, 100, 0, 100)}, "F"},
	{"also of a group that has hardly changed", {G(false, 100, 0, 1)}, "F"},
	{"few changes", {G(true, 100, 0, 10)}, "c"},
	{"as many changes as there is: full costs no more", {G(true, 100, 0, 100)}, "F"},
	{"an emptied group", {G(true, 0, 40, 0)}, "F"},
	{"debt up to what is held", {G(true, 100, 90, 10)}, "c"},
	{"debt beyond what is held", {G(true, 100, 95, 10)}, "F"},
	{"all fall due together: one", {G(true, 100, 100, 10), G(true, 100, 100, 10), G(true, 100, 100, 10)}, "Fcc"},
	{"the most indebted goes first", {G(true, 100, 110, 10), G(true, 100, 130, 10), G(true, 100, 120, 10)}, "cFc"},
	{"measured by its size", {G(true, 1000, 1100, 10), G(true, 100, 150, 10)}, "cF"},
	{"as much again as the changes take",
		{G(true, 30, 40, 20), G(true, 30, 40, 20), G(true, 30, 40, 20), G(true, 30, 40, 20)}, "FFFc"},
	{"a full one that costs no more takes nothing from the others",
		{G(true, 100, 0, 100), G(true, 100, 100, 10), G(false, 500, 0, 10)}, "FFF"},
	{"an idle group's load is not counted", {G(true, 100, 200, 1), G(true, 100, 0, 1)}, "Fc"}
};

static void
run_case(const Case *c)
{
	WeirRewriteGroup groups[6];
	char		found[7] = "";
	int			n = (int) strlen(c->expected);

	for (int i = 0; i < n; i++)
	{
		groups[i] = c->groups[i];
		groups[i].group = i;
	}
	weir_rewrite_choose(groups, n);
	for (int i = 0; i < n; i++)
		found[groups[i].group] = groups[i].full ? 'F' : 'c';
	if (!ok(strcmp(found, c->expected) == 0, "rewrite: %s", c->name))
		diag("expected %s, found %s", c->expected, found);
}

typedef struct Load
{
	int			groups;
	int64_t		live;			/* of a group */
	int64_t		changes;		/* of a group in a checkpoint, on average */
	bool		uneven;			/* half of the groups get nearly all */
} Load;

/* Many checkpoints of a steady load: what is promised in rewrite.h holds for each. */
static void
run_load(const Load *load, uint64_t seed)
{
	Random		r = {seed};
	WeirRewriteGroup groups[MAX_GROUPS];
	int64_t		debt[MAX_GROUPS] = {0};
	bool		bounded = true;
	bool		cheap = true;
	int			most = 0;

	for (int checkpoint = 0; checkpoint < 2000; checkpoint++)
	{
		int64_t		changes = 0;
		int64_t		written = 0;
		int			rewritten = 0;

		for (int i = 0; i < load->groups; i++)
		{
			int64_t		share = load->uneven && i % 2 ? load->changes / 10 + 1 : load->changes;

			groups[i].group = i;
			groups[i].has_base = true;
			groups[i].live = load->live;
			groups[i].debt = debt[i];
			groups[i].changes = share / 2 + random_below(&r, (int) share + 1);
			changes += groups[i].changes;
		}
		weir_rewrite_choose(groups, load->groups);
		for (int i = 0; i < load->groups; i++)
		{
			WeirRewriteGroup *g = &groups[i];

			debt[g->group] = g->full ? 0 : g->debt + g->changes;
			written += g->full ? g->live : g->changes;
			rewritten += g->full;
			bounded = bounded && debt[g->group] <= 3 * load->live;
		}
		cheap = cheap && written <= 2 * changes + load->live;
		most = rewritten > most ? rewritten : most;
	}
	ok(bounded, "rewrite: %d groups, debt stays within three times what is held", load->groups);
	ok(cheap, "rewrite: %d groups, a checkpoint writes at most twice what changed, and a group", load->groups);
	if (!ok(load->groups < 10 || most <= load->groups / 4, "rewrite: %d groups, never all of them at once", load->groups))
		diag("%d at once", most);
}

void
test_rewrite(void)
{
	static const Load loads[] = {
		{1, 1000, 10, false}, {2, 1000, 300, false}, {16, 100000, 500, false},
		{128, 100000, 5000, false}, {128, 100000, 17, false}, {128, 100000, 5000, true}
	};

	for (int i = 0; i < COUNT(cases); i++)
		run_case(&cases[i]);
	for (int i = 0; i < COUNT(loads); i++)
		run_load(&loads[i], (uint64_t) i + 1);
}
