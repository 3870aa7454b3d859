/*
 * decide/credit.h
 *		How many rows may be under way to a task, so that what waits before it
 *		takes no longer than a given time.  Times are microseconds.
 *
 * Rows under way to a task are those in its inputs, and those that a task before
 * it holds for them.  A barrier stands behind them, so they, and not the bytes
 * that a channel has room for, are what a checkpoint waits for.
 *
 * The consumer measures itself: rows it took, and the time it was active, which
 * is all time but that in which it had nothing to do or was held at a checkpoint
 * (waiting for room in its own outputs is activity: then it is as slow as they
 * are).  Its credit is what it takes in the target time at that rate, whatever
 * the bytes.  It starts small and at most doubles at a time, so a slow consumer
 * is not flooded before it is known; where the rate changes for good, what was
 * remembered is forgotten within some ten measures.  A consumer that keeps up is
 * idle in between and keeps its credit: its rate is that of its active time.
 *
 * The credit is shared out to the inputs in proportion to what each brought
 * lately, a part of it evenly, so that an input that begins has some.
 *
 * The consumer publishes the share of each channel beside it, with the rows it
 * has taken; the producer sends while those it has sent are fewer than both
 * together.  A message, and the batch that a source reads, holds at most
 * weir_credit_batch rows of the least share it sends to, so that a channel has
 * work while the next one is made.
 */
#ifndef WEIR_DECIDE_CREDIT_H
#define WEIR_DECIDE_CREDIT_H

#include <stdint.h>

#define WEIR_CREDIT_START 64	/* rows, until a rate is known */
#define WEIR_CREDIT_LEAST 4		/* rows of a channel, however slow its consumer */
#define WEIR_CREDIT_MEASURE INT64_C(1000)	/* us of activity that tell a rate */
#define WEIR_CREDIT_MEMORY INT64_C(1000000) /* us of activity that it is averaged over */

typedef struct WeirCredit
{
	int64_t		target;			/* us that the rows under way may take */
	int64_t		most;			/* rows, whatever the rate */
	int64_t		limit;			/* rows that may be under way, over all inputs */
	int64_t		new_rows;		/* not yet measured by */
	int64_t		new_active;
	double		rows;			/* remembered */
	double		active;
} WeirCredit;

extern void weir_credit_init(WeirCredit *c, int64_t target, int64_t most);

/* The consumer took these rows in this time of activity. */
extern void weir_credit_took(WeirCredit *c, int64_t rows, int64_t active);

/* Of an input that brought "rows" of "all" lately: rows that may be under way in it. */
extern int64_t weir_credit_share(const WeirCredit *c, int ninputs, int64_t rows, int64_t all);

/* Rows of a message, or of a source's batch, where this many may be under way; most: what it has room for. */
extern int64_t weir_credit_batch(int64_t share, int64_t most);

#endif
