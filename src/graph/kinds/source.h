/*
 * graph/kinds/source.h
 *		A stream that is read.
 */
#ifndef WEIR_GRAPH_KINDS_SOURCE_H
#define WEIR_GRAPH_KINDS_SOURCE_H

#include "graph/graph.h"

typedef struct WeirSourcePlan
{
	Oid			stream;			/* the foreign table */
	bool		by_arrival;		/* its watermark is the arrival of its records */
	const char *watermark;		/* the column whose times make it, else; NULL: none */
	int64		bound;			/* us that a record may be late by that */
} WeirSourcePlan;

#define weir_source_plan(node) ((WeirSourcePlan *) (node)->plan)

#endif
