/*
 * decide/histogram.c
 *		Counts by magnitude.
 */
#include "decide/histogram.h"

#define FINE (INT64_C(1) << WEIR_HISTOGRAM_FINE)
#define LIMIT ((INT64_C(1) << WEIR_HISTOGRAM_POWERS) - 1)

/* Below FINE each value has its own; above, the highest bits tell. */
static int
bucket_of(int64_t value)
{
	int			shift = 0;

	while (value >> shift >= 2 * FINE)
		shift++;
	return (int) (((int64_t) shift << WEIR_HISTOGRAM_FINE) + (value >> shift));
}

/* The least value of a bucket, and how many it has. */
static int64_t
bucket_begin(int bucket, int64_t *width)
{
	int			shift = bucket < 2 * FINE ? 0 : (bucket >> WEIR_HISTOGRAM_FINE) - 1;

	*width = INT64_C(1) << shift;
	return (int64_t) (bucket - (shift << WEIR_HISTOGRAM_FINE)) << shift;
}

void
weir_histogram_add(WeirHistogram *h, int64_t value)
{
	if (value < 0)
		value = 0;
	if (value > LIMIT)
		value = LIMIT;
	if (h->count == 0 || value < h->least)
		h->least = value;
	if (h->count == 0 || value > h->greatest)
		h->greatest = value;
	h->buckets[bucket_of(value)]++;
	h->count++;
}

void
weir_histogram_merge(WeirHistogram *h, const WeirHistogram *other)
{
	if (other->count == 0)
		return;
	if (h->count == 0 || other->least < h->least)
		h->least = other->least;
	if (h->count == 0 || other->greatest > h->greatest)
		h->greatest = other->greatest;
	h->count += other->count;
	for (int i = 0; i < WEIR_HISTOGRAM_BUCKETS; i++)
		h->buckets[i] += other->buckets[i];
}

static double
within(const WeirHistogram *h, double value)
{
	if (value < (double) h->least)
		return (double) h->least;
	return value > (double) h->greatest ? (double) h->greatest : value;
}

/* The middle of the bucket in which it lies. */
double
weir_histogram_quantile(const WeirHistogram *h, double share)
{
	double		wanted = share * (double) h->count;
	double		seen = 0;

	if (h->count == 0)
		return 0;
	if (share <= 0)
		return (double) h->least;
	for (int i = 0; i < WEIR_HISTOGRAM_BUCKETS; i++)
	{
		int64_t		width;
		int64_t		begin = bucket_begin(i, &width);

		seen += h->buckets[i];
		if (h->buckets[i] > 0 && seen >= wanted)
			return within(h, (double) begin + (double) (width - 1) / 2);
	}
	return (double) h->greatest;
}
