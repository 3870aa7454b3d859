/*
 * window_test.c
 *		Windows of event time, against all windows looked at one by one.
 */
#include <stdlib.h>

#include "decide/window.h"
#include "tap.h"

/* Is a window of this shape one that begins at start and ends at end? */
static bool
is_window(const WeirWindowShape *shape, int64_t start, int64_t end)
{
	int64_t		step = shape->cumulates ? shape->size : shape->slide;

	if ((start - shape->origin) % step != 0)
		return false;
	if (shape->cumulates)
		return end > start && end <= start + shape->size && (end - start) % shape->slide == 0;
	return end == start + shape->size;
}

/* The first end of a window with the time that is above "after"; INT64_MAX: there is none. */
static int64_t
model_end_after(const WeirWindowShape *shape, int64_t time, int64_t after, int64_t *last)
{
	int64_t		first = INT64_MAX;

	*last = INT64_MIN;
	for (int64_t end = time + 1; end <= time + shape->size; end++)
	{
		bool		has = false;

		for (int64_t start = end - shape->size; start <= time && !has; start++)
			has = is_window(shape, start, end);
		if (!has)
			continue;
		*last = end;
		if (end > after && first == INT64_MAX)
			first = end;
	}
	return first;
}

static bool
check_time(const WeirWindowShape *shape, int64_t time, int64_t after)
{
	int64_t		last;
	int64_t		first = model_end_after(shape, time, INT64_MIN, &last);
	int64_t		next = model_end_after(shape, time, after, &last);

	if (weir_window_has(shape, time) != (first != INT64_MAX))
		return false;
	if (first == INT64_MAX)
		return true;
	return weir_window_first_end(shape, time) == first && weir_window_last_end(shape, time) == last &&
		weir_window_end_after(shape, time, after) == next &&
		is_window(shape, weir_window_start(shape, first), first) &&
		is_window(shape, weir_window_start(shape, last), last);
}

/* All times of a pane are in the same windows, and panes make up each window. */
static bool
check_pane(const WeirWindowShape *shape, int64_t time)
{
	int64_t		pane = weir_window_pane(shape, time);
	int64_t		end;

	if (pane > time)
		return false;
	if (!weir_window_has(shape, time))
		return true;
	end = weir_window_first_end(shape, time);
	if ((weir_window_last_end(shape, pane) > time + 3) != (pane >= weir_window_pane_after(shape, time + 3)))
		return false;
	return weir_window_first_end(shape, pane) == end &&
		weir_window_last_end(shape, pane) == weir_window_last_end(shape, time) &&
		weir_window_pane(shape, weir_window_start(shape, end)) == weir_window_start(shape, end);
}

static void
test_random_shapes(void)
{
	Random		random = {7};
	bool		ends = true;
	bool		panes = true;
	int			i;

	for (i = 0; i < 20000; i++)
	{
		WeirWindowShape shape = {0};
		int64_t		time = random_below(&random, 200) - 100;

		shape.slide = 1 + random_below(&random, 12);
		shape.cumulates = random_below(&random, 3) == 0;
		shape.size = shape.cumulates ? shape.slide * (1 + random_below(&random, 5)) :
			1 + random_below(&random, 30);
		shape.origin = random_below(&random, 60) - 30;
		ends = ends && check_time(&shape, time, time + random_below(&random, 50) - 10);
		panes = panes && check_pane(&shape, time);
	}
	ok(ends, "first, last and next ends of the windows of a time are those of a search");
	ok(panes, "the times of a pane are in the same windows");
}

static void
test_shapes(void)
{
	WeirWindowShape tumble = {false, 10, 10, 0};
	WeirWindowShape hop = {false, 10, 4, 0};
	WeirWindowShape gaps = {false, 3, 5, 0};
	WeirWindowShape day = {true, 24, 1, 0};

	ok(weir_window_first_end(&tumble, -1) == 0 && weir_window_first_end(&tumble, -10) == 0 &&
	   weir_window_first_end(&tumble, 0) == 10, "times before the origin are in windows before it");
	ok(weir_window_pane(&hop, 7) == 6 && weir_window_panes(&hop) == 5, "panes of a hop are the greatest divisor");
	ok(weir_window_has(&gaps, 2) && !weir_window_has(&gaps, 3) && weir_window_panes(&gaps) == 1,
	   "where windows are shorter than the slide, times between them are in none");
	ok(weir_window_first_end(&day, 5) == 6 && weir_window_last_end(&day, 5) == 24 &&
	   weir_window_start(&day, 24) == 0 && weir_window_start(&day, 25) == 24, "windows that cumulate begin together");
	ok(weir_window_floor(-7, 5, 3) == -7 && weir_window_floor(-8, 5, 3) == -12, "an origin moves the begins");
}

static void
test_extremes(void)
{
	WeirWindowShape tumble = {false, 1000, 1000, 0};
	WeirWindowShape large = {false, INT64_MAX, 1000, 0};

	ok(weir_window_first_end(&tumble, INT64_MAX) == INT64_MAX &&
	   weir_window_last_end(&large, 5) == INT64_MAX, "an end that is too large stays the largest there is");
	ok(weir_window_pane(&tumble, INT64_MIN) == INT64_MIN && weir_window_floor(INT64_MIN + 3, 10, 0) == INT64_MIN,
	   "a begin that is too small stays the smallest there is");
	ok(weir_window_end_after(&large, 5, INT64_MAX) == INT64_MAX, "there is no end after the largest");
	ok(!weir_window_is_over(INT64_MAX - 5, 100, INT64_MAX - 1) && weir_window_is_over(INT64_MAX, 100, INT64_MAX),
	   "all is over at the end of the input");
	ok(weir_window_is_over(10, 5, 15) && !weir_window_is_over(10, 5, 14) && !weir_window_is_over(10, 0, INT64_MIN),
	   "a window is over when the watermark has reached its end and its lateness");
}

static void
test_sessions(void)
{
	WeirSpan	a = weir_session(10, 5);
	WeirSpan	joined = weir_session_join(a, weir_session(15, 5));

	ok(weir_session_touches(a, weir_session(15, 5)) && weir_session_touches(weir_session(15, 5), a) &&
	   !weir_session_touches(a, weir_session(16, 5)), "sessions that touch are one");
	ok(joined.start == 10 && joined.end == 20, "a joined session is from the first to the last");
	ok(weir_session(INT64_MAX - 1, 5).end == INT64_MAX, "the end of a session stays within range");
}

void
test_window(void)
{
	test_shapes();
	test_random_shapes();
	test_extremes();
	test_sessions();
}
