/*
 * decide/clock.c
 *		Two clocks and what is told by which.
 */
#include "decide/clock.h"

#include <assert.h>

#define SLOWEST 10				/* the share of time by which the clock may be wrong: a tenth */

int64_t
weir_time_after(int64_t moment, int64_t span)
{
	return moment > INT64_MAX - span ? INT64_MAX : moment + span;
}

void
weir_clock_set(WeirClock *c, int64_t time, int64_t monotonic)
{
	c->time = time;
	c->at = monotonic;
	c->rest = 0;
}

int64_t
weir_clock_read(WeirClock *c, int64_t monotonic, int64_t wall)
{
	int64_t		passed;
	int64_t		correction;
	int64_t		before = c->time;

	/* another process may have read it since the caller looked */
	if (monotonic <= c->at)
		return c->time;
	passed = monotonic - c->at;
	correction = weir_time_after(c->rest, passed) / SLOWEST;
	c->rest = (c->rest + passed % SLOWEST) % SLOWEST;
	c->at = monotonic;
	c->time = weir_time_after(c->time, passed);
	if (wall < c->time)
		c->time = wall < c->time - correction ? c->time - correction : wall;
	else
		c->time = wall > weir_time_after(c->time, correction) ? c->time + correction : wall;
	(void) before;
	assert(c->time >= before && c->rest >= 0 && c->rest < SLOWEST);
	return c->time;
}

bool
weir_clock_moment(int64_t monotonic, int64_t wall, int64_t date, int64_t *moment)
{
	if (date > wall)
		return false;
	/* a date that is out of reach was long ago */
	*moment = date < wall - INT64_MAX / 2 ? monotonic - INT64_MAX / 2 : monotonic - (wall - date);
	return true;
}
