/*
 * graph/describe.h
 *		The picture of a graph, for weir.explain_job: a tree as EXPLAIN draws it,
 *		from each sink down to the sources.
 */
#ifndef WEIR_GRAPH_DESCRIBE_H
#define WEIR_GRAPH_DESCRIBE_H

#include "nodes/parsenodes.h"

#include "graph/graph.h"
#include "graph/stage.h"

struct WeirDescription
{
	StringInfo	text;			/* lines, each with its end */
	int			indent;			/* of the lines to come */
};

/* parallelism: the job's; 0: numbers of tasks are not told. */
extern void weir_graph_describe(const WeirGraph *graph, int parallelism, StringInfo text);

/* What its steps are, a line each. */
extern char *weir_describe_stage(const WeirGraph *graph, const WeirStageNodes *stage);

/* For the kinds.  A name as one would write it in a query here. */
extern const char *weir_describe_relation(Oid relid);
extern void weir_describe_line(WeirDescription *to, const char *format,...) pg_attribute_printf(2, 3);
/* A datum of weir.ttl, of this type; NULL: none. */
extern void weir_describe_ttl(WeirDescription *to, void *ttl, Oid type);
/* "00:00:04" */
extern const char *weir_describe_span(int64 us);
/* "Title: name type, ..." */
extern void weir_describe_columns(WeirDescription *to, const char *title, TupleDesc desc);
/* "Key: name type, ..." */
extern void weir_describe_key(WeirDescription *to, const WeirNode *node);
/* Below, line by line. */
extern void weir_describe_block(WeirDescription *to, const char *text);
/* "Title: text", or the text below, line by line, where it is long. */
extern void weir_describe_statement(WeirDescription *to, const char *title, const char *statement);
/* The statement that a query is, likewise. */
extern void weir_describe_tree(WeirDescription *to, const Query *query);

#endif
