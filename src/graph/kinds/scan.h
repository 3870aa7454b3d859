/*
 * graph/kinds/scan.h
 *		A SELECT over the rows of one source, in the order of its records; or over
 *		those of a keyed step, in theirs.
 */
#ifndef WEIR_GRAPH_KINDS_SCAN_H
#define WEIR_GRAPH_KINDS_SCAN_H

#include "nodes/parsenodes.h"

#include "graph/graph.h"

/*
 * The name under which the statement reads the rows of a step: the columns of "in",
 * in order, and the ordinal of each, a tid.
 */
#define WEIR_SCAN_INPUT "weir_step_rows"
#define WEIR_SCAN_ORDINAL "weir_ordinal"

typedef struct WeirScanPlan
{
	Oid			stream;			/* that it reads; InvalidOid: the rows of a step */
	PlannedStmt *statement;
	AttrNumber	ordinal;		/* column of its result that holds the ctid, or
								 * ordinal: the last one, not among "out" */
	bool		sorted;			/* the statement sorts its rows by ordinal */
	AttrNumber	time;			/* column of its result, not among "out", whose times make the
								 * watermark of its rows; 0: they have that of what is read */
	Oid			time_type;
	int64		bound;			/* us that a row may be late by that time */
	int64		mark;			/* what the watermark is kept under */
	Query	   *query;			/* before views are expanded, for people */
} WeirScanPlan;

/* What the relation of that name looks like, for rows like these. */
extern TupleDesc weir_scan_input_desc(TupleDesc in);

#define weir_scan_plan(node) ((WeirScanPlan *) (node)->plan)

#endif
