/*
 * decide/histogram.h
 *		How long things took, many of them in little room: counts by magnitude,
 *		each power of two in sixteen, so a percentile is known within 3 %, and the
 *		least and the greatest exactly.  Values are microseconds; from 2^40 on
 *		(12 days) they count as that.
 *
 * One process writes, any may read: what is read while a value is added may lack
 * it in part, and is none that never was by more.  All zero is an empty one.
 */
#ifndef WEIR_DECIDE_HISTOGRAM_H
#define WEIR_DECIDE_HISTOGRAM_H

#include <stdint.h>

#define WEIR_HISTOGRAM_FINE 4	/* 2^4 buckets a power of two */
#define WEIR_HISTOGRAM_POWERS 40
#define WEIR_HISTOGRAM_BUCKETS ((WEIR_HISTOGRAM_POWERS - WEIR_HISTOGRAM_FINE + 1) << WEIR_HISTOGRAM_FINE)

typedef struct WeirHistogram
{
	int64_t		count;
	int64_t		least;			/* if count > 0 */
	int64_t		greatest;
	uint32_t	buckets[WEIR_HISTOGRAM_BUCKETS];
} WeirHistogram;

/* A value below 0 counts as 0. */
extern void weir_histogram_add(WeirHistogram *h, int64_t value);
extern void weir_histogram_merge(WeirHistogram *h, const WeirHistogram *other);
/* The value that this share of all, 0 to 1, does not exceed; 0 if there is none. */
extern double weir_histogram_quantile(const WeirHistogram *h, double share);

#endif
