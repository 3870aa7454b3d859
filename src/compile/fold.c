/*
 * compile/fold.c
 *		A SELECT of the rows of a keyed step and nothing else, as of a view that has
 *		one: what it computes the sink may compute together with what is left of the
 *		step's own SELECT, so it needs no (a).
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "base/compat.h"
#include "compile/compile.h"

/* Has FROM the level below and nothing else? */
static bool
reads_only_below(const WeirLevel *level)
{
	List	   *from = level->query->jointree->fromlist;

	return level->query->setOperations == NULL && level->query->cteList == NIL &&
		list_length(level->below) == 1 && list_length(from) == 1 && IsA(linitial(from), RangeTblRef) &&
		!rt_fetch(level->entry, level->query->rtable)->security_barrier;
}

/* May what the select list has be computed again wherever it is named?  What GROUP BY added is not. */
static bool
may_repeat(const Query *query)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!entry->resjunk && contain_volatile_functions((Node *) entry->expr))
			return false;
	}
	return !query->hasTargetSRFs;
}

static bool
may_fold(const WeirLevel *level)
{
	const WeirLevel *below = level->below ? linitial(level->below) : NULL;

	return below != NULL && reads_only_below(level) &&
		weir_level_is_step(below) &&
		may_repeat(below->query);
}

/* The rights to what the query round it was: its FROM has nothing else, but views have left entries. */
static void
take_permissions(WeirLevel *level, Query *query)
{
	ListCell   *lc;

	foreach(lc, level->query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (foreach_current_index(lc) + 1 != level->entry && weir_has_permissions(rte))
			weir_move_permissions(level->query, rte, query);
	}
}

/* Conditions stay behind the step: it has had all the rows. */
static void
fold_into(WeirLevel *level, WeirLevel *below)
{
	Query	   *query = below->query;
	RangeTblEntry *rte = rt_fetch(level->entry, level->query->rtable);
	bool		sublinks = query->hasSubLinks || level->query->hasSubLinks;
	Node	   *quals = weir_replace_vars(level->query->jointree->quals, level->entry, rte,
										  query->targetList, &sublinks);

	query->havingQual = make_and_qual(query->havingQual, quals);
	query->targetList = (List *) weir_replace_vars((Node *) level->query->targetList, level->entry, rte,
												   query->targetList, &sublinks);
	query->hasTargetSRFs = level->query->hasTargetSRFs;
	query->hasSubLinks = sublinks;
	take_permissions(level, query);
	below->parent = level->parent;
	below->index = level->index;
}

/* The level that computes what this one does: itself, or the one below. */
static WeirLevel *
fold(WeirLevel *level)
{
	WeirLevel  *below;

	if (weir_level_is_step(level) || !reads_only_below(level))
		return level;
	below = fold(linitial(level->below));
	level->below = list_make1(below);
	rt_fetch(level->entry, level->query->rtable)->subquery = below->query;
	if (!may_fold(level))
		return level;
	fold_into(level, below);
	return below;
}

void
weir_compile_fold(WeirCompile *c)
{
	/* WITH queries of the INSERT are so many queries away */
	if (c->insert->cteList != NIL)
		return;
	c->top = fold(c->top);
	rt_fetch(c->select_index, c->insert->rtable)->subquery = c->top->query;
}
