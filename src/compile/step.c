/*
 * compile/step.c
 *		Finds the keyed step: JOIN LATERAL f(...) ON weir.key_by(...).
 *
 * It must be an inner join in the query's own FROM, not on the nullable side
 * of another join, so that its other conditions are filters like those of
 * WHERE.  Nothing else in FROM may depend on what f returns, since all of
 * FROM is computed before f is called.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "compile/compile.h"

#define KEY_BY "weir_key_by"	/* its C symbol */
#define STEP_HINT "Write JOIN LATERAL function(...) ON weir.key_by(...)."

/* The conjuncts of a condition, as deep as ANDs go. */
List *
weir_compile_conjuncts(Node *quals)
{
	List	   *conjuncts = NIL;
	ListCell   *lc;

	if (quals == NULL)
		return NIL;
	if (IsA(quals, List))
	{
		foreach(lc, (List *) quals)
			conjuncts = list_concat(conjuncts, weir_compile_conjuncts(lfirst(lc)));
		return conjuncts;
	}
	if (!is_andclause(quals))
		return list_make1(quals);
	return weir_compile_conjuncts((Node *) ((BoolExpr *) quals)->args);
}

/* Joins of FROM whose ON has weir.key_by as a conjunct, in order of the text. */
static void
keyed_joins(Node *node, List **joins, List **calls)
{
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			keyed_joins(lfirst(lc), joins, calls);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		keyed_joins(join->larg, joins, calls);
		keyed_joins(join->rarg, joins, calls);
		foreach(lc, weir_compile_conjuncts(join->quals))
		{
			if (!weir_compile_is_call(lfirst(lc), KEY_BY))
				continue;
			*joins = lappend(*joins, join);
			*calls = lappend(*calls, lfirst(lc));
		}
	}
}

static void
check_calls(WeirCompile *c, List *found)
{
	ListCell   *lc;

	foreach(lc, weir_compile_find_calls(c->select, KEY_BY))
	{
		if (!list_member_ptr(found, lfirst(lc)))
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("weir.key_by must be a condition of JOIN LATERAL in the query's own FROM"),
					errhint(STEP_HINT),
					weir_compile_position(c, exprLocation(lfirst(lc))));
	}
	if (list_length(found) > 1)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("more than one keyed step in a job is not yet supported"),
				errhint("Let one job insert into a table what another one reads, or do both in one function."),
				weir_compile_position(c, exprLocation(lsecond(found))));
}

/* The join must be inner: f's rows are all there is. */
static void
check_join(WeirCompile *c)
{
	int			location = c->key_by->location;
	const char *word = "join";

	if (c->join->jointype != JOIN_INNER)
	{
		switch (c->join->jointype)
		{
			case JOIN_LEFT:
				word = "left";
				break;
			case JOIN_RIGHT:
				word = "right";
				break;
			default:
				word = "full";
				break;
		}
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a keyed step cannot be an outer join"),
				errhint("Write JOIN LATERAL, and let the function return a row where one is wanted."),
				weir_compile_position(c, weir_keyword_before(c, word, location)));
	}
	if (bms_is_member(c->function_index, c->nullable))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a keyed step cannot be on the nullable side of an outer join"),
				errhint("Make the outer join the left side of JOIN LATERAL."),
				weir_compile_position(c, location));
}

static void
refuse_function(WeirCompile *c, const char *detail)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("weir.key_by must join one function call"),
			errdetail("%s", detail),
			errhint(STEP_HINT),
			weir_compile_position(c, c->key_by->location));
}

static void
find_function(WeirCompile *c)
{
	RangeTblEntry *rte = NULL;
	FuncExpr   *call;

	if (IsA(c->join->rarg, RangeTblRef))
	{
		c->function_index = ((RangeTblRef *) c->join->rarg)->rtindex;
		rte = rt_fetch(c->function_index, c->select->rtable);
	}
	if (rte == NULL || rte->rtekind != RTE_FUNCTION)
		refuse_function(c, "The right side of the join is not a function.");
	if (rte->funcordinality)
		refuse_function(c, "WITH ORDINALITY is not supported there.");
	if (list_length(rte->functions) != 1)
		refuse_function(c, "ROWS FROM is not supported there.");
	c->function = linitial_node(RangeTblFunction, rte->functions);
	if (!IsA(c->function->funcexpr, FuncExpr))
		refuse_function(c, "The right side of the join is not a plain function call.");
	call = (FuncExpr *) c->function->funcexpr;
	if (isTempNamespace(get_func_namespace(call->funcid)))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot call temporary function \"%s\"", get_func_name(call->funcid)),
				errhint("Create the function in another schema."),
				weir_compile_position(c, call->location));
}

typedef struct Mention
{
	int			index;			/* entry of the range table */
	int			level;
	int			location;
} Mention;

static bool
mention_walker(Node *node, Mention *mention)
{
	bool		found;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varno != mention->index || var->varlevelsup != mention->level)
			return false;
		mention->location = var->location;
		return true;
	}
	if (!IsA(node, Query))
		return expression_tree_walker(node, mention_walker, mention);
	mention->level++;
	found = query_tree_walker((Query *) node, mention_walker, mention, 0);
	mention->level--;
	return found;
}

static bool
mentions(Node *node, int index, int *location)
{
	Mention		mention = {index, 0, -1};
	bool		found = index > 0 && mention_walker(node, &mention);

	if (found && location != NULL)
		*location = mention.location;
	return found;
}

/* Does this expression over select's range table use what f returned? */
bool
weir_compile_mentions_function(WeirCompile *c, Node *node, int *location)
{
	return mentions(node, c->function_index, location);
}

static void
refuse_mention(WeirCompile *c, Node *node)
{
	int			location = -1;

	if (!weir_compile_mentions_function(c, node, &location))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a join on the output of the keyed function is not yet supported"),
			errdetail("All of FROM is computed before the function is called."),
			errhint("Look the row up in a subquery of the select list."),
			weir_compile_position(c, location));
}

/* Conditions of joins other than the keyed one. */
static void
check_joins(WeirCompile *c, Node *node)
{
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			check_joins(c, lfirst(lc));
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		check_joins(c, join->larg);
		check_joins(c, join->rarg);
		if (join != c->join)
			refuse_mention(c, join->quals);
	}
}

static void
side_entries(Node *node, Bitmapset **entries)
{
	if (IsA(node, RangeTblRef))
		*entries = bms_add_member(*entries, ((RangeTblRef *) node)->rtindex);
	else
	{
		side_entries(((JoinExpr *) node)->larg, entries);
		side_entries(((JoinExpr *) node)->rarg, entries);
	}
}

/* WHERE must not join f's output with what is not on the left of the keyed join. */
static void
check_where(WeirCompile *c)
{
	Bitmapset  *left = NULL;
	ListCell   *lc;

	side_entries(c->join->larg, &left);
	foreach(lc, weir_compile_conjuncts(c->select->jointree->quals))
	{
		for (int index = 1; index <= list_length(c->select->rtable); index++)
		{
			if (index != c->function_index && !bms_is_member(index, left) &&
				mentions(lfirst(lc), index, NULL))
				refuse_mention(c, lfirst(lc));
		}
	}
}

/* What else of the query may not touch f. */
static bool
second_call_walker(Node *node, WeirCompile *c)
{
	FuncExpr   *call = (FuncExpr *) c->function->funcexpr;

	if (node == NULL || node == (Node *) call)
		return false;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == call->funcid)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("keyed function \"%s\" is called twice", get_func_name(call->funcid)),
				errdetail("A record passes a keyed function once."),
				errhint("Use the columns it returns."),
				weir_compile_position(c, ((FuncExpr *) node)->location));
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, second_call_walker, c, 0);
	return expression_tree_walker(node, second_call_walker, c);
}

static void
check_rest(WeirCompile *c)
{
	ListCell   *lc;
	int			index = 0;

	check_joins(c, (Node *) c->select->jointree);
	check_where(c);
	foreach(lc, c->select->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (++index == c->function_index)
			continue;
		refuse_mention(c, (Node *) rte->functions);
		refuse_mention(c, (Node *) rte->values_lists);
		refuse_mention(c, (Node *) rte->tablefunc);
		if (rte->subquery)
			refuse_mention(c, (Node *) rte->subquery);
	}
	second_call_walker((Node *) c->select, c);
}

void
weir_compile_find_step(WeirCompile *c)
{
	List	   *joins = NIL;
	List	   *calls = NIL;

	keyed_joins((Node *) c->select->jointree, &joins, &calls);
	weir_compile_refuse_in_views(c, KEY_BY, "a keyed step",
								 "Write JOIN LATERAL function(...) ON weir.key_by(...) in the query of the job.");
	check_calls(c, calls);
	if (c->window != NULL)
	{
		if (joins != NIL)
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("more than one keyed step in a job is not yet supported"),
					errdetail("weir.count_window is a keyed step, and so is a function joined ON weir.key_by(...)."),
					errhint("Let one job insert into a table what another one reads."),
					weir_compile_position(c, c->window->location));
		weir_compile_begin_window(c);
		return;
	}
	if (joins == NIL)
		return;
	c->join = linitial(joins);
	c->key_by = linitial(calls);
	find_function(c);
	check_join(c);
	check_rest(c);
	c->keys = c->key_by->args;
}
