/*
 * sink/isolating.h
 *		Rows for the sink statement that may be refused one by one.
 */
#ifndef WEIR_SINK_ISOLATING_H
#define WEIR_SINK_ISOLATING_H

#include "postgres.h"

#include "sink/sink.h"

/* The record that a row which waits comes from. */
typedef struct WeirWaitingRow
{
	int			source;			/* node of the dataflow whose record it comes of */
	int64		line;
	int64		stamp;
	const char *raw;			/* NULL: not kept */
	int			raw_len;
} WeirWaitingRow;

typedef struct WeirIsolating WeirIsolating;

/* What to do with a row the statement refuses. */
typedef void (*WeirRefusedFunction) (void *arg, const WeirWaitingRow *row,
									 ErrorData *error);

/* In CurrentMemoryContext. */
extern WeirIsolating *weir_isolating_create(const WeirNode *node, const char *text, int64 *line);
/* The node was compiled anew; the rows that wait stay. */
extern void weir_isolating_rebuild(WeirIsolating *g, const WeirNode *node, const char *text);

/* Adds a batch's rows; everything is copied. */
extern void weir_isolating_rows(WeirIsolating *g, const WeirBatch *batch);
/* How many wait, and back to so many. */
extern int	weir_isolating_count(const WeirIsolating *g);
extern void weir_isolating_truncate(WeirIsolating *g, int n);
/* So much waits that it should be flushed. */
extern bool weir_isolating_full(const WeirIsolating *g);

/*
 * Runs the statement for the rows that wait, in subtransactions of the epoch:
 * one, unless rows are refused.  An error that is no row's is raised, with *line
 * the row it was at.
 */
extern void weir_isolating_flush(WeirIsolating *g, WeirRefusedFunction refused, void *arg);

#endif
