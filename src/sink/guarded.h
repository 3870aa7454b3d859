/*
 * sink/guarded.h
 *		Rows for the sink statement that may be refused one by one.
 */
#ifndef WEIR_SINK_GUARDED_H
#define WEIR_SINK_GUARDED_H

#include "postgres.h"

#include "access/htup_details.h"

#include "sink/statement.h"

/* A row that waits, with what its record was. */
typedef struct WeirGuardedRow
{
	MinimalTuple tuple;			/* of sink_desc */
	int64		line;
	const char *raw;			/* NULL: not kept */
	int			raw_len;
} WeirGuardedRow;

typedef struct WeirGuarded WeirGuarded;

/* What to do with a row the statement refuses. */
typedef void (*WeirRefusedFunction) (void *arg, const WeirGuardedRow *row,
									 ErrorData *error);

/* In CurrentMemoryContext. */
extern WeirGuarded *weir_guarded_create(const WeirDataflow *dataflow, int64 *line);
/* The dataflow was compiled anew; the rows that wait stay. */
extern void weir_guarded_rebuild(WeirGuarded *g, const WeirDataflow *dataflow);

/* Adds a row of sink_desc; everything is copied. */
extern void weir_guarded_row(WeirGuarded *g, Datum *values, bool *nulls, int64 line,
							 const char *raw, int raw_len);
/* How many wait, and back to so many. */
extern int	weir_guarded_count(const WeirGuarded *g);
extern void weir_guarded_truncate(WeirGuarded *g, int n);
/* So much waits that it should be flushed. */
extern bool weir_guarded_full(const WeirGuarded *g);

/*
 * Runs the statement for the rows that wait, in subtransactions of the epoch:
 * one, unless rows are refused.  An error that is no row's is raised, with *line
 * the row it was at.
 */
extern void weir_guarded_flush(WeirGuarded *g, WeirRefusedFunction refused, void *arg);

#endif
