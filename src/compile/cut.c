/*
 * compile/cut.c
 *		Which column is computed where.
 *
 * (a) delivers rows: the key, the arguments of f, and whatever columns of
 * FROM the rest of the query mentions.  The select list, and the conditions
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

/* A column name for an expression over select's range table. */
static char *
column_name(WeirCompile *c, Node *expr, const char *otherwise)
{
	if (IsA(expr, Var))
	{
		Var		   *var = (Var *) expr;
		RangeTblEntry *rte = rt_fetch(var->varno, c->select->rtable);

		if (var->varattno == InvalidAttrNumber)
			return pstrdup(rte->eref->aliasname);
		if (var->varattno > 0)
			return get_rte_attribute_name(rte, var->varattno);
	}
	return pstrdup(otherwise);
}

static void
check_column(WeirCompile *c, Node *expr)
{
	Oid			type = exprType(expr);

	if (type == RECORDOID || type == RECORDARRAYOID)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("an anonymous record cannot pass from one task to another"),
				errhint("Cast it to a named composite type."),
				weir_compile_position(c, exprLocation(expr)));
	if (get_typtype(type) == TYPTYPE_PSEUDO)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a value of pseudo-type %s cannot pass from one task to another", format_type_be(type)),
				errhint("Cast it to a type that a table could store."),
				weir_compile_position(c, exprLocation(expr)));
}

/* The column of (a) with this value, made if there is none yet. */
AttrNumber
weir_compile_row_column(WeirCompile *c, Node *expr, const char *name)
{
	ListCell   *lc;
	AttrNumber	attno = list_length(c->row_columns) + 1;

	if (!contain_volatile_functions(expr))
	{
		foreach(lc, c->row_columns)
		{
			TargetEntry *entry = lfirst_node(TargetEntry, lc);

			if (equal(entry->expr, expr))
				return entry->resno;
		}
	}
	check_column(c, expr);
	c->row_columns = lappend(c->row_columns,
							 makeTargetEntry((Expr *) copyObject(expr), attno,
											 column_name(c, expr, name), false));
	return attno;
}

/* The column of the sink's input with this source (as sink_source), made if there is none yet. */
static AttrNumber
sink_column(WeirCompile *c, int source)
{
	ListCell   *lc;

	foreach(lc, c->sink_columns)
		if (lfirst_int(lc) == source)
			return foreach_current_index(lc) + 1;
	c->sink_columns = lappend_int(c->sink_columns, source);
	return list_length(c->sink_columns);
}

/* A Var of the sink's input in place of this one (or of a key expression). */
static Node *
sink_var(WeirCompile *c, Node *expr, int source, int levelsup)
{
	Var		   *var = makeVar(WEIR_SINK_INPUT_INDEX, sink_column(c, source),
							  exprType(expr), exprTypmod(expr), exprCollation(expr), levelsup);

	var->location = exprLocation(expr);
	return (Node *) var;
}

typedef struct Remap
{
	WeirCompile *c;
	int			level;			/* of the query we are in, below select */
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
	WeirCompile *c = remap->c;
	RowExpr    *row = weir_compile_spelled_row(rt_fetch(var->varno, c->select->rtable), var);
	Oid			base = row->row_typeid;

	row->args = (List *) remap_mutator((Node *) row->args, remap);
	if (base == var->vartype)
		return (Node *) row;
	return coerce_to_domain((Node *) row, base, -1, var->vartype, COERCION_IMPLICIT,
							COERCE_IMPLICIT_CAST, var->location, false);
}

static void
check_system_column(WeirCompile *c, Var *var)
{
	if (var->varattno < 0)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("system columns are not supported in the select list of a job"),
				errhint("Use columns that the relation declares."),
				weir_compile_position(c, var->location));
}

static Node *
remap_var(Var *var, Remap *remap)
{
	WeirCompile *c = remap->c;
	Var		   *local;

	check_system_column(c, var);
	if (var->varno == c->function_index)
	{
		if (var->varattno == InvalidAttrNumber)
			return remap_row(var, remap);
		return sink_var(c, (Node *) var, -var->varattno, remap->level);
	}
	if (var->varattno == InvalidAttrNumber && var->vartype == RECORDOID &&
		!bms_is_member(var->varno, c->nullable))
		return remap_row(var, remap);
	local = copyObject(var);
	local->varlevelsup = 0;
	return sink_var(c, (Node *) var, weir_compile_row_column(c, (Node *) local, "column"), remap->level);
}

/* The column of (a) that is this key expression; 0 if it is none.  What is grouped is computed once. */
static AttrNumber
key_column(WeirCompile *c, Node *node)
{
	ListCell   *key;
	ListCell   *attno;

	forboth(key, c->keys, attno, c->key_columns)
	{
		if (equal(lfirst(key), node) && !IsA(node, Const) &&
			(c->window != NULL || !contain_volatile_functions(node)))
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
	if (remap->level == 0 && !IsA(node, List) && (key = key_column(remap->c, node)) != 0)
		return sink_var(remap->c, node, key, 0);
	if ((aggregate = weir_json_aggregate(node, &coercion)) != NULL)
		return remap_json(aggregate, coercion, remap);
	if (IsA(node, Aggref) && ((Aggref *) node)->agglevelsup == remap->level)
		return sink_var(remap->c, node,
						-weir_compile_aggregate(remap->c, (Aggref *) node, remap->level), remap->level);
	if (IsA(node, Var))
	{
		if (((Var *) node)->varlevelsup == remap->level)
			return remap_var((Var *) node, remap);
		return copyObject(node);
	}
	if (!IsA(node, Query))
		return expression_tree_mutator(node, remap_mutator, remap);
	remap->level++;
	query = query_tree_mutator((Query *) node, remap_mutator, remap, 0);
	remap->level--;
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

/* A query that the window has left without its grouping. */
void
weir_ungroup(Query *query)
{
	query->groupClause = NIL;
	query->havingQual = NULL;
	query->hasAggs = false;
}

static void
split_quals(WeirCompile *c)
{
	Remap		remap = {c, 0};
	List	   *quals = weir_compile_conjuncts(c->select->jointree->quals);
	ListCell   *lc;

	if (c->join != NULL)
		quals = list_concat(weir_compile_conjuncts(c->join->quals), quals);
	foreach(lc, quals)
	{
		Node	   *qual = lfirst(lc);

		if (qual == (Node *) c->key_by)
			continue;
		if (weir_compile_mentions_function(c, qual, NULL))
			c->sink_quals = lappend(c->sink_quals, as_filter(remap_mutator(qual, &remap)));
		else
			c->scan_quals = lappend(c->scan_quals, qual);
	}
	foreach(lc, weir_compile_conjuncts(c->select->havingQual))
		c->sink_quals = lappend(c->sink_quals, as_filter(remap_mutator(lfirst(lc), &remap)));
}

/* The select list; what GROUP BY added to it is of no use to (c). */
static List *
selected(WeirCompile *c)
{
	List	   *targets = NIL;
	ListCell   *lc;

	foreach(lc, c->select->targetList)
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			targets = lappend(targets, lfirst(lc));
	return targets;
}

/* f's call with its arguments in their places, defaults filled in. */
static FuncExpr *
complete_call(FuncExpr *call)
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
cut_call(WeirCompile *c)
{
	FuncExpr   *call = complete_call((FuncExpr *) c->function->funcexpr);
	ListCell   *lc;

	foreach(lc, call->args)
	{
		Node	   *argument = lfirst(lc);

		if (IsA(eval_const_expressions(NULL, argument), Const))
		{
			lfirst(lc) = eval_const_expressions(NULL, argument);
			continue;
		}
		lfirst(lc) = makeVar(1, weir_compile_row_column(c, argument, "argument"),
							 exprType(argument), exprTypmod(argument), exprCollation(argument), 0);
	}
	c->function_plan = palloc0(sizeof(WeirFunctionPlan));
	c->function_plan->function = call->funcid;
	c->function_plan->call = call;
}

/* The columns f returns, as the executor of FROM would see them. */
static TupleDesc
result_desc(WeirCompile *c)
{
	RangeTblFunction *function = c->function;
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
	c->function_plan->scalar = true;
	desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(desc, 1, get_func_name(c->function_plan->function), type, -1, 0);
	TupleDescInitEntryCollation(desc, 1, exprCollation(function->funcexpr));
	TupleDescFinalize(desc);
	return desc;
}

static TupleDesc
row_desc(WeirCompile *c)
{
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(c->row_columns));
	ListCell   *lc;

	foreach(lc, c->row_columns)
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
sink_desc(WeirCompile *c)
{
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(c->sink_columns));
	ListCell   *lc;
	AttrNumber	attno = 0;

	c->sink_source = palloc0(sizeof(int) * Max(1, desc->natts));
	foreach(lc, c->sink_columns)
	{
		int			source = lfirst_int(lc);
		TupleDesc	from = source > 0 ? c->row_desc : c->result_desc;

		attno++;
		TupleDescCopyEntry(desc, attno, from, abs(source));
		c->sink_source[attno - 1] = source;
	}
	weir_keep_rows_plain(desc);
	TupleDescFinalize(desc);
	return desc;
}

void
weir_compile_cut(WeirCompile *c)
{
	Remap		remap = {c, 0};

	weir_compile_keys(c);
	if (c->join != NULL)
	{
		cut_call(c);
		c->result_desc = result_desc(c);
	}
	c->sink_targets = (List *) remap_mutator((Node *) selected(c), &remap);
	split_quals(c);
	if (c->window != NULL)
		weir_compile_end_window(c);
	c->row_desc = row_desc(c);
	c->sink_desc = sink_desc(c);
}
