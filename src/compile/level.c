/*
 * compile/level.c
 *		The SELECTs that records pass, from the INSERT's own down to the streams, and
 *		back up: each that has a keyed step, and the top, is cut.
 *
 * Cutting a level below the top leaves in its place a SELECT over the rows of its
 * step.  So to the query round it a keyed step is what a stream is: the input of
 * plain subqueries, which the planner pulls up.  What brings rows by several ways, a
 * UNION ALL, becomes so many copies of the queries round it, a branch each, up to the
 * next level that is cut, which has an (a) for each.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "compile/compile.h"

static WeirLevel *
new_level(WeirCompile *c, WeirLevel *parent, Query *query, SelectStmt *raw, int location)
{
	WeirLevel  *level = palloc0(sizeof(WeirLevel));

	level->c = c;
	level->parent = parent;
	level->query = query;
	level->raw = raw;
	level->location = location;
	return level;
}

/* The subquery at this place of a level's range table. */
WeirLevel *
weir_level_below(WeirLevel *level, int index, SelectStmt *raw, int location)
{
	WeirLevel  *below = new_level(level->c, level, rt_fetch(index, level->query->rtable)->subquery,
								  raw, location);

	below->index = index;
	return below;
}

static void
find_below(WeirLevel *level)
{
	ListCell   *lc;

	if (level->query->setOperations != NULL)
		weir_level_check_union(level);
	else if (level->stream_join == NULL)
	{
		weir_level_join_streams(level);
		if (level->parent == NULL || weir_is_grouped(level->query) ||
			weir_is_ranked(level->query) || weir_level_has_step(level))
			weir_flatten_joins(level->query);
		weir_level_find_window(level);
		weir_level_check_shape(level);
		weir_level_find_step(level);
	}
	foreach(lc, level->below)
		find_below(lfirst(lc));
}

/* A UNION ALL at the top gets a SELECT round it, as if it stood in its FROM. */
static SelectStmt *
wrap_union(RangeTblEntry *rte, SelectStmt *raw)
{
	Query	   *inner = rte->subquery;
	Query	   *outer = makeNode(Query);
	RangeTblEntry *entry = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	RangeSubselect *subselect = makeNode(RangeSubselect);
	SelectStmt *wrapped = makeNode(SelectStmt);
	ListCell   *lc;

	entry->rtekind = RTE_SUBQUERY;
	entry->subquery = inner;
	entry->alias = makeAlias("unions", NIL);
	entry->eref = makeAlias("unions", copyObject(rte->eref->colnames));
	entry->inFromCl = true;
	ref->rtindex = 1;
	outer->commandType = CMD_SELECT;
	outer->canSetTag = inner->canSetTag;
	outer->rtable = list_make1(entry);
	outer->jointree = makeFromExpr(list_make1(ref), NULL);
	foreach(lc, inner->targetList)
	{
		TargetEntry *from = lfirst_node(TargetEntry, lc);

		outer->targetList = lappend(outer->targetList,
									makeTargetEntry((Expr *) makeVarFromTargetEntry(1, from), from->resno,
													pstrdup(from->resname), false));
	}
	/* what stands round it is one query farther away */
	IncrementVarSublevelsUp((Node *) inner, 1, 1);
	rte->subquery = outer;
	subselect->subquery = (Node *) raw;
	subselect->alias = makeAlias("unions", NIL);
	wrapped->fromClause = list_make1(subselect);
	return wrapped;
}

void
weir_compile_levels(WeirCompile *c)
{
	RangeTblEntry *rte = rt_fetch(c->select_index, c->insert->rtable);
	SelectStmt *raw = c->select_stmt;

	weir_compile_check_streams(c);
	if (rte->subquery->setOperations != NULL)
		raw = wrap_union(rte, raw);
	c->top = new_level(c, NULL, rte->subquery, raw, -1);
	find_below(c->top);
	weir_compile_fold(c);
}

/* ---- back up ---- */

static WeirBranch *
new_branch(Oid stream, WeirLevel *step, Query *query)
{
	WeirBranch *branch = palloc0(sizeof(WeirBranch));

	branch->stream = stream;
	branch->step = step;
	branch->query = query;
	return branch;
}

/* The level's query over one of the branches below it. */
static Query *
query_over(WeirLevel *level, WeirLevel *below, const WeirBranch *branch)
{
	Query	   *query;

	if (level->query->setOperations != NULL)
		return weir_union_leaf(level, below, branch->query);
	if (branch->query == below->query)
		return level->query;
	query = copyObject(level->query);
	rt_fetch(below->index, query->rtable)->subquery = branch->query;
	return query;
}

static List *branches_of(WeirLevel *level);

/* The ways by which records come to a level, as its (a) finds them in FROM. */
static List *
inputs_of(WeirLevel *level)
{
	List	   *inputs = NIL;
	ListCell   *lc;

	if (OidIsValid(level->stream))
		return list_make1(new_branch(level->stream, NULL, level->query));
	foreach(lc, level->below)
		inputs = list_concat(inputs, branches_of(lfirst(lc)));
	return inputs;
}

/* Each side has an (a) for each of its inputs. */
static void
cut_stream_join(WeirLevel *level)
{
	List	   *inputs[2];

	for (int side = 0; side < 2; side++)
		inputs[side] = inputs_of(list_nth(level->below, side));
	weir_level_cut_stream_join(level);
	for (int side = 0; side < 2; side++)
	{
		weir_level_scans(list_nth(level->below, side), inputs[side]);
		level->c->levels = lappend(level->c->levels, list_nth(level->below, side));
	}
	level->c->levels = lappend(level->c->levels, level);
}

static void
cut_level(WeirLevel *level)
{
	List	   *inputs;

	if (level->stream_join != NULL)
	{
		cut_stream_join(level);
		return;
	}
	inputs = inputs_of(level);
	weir_level_cut(level);
	weir_level_scans(level, inputs);
	level->c->levels = lappend(level->c->levels, level);
}

/* A step cannot be run again for each row of what stands before it. */
static void
check_not_lateral(WeirLevel *level)
{
	int			depth = 0;

	for (WeirLevel *above = level->parent; above != NULL; above = above->parent)
	{
		depth++;
		if (contain_vars_of_level((Node *) level->query, depth))
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("a query with a keyed step cannot refer to what stands beside it in FROM"),
					errhint("Join in the query with the step, or in the one round it."),
					weir_level_position(level, locate_var_of_level((Node *) level->query, depth)));
	}
}

/* Queries whose rows together are the level's. */
static List *
branches_of(WeirLevel *level)
{
	List	   *branches = NIL;
	ListCell   *lc;

	if (level->running)
		weir_level_correct(level);
	if (OidIsValid(level->stream) && !weir_level_is_step(level))
		return inputs_of(level);
	if (weir_level_is_step(level))
	{
		check_not_lateral(level);
		weir_level_refuse_lateness(level);
		cut_level(level);
		return list_make1(new_branch(InvalidOid, level, weir_level_rest(level)));
	}
	foreach(lc, level->below)
	{
		WeirLevel  *below = lfirst(lc);
		ListCell   *branch;

		foreach(branch, branches_of(below))
		{
			const WeirBranch *input = lfirst(branch);

			branches = lappend(branches, new_branch(input->stream, input->step,
													query_over(level, below, input)));
		}
	}
	return branches;
}

void
weir_compile_cut_levels(WeirCompile *c)
{
	cut_level(c->top);
}
