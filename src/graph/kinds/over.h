/*
 * graph/kinds/over.h
 *		Window functions OVER (PARTITION BY key ORDER BY time ...): each row comes with
 *		what rows of its key up to it come to, when the watermark has passed its time.
 */
#ifndef WEIR_GRAPH_KINDS_OVER_H
#define WEIR_GRAPH_KINDS_OVER_H

#include "datatype/timestamp.h"

#include "graph/graph.h"

/* From so far before a row up to it; by time up to the last of equal time. */
typedef struct WeirOverFrame
{
	bool		range;			/* by time, else by rows */
	int64		rows;
	Interval   *length;			/* of a frame by time */
	List	   *aggregates;		/* of Aggref over "in" (Vars varno 1) */
} WeirOverFrame;

typedef enum WeirOverKind
{
	WEIR_OVER_ALL,				/* of all rows of the key up to this one */
	WEIR_OVER_ALL_OF_TIME,		/* and up to the last of equal time */
	WEIR_OVER_FRAME,
	WEIR_OVER_LAG				/* a column of so many rows before */
} WeirOverKind;

typedef struct WeirOverFunction
{
	WeirOverKind kind;
	int			frame;			/* which */
	int			aggregate;		/* which of the frame, or of those over all rows */
	AttrNumber	column;			/* lag */
	int64		rows;			/* lag */
} WeirOverFunction;

typedef struct WeirOverPlan
{
	AttrNumber	time;			/* of "in", timestamptz or timestamp */
	List	   *aggregates;		/* over all rows of a key so far, of Aggref */
	int			nframes;
	WeirOverFrame *frames;
	WeirOverFunction *functions;	/* a column of result */
	int64		kept_rows;		/* that rows to come may need */
	int64		kept_time;		/* likewise, us; -1: none by time */
	int64		hold;			/* times may be so much behind the watermark, being of windows below */
	int64		passes_hold;	/* likewise the watermark of what it hands on */
	const char *hold_text;
	const char *text;			/* for people */
	const char *time_text;
	const char *state_name;		/* what is kept of a key goes by; that of all rows: weir_over_all_name */
	TupleDesc	result;
	int		   *output;			/* per column of "out": > 0 attno of "in",
								 * < 0 minus attno of result */
} WeirOverPlan;

#define weir_over_plan(node) ((WeirOverPlan *) (node)->plan)

extern char *weir_over_all_name(const WeirOverPlan *plan);

#endif
