/*
 * decide/letter_rate.h
 *		How many dead letters the last minute has: more of them than a stream may
 *		have mean that something else is wrong than records.
 *
 * The clock is the records' arrival stamps, so that reading a journal again, or
 * catching up with one, does not press the letters of hours into a minute.  The
 * minute ends with the latest second seen; a letter that is older than it counts
 * as one of its first second.
 */
#ifndef WEIR_DECIDE_LETTER_RATE_H
#define WEIR_DECIDE_LETTER_RATE_H

#include <stdint.h>

#define WEIR_LETTER_SECONDS 60

/* Begins as {0}. */
typedef struct WeirLetterRate
{
	int64_t		second;			/* the latest */
	int64_t		counts[WEIR_LETTER_SECONDS];	/* of each second, by its number modulo so many */
	int64_t		total;
} WeirLetterRate;

/* Forgets all letters, and goes on at the second of a stamp (us), or later. */
extern void weir_letter_rate_restart(WeirLetterRate *rate, int64_t stamp);

/* So many letters of records that arrived then. */
extern void weir_letter_rate_add(WeirLetterRate *rate, int64_t stamp, int64_t letters);

/* How many the minute has that ends with this stamp, or with a later one that was seen. */
extern int64_t weir_letter_rate_at(WeirLetterRate *rate, int64_t stamp);

/* The stamp with which that minute begins. */
extern int64_t weir_letter_rate_begin(const WeirLetterRate *rate);

#endif
