/*
 * compile/compile.h
 *		What the steps of the compiler hand on to each other.  Nobody outside
 *		this folder includes it: dataflow.h is the way in.
 */
#ifndef WEIR_COMPILE_COMPILE_H
#define WEIR_COMPILE_COMPILE_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "parser/parse_node.h"

#include "compile/dataflow.h"
#include "graph/kinds/count_window.h"
#include "graph/kinds/function.h"
#include "graph/kinds/scan.h"
#include "graph/kinds/sink.h"

/* One compilation.  A step fills what the later ones read. */
typedef struct WeirCompile
{
	const char *text;
	bool		returning;		/* the rows written are wanted */
	ParseState *pstate;			/* holds the text, for error positions */
	WeirDataflow *out;

	/* parse.c */
	InsertStmt *stmt;			/* as parsed: the positions are in it */
	SelectStmt *select_stmt;
	Query	   *insert;			/* as analysed */
	Query	   *select;			/* its SELECT */
	int			select_index;	/* where insert's range table has it */

	/* shape.c */
	Oid			stream;
	Bitmapset  *nullable;		/* select's entries an outer join may null */

	/* window.c: all zero without a window */
	FuncExpr   *window;			/* weir.count_window in GROUP BY */
	List	   *window_keys;	/* what else stands there */
	List	   *aggregates;		/* of Aggref over select's range table */

	/* step.c: all zero without a keyed function */
	JoinExpr   *join;			/* the one that has weir.key_by */
	FuncExpr   *key_by;
	int			function_index; /* of f in select's range table */
	RangeTblFunction *function;

	List	   *keys;			/* key expressions over select's range table */

	/* key.c: columns of (a)'s rows */
	int			nkeys;			/* 0: no keyed step */
	WeirKeyColumn *key;

	/* cut.c */
	List	   *scan_quals;
	List	   *sink_quals;		/* remapped to the sink's input */
	List	   *sink_targets;	/* likewise: the select list */
	List	   *row_columns;	/* TargetEntries of (a), without the ordinal */
	List	   *key_columns;	/* row_columns' numbers of the keys */
	List	   *sink_columns;	/* as sink_source */
	TupleDesc	row_desc;		/* of (a), without the ordinal */
	TupleDesc	result_desc;	/* columns f returns, or the window's aggregates */
	TupleDesc	sink_desc;		/* the rows that (c) reads */
	int		   *sink_source;	/* per column of those: > 0 row_desc attno,
								 * < 0 minus result_desc attno */

	/* scan.c, sink.c: views expanded */
	Query	   *scan;
	Query	   *sink;

	List	   *uses;			/* uses.c: of WeirUsed */

	/* the nodes' plans, filled from step to step */
	WeirScanPlan *scan_plan;
	WeirFunctionPlan *function_plan;	/* NULL: no keyed function */
	WeirCountWindowPlan *window_plan;	/* NULL: no window */
	WeirSinkPlan *sink_plan;
} WeirCompile;

/* parse.c: text -> analysed INSERT */
extern void weir_compile_parse(WeirCompile *c);

/* target.c: where the rows may go */
extern void weir_compile_check_target(WeirCompile *c);
extern List *weir_compile_written(WeirCompile *c);

/* shape.c: what a job's SELECT may look like */
extern void weir_compile_check_shape(WeirCompile *c);

/* step.c: the keyed function, its call and its keys */
extern void weir_compile_find_step(WeirCompile *c);
extern bool weir_compile_mentions_function(WeirCompile *c, Node *node, int *location);
extern List *weir_compile_conjuncts(Node *quals);

/* window.c: GROUP BY weir.count_window */
extern void weir_compile_find_window(WeirCompile *c);
extern void weir_compile_begin_window(WeirCompile *c);
extern void weir_compile_end_window(WeirCompile *c);
extern AttrNumber weir_compile_aggregate(WeirCompile *c, Aggref *aggref, int level);

/* join.c: the columns that joins name */
extern void weir_flatten_joins(Query *select);
extern void weir_rebuild_joins(Query *select);

/* key.c: the columns of the key */
extern void weir_compile_keys(WeirCompile *c);

/* cut.c: which column is computed where */
extern AttrNumber weir_compile_row_column(WeirCompile *c, Node *expr, const char *name);
extern RowExpr *weir_compile_spelled_row(RangeTblEntry *rte, Var *var);
extern void weir_compile_cut(WeirCompile *c);
extern void weir_ungroup(Query *query);

/* scan.c: (a) */
extern void weir_compile_scan(WeirCompile *c);

/* sink.c: (c) */
extern void weir_compile_sink(WeirCompile *c);
extern Node *weir_compile_sink_value(WeirCompile *c, AttrNumber attno);

/* reads.c: what it reads */
extern Oid	weir_entry_relation(const RangeTblEntry *rte);
extern List *weir_compile_reads(Node *node);
extern Query *weir_view_query(Oid view);
extern void weir_compile_check_reads(WeirCompile *c);

/* writes.c */
extern void weir_compile_refuse_writes(WeirCompile *c);

/* calls.c */
extern void weir_compile_calls(WeirCompile *c);
extern bool weir_compile_is_call(Node *node, const char *symbol);
extern List *weir_compile_find_calls(Query *query, const char *symbol);
extern void weir_compile_refuse_in_views(WeirCompile *c, const char *symbol, const char *what,
										 const char *hint);

/* uses.c */
extern void weir_compile_uses(WeirCompile *c);

/* expressions.c: a function for which the test says yes, InvalidOid: there is none */
typedef bool (*WeirFunctionTest) (Oid function);
extern Oid	weir_compile_find_function(WeirCompile *c, WeirFunctionTest test);

/* privilege.c: what the executor would find out only when the job runs */
extern void weir_compile_check_privileges(WeirCompile *c);

/* placement.c, batching.c */
extern void weir_compile_place(WeirCompile *c);
extern void weir_compile_batching(WeirCompile *c);
extern const char *weir_compile_trigger(Oid relid, bool updates);
extern bool weir_compile_changes_column(WeirCompile *c, AttrNumber attno);

/* graph.c: what the steps above have found, as nodes and edges */
extern void weir_compile_graph(WeirCompile *c);

/* writer.c */
extern void weir_compile_writer(WeirCompile *c);
/* Of the tables of a wrapper with this handler, or none (NULL); WEIR_WRITER_EXECUTOR: it has no writer of its own. */
extern WeirWriter weir_foreign_writer(const char *handler);

/* compile.c: another query, in CurrentMemoryContext; test_shape.c */
extern WeirDataflow *weir_compile_part(const char *query, bool returning);
extern void weir_compile_test_shape(WeirDataflow *out, bool returning);

/* depend.c */
extern void weir_compile_depend(WeirCompile *c);
extern void weir_dataflow_listen(WeirDataflow *dataflow);

/* position.c: words of the text */
extern int	weir_compile_position(WeirCompile *c, int location);
extern int	weir_keyword_before(WeirCompile *c, const char *word, int limit);
extern int	weir_first_word(WeirCompile *c, int from);
extern int	weir_relation_location(WeirCompile *c, Oid relid);
extern Node *weir_from_item(SelectStmt *select, const char *name);
extern int	weir_from_item_location(WeirCompile *c, Node *item);

/* foreign.c: whose foreign table is it */
typedef enum WeirForeignKind
{
	WEIR_FOREIGN_NONE,			/* no foreign table */
	WEIR_FOREIGN_STREAM,		/* weir_socket */
	WEIR_FOREIGN_SINK,			/* another wrapper of weir: print, blackhole */
	WEIR_FOREIGN_POSTGRES,		/* postgres_fdw: cannot be prepared */
	WEIR_FOREIGN_OTHER
} WeirForeignKind;

extern WeirForeignKind weir_foreign_kind(Oid relid);
/* Can a foreign table be inserted into, as its wrapper says? */
extern bool weir_foreign_takes_rows(Oid relid);

#endif
