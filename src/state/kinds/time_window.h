/*
 * state/kinds/time_window.h
 *		Windows of event time: aggregates over the records of a key whose times lie
 *		in a window.  When they fire is the watermark's business (due.h).
 */
#ifndef WEIR_STATE_KINDS_TIME_WINDOW_H
#define WEIR_STATE_KINDS_TIME_WINDOW_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "nodes/pg_list.h"

#include "decide/window.h"
#include "record/batch.h"
#include "state/aggregate/native.h"
#include "state/kinds/kept_source.h"
#include "state/store.h"

typedef enum WeirTimeWindowForm
{
	WEIR_WINDOWS_OF_SHAPE,		/* tumble, hop, cumulate */
	WEIR_WINDOWS_SESSION,
	WEIR_WINDOWS_CALENDAR,		/* as date_trunc cuts time */
	WEIR_WINDOWS_GIVEN			/* each record has its window */
} WeirTimeWindowForm;

/* A store copies what it keeps. */
typedef struct WeirTimeWindowDecl
{
	WeirTimeWindowForm form;
	WeirWindowShape shape;
	int64		gap;			/* of sessions */
	const char *unit;			/* calendar */
	const char *zone;			/* calendar: NULL: that of the session, or none */
	bool		zoned;			/* times are timestamptz, not timestamp */
	int64		lateness;
	bool		again;			/* a record within lateness makes its windows fire again */
	bool		early;			/* keys that have changed are listed, see running.h */
	List	   *aggregates;		/* of Aggref, over input */
	TupleDesc	input;
	WeirKeptSources sources;	/* whose records come */
} WeirTimeWindowDecl;

typedef enum WeirTimeAdded
{
	WEIR_TIME_ADDED,
	WEIR_TIME_AGAIN,			/* it was, and windows of its that had fired fire again */
	WEIR_TIME_NOWHERE,			/* the time is in no window */
	WEIR_TIME_LATE,				/* all its windows are over */
	WEIR_TIME_REFUSED			/* by the aggregates' arithmetic; the window is as before */
} WeirTimeAdded;

/*
 * Adds a row of the batch, of the current key.  when: its window, where each record has
 * one; else it starts at the record's time.  The watermark is that of before the row.
 */
extern WeirTimeAdded weir_time_window_add(WeirState *state, const WeirBatch *in, int row, WeirSpan when,
										  int64 watermark, const WeirNativeFault **fault);

/*
 * Windows of the current key, in order of their ends; how many there are.  Good until the
 * next call.
 */
/* Those that fire now that the watermark has reached "at". */
extern int	weir_time_windows_due(WeirState *state, int64 at, const WeirSpan **spans);
/* Those that the row added last makes fire again. */
extern int	weir_time_windows_again(WeirState *state, const WeirSpan **spans);
/* Those that have not fired. */
extern int	weir_time_windows_open(WeirState *state, const WeirSpan **spans);

/* What the aggregates of one of these come to, in the current memory context. */
extern void weir_time_window_results(WeirState *state, WeirSpan span, Datum *values, bool *nulls);

/* The windows of the current key that end at "at" or before have fired; what is over goes. */
extern void weir_time_windows_fired(WeirState *state, int64 at);

/* The node that the records of the current key's windows came from, of the last one. */
extern int	weir_time_window_source(WeirState *state);

/* The n-th key that has changed (running.h) becomes current; false: it has nothing any more. */
extern bool weir_time_window_enter_changed(WeirState *state, int64 n);

/* Is no code of a user's run? */
extern bool weir_time_window_is_native(const WeirState *state);

/*
 * What the current key has, piece by piece: whole windows, or the panes that windows are made of,
 * which have no end then.  False: there is no n-th.
 */
extern bool weir_time_window_piece(WeirState *state, int n, WeirSpan *span, bool *has_end, Datum *values,
								   bool *nulls);
/* The types of the aggregates. */
extern List *weir_time_window_types(const WeirState *state);
/* timestamptz or timestamp. */
extern Oid	weir_time_window_time_type(const WeirState *state);

#endif
