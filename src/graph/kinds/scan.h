/*
 * graph/kinds/scan.h
 *		A SELECT over the rows of one source or keyed step, in their order.
 */
#ifndef WEIR_GRAPH_KINDS_SCAN_H
#define WEIR_GRAPH_KINDS_SCAN_H

#include "nodes/parsenodes.h"

#include "graph/graph.h"

/*
 * The name under which the statement reads the rows of a keyed step: the columns
 * of "in", and behind them the number of the row, as weir_scan_index reads it.
 */
#define WEIR_SCAN_INPUT "weir_step_rows"
#define WEIR_SCAN_ORDINAL "weir_ordinal"

typedef struct WeirScanPlan
{
	Oid			stream;			/* that it reads; InvalidOid: rows of a keyed step */
	PlannedStmt *statement;
	AttrNumber	ordinal;		/* column of its result that holds the row's ctid,
								 * or number: the last one, not among "out" */
	bool		sorted;			/* the statement sorts its rows by ordinal */
	Query	   *query;			/* before views are expanded, for people */
} WeirScanPlan;

/* What WEIR_SCAN_INPUT looks like to its statement. */
extern TupleDesc weir_scan_input_desc(const WeirNode *node);

#define weir_scan_plan(node) ((WeirScanPlan *) (node)->plan)

#endif
