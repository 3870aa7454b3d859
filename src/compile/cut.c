/*
 * compile/cut.c
 *		Which column is computed where.
 *
 * (a) delivers rows: the key, the arguments of f, and whatever columns of
 * FROM the rest of the level mentions.  The select list, and the conditions
 * that mention what f returned, are computed by (c) over rows made of the
 * columns it needs of both.  So each column of FROM mentioned there becomes
 * a column of (a) and of the sink's input, each column of f one of the sink's
 * input.  A key expression that appears in the select list is not computed
 * again: it is the key.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/rowdesc.h"
#include "compile/compile.h"

/* A column name for an expression over the level's range table. */
static char *
column_name(WeirLevel *level, Node *expr, const char *otherwise)
{
	if (IsA(expr, Var))
	{
		Var		   *var = (Var *) expr;
		RangeTblEntry *rte = rt_fetch(var->varno, level->query->rtable);

		if (var->varattno == InvalidAttrNumber)
			return pstrdup(rte->eref->aliasname);
		if (var->varattno > 0)
			return get_rte_attribute_name(rte, var->varattno);
	}
	return pstrdup(otherwise);
}

static void
check_column(WeirLevel *level, Node *expr)
{
	Oid			type = exprType(expr);

	if (type == RECORDOID || type == RECORDARRAYOID)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("an anonymous record cannot pass from one task to another"),
				errhint("Cast it to a named composite type."),
				weir_level_position(level, exprLocation(expr)));
	if (get_typtype(type) == TYPTYPE_PSEUDO)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a value of pseudo-type %s cannot pass from one task to another", format_type_be(type)),
				errhint("Cast it to a type that a table could store."),
				weir_level_position(level, exprLocation(expr)));
}

/* The column of (a) with this value, made if there is none yet. */
AttrNumber
weir_level_row_column(WeirLevel *level, Node *expr, const char *name)
{
	ListCell   *lc;
	AttrNumber	attno = list_length(level->row_columns) + 1;

	if (!contain_volatile_functions(expr))
	{
		foreach(lc, level->row_columns)
		{
			TargetEntry *entry = lfirst_node(TargetEntry, lc);

			if (equal(entry->expr, expr))
				return entry->resno;
		}
	}
	check_column(level, expr);
	level->row_columns = lappend(level->row_columns,
							 makeTargetEntry((Expr *) copyObject(expr), attno,
											 column_name(level, expr, name), false));
	return attno;
}

/* The column of the sink's input with this source (as sink_source), made if there is none yet. */
static AttrNumber
sink_column(WeirLevel *level, int source)
{
	ListCell   *lc;

	foreach(lc, level->sink_columns)
		if (lfirst_int(lc) == source)
			return foreach_current_index(lc) + 1;
	level->sink_columns = lappend_int(level->sink_columns, source);
	return list_length(level->sink_columns);
}

/* A Var of the sink's input in place of this one (or of a key expression). */
static Node *
sink_var(WeirLevel *level, Node *expr, int source, int levelsup)
{
	Var		   *var = makeVar(WEIR_SINK_INPUT_INDEX, sink_column(level, source),
							  exprType(expr), exprTypmod(expr), exprCollation(expr), levelsup);

	var->location = exprLocation(expr);
	return (Node *) var;
}

typedef struct Remap
{
	WeirLevel  *level;
	int			depth;			/* of the query we are in, below the level's */
} Remap;

static Node *remap_mutator(Node *node, Remap *remap);

/* ROW() of the entry's columns in place of a whole row; of a domain's base type. */
RowExpr *
weir_compile_spelled_row(RangeTblEntry *rte, Var *var)
{
	Oid			base = getBaseType(var->vartype);
	RowExpr    *row = makeNode(RowExpr);
	List	   *names;

	weir_expand_rte(rte, var->varno, var->varlevelsup, var->location, base != RECORDOID,
					&names, &row->args);
	row->row_typeid = base;
	row->row_format = COERCE_IMPLICIT_CAST;
	row->colnames = base == RECORDOID ? names : NIL;
	row->location = var->location;
	return row;
}

/* A row has no column of its own in the sink's input, its columns have. */
static Node *
remap_row(Var *var, Remap *remap)
{
	WeirLevel  *level = remap->level;
	RowExpr    *row = weir_compile_spelled_row(rt_fetch(var->varno, level->query->rtable), var);
	Oid			base = row->row_typeid;

	row->args = (List *) remap_mutator((Node *) row->args, remap);
	if (base == var->vartype)
		return (Node *) row;
	return coerce_to_domain((Node *) row, base, -1, var->vartype, COERCION_IMPLICIT,
							COERCE_IMPLICIT_CAST, var->location, false);
}

static void
check_system_column(WeirLevel *level, Var *var)
{
	if (var->varattno < 0)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("system columns are not supported in the select list of a job"),
				errhint("Use columns that the relation declares."),
				weir_level_position(level, var->location));
}

static Node *
remap_var(Var *var, Remap *remap)
{
	WeirLevel  *level = remap->level;
	Var		   *local;
	AttrNumber	attno;

	check_system_column(level, var);
	if (level->stream_join != NULL)
		return sink_var(level, (Node *) var, var->varno == 1 ? var->varattno : -var->varattno, remap->depth);
	if (var->varno == level->function_index)
	{
		if (var->varattno == InvalidAttrNumber)
			return remap_row(var, remap);
		return sink_var(level, (Node *) var, -var->varattno, remap->depth);
	}
	if (var->varattno == InvalidAttrNumber && var->vartype == RECORDOID &&
		!bms_is_member(var->varno, level->nullable))
		return remap_row(var, remap);
	local = copyObject(var);
	local->varlevelsup = 0;
	attno = weir_level_row_column(level, (Node *) local, "column");
	weir_level_check_grouped(level, var, attno);
	return sink_var(level, (Node *) var, attno, remap->depth);
}

/* The column of (a) that is this key expression; 0 if it is none.  What is grouped is computed once. */
static AttrNumber
key_column(WeirLevel *level, Node *node)
{
	ListCell   *key;
	ListCell   *attno;

	forboth(key, level->keys, attno, level->key_columns)
	{
		if (equal(lfirst(key), node) && !IsA(node, Const) &&
			(weir_level_is_grouped(level) || !contain_volatile_functions(node)))
			return lfirst_int(attno);
	}
	return 0;
}

/* A coercion with what it coerces in the place kept for that. */
static Node *
coerced(Node *coercion, Node *value)
{
	if (coercion == NULL)
		return NULL;
	if (IsA(coercion, CaseTestExpr))
		return value;
	return expression_tree_mutator(coercion, coerced, value);
}

/* SQL/JSON wraps its aggregates, and can be printed around nothing else. */
static Node *
remap_json(Expr *aggregate, Expr *coercion, Remap *remap)
{
	Node	   *value = remap_mutator((Node *) aggregate, remap);

	return coercion ? coerced((Node *) coercion, value) : value;
}

static Node *
remap_mutator(Node *node, Remap *remap)
{
	AttrNumber	key;
	Query	   *query;
	Expr	   *aggregate;
	Expr	   *coercion;

	if (node == NULL)
		return NULL;
	if (remap->depth == 0 && !IsA(node, List) && (key = key_column(remap->level, node)) != 0)
		return sink_var(remap->level, node, key, 0);
	if (weir_level_takes_along(remap->level, node, remap->depth))
		return sink_var(remap->level, node, weir_level_row_column(remap->level, node, "time"), remap->depth);
	if ((aggregate = weir_json_aggregate(node, &coercion)) != NULL)
		return remap_json(aggregate, coercion, remap);
	if (weir_level_is_time_window(remap->level, node, remap->depth))
		return sink_var(remap->level, node, -1, remap->depth);
	if (remap->depth == 0 && weir_level_is_window_bound(remap->level, node))
		return weir_level_window_bound(remap->level, node, sink_var(remap->level, remap->level->time_window, -1, 0));
	if (remap->depth == 0 && IsA(node, WindowFunc))
		return sink_var(remap->level, node, -weir_level_rank_column(remap->level, node), 0);
	if (IsA(node, Aggref) && ((Aggref *) node)->agglevelsup == remap->depth)
		return sink_var(remap->level, node,
						-weir_level_aggregate(remap->level, (Aggref *) node, remap->depth), remap->depth);
	if (IsA(node, Var))
	{
		if (((Var *) node)->varlevelsup == remap->depth)
			return remap_var((Var *) node, remap);
		return copyObject(node);
	}
	if (!IsA(node, Query))
		return expression_tree_mutator(node, remap_mutator, remap);
	remap->depth++;
	query = query_tree_mutator((Query *) node, remap_mutator, remap, 0);
	remap->depth--;
	return (Node *) query;
}

/* A condition that stays a filter: a sublink pulled up into a join could reorder the rows. */
static Node *
as_filter(Node *qual)
{
	BooleanTest *test;

	if (!checkExprHasSubLink(qual))
		return qual;
	test = makeNode(BooleanTest);
	test->arg = (Expr *) qual;
	test->booltesttype = IS_TRUE;
	test->location = -1;
	return (Node *) test;
}

/* A query that its step has left without its grouping, and without its ranks. */
void
weir_ungroup(Query *query)
{
	query->distinctClause = NIL;
	query->hasDistinctOn = false;
	query->sortClause = NIL;
	query->windowClause = NIL;
	query->hasWindowFuncs = false;
	query->groupClause = NIL;
	query->havingQual = NULL;
	query->hasAggs = false;
}

static void
split_quals(WeirLevel *level)
{
	Remap		remap = {level, 0};
	List	   *quals = weir_compile_conjuncts(level->query->jointree->quals);
	ListCell   *lc;

	if (level->join != NULL)
		quals = list_concat(weir_compile_conjuncts(level->join->quals), quals);
	quals = list_concat(weir_level_window_conditions(level), quals);
	foreach(lc, quals)
	{
		Node	   *qual = lfirst(lc);

		if (qual == (Node *) level->key_by)
			continue;
		if (level->time_entry > 0 && weir_level_mentions_function(level, qual, NULL))
			weir_level_check_window_condition(level, qual);
		if (weir_level_mentions_function(level, qual, NULL))
			level->sink_quals = lappend(level->sink_quals, as_filter(remap_mutator(qual, &remap)));
		else
			level->scan_quals = lappend(level->scan_quals, qual);
	}
	foreach(lc, weir_compile_conjuncts(level->query->havingQual))
		level->sink_quals = lappend(level->sink_quals, as_filter(remap_mutator(lfirst(lc), &remap)));
}

/* The select list; what GROUP BY added to it is of no use to (c). */
static List *
selected(WeirLevel *level)
{
	List	   *targets = NIL;
	ListCell   *lc;

	foreach(lc, level->query->targetList)
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			targets = lappend(targets, lfirst(lc));
	return targets;
}

/* A call with its arguments in their places, defaults filled in. */
FuncExpr *
weir_complete_call(FuncExpr *call)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->funcid));

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", call->funcid);
	call = copyObject(call);
	call->args = expand_function_arguments(call->args, false, call->funcresulttype, tuple);
	ReleaseSysCache(tuple);
	return call;
}

/* (b): the call over (a)'s rows. */
static void
cut_call(WeirLevel *level)
{
	FuncExpr   *call = weir_complete_call((FuncExpr *) level->function->funcexpr);
	ListCell   *lc;

	foreach(lc, call->args)
	{
		Node	   *argument = lfirst(lc);

		if (IsA(eval_const_expressions(NULL, argument), Const))
		{
			lfirst(lc) = eval_const_expressions(NULL, argument);
			continue;
		}
		lfirst(lc) = makeVar(1, weir_level_row_column(level, argument, "argument"),
							 exprType(argument), exprTypmod(argument), exprCollation(argument), 0);
	}
	level->function_plan = palloc0(sizeof(WeirFunctionPlan));
	level->function_plan->function = call->funcid;
	level->function_plan->call = call;
}

/* The columns f returns, as the executor of FROM would see them. */
static TupleDesc
result_desc(WeirLevel *level)
{
	RangeTblFunction *function = level->function;
	TupleDesc	desc;
	TypeFuncClass class;
	Oid			type;

	if (function->funccolnames != NIL)
		return BlessTupleDesc(BuildDescFromLists(function->funccolnames, function->funccoltypes,
												 function->funccoltypmods, function->funccolcollations));
	class = get_expr_result_type(function->funcexpr, &type, &desc);
	if (class == TYPEFUNC_COMPOSITE || class == TYPEFUNC_COMPOSITE_DOMAIN)
		return CreateTupleDescCopy(desc);
	if (class != TYPEFUNC_SCALAR)
		elog(ERROR, "function in FROM has unsupported return type");
	level->function_plan->scalar = true;
	desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(desc, 1, get_func_name(level->function_plan->function), type, -1, 0);
	TupleDescInitEntryCollation(desc, 1, exprCollation(function->funcexpr));
	TupleDescFinalize(desc);
	return desc;
}

static TupleDesc
row_desc(WeirLevel *level)
{
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(level->row_columns));
	ListCell   *lc;

	foreach(lc, level->row_columns)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Node	   *expr = (Node *) entry->expr;

		TupleDescInitEntry(desc, entry->resno, entry->resname, exprType(expr), exprTypmod(expr), 0);
		TupleDescInitEntryCollation(desc, entry->resno, exprCollation(expr));
	}
	weir_keep_rows_plain(desc);
	TupleDescFinalize(desc);
	return desc;
}

static TupleDesc
sink_desc(WeirLevel *level)
{
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(level->sink_columns));
	ListCell   *lc;
	AttrNumber	attno = 0;

	level->sink_source = palloc0(sizeof(int) * Max(1, desc->natts));
	foreach(lc, level->sink_columns)
	{
		int			source = lfirst_int(lc);
		TupleDesc	from = source > 0 ? level->row_desc : level->result_desc;

		attno++;
		TupleDescCopyEntry(desc, attno, from, abs(source));
		level->sink_source[attno - 1] = source;
	}
	weir_keep_rows_plain(desc);
	TupleDescFinalize(desc);
	return desc;
}

void
weir_level_cut(WeirLevel *level)
{
	Remap		remap = {level, 0};

	weir_level_keys(level);
	if (level->time_window != NULL)
		weir_level_cut_time_window(level);
	if (level->join != NULL)
	{
		cut_call(level);
		level->result_desc = result_desc(level);
	}
	if (level->rank_plan != NULL)
		weir_level_cut_rank(level);
	if (level->over_plan != NULL)
		weir_level_cut_over(level);
	level->sink_targets = (List *) remap_mutator((Node *) selected(level), &remap);
	split_quals(level);
	if (weir_level_is_grouped(level))
		weir_level_end_aggregates(level);
	if (level->rank_plan != NULL)
		weir_level_end_rank(level);
	if (level->over_plan != NULL)
		weir_level_end_over(level);
	level->row_desc = row_desc(level);
	level->sink_desc = sink_desc(level);
	if (level->function_plan)
		weir_level_timers(level);
}

/* (a) of a side of a join of two streams: its select list as it stands. */
static void
cut_side(WeirLevel *side)
{
	ListCell   *lc;

	side->row_columns = side->query->targetList;
	side->scan_quals = weir_compile_conjuncts(side->query->jointree->quals);
	foreach(lc, side->row_columns)
		check_column(side, (Node *) lfirst_node(TargetEntry, lc)->expr);
	side->row_desc = row_desc(side);
}

/* The rows of a join of two streams: the left is what comes in, the right what is found. */
void
weir_level_cut_sides(WeirLevel *level)
{
	Remap		remap = {level, 0};
	ListCell   *lc;

	foreach(lc, level->below)
		cut_side(lfirst(lc));
	level->row_desc = ((WeirLevel *) linitial(level->below))->row_desc;
	level->result_desc = ((WeirLevel *) lsecond(level->below))->row_desc;
	level->sink_targets = (List *) remap_mutator((Node *) selected(level), &remap);
	foreach(lc, weir_compile_conjuncts(level->query->havingQual))
		level->sink_quals = lappend(level->sink_quals, as_filter(remap_mutator(lfirst(lc), &remap)));
	level->sink_desc = sink_desc(level);
}
