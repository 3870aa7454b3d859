/*
 * decide/rewrite.c
 *		Which key groups a checkpoint writes in full.
 */
#include "decide/rewrite.h"

#include <stdlib.h>

/* How far a group's changes, those of this checkpoint included, outgrow it. */
static double
growth(const WeirRewriteGroup *g)
{
	return ((double) g->debt + (double) g->changes) / (double) (g->live > 0 ? g->live : 1);
}

/* In full because that costs no more, or because changes would have nothing to build on. */
static bool
must_be_full(const WeirRewriteGroup *g)
{
	return !g->has_base || g->changes >= g->live;
}

static int
by_growth(const void *a, const void *b)
{
	const WeirRewriteGroup *x = a;
	const WeirRewriteGroup *y = b;
	double		difference = growth(y) - growth(x);

	if (difference != 0)
		return difference > 0 ? 1 : -1;
	return x->group < y->group ? -1 : x->group > y->group;
}

void
weir_rewrite_choose(WeirRewriteGroup *groups, int n)
{
	int64_t		budget = 0;
	int64_t		spent = 0;

	for (int i = 0; i < n; i++)
	{
		groups[i].full = must_be_full(&groups[i]);
		if (!groups[i].full)
			budget += groups[i].changes;
	}
	qsort(groups, (size_t) n, sizeof(*groups), by_growth);
	for (int i = 0; i < n && spent < budget; i++)
	{
		WeirRewriteGroup *g = &groups[i];

		if (g->full || growth(g) <= 1)
			continue;
		g->full = true;
		spent += g->live;
	}
}
