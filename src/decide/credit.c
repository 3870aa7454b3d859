/*
 * decide/credit.c
 *		How many rows may be under way to a task.  The rules are in the header.
 */
#include "decide/credit.h"

#include <assert.h>
#include <stdbool.h>

void
weir_credit_init(WeirCredit *c, int64_t target, int64_t most)
{
	assert(target > 0 && most >= WEIR_CREDIT_START);
	c->target = target;
	c->most = most;
	c->limit = WEIR_CREDIT_START;
	c->new_rows = c->new_active = 0;
	c->rows = c->active = 0;
}

/* What the rate allows, at most twice of what was allowed before. */
static int64_t
allowed(const WeirCredit *c)
{
	double		rows = c->rows * (double) c->target / c->active;
	int64_t		highest = c->limit > c->most / 2 ? c->most : c->limit * 2;

	if (rows >= (double) highest)
		return highest;
	return rows < WEIR_CREDIT_LEAST ? WEIR_CREDIT_LEAST : (int64_t) rows;
}

static void
forget_half(WeirCredit *c)
{
	c->rows /= 2;
	c->active /= 2;
}

/*
 * What is remembered of another rate soon counts for nothing; one measure alone,
 * of a pause or of cheap rows, does not outweigh it.
 */
static void
remember(WeirCredit *c, double rows, double active)
{
	bool		fell = c->rows * active > 2 * rows * c->active;
	bool		rose = rows * c->active > 2 * c->rows * active;

	if (fell || rose || c->active > WEIR_CREDIT_MEMORY)
		forget_half(c);
	c->rows += rows;
	c->active += active;
}

void
weir_credit_took(WeirCredit *c, int64_t rows, int64_t active)
{
	assert(rows >= 0 && active >= 0);
	c->new_rows += rows;
	c->new_active += active;
	if (c->new_active < WEIR_CREDIT_MEASURE)
		return;
	remember(c, (double) c->new_rows, (double) c->new_active);
	c->new_rows = c->new_active = 0;
	c->limit = allowed(c);
	assert(c->limit >= WEIR_CREDIT_LEAST && c->limit <= c->most);
}

/* A quarter evenly, the rest as they bring rows. */
int64_t
weir_credit_share(const WeirCredit *c, int ninputs, int64_t rows, int64_t all)
{
	double		even = 1.0 / ninputs;
	double		part = all > 0 ? (double) rows / (double) all : even;
	int64_t		share = (int64_t) ((double) c->limit * (0.25 * even + 0.75 * part));

	assert(ninputs > 0 && rows >= 0 && rows <= all);
	return share < WEIR_CREDIT_LEAST ? WEIR_CREDIT_LEAST : share;
}

/* Half of them: one is worked on while the other is made. */
int64_t
weir_credit_batch(int64_t share, int64_t most)
{
	int64_t		rows = share / 2;

	if (rows > most)
		return most;
	return rows < 1 ? 1 : rows;
}
