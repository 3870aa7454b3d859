/*
 * letter_rate_test.c
 *		How many dead letters the last minute has.
 */
#include "decide/letter_rate.h"
#include "tap.h"

#define S INT64_C(1000000)

typedef struct Step
{
	int64_t		stamp;			/* us */
	int64_t		letters;		/* added; 0: only asked */
	int64_t		total;			/* then */
} Step;

typedef struct Case
{
	const char *name;
	Step		steps[8];
} Case;

static const Case cases[] = {
	{"letters of one second", {{0, 1, 1}, {1, 1, 2}, {S - 1, 3, 5}}},
	{"the minute slides", {{0, 1, 1}, {30 * S, 1, 2}, {59 * S, 1, 3}, {60 * S, 0, 2}, {89 * S, 0, 2}, {90 * S, 0, 1}, {119 * S, 0, 0}}},
	{"as one second a time", {{60 * S - 1, 4, 4}, {119 * S - 1, 0, 4}, {119 * S, 0, 0}}},
	{"a long pause forgets all", {{5 * S, 7, 7}, {100000 * S, 1, 1}}},
	{"an older letter is of its second", {{40 * S, 1, 1}, {10 * S, 2, 3}, {69 * S, 0, 3}, {70 * S, 0, 1}}},
	{"one from before the minute counts as its first", {{1000 * S, 1, 1}, {3 * S, 2, 3}, {1001 * S, 0, 1}}},
	{"stamps before 2000", {{-90 * S, 1, 1}, {-31 * S, 1, 2}, {-S / 2, 1, 2}, {29 * S, 0, 1}, {59 * S, 0, 0}}},
};

static void
run(const Case *c)
{
	WeirLetterRate rate = {0};
	bool		good = true;

	/* where the clock of the case begins, which may be before 2000 */
	rate.second = INT64_MIN / 4;
	for (int i = 0; i < 8 && (i == 0 || c->steps[i].stamp != 0); i++)
	{
		const Step *step = &c->steps[i];
		int64_t		total;

		if (step->letters > 0)
			weir_letter_rate_add(&rate, step->stamp, step->letters);
		total = weir_letter_rate_at(&rate, step->stamp);
		if (total != step->total)
			diag("step %d: %lld letters, not %lld", i, (long long) total, (long long) step->total);
		good = good && total == step->total;
	}
	ok(good, "letter rate: %s", c->name);
}

static void
restarts(void)
{
	WeirLetterRate rate = {0};

	weir_letter_rate_add(&rate, 100 * S, 5);
	weir_letter_rate_restart(&rate, 40 * S);
	ok(weir_letter_rate_at(&rate, 100 * S) == 0, "letter rate: forgets what it had");
	ok(weir_letter_rate_begin(&rate) == 41 * S, "letter rate: but not how late it is");
	weir_letter_rate_restart(&rate, 160 * S + 17);
	ok(weir_letter_rate_begin(&rate) == 101 * S, "letter rate: a minute ends with the latest second");
}

void
test_letter_rate(void)
{
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run(&cases[i]);
	restarts();
}
