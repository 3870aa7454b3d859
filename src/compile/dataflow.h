/*
 * compile/dataflow.h
 *		A job's query, cut into what the tasks run: the nodes of a graph.
 *
 *		(a) scan:  a SELECT over the stream, without f's output, in the order
 *				   of the records' ordinal
 *		(b) f:	   the keyed function, once a row of (a), its key set before;
 *				   or a count window, which has a row when it fires
 *		(c) sink:  the user's INSERT over f's rows (over (a)'s rows, if there
 *				   is no keyed step), read from an ephemeral named relation
 *
 *		Where keyed steps follow each other, (a) of the next one reads the rows of the
 *		one before; a UNION ALL has an (a) for each of its SELECTs.
 */
#ifndef WEIR_COMPILE_DATAFLOW_H
#define WEIR_COMPILE_DATAFLOW_H

#include "postgres.h"

#include "lib/ilist.h"
#include "nodes/pg_list.h"

#include "graph/graph.h"
#include "graph/stage.h"

/* A call of a user's function, anywhere but in the keyed step. */
typedef struct WeirCall
{
	Oid			function;
	int			position;		/* in the query, in characters from 1; 0: in a view */
} WeirCall;

typedef struct WeirDataflow
{
	MemoryContext context;		/* holds all of this */
	const char *text;			/* of the query, for who watches its statements run */
	WeirGraph  *graph;
	List	   *calls;			/* of WeirCall */

	bool		valid;			/* false after an invalidation */
	dlist_node	node;			/* in depend.c's list of those that listen */
} WeirDataflow;

/*
 * Compiles under the current user and search_path, in a transaction with an
 * active snapshot.  Errors carry a position in the query (as internal query).
 * Privileges are checked, too.
 *
 * updates: windows that are open are written, too, at each checkpoint (create_job's emit).
 * check: create_job's.  The dataflow lives in the caller's memory context and
 * does not hear of later changes.  Else it lives until it is freed, across
 * transactions; compile under enable_memoize = off and jit = off.
 */
extern WeirDataflow *weir_compile(const char *query, bool updates, bool check);
/* As for check, but the sink statement returns the rows it writes. */
extern WeirDataflow *weir_compile_returning(const char *query, bool updates);
extern void weir_dataflow_free(WeirDataflow *dataflow);

/*
 * Takes the locks that the statements of these nodes need (AccessShare; a sink's
 * RowExclusive on its target) in the current transaction, accepts
 * invalidations, and says whether the dataflow may still be run.
 */
extern bool weir_dataflow_lock(WeirDataflow *dataflow, const WeirStageNodes *stage);

#endif
