/*
 * decide/window.h
 *		Windows of event time: which ones a time lies in, when they end.
 *
 * A window is half open, and complete when the watermark has reached its end.  Windows of
 * a shape begin at an origin and all multiples of slide from it, before it too.  What goes
 * beyond an int64 stays at its end.
 */
#ifndef WEIR_DECIDE_WINDOW_H
#define WEIR_DECIDE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

typedef struct WeirSpan
{
	int64_t		start;
	int64_t		end;
} WeirSpan;

/* size and slide are above 0; of a tumbling window they are the same. */
typedef struct WeirWindowShape
{
	bool		cumulates;		/* all windows of a size begin with it, one ends each slide */
	int64_t		size;
	int64_t		slide;
	int64_t		origin;
} WeirWindowShape;

/* The last begin of a step at or before a time. */
extern int64_t weir_window_floor(int64_t time, int64_t step, int64_t origin);

/* Is the time in a window at all?  It need not be where they are shorter than the slide. */
extern bool weir_window_has(const WeirWindowShape *shape, int64_t time);

/* Of the windows that a time is in: their first and last end, and the first after another. */
extern int64_t weir_window_first_end(const WeirWindowShape *shape, int64_t time);
extern int64_t weir_window_last_end(const WeirWindowShape *shape, int64_t time);
/* INT64_MAX: there is none. */
extern int64_t weir_window_end_after(const WeirWindowShape *shape, int64_t time, int64_t after);

/* Panes that begin here or later have windows that end after a time, those before it have none. */
extern int64_t weir_window_pane_after(const WeirWindowShape *shape, int64_t after);

/* The begin of the window with this end. */
extern int64_t weir_window_start(const WeirWindowShape *shape, int64_t end);

/* The begin of the pane of a time: the times of one are in the same windows. */
extern int64_t weir_window_pane(const WeirWindowShape *shape, int64_t time);
extern int64_t weir_window_pane_size(const WeirWindowShape *shape);
/* How many panes the largest window has; more than an int holds: INT_MAX. */
extern int	weir_window_panes(const WeirWindowShape *shape);

/* Has the watermark passed it, and its lateness? */
extern bool weir_window_is_over(int64_t end, int64_t lateness, int64_t watermark);
/* When it is. */
extern int64_t weir_window_over_at(int64_t end, int64_t lateness);
/* Windows that end here or before are. */
extern int64_t weir_windows_over(int64_t watermark, int64_t lateness);

/* The session of one record. */
extern WeirSpan weir_session(int64_t time, int64_t gap);
/* Are they one session? */
extern bool weir_session_touches(WeirSpan a, WeirSpan b);
extern WeirSpan weir_session_join(WeirSpan a, WeirSpan b);

#endif
