/*
 * credit_test.c
 *		How many rows may be under way to a task: consumers slow and fast, fed by
 *		one producer, in a model of time.
 */
#include "decide/credit.h"
#include "tap.h"

#define MOST 65536
#define TARGET 100000			/* us */
#define MAX_CONSUMERS 4
#define ROOM 1024				/* rows of a batch */

typedef struct Consumer
{
	WeirCredit	credit;
	int64_t		queued;
	int64_t		free_at;		/* ns: it works until then */
	int64_t		taken;
} Consumer;

typedef struct Case
{
	const char *name;
	int			nconsumers;
	int64_t		row_cost;		/* ns a row, of a consumer .. */
	int64_t		later_cost;		/* .. in the second half */
	int64_t		made_cost;		/* ns a row, of the producer */
	int64_t		wake;			/* ns until who waits works on */
	double		rate;			/* at least, of what the slowest part does */
	int64_t		delay;			/* us that a barrier may take, once it is known */
} Case;

#define SECOND INT64_C(1000000000)

static const Case cases[] = {
	{"a sink of 1 ms a row, two tasks", 2, 1000000, 1000000, 200, 100000, 0.95, 160000},
	{"one of 10 ms a row", 1, 10000000, 10000000, 200, 100000, 0.95, 160000},
	{"one of 50 us a row", 1, 50000, 50000, 200, 100000, 0.95, 160000},
	{"consumers faster than the producer", 2, 250, 250, 200, 50000, 0.95, 160000},
	{"one as fast as the producer", 1, 200, 200, 200, 50000, 0.95, 160000},
	{"one that gets slower", 1, 20000, 200000, 200, 50000, 0.95, 750000},
	{"one that gets faster", 1, 1000000, 50000, 200, 50000, 0.95, 160000},
};

static int64_t
cost_at(const Case *c, int64_t now)
{
	return now < 5 * SECOND ? c->row_cost : c->later_cost;
}

/* Takes up to a batch of what waits. */
static void
consume(const Case *c, Consumer *k, int64_t now)
{
	int64_t		rows = k->queued < ROOM ? k->queued : ROOM;
	int64_t		took;

	/* what a row at a time lets go is seen by the producer row by row */
	if (cost_at(c, now) >= 1000 && rows > 1)
		rows = 1;
	if (rows == 0 || k->free_at > now)
		return;
	took = rows * cost_at(c, now) + 200;
	k->queued -= rows;
	k->taken += rows;
	k->free_at = now + took;
	weir_credit_took(&k->credit, rows, took / 1000);
}

static int64_t
least_share(const Case *c, const Consumer *k)
{
	int64_t		least = MOST;
	int			i;

	for (i = 0; i < c->nconsumers; i++)
	{
		int64_t		share = weir_credit_share(&k[i].credit, 1, 1, 1);

		least = share < least ? share : least;
	}
	return least;
}

/* The batch in hand is dealt out evenly as there is room; returns what is left of it. */
static int64_t
deal(const Case *c, Consumer *k, int64_t batch, int *next)
{
	while (batch > 0 && k[*next].queued < weir_credit_share(&k[*next].credit, 1, 1, 1))
	{
		k[*next].queued++;
		*next = (*next + 1) % c->nconsumers;
		batch--;
	}
	return batch;
}

typedef struct Result
{
	double		rate;			/* of the best possible */
	int64_t		delay;			/* us, the longest */
} Result;

/* A barrier now would wait for what is queued and what the producer holds. */
static int64_t
barrier_delay(const Case *c, const Consumer *k, int64_t batch, int64_t now)
{
	int64_t		longest = 0;
	int			i;

	for (i = 0; i < c->nconsumers; i++)
	{
		int64_t		rows = k[i].queued + batch / c->nconsumers;
		int64_t		delay = rows * cost_at(c, now) / 1000;

		longest = delay > longest ? delay : longest;
	}
	return longest;
}

static double
possible(const Case *c, int64_t cost)
{
	double		consumed = (double) c->nconsumers / (double) cost;
	double		made = 1.0 / (double) c->made_cost;

	return consumed < made ? consumed : made;
}

static Result
play(const Case *c)
{
	Consumer	k[MAX_CONSUMERS] = {{{0}, 0, 0, 0}};
	Result		r = {0, 0};
	int64_t		batch = 0;
	int64_t		made_at = 0;
	int64_t		step = c->wake;
	int64_t		now;
	int64_t		total = 0;
	int			next = 0;
	int			i;

	for (i = 0; i < c->nconsumers; i++)
		weir_credit_init(&k[i].credit, TARGET, MOST);
	for (now = 0; now < 10 * SECOND; now += step)
	{
		int			n;

		/* within a step everybody works as often as he has time for */
		for (n = 0; n < 64; n++)
		{
			for (i = 0; i < c->nconsumers; i++)
				consume(c, &k[i], now + (step * n) / 64);
			batch = deal(c, k, batch, &next);
			if (batch == 0 && made_at <= now + (step * n) / 64)
			{
				batch = weir_credit_batch(least_share(c, k), ROOM);
				made_at = now + (step * n) / 64 + batch * c->made_cost;
			}
		}
		if (now % SECOND > SECOND / 2 && barrier_delay(c, k, batch, now) > r.delay)
			r.delay = barrier_delay(c, k, batch, now);
	}
	for (i = 0; i < c->nconsumers; i++)
		total += k[i].taken;
	r.rate = (double) total / (5e9 * possible(c, c->row_cost) + 5e9 * possible(c, c->later_cost));
	return r;
}

static void
test_rules(void)
{
	WeirCredit	c;
	int			i;

	weir_credit_init(&c, TARGET, MOST);
	ok(c.limit == WEIR_CREDIT_START, "credit: starts small");
	weir_credit_took(&c, 1000, 500);
	ok(c.limit == WEIR_CREDIT_START, "credit: half a millisecond tells nothing");
	weir_credit_took(&c, 1000, 500);
	ok(c.limit == 2 * WEIR_CREDIT_START, "credit: a fast consumer's doubles");
	weir_credit_took(&c, 0, 50000);
	ok(c.limit == 2 * 2 * WEIR_CREDIT_START, "credit: a pause of 50 ms changes little");
	for (i = 0; i < 20; i++)
		weir_credit_took(&c, 2, 2000);
	ok(c.limit >= 80 && c.limit <= 120, "credit: of one that has become slow it falls to what the target allows");
	weir_credit_took(&c, 0, 100000000);
	ok(c.limit == WEIR_CREDIT_LEAST, "credit: never to nothing");
	weir_credit_init(&c, TARGET, MOST);
	ok(weir_credit_share(&c, 2, 0, 100) + weir_credit_share(&c, 2, 100, 100) == WEIR_CREDIT_START,
	   "credit: all of it is shared out");
	ok(weir_credit_share(&c, 2, 0, 100) >= WEIR_CREDIT_LEAST, "credit: an input that brought nothing has some");
	ok(weir_credit_share(&c, 4, 0, 0) == WEIR_CREDIT_START / 4, "credit: before anything came all have the same");
	ok(weir_credit_batch(1, 100) == 1 && weir_credit_batch(64, 100) == 32 && weir_credit_batch(1000, 100) == 100,
	   "credit: a batch is half of a share, and has room");
}

void
test_credit(void)
{
	int			i;

	test_rules();
	for (i = 0; i < COUNT(cases); i++)
	{
		Result		r = play(&cases[i]);

		if (!ok(r.rate >= cases[i].rate && r.delay <= cases[i].delay, "credit: %s", cases[i].name))
			diag("rate %.3f of the possible, a barrier takes %lld us", r.rate, (long long) r.delay);
	}
}
