/*
 * compile/step.c
 *		Finds the keyed step: JOIN LATERAL f(...) ON weir.key_by(...).
 *
 * It must be an inner join in the level's own FROM, not on the nullable side
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
#define SUBQUERY_HINT "Put the one that comes first into a subquery in FROM."
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

pg_noreturn static void
refuse_second(WeirLevel *level, const char *detail, int location)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a query can have one keyed step"),
			errdetail("%s", detail),
			errhint(SUBQUERY_HINT),
			weir_level_position(level, location));
}

/* what: the query's other keyed step */
static void
refuse_beside(WeirLevel *level, const char *what, int location)
{
	refuse_second(level, psprintf("%s is a keyed step, and so is a function joined ON weir.key_by(...).", what), location);
}

static void
check_calls(WeirLevel *level, List *found)
{
	ListCell   *lc;

	foreach(lc, weir_level_calls(level, KEY_BY))
	{
		if (!list_member_ptr(found, lfirst(lc)))
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("weir.key_by must be a condition of JOIN LATERAL in a FROM that reads a stream"),
					errhint(STEP_HINT),
					weir_level_position(level, exprLocation(lfirst(lc))));
	}
	if (list_length(found) > 1)
		refuse_second(level, "It has two conditions weir.key_by(...).", exprLocation(lsecond(found)));
}

/* The join must be inner: f's rows are all there is. */
static void
check_join(WeirLevel *level)
{
	int			location = level->key_by->location;
	const char *word = "join";

	if (level->join->jointype != JOIN_INNER)
	{
		switch (level->join->jointype)
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
				weir_level_keyword(level, word, location));
	}
	if (bms_is_member(level->function_index, level->nullable))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a keyed step cannot be on the nullable side of an outer join"),
				errhint("Make the outer join the left side of JOIN LATERAL."),
				weir_level_position(level, location));
}

static void
refuse_function(WeirLevel *level, const char *detail)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("weir.key_by must join one function call"),
			errdetail("%s", detail),
			errhint(STEP_HINT),
			weir_level_position(level, level->key_by->location));
}

static void
find_function(WeirLevel *level)
{
	RangeTblEntry *rte = NULL;
	FuncExpr   *call;

	if (IsA(level->join->rarg, RangeTblRef))
	{
		level->function_index = ((RangeTblRef *) level->join->rarg)->rtindex;
		rte = rt_fetch(level->function_index, level->query->rtable);
	}
	if (rte == NULL || rte->rtekind != RTE_FUNCTION)
		refuse_function(level, "The right side of the join is not a function.");
	if (rte->funcordinality)
		refuse_function(level, "WITH ORDINALITY is not supported there.");
	if (list_length(rte->functions) != 1)
		refuse_function(level, "ROWS FROM is not supported there.");
	level->function = linitial_node(RangeTblFunction, rte->functions);
	if (!IsA(level->function->funcexpr, FuncExpr))
		refuse_function(level, "The right side of the join is not a plain function call.");
	call = (FuncExpr *) level->function->funcexpr;
	if (isTempNamespace(get_func_namespace(call->funcid)))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("a job cannot call temporary function \"%s\"", get_func_name(call->funcid)),
				errhint("Create the function in another schema."),
				weir_level_position(level, call->location));
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

/* Does this expression over the level's range table use what f returned? */
bool
weir_level_mentions_function(WeirLevel *level, Node *node, int *location)
{
	return mentions(node, level->function_index, location);
}

static void
refuse_mention(WeirLevel *level, Node *node)
{
	bool		window = level->time_entry > 0;
	int			location = -1;

	if (!weir_level_mentions_function(level, node, &location))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			window ? errmsg("a join on the window must be in the query around it") :
			errmsg("a join on the output of the keyed function must be in the query around it"),
			window ? errdetail("All of FROM is computed before it is known that the window is complete.") :
			errdetail("All of FROM is computed before the function is called."),
			window ? errhint("Group in a subquery in FROM, and join with that.") :
			errhint("Put the call of the function into a subquery in FROM, and join with that."),
			weir_level_position(level, location));
}

static void
check_joins(WeirLevel *level, Node *node, const JoinExpr *own)
{
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			check_joins(level, lfirst(lc), own);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		check_joins(level, join->larg, own);
		check_joins(level, join->rarg, own);
		if (join != own)
			refuse_mention(level, join->quals);
	}
}

/* Nothing in FROM, but in the condition of its own join, depends on the function or window. */
void
weir_level_check_from(WeirLevel *level, const JoinExpr *own)
{
	ListCell   *lc;

	check_joins(level, (Node *) level->query->jointree, own);
	foreach(lc, level->query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (foreach_current_index(lc) + 1 == level->function_index)
			continue;
		refuse_mention(level, (Node *) rte->functions);
		refuse_mention(level, (Node *) rte->values_lists);
		refuse_mention(level, (Node *) rte->tablefunc);
		if (rte->subquery)
			refuse_mention(level, (Node *) rte->subquery);
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
check_where(WeirLevel *level)
{
	Bitmapset  *left = NULL;
	ListCell   *lc;

	side_entries(level->join->larg, &left);
	foreach(lc, weir_compile_conjuncts(level->query->jointree->quals))
	{
		for (int index = 1; index <= list_length(level->query->rtable); index++)
		{
			if (index != level->function_index && !bms_is_member(index, left) &&
				mentions(lfirst(lc), index, NULL))
				refuse_mention(level, lfirst(lc));
		}
	}
}

/* What else of the query may not touch f. */
static bool
second_call_walker(Node *node, WeirLevel *level)
{
	FuncExpr   *call = (FuncExpr *) level->function->funcexpr;

	if (node == NULL || node == (Node *) call)
		return false;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == call->funcid)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("keyed function \"%s\" is called twice", get_func_name(call->funcid)),
				errdetail("A record passes a keyed function once."),
				errhint("Use the columns it returns."),
				weir_level_position(level, ((FuncExpr *) node)->location));
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, second_call_walker, level, 0);
	return expression_tree_walker(node, second_call_walker, level);
}

/* Calls that would be one, wherever they stand. */
List *
weir_compile_find_step_calls(Query *query)
{
	return list_concat(weir_compile_find_calls(query, KEY_BY), weir_compile_find_calls(query, WEIR_COUNT_WINDOW));
}

/* Before it is known which: does the level name one? */
bool
weir_level_has_step(WeirLevel *level)
{
	return weir_level_calls(level, KEY_BY) != NIL || weir_level_calls(level, WEIR_COUNT_WINDOW) != NIL;
}

/* A condition weir.key_by(...), here, wants the query to have no other keyed step. */
static void
check_only(WeirLevel *level, int location)
{
	if (level->window != NULL)
		refuse_beside(level, "weir.count_window", level->window->location);
	if (level->time_window != NULL)
		refuse_beside(level, "GROUP BY a window", location);
	if (level->running)
		refuse_beside(level, "GROUP BY", location);
	if (level->rank_plan != NULL && level->rank_plan->distinct)
		refuse_beside(level, "DISTINCT ON", location);
	if (level->rank_plan != NULL || level->over_plan != NULL)
		refuse_beside(level, "OVER", location);
}

void
weir_level_find_step(WeirLevel *level)
{
	List	   *joins = NIL;
	List	   *calls = NIL;

	keyed_joins((Node *) level->query->jointree, &joins, &calls);
	weir_level_refuse_in_views(level, KEY_BY, "a keyed step",
								 "Write JOIN LATERAL function(...) ON weir.key_by(...) in the query of the job.");
	check_calls(level, calls);
	if (calls != NIL)
		check_only(level, exprLocation(linitial(calls)));
	if (level->window != NULL)
		weir_level_begin_window(level);
	else if (level->time_window != NULL)
		weir_level_begin_time_window(level);
	else if (level->running)
		weir_level_begin_running(level);
	if (calls == NIL)
		return;
	level->join = linitial(joins);
	level->key_by = linitial(calls);
	find_function(level);
	check_join(level);
	weir_level_check_from(level, level->join);
	check_where(level);
	second_call_walker((Node *) level->query, level);
	level->keys = level->key_by->args;
}

/* The state of a keyed function is declared for the function: two steps cannot have the one. */
void
weir_compile_check_functions(WeirCompileJob *job)
{
	List	   *functions = NIL;
	ListCell   *insert;
	ListCell   *lc;

	foreach(insert, job->inserts)
	{
		foreach(lc, ((WeirCompile *) lfirst(insert))->levels)
		{
			WeirLevel  *level = lfirst(lc);
			FuncExpr   *call = level->function_plan ? (FuncExpr *) level->function->funcexpr : NULL;

			if (call != NULL && list_member_oid(functions, call->funcid))
				ereport(ERROR,
						errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("keyed function \"%s\" is called twice", get_func_name(call->funcid)),
						errdetail("What a function keeps of a key is the state of one step."),
						errhint("Create another function for the other step, with state of its own."),
						weir_level_position(level, call->location));
			if (call != NULL)
				functions = lappend_oid(functions, call->funcid);
		}
	}
}
