/*
 * state/kinds/time_window_int.h
 *		Inside windows of event time.  For time_window*.c only.
 */
#ifndef WEIR_STATE_KINDS_TIME_WINDOW_INT_H
#define WEIR_STATE_KINDS_TIME_WINDOW_INT_H

#include "postgres.h"

#include "state/aggregate/aggregate.h"
#include "state/aggregate/native.h"
#include "state/entry.h"
#include "state/kinds/time_window.h"

/* What all keys share. */
typedef struct WeirTimeWindows
{
	WeirTimeWindowDecl decl;
	WeirAggregates *aggregates; /* NULL: native */
	WeirNative *native;			/* NULL: not all are */
	List	   *types;			/* of their results */
	bool		in_panes;		/* a window may be several panes, which then have no end */
	bool		folds;			/* it pays, and makes no difference, to keep what panes come to */
	Size		accumulator;	/* where it lies in a pane */
	Size		stride;			/* of panes */

	/* scratch */
	char	   *pane;
	Datum	   *row;
	bool	   *row_nulls;
	WeirSpan   *spans;			/* handed out */
	int			nspans;
	int			spans_room;
	WeirAccumulator **parts;
	int			parts_room;
	WeirSpan	last;			/* of the last row that was added: its pane or window */
	int64		over;			/* windows that ended here or before were over for it */
	int64		pane_size;		/* of windows of a shape */
	WeirSpan	pane_times;		/* those of the pane that was looked for last */
	int64		pane_last_end;
	WeirSpan	calendar[2];	/* windows of the calendar that were asked for last */
	int			calendar_next;
} WeirTimeWindows;

/*
 * What windows that fire one after another have in common of a key's panes, which are
 * numbered from the key's first one ever.  Of those from first on, to middle, each has what it and all
 * that follow before middle come to; from there to end all come to "back".
 */
typedef struct WeirFold
{
	int64		first;
	int64		middle;
	int64		end;
	Size		bytes;
	char		states[FLEXIBLE_ARRAY_MEMBER];	/* back, then those of first .. middle */
} WeirFold;

/* What a key has: panes in the order of their ends. */
typedef struct WeirTimeWindow
{
	WeirLive	live;
	int64		fired;			/* windows that end here or before have, if there was anything in them */
	int64		passed;			/* panes that are gone */
	WeirFold   *fold;			/* NULL: none */
	int32		first;			/* where they begin in the array */
	int32		n;
	int32		room;
	int32		source;			/* of the last record */
	char		panes[FLEXIBLE_ARRAY_MEMBER];
} WeirTimeWindow;

static inline WeirTimeWindows *
weir_time_windows_of(const WeirState *state)
{
	return state->detail;
}

static inline char *
weir_pane_at(const WeirTimeWindows *windows, WeirTimeWindow *window, int n)
{
	return window->panes + windows->stride * (window->first + n);
}

static inline int64
weir_pane_start(const char *pane)
{
	return *(const int64 *) pane;
}

/* The end of the last window that it is in. */
static inline int64
weir_pane_end(const WeirTimeWindows *windows, const char *pane)
{
	return windows->in_panes ? weir_window_last_end(&windows->decl.shape, weir_pane_start(pane)) :
		((const int64 *) pane)[1];
}

static inline void
weir_pane_set_span(const WeirTimeWindows *windows, char *pane, WeirSpan span)
{
	((int64 *) pane)[0] = span.start;
	if (!windows->in_panes)
		((int64 *) pane)[1] = span.end;
}

static inline WeirNativeState *
weir_pane_native(const WeirTimeWindows *windows, char *pane)
{
	return (WeirNativeState *) (pane + windows->accumulator);
}

static inline WeirAccumulator *
weir_pane_accumulator(const WeirTimeWindows *windows, char *pane)
{
	return (WeirAccumulator *) (pane + windows->accumulator);
}

/* time_window_object.c */
extern WeirTimeWindow *weir_time_window_create(WeirState *state, int64 fired);
/* The n-th is a new one, of windows->pane; those from there on move.  The object may move too. */
extern WeirTimeWindow *weir_time_window_insert(WeirState *state, WeirEntry *entry, WeirTimeWindow *window, int n);
extern void weir_time_window_remove(WeirState *state, WeirTimeWindow *window, int from, int to);
extern int64 weir_pane_bytes(WeirTimeWindows *windows, char *pane);
extern void weir_time_window_free(WeirState *state, WeirLive *live);
/* Room for panes, of which there are none yet. */
extern WeirTimeWindow *weir_time_window_allocate(WeirState *state, int room);

/* time_window_flat.c */
extern void weir_time_window_flatten(WeirState *state, WeirLive *live, StringInfo out);
extern WeirLive *weir_time_window_unflatten(WeirState *state, const char *bytes, Size size, const char **wrong);

/* time_window_due.c */
extern int64 weir_time_window_due(WeirState *state, WeirLive *live);
/* The same for one of its panes. */
extern int64 weir_pane_due(WeirTimeWindows *windows, WeirTimeWindow *window, WeirSpan span);
/* The first pane with a window that ends after "after"; n: there is none. */
extern int	weir_pane_after(WeirTimeWindows *windows, WeirTimeWindow *window, int64 after);
/* The first pane that begins at a time or after it, of those in their order of it. */
extern int	weir_pane_from(WeirTimeWindows *windows, WeirTimeWindow *window, int64 start);

/* time_window_fold.c: the panes from .. to - 1, as one; NULL: they are to be combined one by one */
extern const WeirNativeState *weir_fold_results(WeirState *state, WeirTimeWindow *window, int from, int to,
												WeirNativeState *scratch);
/* Something before this pane has changed, or is to move. */
extern void weir_fold_invalidate(WeirState *state, WeirTimeWindow *window, int n);
extern void weir_fold_free(WeirState *state, WeirTimeWindow *window);

/* time_window_calendar.c */
extern WeirSpan weir_calendar_window(WeirTimeWindows *windows, int64 time);

#endif
