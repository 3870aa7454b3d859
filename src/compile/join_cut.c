/*
 * compile/join_cut.c
 *		A join of two streams as a keyed step: what its key is, when its rows are freed,
 *		and what is asked of each pair.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"

#include "base/keytype.h"
#include "catalog/name.h"
#include "compile/stream_join.h"

/* An equality between the sides. */
typedef struct KeyPair
{
	Node	   *exprs[2];
	Oid			collation;
	bool		window;			/* both are windows */
	bool		exact;			/* it is all of the condition */
} KeyPair;

/* ---- columns of the sides ---- */

static bool
side_walker(Node *node, int *sides)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		*sides |= ((Var *) node)->varno;
	return expression_tree_walker(node, side_walker, sides);
}

int
weir_join_side_of(Node *expr)
{
	int			sides = 0;

	(void) side_walker(expr, &sides);
	return sides == 1 ? 0 : sides == 2 ? 1 : -1;
}

static Query *
side_query(const WeirLevel *level, int side)
{
	return ((WeirLevel *) list_nth(level->below, side))->query;
}

static Node *
column_itself(Node *node, Query *query)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		return (Node *) copyObject(get_tle_by_resno(query->targetList, ((Var *) node)->varattno)->expr);
	return expression_tree_mutator(node, column_itself, query);
}

AttrNumber
weir_join_side_column(WeirLevel *level, int side, Node *expr, const char *name)
{
	Query	   *query = side_query(level, side);
	AttrNumber	attno = list_length(query->targetList) + 1;
	Node	   *over;
	ListCell   *lc;

	if (IsA(expr, Var))
		return ((Var *) expr)->varattno;
	over = column_itself(expr, query);
	foreach(lc, query->targetList)
	{
		if (equal(lfirst_node(TargetEntry, lc)->expr, over))
			return lfirst_node(TargetEntry, lc)->resno;
	}
	query->targetList = lappend(query->targetList, makeTargetEntry((Expr *) over, attno, pstrdup(name), false));
	return attno;
}

/* ---- the key ---- */

/* Do both operators say the same of what is equal? */
static bool
agrees(Oid operator, Oid with)
{
	List	   *families = get_mergejoin_opfamilies(with);
	ListCell   *lc;

	if (operator == with)
		return true;
	foreach(lc, get_mergejoin_opfamilies(operator))
		if (list_member_oid(families, lfirst_oid(lc)))
			return true;
	return false;
}

static Node *
coerced(WeirLevel *level, Node *expr, Oid type)
{
	return coerce_to_target_type(level->c->job->pstate, expr, exprType(expr), type, -1,
								 COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
}

/* Values of two types are hashed as those of one. */
static bool
unify(WeirLevel *level, KeyPair *pair)
{
	Oid			left = exprType(pair->exprs[0]);
	Oid			right = exprType(pair->exprs[1]);

	pair->exact = left == right;
	if (left == right)
		return true;
	if (can_coerce_type(1, &left, &right, COERCION_IMPLICIT))
		pair->exprs[0] = coerced(level, pair->exprs[0], right);
	else if (can_coerce_type(1, &right, &left, COERCION_IMPLICIT))
		pair->exprs[1] = coerced(level, pair->exprs[1], left);
	else
		return false;
	return pair->exprs[0] != NULL && pair->exprs[1] != NULL;
}

static bool
read_pair(WeirLevel *level, Node *qual, KeyPair *pair)
{
	OpExpr	   *operator = (OpExpr *) qual;
	int			first;
	WeirKeyType found;

	if (!IsA(qual, OpExpr) || list_length(operator->args) != 2 ||
		!op_mergejoinable(operator->opno, exprType(linitial(operator->args))))
		return false;
	first = weir_join_side_of(linitial(operator->args));
	if (first < 0 || weir_join_side_of(lsecond(operator->args)) != 1 - first)
		return false;
	pair->exprs[first] = linitial(operator->args);
	pair->exprs[1 - first] = lsecond(operator->args);
	pair->collation = operator->inputcollid;
	pair->window = weir_expr_is_window(level, pair->exprs[0]) && weir_expr_is_window(level, pair->exprs[1]);
	return unify(level, pair) && weir_key_type_find(exprType(pair->exprs[0]), &found) == NULL &&
		agrees(operator->opno, found.eq_operator);
}

static void
set_key(WeirLevel *level, WeirKeyColumn *column, int side, const KeyPair *pair)
{
	Node	   *expr = pair->exprs[side];
	WeirKeyType found;

	(void) weir_key_type_find(exprType(expr), &found);
	column->attno = weir_join_side_column(level, side, expr, "key");
	column->type = exprType(expr);
	column->collation = pair->collation;
	column->eq_operator = found.eq_operator;
}

static void
add_key(WeirLevel *level, const KeyPair *pair)
{
	set_key(level, &level->key[level->nkeys], 0, pair);
	set_key(level, &level->right_key[level->nkeys], 1, pair);
	level->nkeys++;
}

static void
take_window(WeirLevel *level, const KeyPair *pair)
{
	WeirJoinPlan *plan = level->join_plan;

	if (!pair->window || plan->kind == WEIR_JOIN_AS_OF)
		return;
	plan->kind = WEIR_JOIN_WINDOW;
	for (int side = 0; side < 2; side++)
		plan->sides[side].time = weir_join_side_column(level, side, pair->exprs[side], "window");
}

/* Nothing is compared for equality: all rows have one key. */
static void
add_single_key(WeirLevel *level)
{
	KeyPair		pair = {{linitial(weir_level_single_key()), linitial(weir_level_single_key())}};

	add_key(level, &pair);
}

static List *
find_keys(WeirLevel *level, List *quals)
{
	List	   *rest = NIL;
	ListCell   *lc;

	level->key = palloc0(sizeof(WeirKeyColumn) * INDEX_MAX_KEYS);
	level->right_key = palloc0(sizeof(WeirKeyColumn) * INDEX_MAX_KEYS);
	foreach(lc, quals)
	{
		KeyPair		pair = {{NULL}};

		if (level->nkeys == INDEX_MAX_KEYS || !read_pair(level, lfirst(lc), &pair))
		{
			rest = lappend(rest, lfirst(lc));
			continue;
		}
		add_key(level, &pair);
		take_window(level, &pair);
		/* equal times bound each other as well */
		if (!pair.exact || exprType(pair.exprs[0]) == TIMESTAMPTZOID || exprType(pair.exprs[0]) == TIMESTAMPOID)
			rest = lappend(rest, lfirst(lc));
	}
	if (level->nkeys == 0)
		add_single_key(level);
	return rest;
}

/* ---- the condition of a pair ---- */

static Node *
of_pair(Node *node, void *context)
{
	Var		   *var;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var))
		return expression_tree_mutator(node, of_pair, context);
	var = copyObject((Var *) node);
	var->varno = var->varno == 1 ? OUTER_VAR : INNER_VAR;
	return (Node *) var;
}

static void
set_condition(WeirLevel *level, List *quals)
{
	if (quals == NIL)
		return;
	if (level->stream_join->as_of)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("this condition on the newest row of a stream is not supported"),
				errdetail("Beside the time, columns of both streams can be compared by = only."),
				errhint("Put it into WHERE of the query round it, where it is asked of the row that was found."),
				weir_level_position(level, exprLocation(linitial(quals))));
	level->join_condition = (Node *) make_ands_explicit(copyObject(quals));
	level->join_plan->condition = expression_planner((Expr *) of_pair((Node *) make_ands_explicit(quals), NULL));
}

/* ---- as people read it ---- */

/* The sides as relations that only have a name and columns. */
static Query *
named_sides(const WeirLevel *level, List *quals)
{
	Query	   *query = makeNode(Query);

	query->commandType = CMD_SELECT;
	query->jointree = makeFromExpr(NIL, (Node *) make_ands_explicit(quals));
	for (int side = 0; side < 2; side++)
	{
		RangeTblEntry *rte = makeNode(RangeTblEntry);
		RangeTblRef *ref = makeNode(RangeTblRef);
		ListCell   *lc;

		rte->rtekind = RTE_CTE;
		rte->ctename = (char *) level->stream_join->sides[side].name;
		rte->eref = makeAlias(rte->ctename, NIL);
		rte->inFromCl = true;
		foreach(lc, side_query(level, side)->targetList)
		{
			TargetEntry *entry = lfirst_node(TargetEntry, lc);

			rte->eref->colnames = lappend(rte->eref->colnames, makeString(entry->resname));
		}
		ref->rtindex = side + 1;
		query->rtable = lappend(query->rtable, rte);
		query->jointree->fromlist = lappend(query->jointree->fromlist, ref);
	}
	return query;
}

static const char *
condition_text(const WeirLevel *level, List *quals)
{
	const char *text;
	const char *where;

	if (quals == NIL)
		return "none";
	text = pg_get_querydef(named_sides(level, copyObject(quals)), false);
	where = strstr(text, "WHERE ");
	return where ? where + strlen("WHERE ") : text;
}

static void
append_columns(StringInfo text, const TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		appendStringInfo(text, "%s %s, ", NameStr(att->attname), weir_type_name(att->atttypid, att->atttypmod));
	}
}

static void
append_bounds(StringInfo text, const WeirJoinBound *bounds, int n)
{
	for (int i = 0; i < n; i++)
		appendStringInfo(text, "%d+" INT64_FORMAT ", ", bounds[i].column, bounds[i].plus);
	appendStringInfoString(text, "; ");
}

static void
append_side(StringInfo text, const WeirJoinSide *side, const WeirKeyColumn *key, int nkeys)
{
	for (int i = 0; i < nkeys; i++)
		appendStringInfo(text, "%d, ", key[i].attno);
	appendStringInfo(text, "at %d %d ", side->time, side->padded);
	append_bounds(text, side->from, side->nfrom);
	append_bounds(text, side->to, side->nto);
}

/* State is found again by a join of the same kind, of rows with the same columns, key and bounds. */
static char *
state_name(const WeirLevel *level)
{
	static const char *const kinds[] = {"interval join", "window join", "as-of join"};
	StringInfoData signature;

	initStringInfo(&signature);
	append_columns(&signature, level->row_desc);
	append_columns(&signature, level->result_desc);
	append_side(&signature, &level->join_plan->sides[0], level->key, level->nkeys);
	append_side(&signature, &level->join_plan->sides[1], level->right_key, level->nkeys);
	appendStringInfo(&signature, "%d %d", level->join_plan->exists, level->join_plan->before);
	return psprintf("%s #%08x", kinds[level->join_plan->kind],
					hash_bytes((unsigned char *) signature.data, signature.len));
}

/* ---- the step ---- */

static void
check_sides(WeirLevel *level)
{
	for (int side = 0; side < 2; side++)
	{
		if (weir_level_is_step(list_nth(level->below, side)))
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("a keyed step beside a join of two streams is not supported"),
					errhint("Put the query with the step into a subquery in FROM."),
					weir_level_position(level, level->stream_join->sides[side].location));
	}
}

static void
check_window_kind(WeirLevel *level)
{
	WeirJoinPlan *plan = level->join_plan;
	TypeCacheEntry *range;
	Oid			type;

	if (plan->kind != WEIR_JOIN_WINDOW)
		return;
	type = exprType((Node *) get_tle_by_resno(side_query(level, 0)->targetList, plan->sides[0].time)->expr);
	range = lookup_type_cache(type, TYPECACHE_RANGE_INFO);
	if (range->rngelemtype == NULL ||
		(range->rngelemtype->type_id != TIMESTAMPTZOID && range->rngelemtype->type_id != TIMESTAMPOID))
		elog(ERROR, "a window is no range of times");
}

/* (a) of both sides, and what is made of their rows. */
void
weir_level_cut_stream_join(WeirLevel *level)
{
	StreamJoin *join = level->stream_join;
	List	   *quals = weir_compile_conjuncts(level->query->jointree->quals);
	List	   *rest;

	check_sides(level);
	level->join_plan->exists = join->type == JOIN_SEMI || join->type == JOIN_ANTI;
	level->join_plan->kind = join->as_of ? WEIR_JOIN_AS_OF : WEIR_JOIN_INTERVAL;
	for (int side = 0; side < 2; side++)
	{
		level->join_plan->sides[side].name = join->sides[side].name;
		level->join_plan->sides[side].padded = weir_join_pads(join->type, side);
	}
	rest = find_keys(level, quals);
	check_window_kind(level);
	if (join->as_of)
		rest = weir_join_find_version(level, rest);
	else if (level->join_plan->kind == WEIR_JOIN_INTERVAL)
		rest = weir_join_find_bounds(level, rest);
	weir_level_check_watermark(level, "a join of two streams", join->sides[1].location);
	set_condition(level, rest);
	level->join_plan->condition_text = condition_text(level, quals);
	weir_level_cut_sides(level);
	level->join_plan->state_name = state_name(level);
}
