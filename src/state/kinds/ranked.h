/*
 * state/kinds/ranked.h
 *		The best rows of a key: the first so many in an order.
 */
#ifndef WEIR_STATE_KINDS_RANKED_H
#define WEIR_STATE_KINDS_RANKED_H

#include "postgres.h"

#include "access/tupdesc.h"

#include "base/order.h"
#include "record/batch.h"
#include "state/store.h"

/* A store copies what it keeps. */
typedef struct WeirRankedDecl
{
	TupleDesc	input;
	const WeirSortColumn *columns;
	int			ncolumns;
	int			limit;			/* rows of a key */
	bool		last_first;		/* of equal ones the last to arrive comes first, else the first */
} WeirRankedDecl;

/* Does a user's code run to compare them? */
extern bool weir_ranked_calls_user(const WeirState *state);

/* A row of the current key, which is kept, and the key noted, if it is one of the best. */
extern void weir_ranked_add(WeirState *state, const WeirBatch *in, int row);

/*
 * The keys whose best rows have changed and were not forgotten since, as those of running
 * aggregates (running.h).  Rows are numbered from 0; those before the first that has
 * changed are as they were.  Values by reference stay where they are kept.
 */
extern int	weir_ranked_changed_rows(WeirState *state, int64 n, int *first);
extern void weir_ranked_changed_row(WeirState *state, int64 n, int row, Datum *values, bool *nulls);
/* The first n. */
extern void weir_ranked_forget(WeirState *state, int64 n);

/* How many rows the current key has; one of them. */
extern int	weir_ranked_count(WeirState *state);
extern void weir_ranked_row(WeirState *state, int row, Datum *values, bool *nulls);
extern TupleDesc weir_ranked_desc(const WeirState *state);

#endif
