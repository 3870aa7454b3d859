/*
 * compile/dataflow.h
 *		A job's query, cut into what the tasks run.
 *
 *		(a) scan:  a SELECT over the stream, without f's output, in the order
 *				   of the records' ordinal
 *		(b) f:	   the keyed function, once a row of (a), its key set before;
 *				   or a count window, which has a row when it fires
 *		(c) sink:  the user's INSERT over f's rows (over (a)'s rows, if there
 *				   is no keyed step), read from an ephemeral named relation
 */
#ifndef WEIR_COMPILE_DATAFLOW_H
#define WEIR_COMPILE_DATAFLOW_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "lib/ilist.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "nodes/primnodes.h"

#include "decide/topology.h"
#include "graph/graph.h"
#include "graph/kinds/count_window.h"
#include "graph/kinds/sink.h"
#include "graph/stage.h"

/* A call of a user's function, anywhere but in the keyed step. */
typedef struct WeirCall
{
	Oid			function;
	int			position;		/* in the query, in characters from 1; 0: in a view */
} WeirCall;

typedef enum WeirSinkPlace
{
	WEIR_SINK_WITH_KEYED,		/* each keyed task writes its own rows */
	WEIR_SINK_TASK				/* one sink task */
} WeirSinkPlace;

typedef WeirCountWindowPlan WeirCountWindow;

typedef struct WeirDataflow
{
	MemoryContext context;		/* holds all of this */
	const char *text;			/* of the query, for who watches its statements run */
	Oid			stream;
	Oid			target;			/* relation of the INSERT */

	/* (a) */
	PlannedStmt *scan;
	TupleDesc	row_desc;		/* its columns; the ordinal is not among them */
	AttrNumber	ordinal;		/* 1-based column of scan's result that holds the
								 * stream row's ctid: the last one */
	int			nkeys;			/* 0: no keyed step */
	WeirKeyColumn *keys;

	/* (b): a function or a window */
	WeirCountWindow *window;	/* NULL: none */
	Oid			function;		/* InvalidOid: none */
	FuncExpr   *call;			/* its args are Vars (varno 1) over row_desc, or
								 * constants; defaults are filled in */
	TupleDesc	function_desc;	/* columns f returns, or the window's aggregates */
	bool		function_scalar;	/* f returns a scalar: one column */

	/* (c) */
	TupleDesc	sink_desc;		/* the rows the sink statement reads */
	int		   *sink_source;	/* per sink_desc column: > 0 row_desc attno,
								 * < 0 minus function_desc attno */
	PlannedStmt *sink;
	WeirSinkBatching batching;
	const char *batching_reason;
	WeirWriter	writer;			/* these as in WeirSinkPlan */
	const char *writer_reason;
	List	   *projections;
	int			narbiters;		/* BATCH_DISTINCT: expressions over sink_desc
								 * (Vars varno 1), ready for ExecInitExpr */
	Expr	  **arbiters;
	Oid		   *arbiter_eq;		/* equality operators */
	Oid		   *arbiter_hash;	/* hash functions (32 bit) */
	Oid		   *arbiter_collation;

	WeirSinkPlace place;
	const char *place_reason;

	WeirGraph  *graph;			/* all of the above as nodes */
	List	   *calls;			/* of WeirCall */

	bool		valid;			/* false after an invalidation */
	dlist_node	node;			/* in depend.c's list of those that listen */

	/* the two statements before views are expanded, for describe */
	Query	   *scan_query;
	Query	   *sink_query;
	bool		sorted;			/* the scan sorts its rows by ordinal */
} WeirDataflow;

#define weir_dataflow_is_keyed(dataflow) ((dataflow)->nkeys > 0)

/*
 * Compiles under the current user and search_path, in a transaction with an
 * active snapshot.  Errors carry a position in the query (as internal query).
 * Privileges are checked, too.
 *
 * check: create_job's.  The dataflow lives in the caller's memory context and
 * does not hear of later changes.  Else it lives until it is freed, across
 * transactions; compile under enable_memoize = off and jit = off.
 */
extern WeirDataflow *weir_compile(const char *query, bool check);
/* As for check, but the sink statement returns the rows it writes. */
extern WeirDataflow *weir_compile_returning(const char *query);
extern void weir_dataflow_free(WeirDataflow *dataflow);

/*
 * Takes the locks that the statements of these nodes need (AccessShare; a sink's
 * RowExclusive on its target) in the current transaction, accepts
 * invalidations, and says whether the dataflow may still be run.
 */
extern bool weir_dataflow_lock(WeirDataflow *dataflow, const WeirStageNodes *stage);

/* The shape of its tasks. */
extern void weir_dataflow_topology(const WeirDataflow *dataflow, int parallelism,
								   WeirTopology *topology);

#endif
