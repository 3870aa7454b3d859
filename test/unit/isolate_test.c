/*
 * isolate_test.c
 *		Finding the records at fault in a batch, with every kind of guess.
 */
#include <string.h>

#include "decide/isolate.h"
#include "tap.h"

#define LARGEST 4096

/* What a range that fails says of the record at fault. */
typedef enum Guess
{
	GUESS_RIGHT,				/* the first one */
	GUESS_LAST,					/* the range's last record: it was read to its end */
	GUESS_NONE,
	GUESS_ANY
} Guess;

typedef struct Case
{
	const char *name;
	int			n;
	const char *bad;			/* of each record: 'x' is at fault */
	Guess		guess;
	int			runs;			/* ranges run at most */
} Case;

static const Case cases[] = {
	{"an empty batch", 0, "", GUESS_NONE, 0},
	{"none is at fault: one run", 8, "........", GUESS_NONE, 1},
	{"one record, at fault", 1, "x", GUESS_NONE, 1},
	{"the first, guessed", 8, "x.......", GUESS_RIGHT, 3},
	{"one in the middle, guessed: what precedes it, it alone, the rest", 8, "....x...", GUESS_RIGHT, 4},
	{"the last, guessed: halved", 8, ".......x", GUESS_RIGHT, 8},
	{"one, not guessed: halved", 8, "..x.....", GUESS_NONE, 9},
	{"one, and the guess is always the last", 8, "..x.....", GUESS_LAST, 9},
	{"all of them", 4, "xxxx", GUESS_RIGHT, 8},
	{"all of them, not guessed", 4, "xxxx", GUESS_NONE, 10}
};

static int
guess_of(Guess kind, const bool *bad, int from, int to, Random *random)
{
	int			first = from;

	while (first < to && !bad[first])
		first++;
	switch (kind)
	{
		case GUESS_RIGHT:
			return first;
		case GUESS_LAST:
			return to - 1;
		case GUESS_NONE:
			return -1;
		case GUESS_ANY:
			return random_below(random, LARGEST) - 10;
	}
	return -1;
}

/* Exactly the records at fault are passed; all else runs once and in order. */
static bool
isolate(int n, const bool *bad, Guess kind, Random *random, int *runs, long *work)
{
	WeirIsolate iso;
	int			from;
	int			to;
	int			done = 0;

	*runs = 0;
	*work = 0;
	weir_isolate_begin(&iso, n);
	while (weir_isolate_next(&iso, &from, &to))
	{
		bool		fails = false;
		int			i;

		if (from != done || to <= from || to > n || *runs > 10 * n + 10)
			return false;
		(*runs)++;
		for (i = from; i < to && !fails; i++)
		{
			(*work)++;
			fails = bad[i];
		}
		if (!fails)
		{
			weir_isolate_succeeded(&iso);
			done = to;
		}
		else if (weir_isolate_failed(&iso, guess_of(kind, bad, from, to, random)))
		{
			if (to - from != 1)
				return false;
			done = to;
		}
	}
	return done == n;
}

static void
test_cases(void)
{
	int			i;

	for (i = 0; i < COUNT(cases); i++)
	{
		const Case *c = &cases[i];
		Random		random = {1};
		bool		bad[16];
		int			runs;
		long		work;
		int			j;

		for (j = 0; j < c->n; j++)
			bad[j] = c->bad[j] == 'x';
		if (!ok(isolate(c->n, bad, c->guess, &random, &runs, &work) && runs <= c->runs, "isolate: %s", c->name))
			diag("%d runs", runs);
	}
}

static void
test_random(void)
{
	Random		random = {42};
	bool		bad[LARGEST];
	bool		right = true;
	int			round;

	for (round = 0; round < 2000 && right; round++)
	{
		int			n = random_below(&random, 200);
		int			percent = random_below(&random, 101);
		int			runs;
		long		work;
		int			i;

		for (i = 0; i < n; i++)
			bad[i] = random_below(&random, 100) < percent;
		right = isolate(n, bad, (Guess) random_below(&random, 4), &random, &runs, &work);
	}
	ok(right, "isolate: any batch, any guess: the records at fault, and no other");
}

static void
test_cost(void)
{
	Random		random = {7};
	bool		bad[LARGEST];
	int			runs;
	long		work;
	int			i;

	for (i = 0; i < LARGEST; i++)
		bad[i] = i % 10 == 3;
	ok(isolate(LARGEST, bad, GUESS_RIGHT, &random, &runs, &work) && work < 3 * LARGEST,
	   "isolate: with right guesses no record is worked on more than thrice");
}

void
test_isolate(void)
{
	test_cases();
	test_random();
	test_cost();
}
