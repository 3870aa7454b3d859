/*
 * graph/kinds/sink.h
 *		The user's INSERT over the rows of the node before, which it reads from
 *		an ephemeral named relation.
 */
#ifndef WEIR_GRAPH_KINDS_SINK_H
#define WEIR_GRAPH_KINDS_SINK_H

#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"

#include "graph/graph.h"

/* The name under which the statement reads its rows. */
#define WEIR_SINK_INPUT "weir_sink_input"
/* They are the only entry of its inner range table. */
#define WEIR_SINK_INPUT_INDEX 1

/* How the statement may be run so that the result is that of one row a statement. */
typedef enum WeirSinkBatching
{
	WEIR_SINK_BATCH,			/* any number of rows a statement */
	WEIR_SINK_BATCH_DISTINCT,	/* no two rows equal on the arbiter columns */
	WEIR_SINK_BY_RECORD			/* one row a statement */
} WeirSinkBatching;

/* What writes the rows. */
typedef enum WeirWriter
{
	WEIR_WRITER_EXECUTOR,		/* runs the statement */
	WEIR_WRITER_MULTI_INSERT,	/* a plain append: many rows at once into the table */
	WEIR_WRITER_PRINT,			/* likewise, for tables of weir_print, of streams, of weir_blackhole */
	WEIR_WRITER_PEER,
	WEIR_WRITER_BLACKHOLE
} WeirWriter;

typedef struct WeirSinkPlan
{
	Oid			target;			/* relation of the INSERT */
	PlannedStmt *statement;
	WeirSinkBatching batching;
	const char *batching_reason;
	int			narbiters;		/* BATCH_DISTINCT: expressions over "in"
								 * (Vars varno 1), ready for ExecInitExpr */
	Expr	  **arbiters;
	Oid		   *arbiter_eq;		/* equality operators */
	Oid		   *arbiter_hash;	/* hash functions (32 bit) */
	Oid		   *arbiter_collation;
	WeirWriter	writer;			/* where no other extension watches the executor */
	const char *writer_reason;	/* why it is the executor */
	const char *written;		/* PEER: how, in words */
	List	   *projections;	/* of Plan, where it is not: target lists and filters from
								 * "in" to the target's rows, one after the other */
	Oid			unpreparable;	/* a foreign table it writes, after which a transaction may not
								 * be prepared; InvalidOid: none */
	bool		alone;			/* in one task, not in those before it */
	const char *place_reason;
	Query	   *query;			/* before views are expanded, for people */
} WeirSinkPlan;

#define weir_sink_plan(node) ((WeirSinkPlan *) (node)->plan)

#endif
