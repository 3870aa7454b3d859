/*
 * histogram_test.c
 *		Percentiles out of counts, beside those of the values themselves.
 */
#include <stdlib.h>

#include "decide/histogram.h"
#include "tap.h"

#define MANY 2000

static int
compare(const void *a, const void *b)
{
	int64_t		x = *(const int64_t *) a;
	int64_t		y = *(const int64_t *) b;

	return (x > y) - (x < y);
}

static int64_t
value_of(Random *random, int bits)
{
	return (int64_t) (random_bits(random) >> (64 - 1 - random_below(random, bits)));
}

/* The value that so many of the sorted ones do not exceed. */
static int64_t
exactly(const int64_t *values, int n, double share)
{
	int			rank = 1;

	while (rank < n && rank < share * n)
		rank++;
	return values[rank - 1];
}

static bool
is_near(double found, int64_t exact)
{
	double		off = found - (double) exact;

	return (off < 0 ? -off : off) <= 0.5 + 0.032 * (double) exact;
}

static void
test_quantiles(const char *name, int bits)
{
	static const double shares[] = {0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
	int64_t		values[MANY];
	Random		random = {(uint64_t) bits};
	WeirHistogram h = {0};
	WeirHistogram other = {0};
	bool		near = true;

	for (int i = 0; i < MANY; i++)
	{
		values[i] = value_of(&random, bits);
		weir_histogram_add(i % 3 == 0 ? &other : &h, values[i]);
	}
	weir_histogram_merge(&h, &other);
	qsort(values, MANY, sizeof(int64_t), compare);
	for (int i = 0; i < COUNT(shares); i++)
	{
		if (is_near(weir_histogram_quantile(&h, shares[i]), exactly(values, MANY, shares[i])))
			continue;
		diag("%s: %g is %g, not %lld", name, shares[i], weir_histogram_quantile(&h, shares[i]),
			 (long long) exactly(values, MANY, shares[i]));
		near = false;
	}
	ok(near, "histogram: %s: within 3 %%", name);
	ok(h.count == MANY && h.least == values[0] && h.greatest == values[MANY - 1], "histogram: %s: the ends are exact", name);
}

void
test_histogram(void)
{
	WeirHistogram empty = {0};
	WeirHistogram h = {0};

	ok(weir_histogram_quantile(&empty, 0.5) == 0, "histogram: none has no median");
	weir_histogram_merge(&h, &empty);
	ok(h.count == 0, "histogram: an empty one adds nothing");
	weir_histogram_add(&h, 1000003);
	ok(weir_histogram_quantile(&h, 0) == 1000003 && weir_histogram_quantile(&h, 0.5) == 1000003 &&
	   weir_histogram_quantile(&h, 1) == 1000003, "histogram: one value is every percentile");
	weir_histogram_add(&h, -5);
	ok(h.least == 0, "histogram: below 0 is 0");
	weir_histogram_add(&h, INT64_MAX);
	ok(h.count == 3 && h.greatest == (INT64_C(1) << 40) - 1, "histogram: what is too long is as long as can be");
	test_quantiles("microseconds", 4);
	test_quantiles("milliseconds", 12);
	test_quantiles("any", 39);
}
