/*
 * compile/running.c
 *		GROUP BY without a window, in the SELECT of the INSERT itself, or what fold.c
 *		makes that: a running aggregate.
 *
 * Its step has a row for each key that has changed, whenever output is due: what the
 * key's aggregates have come to so far.  That row takes the place of the one before: what
 * that asks of the sink is in running_sink.c.  A key that has a row cannot lose it again, so
 * HAVING must be of a kind that stays true.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compile/compile.h"

PG_FUNCTION_INFO_V1(weir_running);

/* ---- where it may stand ---- */

bool
weir_is_grouped(const Query *query)
{
	return query->groupClause != NIL || query->groupingSets != NIL || query->hasAggs ||
		query->havingQual != NULL;
}

static bool
aggregate_walker(Node *node, Node **found)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref) || IsA(node, GroupingFunc))
	{
		*found = node;
		return true;
	}
	return expression_tree_walker(node, aggregate_walker, found);
}

/* errposition() at GROUP, or what else makes the query a grouped one. */
int
weir_level_grouping(WeirLevel *level)
{
	Node	   *found = NULL;

	if (level->raw != NULL && level->raw->groupClause != NIL)
		return weir_level_word(level, "group", (Node *) level->raw->groupClause);
	if (aggregate_walker((Node *) level->query->targetList, &found) ||
		aggregate_walker(level->query->havingQual, &found))
		return weir_level_position(level, exprLocation(found));
	return weir_level_word(level, "having", level->raw ? level->raw->havingClause : NULL);
}

/* One that is not the INSERT's own, nor became so (fold.c). */
void
weir_level_refuse_running(WeirLevel *level)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a running aggregate must be the query of the INSERT itself"),
			errdetail("What it hands on takes the place of what it handed on before, which only a table can follow."),
			errhint("Group in the query of the INSERT, add weir.count_window(n) to GROUP BY, or let another job insert it into a table."),
			weir_level_grouping(level));
}

static bool
grouping_function_walker(Node *node, Node **found)
{
	if (node == NULL)
		return false;
	if (IsA(node, GroupingFunc))
	{
		*found = node;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, grouping_function_walker, found, 0);
	return expression_tree_walker(node, grouping_function_walker, found);
}

/* GROUP BY () is one set without keys. */
static bool
is_empty_set(const List *sets)
{
	return list_length(sets) == 1 && linitial_node(GroupingSet, sets)->kind == GROUPING_SET_EMPTY;
}

void
weir_level_check_sets(WeirLevel *level)
{
	Query	   *query = level->query;
	Node	   *grouping = NULL;

	if (query->groupingSets != NIL && !is_empty_set(query->groupingSets))
		grouping = linitial(query->groupingSets);
	else if (!grouping_function_walker((Node *) query->targetList, &grouping))
		(void) grouping_function_walker(query->havingQual, &grouping);
	if (grouping != NULL)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("GROUPING SETS, ROLLUP, CUBE and GROUPING over a stream are not supported"),
				errhint("Write an INSERT for each set of keys."),
				weir_level_position(level, exprLocation(grouping)));
}

/* ---- weir.running(ttl) ---- */

Datum
weir_running(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(true);
}

static void
refuse_call(WeirLevel *level, const FuncExpr *call, const char *message, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s", message),
			errhint("%s", hint),
			weir_level_position(level, call->location));
}

/* It is no key, but says how long one lives. */
static void
take_call(WeirLevel *level, FuncExpr *call)
{
	if (level->running_call != NULL)
		refuse_call(level, call, "more than one weir.running in GROUP BY is not supported", "Leave one out.");
	level->running_call = call;
}

static void
read_ttl(WeirLevel *level)
{
	FuncExpr   *call;
	Const	   *ttl;

	if (level->running_call == NULL)
		return;
	/* the call itself stays, being no constant: its argument is completed and folded */
	call = castNode(FuncExpr, eval_const_expressions(NULL, (Node *) level->running_call));
	ttl = linitial(call->args);
	if (!IsA(ttl, Const))
		refuse_call(level, level->running_call, "ttl of weir.running must be a constant",
					"Write an interval, or weir.state_ttl(...): it is the same for all keys.");
	if (ttl->constisnull)
		return;
	level->running_plan->ttl = DatumGetPointer(ttl->constvalue);
	level->running_plan->ttl_type = ttl->consttype;
}

static bool
is_in_group(const WeirLevel *level, const Node *call)
{
	ListCell   *lc;

	foreach(lc, level->query->groupClause)
		if ((Node *) get_sortgroupclause_tle(lfirst(lc), level->query->targetList)->expr == call)
			return true;
	return false;
}

static void
check_calls(WeirLevel *level)
{
	ListCell   *lc;

	foreach(lc, weir_level_calls(level, WEIR_RUNNING))
		if (!is_in_group(level, lfirst(lc)))
			refuse_call(level, lfirst(lc), "weir.running must be in GROUP BY of a query whose FROM reads a stream",
						"Write GROUP BY key, weir.running(ttl).");
}

/* ---- the step ---- */

/* Finds whether it is one; a window has been looked for before. */
void
weir_level_find_running(WeirLevel *level)
{
	check_calls(level);
	if (level->window != NULL || level->time_window != NULL || !weir_is_grouped(level->query))
		return;
	weir_level_check_sets(level);
	level->running = true;
}

/* A column that stands beside the aggregates is that of no record. */
void
weir_level_check_grouped(WeirLevel *level, const Var *var, AttrNumber attno)
{
	if ((!level->running && level->time_window == NULL) || list_member_int(level->key_columns, attno))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("column \"%s\" must be in GROUP BY",
				   get_rte_attribute_name(rt_fetch(var->varno, level->query->rtable), var->varattno)),
			errdetail("That other columns determine it is true of the table at one time; %s lasts.",
					  level->running ? "a running aggregate" : "a window"),
			errhint("Add it to GROUP BY, or write max() of it."),
			weir_level_position(level, var->location));
}

/* ---- HAVING ---- */

/* Does it depend on nothing but the key? */
static bool
is_of_key(Node *node)
{
	return !contain_aggs_of_level(node, 0) && !contain_mutable_functions(node) && !contain_subplans(node);
}

/* The operator by which this aggregate sorts: that of max is >. */
static Oid
sort_operator(const Aggref *aggref)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	Oid			operator;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggref->aggfnoid);
	operator = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggsortop;
	ReleaseSysCache(tuple);
	return operator;
}

/* Does what the aggregate comes to move, if it moves, to where the operator is true of it? */
static bool
moves_towards(const Aggref *aggref, Oid operator)
{
	bool		counts = aggref->aggfnoid == F_COUNT_ || aggref->aggfnoid == F_COUNT_ANY;
	Oid			sort = counts ? InvalidOid : sort_operator(aggref);
	TypeCacheEntry *type;
	int			strategy;

	if (!counts && !OidIsValid(sort))
		return false;
	type = lookup_type_cache(counts ? INT8OID : linitial_oid(aggref->aggargtypes),
							 TYPECACHE_BTREE_OPFAMILY | TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);
	strategy = OidIsValid(type->btree_opf) ? get_op_opfamily_strategy(operator, type->btree_opf) : 0;
	if (counts || sort == type->gt_opr)
		return strategy == BTGreaterStrategyNumber || strategy == BTGreaterEqualStrategyNumber;
	return sort == type->lt_opr &&
		(strategy == BTLessStrategyNumber || strategy == BTLessEqualStrategyNumber);
}

/* aggregate > what depends on the key only, or the other way round. */
static bool
comparison_stays_true(OpExpr *comparison)
{
	Node	   *left;
	Node	   *right;
	Oid			operator = comparison->opno;

	if (list_length(comparison->args) != 2)
		return false;
	left = strip_implicit_coercions(linitial(comparison->args));
	right = lsecond(comparison->args);
	if (!IsA(left, Aggref))
	{
		left = strip_implicit_coercions(right);
		right = linitial(comparison->args);
		operator = get_commutator(operator);
	}
	return IsA(left, Aggref) && is_of_key(right) && OidIsValid(operator) &&
		moves_towards((Aggref *) left, operator) &&
		(!OidIsValid(comparison->inputcollid) || comparison->inputcollid == ((Aggref *) left)->inputcollid);
}

static bool
is_aggregate_of(Node *node, Oid function)
{
	return IsA(node, Aggref) && ((Aggref *) node)->aggfnoid == function;
}

static bool stays_true(Node *node);

static bool
all_stay_true(List *nodes)
{
	ListCell   *lc;

	foreach(lc, nodes)
		if (!stays_true(lfirst(lc)))
			return false;
	return true;
}

static bool
boolean_stays_true(BoolExpr *expr)
{
	Node	   *argument = linitial(expr->args);

	if (expr->boolop == NOT_EXPR)
		return is_aggregate_of(argument, F_BOOL_AND) || is_aggregate_of(argument, F_EVERY);
	return all_stay_true(expr->args);
}

/* Once it is true of a key, is it true of the key with more records? */
static bool
stays_true(Node *node)
{
	if (IsA(node, List))
		return all_stay_true((List *) node);
	if (is_of_key(node))
		return true;
	if (IsA(node, BoolExpr))
		return boolean_stays_true((BoolExpr *) node);
	if (IsA(node, BooleanTest))
		return ((BooleanTest *) node)->booltesttype == IS_TRUE && stays_true((Node *) ((BooleanTest *) node)->arg);
	if (IsA(node, OpExpr))
		return comparison_stays_true((OpExpr *) node);
	return is_aggregate_of(node, F_BOOL_OR);
}

/* errposition() at HAVING, or at the condition of a query round this one that became it. */
static int
having_position(WeirLevel *level)
{
	if (level->raw != NULL && level->raw->havingClause != NULL)
		return weir_level_word(level, "having", level->raw->havingClause);
	return weir_level_position(level, exprLocation(level->query->havingQual));
}

/* what: "a running aggregate" */
void
weir_level_check_having(WeirLevel *level, const char *what)
{
	if (level->query->havingQual == NULL || stays_true(level->query->havingQual))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a condition on %s must be one that stays true", what),
			errdetail("A row that is there could not be taken back."),
			errhint("Compare count(), max() or min() with what they only move away from, as in count(*) >= 10 or max(x) > 5, or use bool_or(); AND and OR may join these. Or leave HAVING out, and filter where the table is read."),
			having_position(level));
}

/* Before the cut: the key. */
void
weir_level_begin_running(WeirLevel *level)
{
	ListCell   *lc;

	level->running_plan = palloc0(sizeof(WeirAggregatePlan));
	foreach(lc, level->query->groupClause)
	{
		Expr	   *expr = get_sortgroupclause_tle(lfirst(lc), level->query->targetList)->expr;

		if (weir_compile_is_call((Node *) expr, WEIR_RUNNING))
			take_call(level, (FuncExpr *) expr);
		else
			level->keys = lappend(level->keys, expr);
	}
	read_ttl(level);
	if (level->keys == NIL)
		level->keys = weir_level_single_key();
}

/* When all of the query's aggregates have been found. */
void
weir_level_end_running(WeirLevel *level)
{
	WeirAggregatePlan *plan = level->running_plan;

	weir_level_check_having(level, "a running aggregate");
	weir_level_take_sign(level);
	if (level->corrects)
		weir_level_add_sign(level);
	plan->corrects = level->corrects;
	plan->aggregates = level->cut_aggregates;
	plan->aggregates_text = weir_level_aggregates_text(level);
	plan->state_name = weir_level_state_name(level, "running", plan->aggregates_text);
}
