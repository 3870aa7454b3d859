/*
 * compile/view.c
 *		Views that have a keyed step, a UNION ALL of streams, or a WITH query that
 *		reads one: they are cut as the query round them is, so they become subqueries
 *		before the rewriter would make them so.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "compile/compile.h"

static bool needs_cutting(Query *query);

static bool
entry_needs_cutting(RangeTblEntry *rte)
{
	Query	   *query = rte->subquery;

	if (rte->rtekind == RTE_RELATION && rte->inFromCl && rte->relkind == RELKIND_VIEW)
		query = weir_view_query(rte->relid);
	return query != NULL && weir_count_streams((Node *) query) > 0 && needs_cutting(query);
}

/* Of a query that reads a stream. */
static bool
needs_cutting(Query *query)
{
	ListCell   *lc;

	if (query->setOperations != NULL || weir_is_grouped(query) || weir_joins_streams(query) || weir_is_ranked(query) ||
		weir_compile_find_step_calls(query) != NIL)
		return true;
	foreach(lc, query->cteList)
	{
		if (weir_count_streams(lfirst_node(CommonTableExpr, lc)->ctequery) > 0)
			return true;
	}
	foreach(lc, query->rtable)
	{
		if (entry_needs_cutting(lfirst_node(RangeTblEntry, lc)))
			return true;
	}
	return false;
}

/* The right to read the view is asked for by an entry of its own, which nothing names. */
void
weir_move_permissions(Query *from, RangeTblEntry *rte, Query *to)
{
	RangeTblEntry *own = copyObject(rte);
	WeirPermissions *asked = weir_entry_permissions(from, rte);
	WeirPermissions *needed;

	own->inFromCl = false;
	weir_forget_permissions(own);
	weir_flatten_group(to);
	to->rtable = lappend(to->rtable, own);
	needed = weir_add_permissions(to, own);
	needed->requiredPerms = asked->requiredPerms;
	needed->checkAsUser = asked->checkAsUser;
	needed->selectedCols = bms_copy(asked->selectedCols);
	asked->requiredPerms = 0;
	asked->checkAsUser = InvalidOid;
	asked->selectedCols = NULL;
	weir_forget_permissions(rte);
}

static bool
is_security_barrier(Oid relid)
{
	Relation	view = table_open(relid, NoLock);
	bool		barrier = RelationIsSecurityView(view);

	table_close(view, NoLock);
	return barrier;
}

/* Puts the view's query in its place; false: it is the rewriter's to do that. */
bool
weir_expand_view(WeirLevel *level, int index, int location)
{
	RangeTblEntry *rte = rt_fetch(index, level->query->rtable);
	Query	   *query;

	if (!entry_needs_cutting(rte))
		return false;
	query = weir_view_query(rte->relid);
	weir_inline_with(level->c, query, location);
	weir_move_permissions(level->query, rte, query);
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = query;
	rte->security_barrier = is_security_barrier(rte->relid);
	rte->relid = InvalidOid;
	rte->relkind = 0;
	rte->rellockmode = 0;
	rte->tablesample = NULL;
	rte->inh = false;
	while (list_length(rte->eref->colnames) < ExecCleanTargetListLength(query->targetList))
		rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup("?column?")));
	return true;
}
