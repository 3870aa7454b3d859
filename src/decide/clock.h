/*
 * decide/clock.h
 *		Two clocks and what is told by which.  All times are microseconds.
 *
 * The monotonic clock advances evenly while the machine is up, and nobody can
 * set it: spans and deadlines are measured by it.  The wall clock tells the
 * date, and may be stepped back and forth at any moment.
 *
 * Arrival stamps are dates, but times to live are spans between them.  So they
 * are told by a third clock, a WeirClock: it advances with the monotonic clock,
 * and by at most a tenth of what has passed faster or slower, towards the wall
 * clock.  Whatever becomes of the wall clock, it never goes back, and a span
 * that it measures is at most a tenth too long or too short.
 */
#ifndef WEIR_DECIDE_CLOCK_H
#define WEIR_DECIDE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* The moment that lies so far behind; the last there is, if it lies beyond. */
extern int64_t weir_time_after(int64_t moment, int64_t span);

typedef struct WeirClock
{
	int64_t		time;			/* what it shows .. */
	int64_t		at;				/* .. at this moment of the monotonic clock */
	int64_t		rest;			/* passed, but too short for a tenth of it */
} WeirClock;

extern void weir_clock_set(WeirClock *c, int64_t time, int64_t monotonic);
extern int64_t weir_clock_read(WeirClock *c, int64_t monotonic, int64_t wall);

/*
 * Which moment of the monotonic clock a date was, as far as the wall clock
 * can tell; false if it is still to come, so that the clock was set back since.
 */
extern bool weir_clock_moment(int64_t monotonic, int64_t wall, int64_t date, int64_t *moment);

#endif
