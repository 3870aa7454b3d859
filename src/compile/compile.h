/*
 * compile/compile.h
 *		What the steps of the compiler hand on to each other.  Nobody outside
 *		this folder includes it: dataflow.h is the way in.
 */
#ifndef WEIR_COMPILE_COMPILE_H
#define WEIR_COMPILE_COMPILE_H

#include "postgres.h"

#include "catalog/objectaddress.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "parser/parse_node.h"

#include "base/compat.h"
#include "compile/dataflow.h"
#include "graph/kinds/aggregate.h"
#include "graph/kinds/count_window.h"
#include "graph/kinds/function.h"
#include "graph/kinds/join.h"
#include "graph/kinds/over.h"
#include "graph/kinds/rank.h"
#include "graph/kinds/scan.h"
#include "graph/kinds/sink.h"
#include "graph/kinds/time_window.h"

typedef struct WeirLevel WeirLevel;

/* What is compiled: all that a job's text says. */
typedef struct WeirCompileJob
{
	const char *text;
	bool		updates;		/* windows that are open are written, too, at each checkpoint */
	bool		returning;		/* the rows written are wanted */
	ParseState *pstate;			/* holds the text, for error positions */
	WeirDataflow *out;
	List	   *inserts;		/* of WeirCompile */
	List	   *uses;			/* uses.c: of WeirUsed */
	List	   *times;			/* watermark.c: who goes by time */
	bool		by_arrival;		/* all watermarks are arrival times */
} WeirCompileJob;

/* One INSERT of the job.  A step fills what the later ones read. */
typedef struct WeirCompile
{
	WeirCompileJob *job;

	/* parse.c */
	int			begin;			/* where it stands in the text */
	int			end;
	InsertStmt *stmt;			/* as parsed: the positions are in it */
	SelectStmt *select_stmt;
	Query	   *insert;			/* as analysed */
	int			select_index;	/* where insert's range table has its SELECT */

	/* level.c */
	WeirLevel  *top;			/* that SELECT */
	List	   *levels;			/* of WeirLevel, those with rows of their own: what
								 * is below stands before */

	/* sink.c: views expanded */
	Query	   *sink;
	WeirSinkPlan *sink_plan;
} WeirCompile;

/* A query with one input: a stream, or the rows of a keyed step. */
typedef struct WeirBranch
{
	Oid			stream;			/* InvalidOid: */
	WeirLevel  *step;
	Query	   *query;
	WeirScanPlan *plan;			/* of (a), else NULL */
} WeirBranch;

/*
 * A SELECT that records pass: that of the INSERT, or a subquery in the FROM of
 * one.  What it reads comes through one entry of its FROM, of a UNION ALL through
 * each of its SELECTs.
 */
struct WeirLevel
{
	WeirCompile *c;
	WeirLevel  *parent;			/* NULL: the top */
	Query	   *query;
	SelectStmt *raw;			/* as parsed; NULL inside a view */
	int			location;		/* of the view or subquery in the text; -1: top */
	int			index;			/* parent's range table has it there */

	/* shape.c */
	int			entry;			/* of the range table: what brings the records */
	Oid			stream;			/* that it is, or reads through plain views */
	List	   *below;			/* else: of WeirLevel; one, but of UNION ALL */
	Bitmapset  *nullable;		/* entries an outer join may null */

	/* stream_join.c: what is below are the sides of a join of streams; NULL: it is none */
	struct StreamJoin *stream_join;

	/* window.c: all zero without a window */
	FuncExpr   *window;			/* weir.count_window in GROUP BY */
	List	   *window_keys;	/* what else stands there */

	/* time_window.c: all zero without a window of event time */
	Node	   *time_window;	/* in GROUP BY: what is the window of a row */
	FuncExpr   *time_call;		/* that says which one; NULL: the column time_window */
	Node	   *time;			/* whose window it is; NULL: likewise */
	int			time_entry;		/* of the range table, if it stands in FROM */
	Node	   *time_lower;		/* columns that it was made of; NULL: none */
	Node	   *time_upper;

	/* window_hold.c: that its rows wait for, which its time_plan does not say */
	List	   *waits_for;		/* of WeirTimeWindowPlan */

	/* running.c */
	bool		running;		/* it is a running aggregate */
	FuncExpr   *running_call;	/* weir.running in GROUP BY; NULL: there is none */
	bool		corrects;		/* correct.c: another one reads it */

	/* rank.c, distinct.c: all zero where no rows are ranked */
	List	   *rank_functions; /* of WindowFunc over query's range table */
	List	   *rank_order;		/* of SortGroupClause, */
	List	   *rank_exprs;		/* and what it is of */
	int			rank_location;	/* in the text */

	/* aggregates.c: of both */
	List	   *aggregates;		/* of Aggref over query's range table */
	List	   *cut_aggregates; /* the same over (a)'s rows (Vars varno 1) */

	/* step.c: all zero without a keyed function */
	JoinExpr   *join;			/* the one that has weir.key_by */
	FuncExpr   *key_by;
	int			function_index; /* of f in query's range table */
	RangeTblFunction *function;

	List	   *keys;			/* key expressions over query's range table */

	/* key.c: columns of (a)'s rows */
	int			nkeys;			/* 0: no keyed step */
	WeirKeyColumn *key;
	WeirKeyColumn *right_key;	/* of a join of streams: columns of its right side's rows */

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

	/* scan.c */
	List	   *scans;			/* of WeirBranch: (a) over each of its inputs */

	/* the step's plan, filled from step to step */
	WeirFunctionPlan *function_plan;	/* NULL: no keyed function */
	WeirCountWindowPlan *window_plan;	/* NULL: no window */
	WeirAggregatePlan *running_plan;	/* NULL: no running aggregate */
	WeirTimeWindowPlan *time_plan;	/* NULL: no window of event time */
	WeirRankPlan *rank_plan;	/* NULL: no rows are ranked */
	WeirOverPlan *over_plan;	/* NULL: no window functions but ranks */
	WeirJoinPlan *join_plan;	/* NULL: no join of streams */
	Node	   *join_condition; /* its condition, before it was planned */

	/* graph.c */
	List	   *scan_nodes;		/* of scans */
	const WeirNode *node;		/* its keyed step */
};

/* parse.c: text -> analysed INSERTs */
extern void weir_compile_parse(WeirCompileJob *job);

/* target.c: where the rows may go */
extern void weir_compile_check_target(WeirCompile *c);
extern List *weir_compile_written(WeirCompile *c);
extern List *weir_compile_written_by_all(WeirCompileJob *job);

/* level.c: the SELECTs that records pass */
extern WeirLevel *weir_level_below(WeirLevel *level, int index, SelectStmt *raw, int location);
extern void weir_compile_levels(WeirCompile *c);
extern void weir_compile_cut_levels(WeirCompile *c);

/* position.c: errposition() at a place in the level, of a word of it before (a list of) nodes, or before a place */
extern int	weir_level_position(WeirLevel *level, int location);
extern int	weir_level_word(WeirLevel *level, const char *word, Node *before);
extern int	weir_level_keyword(WeirLevel *level, const char *word, int limit);

/* fold.c: SELECTs of nothing but a keyed step */
extern void weir_compile_fold(WeirCompile *c);

/* with.c: WITH queries */
extern void weir_inline_with(WeirCompile *c, Query *query, int location);
extern void weir_adopt_with(const WeirLevel *level, Query *query);
extern void weir_trim_with(Query *query);

/* view.c: views with a keyed step, or UNION ALL */
extern bool weir_expand_view(WeirLevel *level, int index, int location);
extern void weir_move_permissions(Query *from, RangeTblEntry *rte, Query *to);

/* union.c: UNION ALL */
extern void weir_level_check_union(WeirLevel *level);
extern Query *weir_union_leaf(WeirLevel *level, WeirLevel *leaf, Query *query);
extern int	weir_widest_union(const WeirCompileJob *job);

/* shape.c: what a job's SELECT may look like */
extern int	weir_count_streams(Node *node);
extern void weir_level_check_shape(WeirLevel *level);
extern int	weir_level_entry_location(WeirLevel *level, int index);
extern void weir_compile_check_streams(WeirCompile *c);
extern void weir_level_check_clauses(WeirLevel *level);

/* step.c: the keyed function, its call and its keys */
extern bool weir_level_has_step(WeirLevel *level);
extern List *weir_compile_find_step_calls(Query *query);
extern void weir_level_find_step(WeirLevel *level);
extern void weir_level_check_from(WeirLevel *level, const JoinExpr *own);
extern bool weir_level_mentions_function(WeirLevel *level, Node *node, int *location);
extern List *weir_compile_conjuncts(Node *quals);
extern void weir_compile_check_functions(WeirCompileJob *job);

/* window.c: GROUP BY weir.count_window */
#define WEIR_COUNT_WINDOW "weir_count_window"	/* its C symbol */
extern void weir_level_find_window(WeirLevel *level);
extern void weir_level_begin_window(WeirLevel *level);
extern void weir_level_end_window(WeirLevel *level);

/* event_time.c: times and their windows */
#define WEIR_TUMBLE "weir_tumble"	/* C symbols of weir.tumble and its like */
#define WEIR_HOP "weir_hop"
#define WEIR_CUMULATE "weir_cumulate"
#define WEIR_SESSION "weir_session_window"
#define WEIR_WATERMARK "weir_watermark"
#define WEIR_ARRIVAL "weir_arrival"
extern bool weir_is_window_call(Node *node);
/* The call of weir.tumble or its like that an entry of FROM is; NULL: none. */
extern FuncExpr *weir_window_entry_call(const RangeTblEntry *rte);
/* The first argument, which is the time, of these and of weir.watermark, in whichever order they are named. */
extern Node *weir_call_time(const FuncExpr *call);
extern bool weir_expr_is_window(const WeirLevel *level, Node *expr);
/* Is it a time that the watermark is of? */
extern bool weir_expr_is_event_time(const WeirLevel *level, Node *expr);
/* A time cut by date_trunc or date_bin, or a window's lower bound: earlier than its row. */
extern bool weir_expr_lies_before(const WeirLevel *level, Node *expr);
extern Node *weir_bound_of(Node *expr);
/* Is it, or is the column that it is, a bound of a window?  *call: that says of which one. */
extern bool weir_expr_is_bound(const WeirLevel *level, Node *expr, bool *upper, FuncExpr **call);
/* Is it when a record came, or made of that? */
extern bool weir_expr_is_arrival(const WeirLevel *level, Node *expr);
extern bool weir_expr_is_complete_window(const WeirLevel *level, Node *expr);
extern FuncExpr *weir_expr_cut_time(const WeirLevel *level, Node *expr);
/* Does date_bin or date_trunc in it cut a column of a stream that has no watermark? */
extern bool weir_expr_cuts_column(const WeirLevel *level, Node *expr, ObjectAddress *column);
extern List *weir_expr_window_calls(const WeirLevel *level, Node *expr, bool *delayed);
/* The time and so much, whatever its time zone has between. */
extern Node *weir_add_interval(Node *time, int32 months, int32 days, int64 us);
/* Refuses a level that reads a stream without a watermark. */
extern void weir_level_check_watermark(WeirLevel *level, const char *what, int location);
pg_noreturn extern void weir_level_refuse_without_watermark(WeirLevel *level, Oid stream, const char *what,
															int location);

/* time_window.c: GROUP BY a window of event time */
extern void weir_level_find_time_window(WeirLevel *level);
extern bool weir_level_is_time_window(const WeirLevel *level, Node *node, int depth);
extern void weir_level_begin_time_window(WeirLevel *level);
extern void weir_level_cut_time_window(WeirLevel *level);
extern void weir_level_end_time_window(WeirLevel *level);
extern void weir_level_check_window_condition(WeirLevel *level, Node *condition);

/* window_bounds.c: a window that is made of columns */
extern void weir_level_find_bounds(WeirLevel *level);
extern bool weir_level_is_window_bound(const WeirLevel *level, Node *node);
extern Node *weir_level_window_bound(const WeirLevel *level, Node *node, Node *window);

/* window_from.c: a window that stands in FROM */
extern void weir_level_check_window_from(WeirLevel *level);
extern List *weir_level_window_conditions(const WeirLevel *level);
extern void weir_level_drop_window(const WeirLevel *level, Query *query);

/* window_sink.c: windows that are written more than once */
#define WEIR_LOWER 1
#define WEIR_UPPER 2
/* Which bounds of the window a value of the sink's row tells, being one or the window; 0: none. */
extern int	weir_window_bounds(const WeirLevel *level, Node *value);
extern bool weir_window_compares(Node *value, Oid opfamily);
/* Is one the query of the INSERT?  Its plan says so then. */
extern bool weir_window_is_repeated(WeirCompile *c);
pg_noreturn extern void weir_window_refuse_sink(WeirCompile *c, const char *detail, const char *conflict);
extern void weir_level_refuse_lateness(WeirLevel *level);
extern void weir_compile_check_updates(WeirCompileJob *job);

/* window_hold.c: how far behind the watermark the rows' times may be */
extern int64 weir_level_window_hold(WeirLevel *level);
extern int64 weir_level_time_hold(WeirLevel *level, Node *time, int64 *passes);
extern int64 weir_level_complete_hold(WeirLevel *level, Node *window);
/* The rows are handed on when the window is complete that it is, or the end of. */
extern void weir_level_wait_for(WeirLevel *level, Node *window);

/* window_plan.c */
extern char *weir_window_length_text(int64 us);
extern WeirTimeWindowPlan *weir_level_window_plan(WeirLevel *level);
extern WeirTimeWindowPlan *weir_level_call_plan(const WeirLevel *level, FuncExpr *call);

/* window_functions.c: size, slide or step, offset and lateness from a call's arguments behind the time */
extern void weir_window_read(WeirTimeWindowPlan *plan, const Interval *const *arguments);

/* running.c: GROUP BY without a window */
#define WEIR_RUNNING "weir_running"	/* weir.running's C symbol */
extern bool weir_is_grouped(const Query *query);
pg_noreturn extern void weir_level_refuse_running(WeirLevel *level);
extern void weir_level_find_running(WeirLevel *level);
extern void weir_level_begin_running(WeirLevel *level);
extern void weir_level_end_running(WeirLevel *level);
extern void weir_level_check_grouped(WeirLevel *level, const Var *var, AttrNumber attno);
extern int	weir_level_grouping(WeirLevel *level);
extern void weir_level_check_having(WeirLevel *level, const char *what);
/* Refuses GROUPING SETS and their like. */
extern void weir_level_check_sets(WeirLevel *level);

/* correct.c: a running aggregate over another */
extern void weir_level_correct(WeirLevel *level);
extern void weir_level_add_sign(WeirLevel *level);
extern void weir_level_take_sign(WeirLevel *level);

/* running_sink.c */
extern void weir_compile_check_running(WeirCompile *c);

/* rank.c: the best rows of a key */
extern bool weir_is_ranked(const Query *query);
extern void weir_level_find_rank(WeirLevel *level);
extern void weir_level_cut_rank(WeirLevel *level);
extern AttrNumber weir_level_rank_column(WeirLevel *level, const Node *node);
extern void weir_level_end_rank(WeirLevel *level);

extern bool weir_level_is_in_order(const WeirLevel *level);

/* over.c: other window functions */
extern WindowClause *weir_level_window_clause(WeirLevel *level, const WindowFunc *function);
extern void weir_level_begin_over(WeirLevel *level);
extern void weir_level_cut_over(WeirLevel *level);
extern void weir_level_end_over(WeirLevel *level);

/* distinct.c */
extern void weir_level_find_distinct(WeirLevel *level);

/* limit.c: up to which number a window function's value is wanted; PG_INT32_MAX: to any */
extern int	weir_level_limit(WeirLevel *level, const WindowFunc *function);

/* order.c: as people read it, "price DESC, ts" */
extern bool weir_level_is_descending(const SortGroupClause *clause, Node *expr);
extern void weir_level_order(WeirLevel *level, WeirRankPlan *plan);

/* aggregates.c: those of both */
extern Aggref *weir_level_cut_aggregate(WeirLevel *level, Aggref *aggref);
extern void weir_level_append_aggregate(WeirLevel *level, StringInfo text, Aggref *aggref);
extern AttrNumber weir_level_aggregate(WeirLevel *level, Aggref *aggref, int depth);
extern void weir_level_end_aggregates(WeirLevel *level);
extern char *weir_level_aggregates_text(WeirLevel *level);
extern char *weir_step_state_name(const char *name, const char *signature);
extern void weir_level_append_row_columns(const WeirLevel *level, StringInfo text, const char *before, const char *after);
extern char *weir_level_state_name(WeirLevel *level, const char *kind, const char *aggregates);
extern List *weir_level_single_key(void);

static inline bool
weir_level_is_grouped(const WeirLevel *level)
{
	return level->window != NULL || level->time_window != NULL || level->running;
}

/* Has it a keyed step of its own? */
static inline bool
weir_level_is_step(const WeirLevel *level)
{
	return level->join != NULL || level->join_plan != NULL || weir_level_is_grouped(level) ||
		level->rank_plan != NULL || level->over_plan != NULL;
}

/* stream_join.c: FROM with two streams; join_cut.c: their join as a keyed step */
extern bool weir_joins_streams(Query *query);
extern void weir_level_join_streams(WeirLevel *level);
extern void weir_level_cut_stream_join(WeirLevel *level);

/* join.c: the columns that joins name */
extern void weir_flatten_group(Query *select);
extern void weir_flatten_joins(Query *select);
extern void weir_rebuild_joins(Query *select);

/* key.c: the columns of the key */
extern void weir_level_keys(WeirLevel *level);

/* cut.c: which column is computed where */
extern AttrNumber weir_level_row_column(WeirLevel *level, Node *expr, const char *name);
extern RowExpr *weir_compile_spelled_row(RangeTblEntry *rte, Var *var);
extern void weir_level_cut(WeirLevel *level);
extern void weir_level_cut_sides(WeirLevel *level);
extern void weir_ungroup(Query *query);

/* A call with its arguments in their places, defaults filled in. */
extern FuncExpr *weir_complete_call(FuncExpr *call);

/* timer.c: those that the function has declared */
extern void weir_level_timers(WeirLevel *level);

/* scan.c: (a) */
extern void weir_level_scans(WeirLevel *level, List *branches);
extern void weir_drop_entry(Query *query, int index);
/* The entry of its range table that brings the branch's rows to a query; 0: none does. */
extern int	weir_branch_entry(Query *query, const WeirBranch *branch);
/* The place of such a row, at this level of the rewritten query; brought there through subqueries. */
extern Expr *weir_branch_ordinal(Query *query, const WeirBranch *branch);
/* A further column of the subquery at this index, of what "column" makes of it. */
extern AttrNumber weir_branch_add_column(Query *query, int index, Expr *(*column) (Query *below, void *arg),
										 void *arg, const char *name);
/* The column of the branch's step that a column of its rows is unchanged; 0: none. */
extern AttrNumber weir_branch_column(const WeirBranch *branch, AttrNumber attno);

/* watermark.c: whose time makes a watermark */
extern void weir_scan_times(WeirLevel *level, WeirBranch *scan);
extern bool weir_level_takes_along(WeirLevel *level, Node *node, int depth);
/* The level goes by event time; by the arrival of records. */
extern void weir_level_use_time(WeirLevel *level, const char *what, int location);
extern void weir_level_use_arrival(WeirLevel *level, int location);
extern void weir_compile_check_times(WeirCompileJob *job);

/* sink.c: (c) */
extern Query *weir_level_rest(WeirLevel *level);
extern void weir_compile_sink(WeirCompile *c);
extern Node *weir_compile_sink_value(WeirCompile *c, AttrNumber attno);

/* reads.c: what it reads */
extern Oid	weir_entry_relation(const RangeTblEntry *rte);
extern List *weir_compile_reads(Node *node);
extern Query *weir_view_query(Oid view);
extern void weir_compile_check_reads(WeirCompile *c);

/* references.c: foreign keys from one output to another */
extern void weir_compile_check_references(WeirCompileJob *job);

/* writes.c */
extern void weir_compile_refuse_writes(WeirCompile *c);

/* calls.c */
extern void weir_compile_calls(WeirCompile *c);
extern bool weir_compile_is_call(Node *node, const char *symbol);
extern List *weir_compile_find_calls(Query *query, const char *symbol);
/* Does an expression or query call it, wherever? */
extern bool weir_contains_call(Node *node, const char *symbol);
extern List *weir_level_calls(WeirLevel *level, const char *symbol);
extern void weir_level_refuse_in_views(WeirLevel *level, const char *symbol, const char *what,
									   const char *hint);

/* uses.c */
extern void weir_compile_uses(WeirCompile *c);

/* expressions.c: a function for which the test says yes, InvalidOid: there is none */
typedef bool (*WeirFunctionTest) (Oid function);
extern Oid	weir_compile_find_function(WeirCompile *c, WeirFunctionTest test);

/* privilege.c: what the executor would find out only when the job runs */
extern void weir_compile_check_privileges(WeirCompile *c);

/* placement.c, batching.c */
extern void weir_compile_place(WeirCompileJob *job);
extern void weir_compile_batching(WeirCompile *c);
extern const char *weir_compile_trigger(Oid relid, bool updates);
extern bool weir_compile_changes_column(WeirCompile *c, AttrNumber attno);

/* graph.c: what the steps above have found, as nodes and edges */
extern void weir_compile_graph(WeirCompileJob *job);

/* writer.c */
extern void weir_compile_writer(WeirCompile *c);
/* Of a foreign table; WEIR_WRITER_EXECUTOR: its wrapper has no writer of its own. */
extern WeirWriter weir_foreign_writer(Oid relid);

/* depend.c */
extern void weir_compile_depend(WeirCompileJob *job);
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
	WEIR_FOREIGN_STREAM,		/* of a source */
	WEIR_FOREIGN_SINK,			/* another wrapper of weir: print, blackhole */
	WEIR_FOREIGN_POSTGRES,		/* postgres_fdw: cannot be prepared */
	WEIR_FOREIGN_OTHER
} WeirForeignKind;

extern WeirForeignKind weir_foreign_kind(Oid relid);
/* Can a foreign table be inserted into, as its wrapper says? */
extern bool weir_foreign_takes_rows(Oid relid);

#endif
