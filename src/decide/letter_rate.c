/*
 * decide/letter_rate.c
 *		How many dead letters the last minute has.
 */
#include "decide/letter_rate.h"

#include <string.h>

#define SECOND INT64_C(1000000)

/* Rounded down, also before 2000. */
static int64_t
second_of(int64_t stamp)
{
	return stamp / SECOND - (stamp % SECOND < 0);
}

static int64_t *
count_of(WeirLetterRate *rate, int64_t second)
{
	int64_t		slot = second % WEIR_LETTER_SECONDS;

	return &rate->counts[slot < 0 ? slot + WEIR_LETTER_SECONDS : slot];
}

/* Seconds that fall out of the minute are forgotten. */
static void
advance(WeirLetterRate *rate, int64_t second)
{
	if (second <= rate->second)
		return;
	if (second - rate->second >= WEIR_LETTER_SECONDS)
	{
		memset(rate->counts, 0, sizeof(rate->counts));
		rate->total = 0;
		rate->second = second;
	}
	while (rate->second < second)
	{
		int64_t    *oldest = count_of(rate, ++rate->second);

		rate->total -= *oldest;
		*oldest = 0;
	}
}

void
weir_letter_rate_restart(WeirLetterRate *rate, int64_t stamp)
{
	int64_t		second = second_of(stamp);

	memset(rate->counts, 0, sizeof(rate->counts));
	rate->total = 0;
	if (second > rate->second)
		rate->second = second;
}

void
weir_letter_rate_add(WeirLetterRate *rate, int64_t stamp, int64_t letters)
{
	int64_t		second = second_of(stamp);
	int64_t		first;

	advance(rate, second);
	first = rate->second - WEIR_LETTER_SECONDS + 1;
	*count_of(rate, second < first ? first : second) += letters;
	rate->total += letters;
}

int64_t
weir_letter_rate_at(WeirLetterRate *rate, int64_t stamp)
{
	advance(rate, second_of(stamp));
	return rate->total;
}

int64_t
weir_letter_rate_begin(const WeirLetterRate *rate)
{
	return (rate->second - WEIR_LETTER_SECONDS + 1) * SECOND;
}
