/*
 * graph/graph.h
 *		A job as data: nodes that make, change or take rows, and edges along
 *		which the rows go.  Compiled from the job's query; coordinator, tasks,
 *		weir.try_job, weir.explain_job and weir.state read it.
 *
 *	source -> scan -(BY_KEY)-> function, count_window, aggregate -(FORWARD or TO_ONE)-> sink
 *	source -> scan -(TO_ONE)-> sink
 *	function, count_window -(FORWARD)-> scan -(BY_KEY, FORWARD or TO_ONE)-> the next
 *
 * A source may lead to several scans, several may lead to one keyed step or sink, and
 * there may be several sinks: all in the tasks of the keyed steps before them, or all
 * in one.
 *
 * Nodes stand in an order in which every edge leads from an earlier to a later
 * one.  Rows of all edges into a port of a node are alike: they have its "in", and
 * those of port 1, which a join has for what is on its right, its "right".
 */
#ifndef WEIR_GRAPH_GRAPH_H
#define WEIR_GRAPH_GRAPH_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "nodes/plannodes.h"

#define WEIR_NODE_KIND(id, ops) WEIR_NODE_##id,
typedef enum WeirNodeKind
{
#include "graph/kindlist.h"
	WEIR_NODE_KINDS
} WeirNodeKind;
#undef WEIR_NODE_KIND

/* One column of a key. */
typedef struct WeirKeyColumn
{
	AttrNumber	attno;			/* in the rows that it is the key of */
	Oid			type;
	Oid			eq_operator;
	Oid			collation;
} WeirKeyColumn;

typedef struct WeirNode
{
	int			id;				/* its place in the graph's nodes */
	WeirNodeKind kind;
	const char *identity;		/* what it is, not where it stands */
	int			number;			/* of a source its position and journal go by,
								 * of a keyed step its snapshots; -1: none */
	int			parallelism;	/* 0: the job's */
	TupleDesc	in;				/* NULL: a source */
	TupleDesc	right;			/* of port 1; NULL: it has but port 0 */
	TupleDesc	out;			/* NULL: a sink */
	int			nkeys;			/* 0: it keeps no state by key */
	WeirKeyColumn *keys;		/* in "in" */
	WeirKeyColumn *right_keys;	/* in "right", as many */
	List	   *sources;		/* of a keyed step, WeirNodes: whose records come to it */
	void	   *plan;			/* as its kind has it, in graph/kinds/ */
} WeirNode;

typedef enum WeirEdgeKind
{
	WEIR_EDGE_FORWARD,			/* within a task */
	WEIR_EDGE_BY_KEY,			/* each row to the task that owns its key group */
	WEIR_EDGE_TO_ONE			/* every row to the one task of the node */
} WeirEdgeKind;

typedef struct WeirEdge
{
	int			from;			/* nodes */
	int			to;
	WeirEdgeKind kind;
	int			port;			/* of "to": 0, or 1 for the right side of a join */
	int			nkeys;			/* BY_KEY: columns of the row of "from" */
	WeirKeyColumn *keys;
} WeirEdge;

typedef struct WeirGraph
{
	int			nnodes;
	WeirNode  **nodes;
	int			nedges;
	WeirEdge  **edges;
	List	   *uses;			/* of WeirUsed: what must not be dropped */
	/* what it depends on */
	List	   *relations;		/* OIDs: a change of one makes it stale */
	List	   *items;			/* PlanInvalItems: functions and types */
} WeirGraph;

typedef struct WeirDescription WeirDescription;	/* graph/describe.h */

/* What there is to know of a kind of node. */
typedef struct WeirNodeOps
{
	const char *name;			/* "count_window" */
	bool		source;
	bool		keyed;
	bool		sink;
	/* The statement that it runs; NULL: none. */
	PlannedStmt *(*statement) (const WeirNode *node);
	/* For people: what it is, in some words, and lines on how it does that. */
	void		(*title) (const WeirNode *node, StringInfo text);
	void		(*describe) (const WeirNode *node, WeirDescription *to);
	/* Adds to relations and items what its statement does not name; NULL: nothing. */
	void		(*depend) (const WeirNode *node, WeirGraph *graph);
	/* The stream or function by which it is known when its name changes; NULL: none. */
	Oid			(*object) (const WeirNode *node);
	/* What its state goes by, if nobody declares it; NULL: somebody does, or there is none. */
	const char *(*state_name) (const WeirNode *node);
} WeirNodeOps;

#define WEIR_NODE_KIND(id, ops) extern const WeirNodeOps ops;
#include "graph/kindlist.h"
#undef WEIR_NODE_KIND

extern const WeirNodeOps *weir_node_ops(WeirNodeKind kind);
extern PlannedStmt *weir_node_statement(const WeirNode *node);

/* In CurrentMemoryContext, as the nodes and edges that are added. */
extern WeirGraph *weir_graph_create(void);
extern WeirNode *weir_graph_add(WeirGraph *graph, WeirNodeKind kind, void *plan,
								const char *identity, TupleDesc in, TupleDesc out);
/* Rows go by the key of "to", if it has one and kind says so. */
extern WeirEdge *weir_graph_connect(WeirGraph *graph, const WeirNode *from, const WeirNode *to,
									WeirEdgeKind kind);

/* The same, to the node's port 1. */
extern WeirEdge *weir_graph_connect_right(WeirGraph *graph, const WeirNode *from, const WeirNode *to,
										  WeirEdgeKind kind);

/* The n-th node, from 0, of a kind; of sources, keyed steps, sinks; NULL: there are fewer. */
extern WeirNode *weir_graph_node(const WeirGraph *graph, WeirNodeKind kind, int n);
extern WeirNode *weir_graph_source(const WeirGraph *graph, int n);
extern WeirNode *weir_graph_keyed(const WeirGraph *graph, int n);
extern WeirNode *weir_graph_sink(const WeirGraph *graph, int n);
extern int	weir_graph_nsources(const WeirGraph *graph);
extern int	weir_graph_nkeyed(const WeirGraph *graph);

/* The n-th edge into a node, or out of it, from 0; NULL: there are fewer. */
extern WeirEdge *weir_node_input(const WeirGraph *graph, const WeirNode *node, int n);
extern WeirEdge *weir_node_output(const WeirGraph *graph, const WeirNode *node, int n);
/*
 * Can tasks that run the one graph go on with the other: the same nodes and
 * edges, the same rows between them, the same state?
 */
extern bool weir_graph_alike(const WeirGraph *a, const WeirGraph *b);
/* Of which nodes it is made, and what leads where, wherever sinks stand; in CurrentMemoryContext. */
extern char *weir_graph_shape(const WeirGraph *graph);
/* Do rows of this node reach that one? */
extern bool weir_graph_reaches(const WeirGraph *graph, const WeirNode *from, const WeirNode *to);

#endif
