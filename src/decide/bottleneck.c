/*
 * decide/bottleneck.c
 *		Who holds whom back.
 */
#include "decide/bottleneck.h"

#include <stddef.h>

#define UNEVEN 0.4				/* so much busier than the mean is one task alone */

static const WeirLoad no_load = {0, 0, 0};

void
weir_stage_load_init(WeirStageLoad *s)
{
	s->ntasks = 0;
	s->mean = s->most = no_load;
	s->busiest = 0;
}

static void
average(double *mean, double value, int n)
{
	*mean += (value - *mean) / n;
}

void
weir_stage_load_add(WeirStageLoad *s, const WeirLoad *task)
{
	if (s->ntasks == 0 || task->busy > s->most.busy)
	{
		s->most = *task;
		s->busiest = s->ntasks;
	}
	s->ntasks++;
	average(&s->mean.busy, task->busy, s->ntasks);
	average(&s->mean.backpressured, task->backpressured, s->ntasks);
	average(&s->mean.in_sink, task->in_sink, s->ntasks);
}

static bool
makes_wait(const WeirStageLoad *stages, int stage, const int *from, const int *to, int nexchanges)
{
	for (int i = 0; i < nexchanges; i++)
	{
		if (to[i] == stage && stages[from[i]].mean.backpressured >= WEIR_BACKPRESSURE)
			return true;
	}
	return false;
}

static WeirVerdict
verdict_of(const WeirStageLoad *stages, int stage, const int *from, const int *to, int nexchanges)
{
	const WeirStageLoad *s = &stages[stage];

	if (s->ntasks == 0 || s->most.backpressured > s->most.busy)
		return WEIR_NOBODY;
	if (makes_wait(stages, stage, from, to, nexchanges) && s->most.busy >= WEIR_BACKPRESSURE)
		return WEIR_HOLDS_BACK;
	return s->most.busy >= WEIR_AT_LIMIT ? WEIR_AT_ITS_LIMIT : WEIR_NOBODY;
}

/* One that is waited for goes before one at its limit. */
static bool
is_worse(WeirVerdict verdict, const WeirStageLoad *s, WeirVerdict than, const WeirStageLoad *other)
{
	if (verdict == WEIR_NOBODY || than == WEIR_NOBODY)
		return verdict != WEIR_NOBODY;
	if (verdict != than)
		return verdict == WEIR_HOLDS_BACK;
	return s->most.busy > other->most.busy;
}

WeirBottleneck
weir_bottleneck(const WeirStageLoad *stages, int nstages, const int *from, const int *to, int nexchanges)
{
	WeirBottleneck b = {WEIR_NOBODY, -1, false, false};
	const WeirStageLoad *worst = NULL;

	for (int i = 0; i < nstages; i++)
	{
		WeirVerdict verdict = verdict_of(stages, i, from, to, nexchanges);

		if (!is_worse(verdict, &stages[i], b.verdict, worst))
			continue;
		b.verdict = verdict;
		b.stage = i;
		worst = &stages[i];
	}
	if (worst != NULL)
	{
		b.in_sink = worst->most.in_sink > worst->most.busy / 2;
		b.uneven = worst->ntasks > 1 && worst->most.busy - worst->mean.busy >= UNEVEN;
	}
	return b;
}
