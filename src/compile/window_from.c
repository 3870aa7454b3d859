/*
 * compile/window_from.c
 *		A window of event time that stands in FROM: LATERAL weir.tumble(ts, size) w.
 *
 * It is read out of FROM, and (a) does without it: which windows a row is in, the step
 * finds out.  So nothing else in FROM may depend on it.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"

#include "compile/compile.h"

static bool
is_entry(const Node *node, int index)
{
	return IsA(node, RangeTblRef) && ((const RangeTblRef *) node)->rtindex == index;
}

/* The join whose right side it is; NULL: it is none's. */
static JoinExpr *
join_of(Node *node, int index)
{
	JoinExpr   *found = NULL;
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			if (found == NULL)
				found = join_of(lfirst(lc), index);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		if (is_entry(join->rarg, index))
			return join;
		found = join_of(join->larg, index);
		if (found == NULL)
			found = join_of(join->rarg, index);
	}
	return found;
}

/* Is it the left side of a join?  There nothing stands that it could be of. */
static bool
stands_left(Node *node, int index)
{
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			if (stands_left(lfirst(lc), index))
				return true;
		return false;
	}
	if (!IsA(node, JoinExpr))
		return false;
	return is_entry(((JoinExpr *) node)->larg, index) ||
		stands_left(((JoinExpr *) node)->larg, index) || stands_left(((JoinExpr *) node)->rarg, index);
}

static void
refuse_join(WeirLevel *level, const char *message, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s", message),
			errhint("%s", hint),
			weir_level_position(level, exprLocation((Node *) level->time_call)));
}

void
weir_level_check_window_from(WeirLevel *level)
{
	Node	   *from = (Node *) level->query->jointree;
	JoinExpr   *join;

	if (level->time_entry == 0)
		return;
	join = join_of(from, level->time_entry);
	if (rt_fetch(level->time_entry, level->query->rtable)->funcordinality)
		refuse_join(level, "WITH ORDINALITY of a window is not supported", "Leave it out.");
	if ((join != NULL && join->jointype != JOIN_INNER) || bms_is_member(level->time_entry, level->nullable))
		refuse_join(level, "a window cannot be on the nullable side of an outer join", "Write CROSS JOIN LATERAL.");
	if (stands_left(from, level->time_entry))
		refuse_join(level, "a window must stand behind what it is of in FROM", "Write FROM stream, LATERAL weir.tumble(ts, size) w.");
	weir_level_check_from(level, join);
}

/* What its join has in ON, but true. */
List *
weir_level_window_conditions(const WeirLevel *level)
{
	JoinExpr   *join = level->time_entry > 0 ? join_of((Node *) level->query->jointree, level->time_entry) : NULL;
	List	   *conditions = NIL;
	ListCell   *lc;

	foreach(lc, join ? weir_compile_conjuncts(join->quals) : NIL)
	{
		const Const *constant = lfirst(lc);

		if (!IsA(constant, Const) || constant->constisnull || !DatumGetBool(constant->constvalue))
			conditions = lappend(conditions, lfirst(lc));
	}
	return conditions;
}

static Node *
without_entry(Node *node, int index)
{
	JoinExpr   *join = (JoinExpr *) node;

	if (!IsA(node, JoinExpr))
		return node;
	if (is_entry(join->rarg, index))
		return join->larg;
	join->larg = without_entry(join->larg, index);
	join->rarg = without_entry(join->rarg, index);
	return node;
}

/* Takes it out of a copy of the level's query. */
void
weir_level_drop_window(const WeirLevel *level, Query *query)
{
	JoinExpr   *join;
	List	   *from = NIL;
	ListCell   *lc;

	if (level->time_entry == 0)
		return;
	join = join_of((Node *) query->jointree, level->time_entry);
	foreach(lc, query->jointree->fromlist)
		if (!is_entry(lfirst(lc), level->time_entry))
			from = lappend(from, without_entry(lfirst(lc), level->time_entry));
	query->jointree->fromlist = from;
	if (join != NULL)
		weir_drop_entry(query, join->rtindex);
	weir_drop_entry(query, level->time_entry);
}
