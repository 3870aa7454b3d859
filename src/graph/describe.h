/*
 * graph/describe.h
 *		The picture of a graph, for weir.explain_job: each node in turn, as its
 *		kind tells it.
 */
#ifndef WEIR_GRAPH_DESCRIBE_H
#define WEIR_GRAPH_DESCRIBE_H

#include "nodes/parsenodes.h"

#include "graph/graph.h"

extern void weir_graph_describe(const WeirGraph *graph, StringInfo text);

/* For the kinds.  A name as one would write it in a query here. */
extern const char *weir_describe_relation(Oid relid);
/* "  title: (name type, ...)" */
extern void weir_describe_columns(StringInfo text, const char *title, TupleDesc desc);
/* " by ($1 bigint)" */
extern void weir_describe_key(StringInfo text, const WeirNode *node);
/* Indented, line by line. */
extern void weir_describe_statement(StringInfo text, const char *statement);
extern void weir_describe_query_tree(StringInfo text, const Query *query);

#endif
