/*
 * compile/calls.c
 *		The functions that the query calls outside its keyed step, so that those
 *		that need a key can be told before a job runs; and the calls of weir's
 *		own functions that only the compiler understands.
 */
#include "postgres.h"

#include "access/transam.h"
#include "mb/pg_wchar.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "base/wrapper.h"
#include "compile/compile.h"

/* Built-in functions are left out, and so is weir.key_by. */
static bool
call_walker(Node *node, WeirCompileJob *job)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid >= FirstNormalObjectId)
	{
		FuncExpr   *call = (FuncExpr *) node;
		WeirCall   *found = palloc0(sizeof(WeirCall));

		found->function = call->funcid;
		if (call->location >= 0)
			found->position = pg_mbstrlen_with_len(job->text, call->location) + 1;
		job->out->calls = lappend(job->out->calls, found);
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, call_walker, job, 0);
	return expression_tree_walker(node, call_walker, job);
}

/* Needs (a) and (c), with their views expanded: the keyed call is in neither. */
void
weir_compile_calls(WeirCompile *c)
{
	ListCell   *lc;

	foreach(lc, c->levels)
	{
		ListCell   *scan;

		foreach(scan, ((WeirLevel *) lfirst(lc))->scans)
			call_walker((Node *) ((WeirBranch *) lfirst(scan))->query, c->job);
		call_walker(((WeirLevel *) lfirst(lc))->join_condition, c->job);
	}
	call_walker((Node *) c->sink, c->job);
}

bool
weir_compile_is_call(Node *node, const char *symbol)
{
	return IsA(node, FuncExpr) && weir_is_c_function(((FuncExpr *) node)->funcid, symbol);
}

typedef struct Search
{
	const char *symbol;
	List	   *calls;
} Search;

static bool
search_walker(Node *node, Search *search)
{
	if (node == NULL)
		return false;
	if (weir_compile_is_call(node, search->symbol))
		search->calls = lappend(search->calls, node);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, search_walker, search, 0);
	return expression_tree_walker(node, search_walker, search);
}

/* All calls of this function that a query has, wherever they stand. */
List *
weir_compile_find_calls(Query *query, const char *symbol)
{
	Search		search = {symbol, NIL};

	search_walker((Node *) query, &search);
	return search.calls;
}

static bool
contains_walker(Node *node, const char *symbol)
{
	if (node == NULL)
		return false;
	if (weir_compile_is_call(node, symbol))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, contains_walker, unconstify(char *, symbol), 0);
	return expression_tree_walker(node, contains_walker, unconstify(char *, symbol));
}

bool
weir_contains_call(Node *node, const char *symbol)
{
	return contains_walker(node, symbol);
}

/* Likewise, but not in what of its FROM brings records: that is a level of its own. */
List *
weir_level_calls(WeirLevel *level, const char *symbol)
{
	Search		search = {symbol, NIL};
	ListCell   *lc;

	query_tree_walker(level->query, search_walker, &search, QTW_IGNORE_RT_SUBQUERIES);
	foreach(lc, level->query->rtable)
	{
		Query	   *subquery = lfirst_node(RangeTblEntry, lc)->subquery;

		if (subquery != NULL && weir_count_streams((Node *) subquery) == 0)
			search_walker((Node *) subquery, &search);
	}
	return search.calls;
}

/* Refuses a view that calls it and reads no stream. */
void
weir_level_refuse_in_views(WeirLevel *level, const char *symbol, const char *what, const char *hint)
{
	ListCell   *lc;

	foreach(lc, weir_compile_reads((Node *) level->query))
	{
		Oid			relid = lfirst_oid(lc);
		Query	   *query;

		if (get_rel_relkind(relid) != RELKIND_VIEW)
			continue;
		query = weir_view_query(relid);
		if (weir_count_streams((Node *) query) > 0 || weir_compile_find_calls(query, symbol) == NIL)
			continue;
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("%s inside view \"%s\" is not supported", what, get_rel_name(relid)),
				errdetail("The view reads no stream."),
				errhint("%s", hint),
				weir_level_position(level, weir_relation_location(level->c, relid)));
	}
}
