/*
 * decide/window.c
 *		Windows of event time: which ones a time lies in, when they end.
 */
#include <limits.h>

#include "decide/window.h"

static int64_t
plus(int64_t a, int64_t b)
{
	if (b > 0 && a > INT64_MAX - b)
		return INT64_MAX;
	if (b < 0 && a < INT64_MIN - b)
		return INT64_MIN;
	return a + b;
}

static int64_t
minus(int64_t a, int64_t b)
{
	if (b > 0 && a < INT64_MIN + b)
		return INT64_MIN;
	if (b < 0 && a > INT64_MAX + b)
		return INT64_MAX;
	return a - b;
}

static int64_t
larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* From 0 to step - 1. */
static int64_t
modulo(int64_t value, int64_t step)
{
	int64_t		rest = value % step;

	return rest < 0 ? rest + step : rest;
}

static int64_t
greatest_divisor(int64_t a, int64_t b)
{
	while (b != 0)
	{
		int64_t		rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static bool
is_moderate(int64_t value)
{
	return value > INT64_MIN / 2 && value < INT64_MAX / 2;
}

int64_t
weir_window_floor(int64_t time, int64_t step, int64_t origin)
{
	/* where nothing overflows, one division will do */
	if (is_moderate(time) && is_moderate(origin))
		return minus(time, modulo(time - origin, step));
	return minus(time, modulo(modulo(time, step) - modulo(origin, step), step));
}

/* The first begin of a step after a time. */
static int64_t
next(int64_t time, int64_t step, int64_t origin)
{
	return plus(weir_window_floor(time, step, origin), step);
}

bool
weir_window_has(const WeirWindowShape *shape, int64_t time)
{
	return shape->size >= shape->slide ||
		time < plus(weir_window_floor(time, shape->slide, shape->origin), shape->size);
}

int64_t
weir_window_first_end(const WeirWindowShape *shape, int64_t time)
{
	int64_t		start;

	if (shape->size <= shape->slide)
		start = weir_window_floor(time, shape->slide, shape->origin);
	else if (shape->cumulates)
		return smaller(next(time, shape->slide, shape->origin), weir_window_last_end(shape, time));
	else
		start = next(minus(time, shape->size), shape->slide, shape->origin);
	return plus(start, shape->size);
}

int64_t
weir_window_last_end(const WeirWindowShape *shape, int64_t time)
{
	int64_t		step = shape->cumulates ? shape->size : shape->slide;

	return plus(weir_window_floor(time, step, shape->origin), shape->size);
}

int64_t
weir_window_end_after(const WeirWindowShape *shape, int64_t time, int64_t after)
{
	int64_t		first = weir_window_first_end(shape, time);
	int64_t		end = first;

	/* all ends are whole slides from the first one */
	if (after >= first)
		end = next(after, shape->slide, first);
	return end <= after || end > weir_window_last_end(shape, time) ? INT64_MAX : end;
}

int64_t
weir_window_pane_after(const WeirWindowShape *shape, int64_t after)
{
	return next(minus(after, shape->size), shape->cumulates ? shape->size : shape->slide, shape->origin);
}

int64_t
weir_window_start(const WeirWindowShape *shape, int64_t end)
{
	if (shape->cumulates)
		return weir_window_floor(minus(end, 1), shape->size, shape->origin);
	return minus(end, shape->size);
}

int64_t
weir_window_pane_size(const WeirWindowShape *shape)
{
	if (shape->cumulates || shape->size <= shape->slide)
		return shape->slide;
	return greatest_divisor(shape->size, shape->slide);
}

int64_t
weir_window_pane(const WeirWindowShape *shape, int64_t time)
{
	return weir_window_floor(time, weir_window_pane_size(shape), shape->origin);
}

int
weir_window_panes(const WeirWindowShape *shape)
{
	int64_t		n = larger(shape->size / weir_window_pane_size(shape), 1);

	return n > INT_MAX ? INT_MAX : (int) n;
}

int64_t
weir_window_over_at(int64_t end, int64_t lateness)
{
	return plus(end, lateness);
}

bool
weir_window_is_over(int64_t end, int64_t lateness, int64_t watermark)
{
	return watermark >= plus(end, lateness);
}

int64_t
weir_windows_over(int64_t watermark, int64_t lateness)
{
	return watermark == INT64_MAX ? INT64_MAX : minus(watermark, lateness);
}

WeirSpan
weir_session(int64_t time, int64_t gap)
{
	WeirSpan	span;

	span.start = time;
	span.end = plus(time, gap);
	return span;
}

bool
weir_session_touches(WeirSpan a, WeirSpan b)
{
	return a.start <= b.end && b.start <= a.end;
}

WeirSpan
weir_session_join(WeirSpan a, WeirSpan b)
{
	WeirSpan	span;

	span.start = smaller(a.start, b.start);
	span.end = larger(a.end, b.end);
	return span;
}
