/*
 * compile/correct.c
 *		A running aggregate over a running aggregate.
 *
 * The inner one hands on, of each key that has changed, the row that it had before and the
 * one that it has, told apart by a column that nobody sees, the sign; the outer one takes the
 * former out of what it has and adds the latter.  So its aggregates must be ones that a
 * row can be taken out of.  And since a row of the outer one's cannot be deleted, a row
 * of the inner one's must stay in its group: what the outer query groups by and asks
 * must be of the inner key alone.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "compile/compile.h"

#define SIGN "weir_sign"

/* The running aggregate whose rows are the input of this one; NULL: it is something else. */
static WeirLevel *
corrected_by(const WeirLevel *level)
{
	WeirLevel  *below = list_length(level->below) == 1 ? linitial(level->below) : NULL;

	return below != NULL && below->corrects ? below : NULL;
}

static void
refuse_ttl(WeirLevel *level)
{
	if (level->query->groupClause == NIL || weir_level_calls(level, WEIR_RUNNING) == NIL)
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("weir.running(ttl) of a running aggregate that another one reads is not supported"),
			errdetail("Of a key that has expired nobody knows any more what it had counted for."),
			errhint("Leave weir.running out there."),
			weir_level_position(level, linitial_node(FuncExpr, weir_level_calls(level, WEIR_RUNNING))->location));
}

/* A row that is taken back is computed anew: it must come to the same. */
static void
refuse_mutable(WeirLevel *level)
{
	Node	   *targets = (Node *) level->query->targetList;

	if (!contain_mutable_functions(targets) && !checkExprHasSubLink(targets))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a running aggregate that another one reads cannot have in its select list what may change"),
			errdetail("A subquery, or a function that is not immutable: a row could not be computed again, to be taken back."),
			errhint("Compute it below the aggregate, or leave it out."),
			weir_level_grouping(level));
}

/* What stands beside the inner one, too. */
static void
refuse_others(WeirLevel *level, WeirLevel *below)
{
	Query	   *query = level->query;

	if (list_length(query->jointree->fromlist) == 1 && IsA(linitial(query->jointree->fromlist), RangeTblRef) &&
		!contain_mutable_functions((Node *) level->row_columns) && !checkExprHasSubLink((Node *) level->row_columns) &&
		!contain_mutable_functions(query->jointree->quals) && !checkExprHasSubLink(query->jointree->quals))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("a running aggregate over another one can read nothing else"),
			errdetail("A table, a subquery, or a function that is not immutable, may have changed when a row is taken back."),
			errhint("Join the table below the inner aggregate, or where the result is read."),
			weir_level_grouping(level));
}

/* It is read by a running aggregate, or refused: its rows can be corrected there. */
void
weir_level_correct(WeirLevel *level)
{
	WeirLevel  *parent = level->parent;

	if (parent == NULL || !parent->running || list_length(parent->below) != 1)
		weir_level_refuse_running(level);
	refuse_ttl(level);
	refuse_mutable(level);
	level->corrects = true;
}

/* When its own columns are complete: the sign, as the last of its rows and of its query's. */
void
weir_level_add_sign(WeirLevel *level)
{
	AttrNumber	attno = level->result_desc->natts + 1;
	TupleDesc	desc = CreateTemplateTupleDesc(attno);
	Var		   *sign;

	for (int i = 1; i < attno; i++)
		TupleDescCopyEntry(desc, i, level->result_desc, i);
	TupleDescInitEntry(desc, attno, SIGN, INT2OID, -1, 0);
	TupleDescFinalize(desc);
	level->result_desc = desc;
	level->sink_columns = lappend_int(level->sink_columns, -attno);
	sign = makeVar(WEIR_SINK_INPUT_INDEX, list_length(level->sink_columns), INT2OID, -1, InvalidOid, 0);
	level->sink_targets = lappend(level->sink_targets,
								  makeTargetEntry((Expr *) sign, list_length(level->sink_targets) + 1, SIGN, false));
}

typedef struct OfKey
{
	int			entry;
	Query	   *below;
	Var		   *other;			/* a column that is not of the key */
} OfKey;

static bool
of_key_walker(Node *node, OfKey *of)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varno == of->entry && ((Var *) node)->varlevelsup == 0)
	{
		Var		   *var = (Var *) node;
		TargetEntry *entry = var->varattno > 0 ? get_tle_by_resno(of->below->targetList, var->varattno) : NULL;

		if (entry != NULL && !contain_agg_clause((Node *) entry->expr))
			return false;
		of->other = var;
		return true;
	}
	return expression_tree_walker(node, of_key_walker, of);
}

static void
check_of_key(WeirLevel *level, WeirLevel *below, Node *node, const char *where)
{
	OfKey		of = {level->entry, below->query, NULL};

	if (!of_key_walker(node, &of))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("%s of a running aggregate over another one cannot use what that aggregates", where),
			errdetail("A row that moves from one group to another could leave the first empty, and its row there could not be taken back."),
			errhint("Use columns of the inner GROUP BY, or FILTER (WHERE ...) at the aggregates."),
			weir_level_position(level, of.other->location));
}

/* Native ones that know how many values they have had (state/aggregate/native.h). */
static bool
takes_back(const Aggref *aggref)
{
	switch (aggref->aggfnoid)
	{
		case F_COUNT_:
		case F_COUNT_ANY:
		case F_SUM_INT8:
		case F_AVG_INT2:
		case F_AVG_INT4:
		case F_AVG_INT8:
			return aggref->aggdistinct == NIL && aggref->aggorder == NIL;
		default:
			return false;
	}
}

static void
check_aggregate(WeirLevel *level, Aggref *aggref)
{
	if (takes_back(aggref))
		return;
	ereport(ERROR,
			errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("aggregate %s of a running aggregate over another one is not supported", get_func_name(aggref->aggfnoid)),
			errdetail("A row cannot be taken out of it again."),
			errhint("Use count(), sum(bigint) or avg() of integers, without DISTINCT or ORDER BY; a cast may help. Or let a job write the inner aggregate to a table, and aggregate where that is read."),
			weir_level_position(level, aggref->location));
}

/* When all of its aggregates have been found: what comes to it has a sign. */
void
weir_level_take_sign(WeirLevel *level)
{
	WeirLevel  *below = corrected_by(level);
	RangeTblEntry *rte;
	AttrNumber	attno;
	ListCell   *lc;

	if (below == NULL)
		return;
	refuse_others(level, below);
	check_of_key(level, below, (Node *) level->keys, "GROUP BY");
	check_of_key(level, below, level->query->jointree->quals, "WHERE");
	foreach(lc, level->aggregates)
		check_aggregate(level, lfirst_node(Aggref, lc));
	rte = rt_fetch(level->entry, level->query->rtable);
	attno = list_length(below->sink_targets);
	while (list_length(rte->eref->colnames) < attno)
		rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup(SIGN)));
	level->running_plan->sign =
		weir_level_row_column(level, (Node *) makeVar(level->entry, attno, INT2OID, -1, InvalidOid, 0), SIGN);
}
