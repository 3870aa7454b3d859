/*
 * decide/bottleneck.h
 *		Who holds whom back: the stage whose rows pile up before it.
 *
 * A stage that waits for room has too slow a reader.  So the one that holds the
 * others back is busy, and one that it reads waits for room; it does not wait for
 * room itself for most of its time, else the one behind it is meant.  Of several
 * the busiest is named.  Without any waiting, a stage that is always busy is at
 * its limit: a source then takes no more than it can.
 */
#ifndef WEIR_DECIDE_BOTTLENECK_H
#define WEIR_DECIDE_BOTTLENECK_H

#include <stdbool.h>

#define WEIR_BACKPRESSURE 0.1	/* share of the time from which on waiting for room counts */
#define WEIR_AT_LIMIT 0.9		/* busy so much, more will not go */

/* Shares of the last second, of the tasks of a stage. */
typedef struct WeirLoad
{
	double		busy;			/* in_sink is part of it */
	double		backpressured;
	double		in_sink;
} WeirLoad;

typedef struct WeirStageLoad
{
	int			ntasks;			/* 0: nothing is known */
	WeirLoad	mean;
	WeirLoad	most;			/* that of its busiest task */
	int			busiest;		/* among the tasks of the stage, from 0 */
} WeirStageLoad;

extern void weir_stage_load_init(WeirStageLoad *s);
extern void weir_stage_load_add(WeirStageLoad *s, const WeirLoad *task);

typedef enum WeirVerdict
{
	WEIR_NOBODY,				/* all keep up */
	WEIR_HOLDS_BACK,			/* the stage's readers, or whoever sends to it, wait */
	WEIR_AT_ITS_LIMIT			/* nobody waits, but it has no time left */
} WeirVerdict;

typedef struct WeirBottleneck
{
	WeirVerdict verdict;
	int			stage;			/* -1: nobody */
	bool		in_sink;		/* most of its work is the sink statement */
	bool		uneven;			/* one task, and not its fellows: keys are spread unevenly */
} WeirBottleneck;

/* from[i] -> to[i]: stages. */
extern WeirBottleneck weir_bottleneck(const WeirStageLoad *stages, int nstages,
									  const int *from, const int *to, int nexchanges);

#endif
