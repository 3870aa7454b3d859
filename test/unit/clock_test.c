/*
 * clock_test.c
 *		Two clocks and what is told by which.
 */
#include "decide/clock.h"
#include "tap.h"

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define MAX_READS 4

/* A clock that shows 1000 s at monotonic 10 s, read some times; in seconds, but for the last case. */
static void
test_reads(void)
{
	static const struct
	{
		const char *name;
		int64_t		unit;
		struct
		{
			int64_t		monotonic;
			int64_t		wall;
			int64_t		expected;
		}			reads[MAX_READS];
	}			cases[] = {
		{"goes with a wall clock that is right", SECOND, {{11, 1001, 1001}, {20, 1010, 1010}}},
		{"the clock set back an hour: a tenth slower", SECOND, {{20, -2590, 1009}, {110, -2500, 1090}}},
		{"the clock set forward an hour: a tenth faster", SECOND, {{20, 4610, 1011}, {110, 4700, 1110}}},
		{"forward for a moment and back: hardly moved, then right again", SECOND,
		{{20, 4610, 1011}, {30, 1020, 1020}, {40, 1030, 1030}}},
		{"back for a moment and right: the same", SECOND, {{20, -2590, 1009}, {30, 1020, 1020}}},
		{"a small step is made up for within ten times of it", SECOND, {{20, 1011, 1011}, {30, 1021, 1021}}},
		{"no time has passed: nothing moves, whatever the clock is set to", SECOND,
		{{10, 9000, 1000}, {10, -9000, 1000}}},
		{"a monotonic clock read earlier by another process: as it was", SECOND, {{20, 1010, 1010}, {19, 1009, 1010}, {21, 1011, 1011}}},
		{"read a microsecond at a time, it is corrected all the same", 1,
		{{10 * SECOND + 5, HOUR, 1000 * SECOND + 5}, {10 * SECOND + 9, HOUR, 1000 * SECOND + 9}, {10 * SECOND + 10, HOUR, 1000 * SECOND + 11}, {10 * SECOND + 20, HOUR, 1000 * SECOND + 22}}}
	};
	int			i;
	int			k;

	for (i = 0; i < COUNT(cases); i++)
	{
		WeirClock	clock;
		bool		right = true;

		weir_clock_set(&clock, 1000 * SECOND, 10 * SECOND);
		for (k = 0; k < MAX_READS && cases[i].reads[k].monotonic != 0; k++)
		{
			int64_t		got = weir_clock_read(&clock, cases[i].reads[k].monotonic * cases[i].unit,
											  cases[i].reads[k].wall * cases[i].unit);

			right = right && got == cases[i].reads[k].expected * cases[i].unit;
		}
		ok(right, "clock: %s", cases[i].name);
	}
}

/* Steps of up to an hour at random: what was measured is what has passed, but for a tenth. */
static void
test_random(void)
{
	WeirClock	clock;
	uint64_t	random = 1;
	int64_t		now = SECOND;
	int64_t		wall = 0;
	int64_t		before = HOUR;
	int64_t		first = now;
	bool		back = false;
	bool		wrong = false;
	int			i;

	weir_clock_set(&clock, HOUR, now);
	for (i = 0; i < 100000; i++)
	{
		int64_t		time;

		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		now += (int64_t) (random >> 50);
		if ((random >> 40) % 16 == 0)
			wall = (int64_t) ((random >> 20) % (2 * HOUR)) - HOUR;
		time = weir_clock_read(&clock, now, HOUR + now + wall);
		back = back || time < before;
		wrong = wrong || time - HOUR < (now - first) / 10 * 9 - 10 || time - HOUR > (now - first) / 10 * 11 + 10;
		before = time;
	}
	ok(!back, "clock: never back, whatever the clock is set to");
	ok(!wrong, "clock: a span is at most a tenth off");
}

static void
test_limits(void)
{
	WeirClock	clock;
	int64_t		moment;

	weir_clock_set(&clock, INT64_MAX - 5, 0);
	ok(weir_clock_read(&clock, 10, INT64_MAX) == INT64_MAX, "clock: the last moment is not passed");
	weir_clock_set(&clock, INT64_MIN + 5, 0);
	ok(weir_clock_read(&clock, 10, INT64_MIN) == INT64_MIN + 14, "clock: before every date");
	weir_clock_set(&clock, 0, -HOUR);
	ok(weir_clock_read(&clock, HOUR, 2 * HOUR) == 2 * HOUR, "clock: a monotonic clock below 0");

	ok(weir_clock_moment(50, 1000, 990, &moment) && moment == 40, "moment: a date of 10 ago");
	ok(weir_clock_moment(50, 1000, 1000, &moment) && moment == 50, "moment: now");
	ok(!weir_clock_moment(50, 1000, 1001, &moment), "moment: a date to come is none");
	ok(weir_clock_moment(50, 1000, 0, &moment) && moment == -950, "moment: before the machine was up");
	ok(weir_clock_moment(50, INT64_MAX, INT64_MIN, &moment) && moment < -HOUR, "moment: before every date");
	ok(weir_time_after(5, INT64_MAX) == INT64_MAX && weir_time_after(5, 6) == 11, "time after: clamped");
}

void
test_clock(void)
{
	test_reads();
	test_random();
	test_limits();
}
